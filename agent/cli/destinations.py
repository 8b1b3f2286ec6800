"""Where a run goes besides standard output: files in several formats, and the history of this machine."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from agent.cli.files import check_writable, write_whole
from agent.cli.kept import open_history
from agent.export import EXPORTERS
from probes.errors import InvalidRequest, ProbeError
from probes.measure.result import RunResult

_FILE = click.Path(dir_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Destinations:
    """What the user asked to be written."""

    output: Path | None
    """For the JSON result."""
    exports: tuple[tuple[str, Path], ...]
    """Name of the exporter, file."""
    history: bool
    """Whether to keep the run."""

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that will be written."""
        return (*([] if self.output is None else [self.output]), *(path for _, path in self.exports))

    def check(self) -> None:
        """Raise InvalidRequest where a file could not be written: better now than after minutes of measuring."""
        for path in self.files:
            check_writable(path)
        if len({path.resolve() for path in self.files}) < len(self.files):
            raise InvalidRequest("the same file is named twice: give --output and each --export a file of its own")

    def write(self, result: RunResult) -> None:
        """Keep and write the result. Raises Unavailable where a file fails; the history only warns."""
        if self.history:
            self._keep(result)
        texts = [] if self.output is None else [(self.output, result.model_dump_json(indent=2) + "\n")]
        texts += [(path, EXPORTERS[name](result)) for name, path in self.exports]
        for path, text in texts:
            write_whole(path, text)

    def _keep(self, result: RunResult) -> None:
        try:
            with open_history(create=True) as history:
                history.keep(result)
        except ProbeError as error:
            click.echo(f"probe: this run is not in the history (--no-history leaves it out): {error}", err=True)


def with_destinations(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that fill its argument `destinations`."""

    @click.option("--output", type=_FILE, metavar="FILE", help="Write the JSON result here as well.")
    @click.option(
        "--export",
        "exports",
        type=(click.Choice(list(EXPORTERS)), _FILE),
        multiple=True,
        metavar="FORMAT FILE",
        help=f"Write the result in another tool's format: {', '.join(EXPORTERS)}; repeatable.",
    )
    @click.option("--no-history", is_flag=True, help="Don't keep this run on this machine; see `probe history`.")
    @functools.wraps(command)
    def wrapper(
        *args: Any, output: Path | None, exports: tuple[tuple[str, Path], ...], no_history: bool, **rest: Any
    ) -> None:
        destinations = Destinations(output=output, exports=exports, history=not no_history)
        command(*args, destinations=destinations, **rest)

    return wrapper
