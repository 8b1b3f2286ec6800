"""A metric over time as text: one line a run with its interval drawn to scale, and a mark where the level changed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import click
import numpy as np

from agent.page.text import fact, named
from agent.results.history import Point, Series
from probes.measure.changepoint import ChangePoint, find_changes, reason_to_abstain
from probes.measure.result import Better
from probes.measure.units import Unit, format_quantity

# The chance of any mark in a series in which nothing changed. A person looks at the line as well, and at a stricter
# level a few dozen runs, which is what a month of nights gives, would never be enough.
_ALPHA = 0.05
# Permutations are drawn at random; the same history must always show the same marks.
_SEED = 0
_SCALE_WIDTH = 32
_LEVELS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A series and the places where its level changed."""

    series: Series
    changes: tuple[ChangePoint, ...]
    abstained: str | None
    """Why none could have been found, whatever the values; None where they could."""


def trend_of(series: Series) -> Trend:
    """Look for changes of the medians."""
    medians = [point.median for point in series.points]
    return Trend(
        series=series,
        changes=find_changes(medians, alpha=_ALPHA, rng=np.random.default_rng(_SEED)),
        abstained=reason_to_abstain(len(medians), alpha=_ALPHA),
    )


def print_trend(trend: Trend) -> None:
    """Print it on stdout; what was left out, and why there can't be marks, on stderr."""
    series = trend.series
    points = series.points
    runs = "1 run" if len(points) == 1 else f"{len(points)} runs"
    click.echo(f"{click.style(f'{series.probe} {series.metric}', bold=True)}: {series.title}, {runs}")
    if series.conditions:
        click.echo(", ".join(f"{named(key)} {fact(key, value)}" for key, value in series.conditions.items()))
    click.echo(sparkline([point.median for point in points]))
    changes = {change.index: change for change in trend.changes}
    scale = Scale(points)
    for index, point in enumerate(points):
        if index in changes:
            click.echo(click.style(_told(changes[index], series), fg=_color(changes[index], series.better)))
        click.echo(_line(point, series.unit, scale))
    if trend.abstained:
        click.echo(f"no changes can be marked: {trend.abstained}", err=True)
    if series.others:
        left_out = "1 more run measured" if series.others == 1 else f"{series.others} more runs measured"
        click.echo(f"{left_out} {series.metric} in another way: give --like RUN to see such", err=True)


def sparkline(values: Sequence[float]) -> str:
    """Return one character a value, from the lowest to the highest of eight."""
    low, high = min(values), max(values)
    step = (high - low) / (len(_LEVELS) - 1)
    return "".join(_LEVELS[round((value - low) / step) if step else 0] for value in values)


class Scale:
    """Places of values on a line of characters: from the lowest end of all intervals to the highest."""

    def __init__(self, points: Sequence[Point]) -> None:
        self._low = min(point.median if point.low is None else point.low for point in points)
        self._high = max(point.median if point.high is None else point.high for point in points)

    def draw(self, point: Point) -> str:
        """Return the interval as a bar with its median as a dot; the dot alone where there is no interval."""
        cells = [" "] * _SCALE_WIDTH
        if point.low is not None and point.high is not None:
            first, last = self._place(point.low), self._place(point.high)
            cells[first : last + 1] = ["─"] * (last - first + 1)
        cells[self._place(point.median)] = "●"
        return "".join(cells).rstrip()

    def _place(self, value: float) -> int:
        width = self._high - self._low
        return math.floor((value - self._low) / width * (_SCALE_WIDTH - 1) + 0.5) if width else 0


def _line(point: Point, unit: Unit, scale: Scale) -> str:
    began = f"{point.run.started_at.astimezone():%Y-%m-%d %H:%M}"
    tags = f"  {', '.join(point.run.tags)}" if point.run.tags else ""
    median = format_quantity(point.median, unit)
    return f"{point.run.short_id}  {began}  {median:>12}  {scale.draw(point):<{_SCALE_WIDTH}}{tags}".rstrip()


def _told(change: ChangePoint, series: Series) -> str:
    before, after = (format_quantity(value, series.unit) for value in (change.before, change.after))
    share = f" ({change.after / change.before - 1:+.1%})" if change.before else ""
    first, last = (series.points[place].run.short_id for place in (change.earliest, change.latest))
    where = "" if first == last else f", somewhere from {first} to {last}"
    return f"── changed from {before} to {after}{share}, p = {change.p_value:.2g}{where}"


def _color(change: ChangePoint, better: Better) -> str:
    if better is Better.NEITHER:
        return "yellow"
    return "green" if (change.after < change.before) is (better is Better.LOWER) else "red"
