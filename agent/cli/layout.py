"""How results stand on a terminal: a table for each probe, as wide as there is room, and remarks below."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

# Where nobody's terminal tells its width (a pipe, a file), lines may be this long.
_WIDTH_ELSEWHERE = 120
# A longer title wraps; in a narrower column every one would, word by word.
_LONGEST_TITLE, _NARROWEST_TITLE = 44, 20


class OfProbe(Protocol):
    """A row of a probe's table."""

    @property
    def probe(self) -> str:
        """The probe's name."""


P = TypeVar("P", bound=OfProbe)


def console_for_tables() -> Console:
    """Return stdout's console: as wide as the terminal, or as wide as tables need where there is none."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_WIDTH_ELSEWHERE)


def probe_table(probe: str, *, width: int, tight: bool = False) -> Table:
    """Return a table with its first column, of titles and headed by the probe's name, in some `width` characters."""
    table = Table(
        box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=tight, title=" ", title_justify="left"
    )
    table.add_column(Text(f" {probe}", style="bold"), width=max(_NARROWEST_TITLE, min(_LONGEST_TITLE, width)))
    return table


def print_tables(
    rows: Sequence[P], table_of: Callable[[str, Sequence[P], int], Table], remarks: Iterable[Text]
) -> None:
    """Print a table for each probe, made of its name, its rows and the console's width, then the remarks."""
    console = console_for_tables()
    for probe in dict.fromkeys(each.probe for each in rows):
        console.print(table_of(probe, [each for each in rows if each.probe == probe], console.width))
    console.print()
    print_remarks(console, remarks)


def remark(label: str, text: str) -> Text:
    """Return a line to stand below a table."""
    return Text.assemble((label, "yellow"), f": {text}")


def print_remarks(console: Console, remarks: Iterable[Text]) -> None:
    """Print lines below a table, indented as its titles are; a long one keeps its indentation."""
    for each in remarks:
        console.print(Padding(each, (0, 0, 0, 1)))
