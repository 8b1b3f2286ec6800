"""The history as commands reach it: where the environment puts it, with what it has to tell on stderr."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import click

from agent.results.history import History, resolve
from agent.results.history_file import default_path, opened
from probes.measure.result import RunResult


@contextmanager
def open_history(*, create: bool = False) -> Iterator[History]:
    """Yield the history of this user. Raises as `agent.results.history_file.opened` does."""
    with opened(default_path(os.environ), create=create, tell=_tell) as connection:
        yield History(connection)


def read_run(reference: str) -> RunResult:
    """Return the result that a FILE, an id, a tag, `latest` or `latest~N` means; see `results.history.resolve`."""
    return resolve(reference, history=default_path(os.environ), tell=_tell)


def _tell(line: str) -> None:
    click.echo(f"probe: {line}", err=True)
