"""What the templates show, as plain text and drawings: a template decides how it looks, and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

Fact = tuple[str, str]
"""A name and a value, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of text; the first cell of a row names it."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What a subject says, in words."""

    title: str
    facts: Sequence[Fact]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A figure with what it shows."""

    title: str
    value: str
    """The latest or the only value, with its unit."""
    detail: str
    drawing: Markup
    table: Table
    """The same in numbers."""
    remarks: Sequence[str] = ()
    mark: str = ""
    """`better`, `worse` or `changed`: what colors it; the words say it too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlotGroup:
    """The figures of one subject."""

    title: str
    plots: Sequence[Plot]
