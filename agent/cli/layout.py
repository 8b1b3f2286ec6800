"""How results stand on a terminal: a table for each probe, as wide as there is room, and remarks below."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from rich import box
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

# Where nobody's terminal tells its width (a pipe, a file), lines may be this long.
_WIDTH_ELSEWHERE = 120
# Below this, columns stand closer: 80 columns are room for all values.
_WIDE = 100
# The column of titles: one that is longer stands above its values. At least, it has room for the name of a probe.
_LONGEST_TITLE, _NARROWEST_TITLE = 44, 12


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of values: how wide at least, so that the tables of all probes stand below one another."""

    heading: str
    least: int
    words: bool = False
    """What stands at the left and may wrap, in place of a number."""


class ProbeTable:
    """A probe's metrics, a row each; a title that finds no room beside its values stands above them."""

    def __init__(self, probe: str, columns: Sequence[Column], width: int) -> None:
        self._probe, self._columns = probe, columns
        self._width = width
        self._gap = 3 if width >= _WIDE else 2
        self._rows: list[tuple[Text, tuple[str | Text, ...]]] = []

    def add_group(self, title: str) -> None:
        """Begin the rows of one place."""
        self._rows.append((Text(f" {title}", style="italic"), ()))

    def add_row(self, title: str, *values: str | Text, indentation: int = 1) -> None:
        """Add a metric with a value for each column."""
        self._rows.append((Text(" " * indentation + title), values))

    def __rich__(self) -> RenderableType:
        """Return the table in pieces, each above a title that stands alone."""
        widths = self._widths()
        pieces: list[RenderableType] = []
        table = self._piece(widths, show_header=True)
        for title, values in self._rows:
            beside = values and cell_len(title.plain) <= widths[0]
            if not beside:
                pieces += [table, title]
                table = self._piece(widths, show_header=False)
            if values:
                table.add_row(title if beside else "", *values)
        return Group(*pieces, table)

    def _widths(self) -> list[int]:
        """Return the columns' widths, that of the titles first: they have what values and words leave."""
        cells = [values for _, values in self._rows if values]
        widths = [max(column.least, *(cell_len(str(each[place])) for each in cells)) if cells else column.least
                  for place, column in enumerate(self._columns)]  # fmt: skip
        for place, column in enumerate(self._columns):
            if column.words:
                over = sum(widths) + self._gap * len(widths) + _NARROWEST_TITLE - self._width
                widths[place] = max(column.least, widths[place] - max(over, 0))
        left = self._width - sum(widths) - self._gap * len(widths)
        return [max(_NARROWEST_TITLE, min(_LONGEST_TITLE, left)), *widths]

    def _piece(self, widths: Sequence[int], *, show_header: bool) -> Table:
        table = Table(
            box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=self._gap == 2,
            show_header=show_header, title=" " if show_header else None, title_justify="left",
        )  # fmt: skip
        table.add_column(Text(f" {self._probe}", style="bold"), width=widths[0])
        for column, width in zip(self._columns, widths[1:], strict=True):
            table.add_column(
                column.heading, width=width, no_wrap=not column.words, justify="left" if column.words else "right"
            )
        return table


def print_tables(
    rows: Sequence[P], table_of: Callable[[str, Sequence[P], int], ProbeTable], remarks: Iterable[Text]
) -> None:
    """Print a table for each probe, made of its name, its rows and the console's width, then the remarks."""
    console = console_for_tables()
    for probe in dict.fromkeys(each.probe for each in rows):
        console.print(table_of(probe, [each for each in rows if each.probe == probe], console.width))
    console.print()
    print_remarks(console, remarks)


def print_findings(findings: Iterable[tuple[str, Text, Text]]) -> None:
    """Print a line for each subject, with its state and what was found; a long one goes on below itself."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        table.add_row(*finding)
    console_for_tables().print(table)


def remark(label: str, text: str) -> Text:
    """Return a line to stand below a table."""
    return Text.assemble((label, "yellow"), f": {text}")


def print_remarks(console: Console, remarks: Iterable[Text]) -> None:
    """Print lines below a table, indented as its titles are; a long one keeps its indentation."""
    for each in remarks:
        console.print(Padding(each, (0, 0, 0, 1)))
