"""Bars on stderr while something runs, and lines above them; where stderr is no terminal, lines alone."""

from contextlib import suppress
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text


class Bars:
    """A block within which bars move; they are gone after it.

    After a hang-up there is no terminal any more: what was measured is not lost over that.
    """

    def __init__(self) -> None:
        console = Console(stderr=True, highlight=False)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=16),
            TimeElapsedColumn(),
            TextColumn("{task.fields[now]}", markup=False),
        )
        self.progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        """Each of its tasks has a field `now`: what happens at the moment."""

    def __enter__(self) -> Self:
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self.progress.stop()

    def say(self, line: str, *, indentation: int = 0) -> None:
        """Print a line above the bars, wrapped between words on a terminal alone; from any thread."""
        console = self.progress.console
        with suppress(OSError):
            if console.is_terminal:
                console.print(Padding(Text(line), (0, 0, 0, indentation)))
            else:
                console.print(Text(" " * indentation + line), soft_wrap=True)
