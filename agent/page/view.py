"""What the template shows, as plain text and drawings: the template decides how it looks, and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

Row = Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Numbers behind a drawing; the first cell of a row names it."""

    caption: str
    head: Row
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A flag in plain words."""

    meaning: str
    where: str
    """Which side or how many runs it touches; empty where there is one run only."""
    reasons: Sequence[str]
    """What was seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A verdict as a sign, a word and the role whose color it has."""

    sign: str
    word: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One metric, or one series."""

    title: str
    value: str
    detail: str
    mark: Mark | None
    remarks: Sequence[str]
    drawing: Markup | None
    doubts: Sequence[Doubt]
    tables: Sequence[Table]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One probe of the newest run."""

    anchor: str
    name: str
    purpose: str
    unavailable: str | None
    """The reason, None where it measured."""
    state: str
    headlines: Sequence[Row]
    """Title and value of a few metrics."""
    doubts: Sequence[Doubt]
    distributions: Sequence[Card]
    values: Sequence[Card]
    tables: Sequence[Table]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A line of the comparison."""

    mark: Mark
    title: str
    reason: str
    caveats: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two sides, metric by metric."""

    summary: str
    counts: Sequence[tuple[Mark, int]]
    drawing: Markup | None
    verdicts: Sequence[Verdict]
    """Of all metrics about which something is known."""
    unknown: Sequence[Verdict]
    table: Table
    left_out: Sequence[str]
    differences: Table | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trends:
    """Series with changes, and those without."""

    summary: str
    changed: Sequence[Card]
    steady: Sequence[Card]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The whole page."""

    title: str
    headline: str
    facts: Sequence[Row]
    lead: Sequence[str]
    comparison: Comparison | None
    trends: Trends | None
    probes: Sequence[Probe]
    environment: Table
