"""A metric over the days, drawn: a dot a report, the levels before and after a change, and where it is. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from corrective_drift.dashboard.svg import MARGIN, WIDTH, drawing, line, tag, text, ticks
from probes.measure.units import Unit, format_quantity

_HEIGHT, _TOP, _BOTTOM = 168, 22.0, 136.0
# Left of the dots, for the values of the scale.
_LEFT = 92.0
# A range narrower than this share of the level would show the buckets' own steps as mountains.
_LEAST_RANGE = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A change of level."""

    day: date
    before: float
    after: float


def course(
    identity: str, words: tuple[str, str], points: Sequence[tuple[date, float]], unit: Unit, change: Level | None
) -> Markup:
    """Return the drawing of one or more points, by ascending days; `words` are its title and its description."""
    return drawing(identity, *words, _HEIGHT, _Panel(points, unit, change).marks())


class _Panel:
    def __init__(self, points: Sequence[tuple[date, float]], unit: Unit, change: Level | None) -> None:
        self._points, self._unit, self._change = points, unit, change
        values = [value for _, value in points]
        middle, half = (max(values) + min(values)) / 2, (max(values) - min(values)) / 2
        half = max(half * 1.1, abs(middle) * _LEAST_RANGE / 2) or 0.5
        # What can't be negative gets no axis that is.
        self._low, self._high = (max(0.0, middle - half) if min(values) >= 0 else middle - half), middle + half
        self._first, self._last = points[0][0], points[-1][0]

    def marks(self) -> Iterator[Markup]:
        """Yield all marks, from the ground up."""
        for value in ticks(self._low, self._high, most=3):
            yield line((_LEFT - 4, self._y(value)), (WIDTH - MARGIN, self._y(value)), "grid")
            yield text(_LEFT - 10, self._y(value) + 4, _tick(value, self._unit), anchor="end")
        yield from self._days()
        if self._change is not None:
            yield from self._levels(self._change)
        # Strokes of no length with round ends are dots: a tenth of the text that circles take.
        dots = "".join(f"M{self._x(day):.1f} {self._y(value):.1f}h0" for day, value in self._points)
        yield tag("path", d=dots, class_="dots")

    def _days(self) -> Iterator[Markup]:
        if self._first == self._last:
            yield text(self._x(self._first), _BOTTOM + 22, self._first.isoformat())
            return
        yield text(_LEFT, _BOTTOM + 22, self._first.isoformat(), anchor="start")
        yield text(WIDTH - MARGIN, _BOTTOM + 22, self._last.isoformat(), anchor="end")

    def _levels(self, change: Level) -> Iterator[Markup]:
        x = self._x(change.day)
        yield line((x, _TOP - 6), (x, _BOTTOM + 4), "change")
        yield line((_LEFT, self._y(change.before)), (x, self._y(change.before)), "level")
        yield line((x, self._y(change.after)), (WIDTH - MARGIN, self._y(change.after)), "level")
        side = "start" if x < (_LEFT + WIDTH) / 2 else "end"
        yield text(x + (5 if side == "start" else -5), 13, change.day.isoformat(), anchor=side, class_="label strong")

    def _x(self, day: date) -> float:
        span = (self._last - self._first).days
        share = (day - self._first).days / span if span else 0.5
        return _LEFT + share * (WIDTH - MARGIN - _LEFT)

    def _y(self, value: float) -> float:
        share = (value - self._low) / (self._high - self._low)
        return _BOTTOM - min(max(share, 0.0), 1.0) * (_BOTTOM - _TOP)


def _tick(value: float, unit: Unit) -> str:
    """A round number without the zeros that would say how exactly something was measured."""
    number, _, rest = format_quantity(value, unit).partition(" ")
    return " ".join(filter(None, (number.rstrip("0").rstrip(".") if "." in number else number, rest)))
