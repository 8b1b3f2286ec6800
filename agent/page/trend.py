"""A metric over the runs: each run's median with its interval, the changes of level, and the levels between them."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from agent.page.canvas import Canvas
from agent.page.marks import can_be_drawn, draw_dots, write
from agent.page.series import Series, judged
from agent.page.text import label, tick
from agent.page.ticks import linear_ticks

_PANEL_HEIGHT = 112
_SCALE_HEIGHT = 22
# A value may be written above the uppermost line.
_TOP_HEIGHT = 14
# With more runs than this their intervals are a gray mass that says nothing.
_MOST_INTERVALS = 120
# Of the level, the least that the scale shows: three digits tell its values apart, and a small difference looks small.
_LEAST_SHARE = 0.05
# Of the width, left free for the values of the scale.
_LABEL_SHARE = 0.2


def draw(series: Series, colors: Mapping[str, str], *, titled: bool = False) -> Canvas | None:
    """Draw the runs from left to right, at equal distances: a change is a place between runs, whenever they ran.

    None where the numbers can't be drawn.
    """
    if not can_be_drawn(metric.summary.median for metric in series.metrics):
        return None
    title = label(series.newest.title) if titled else None
    canvas = Canvas(colors, height=_PANEL_HEIGHT + _SCALE_HEIGHT + _TOP_HEIGHT, title=title)
    axes = canvas.panel(bottom=_SCALE_HEIGHT, height=_PANEL_HEIGHT)
    axes.set_xlim(-0.5 - _LABEL_SHARE * len(series.runs), len(series.runs) - 0.5)
    axes.set_ylim(*_limits(series))
    _draw_value_scale(series, axes, colors)
    _draw_dates(series, axes, colors)
    _draw_runs(series, axes, colors["run"])
    _draw_changes(series, axes, colors)
    return canvas


def _intervals(series: Series) -> list[tuple[int, float, float]]:
    """Return place, lower and upper end of each interval that is drawn."""
    found = [(place, metric.summary.interval) for place, metric in enumerate(series.metrics)]
    if len(found) > _MOST_INTERVALS:
        return []
    return [(place, interval.low, interval.high) for place, interval in found if interval]


def _limits(series: Series) -> tuple[float, float]:
    """All medians; of the intervals what lies within twice their range, so that one wide one can't flatten the rest."""
    medians = [metric.summary.median for metric in series.metrics]
    lowest, highest = min(medians), max(medians)
    least = max(abs(lowest), abs(highest)) * _LEAST_SHARE or 1.0
    room = max(highest - lowest, least)
    ends = [end for _, low, high in _intervals(series) for end in (low, high)]
    low = min([lowest, *(max(end, lowest - room) for end in ends)])
    high = max([highest, *(min(end, highest + room) for end in ends)])
    air = max(0.08 * (high - low), (least - (high - low)) / 2)
    return low - air, high + air


def _draw_value_scale(series: Series, axes: Axes, colors: Mapping[str, str]) -> None:
    transform = axes.get_yaxis_transform()
    for place in linear_ticks(*axes.get_ylim(), series.newest.unit):
        axes.axhline(place, color=colors["rule"], linewidth=0.8, zorder=0)
        write(axes, (0, place), tick(place, series.newest.unit), colors["muted"], transform=transform, va="bottom")


def _draw_dates(series: Series, axes: Axes, colors: Mapping[str, str]) -> None:
    for x, side, run in ((0, "left", series.runs[0]), (1, "right", series.runs[-1])):
        write(axes, (x, -6 / _PANEL_HEIGHT), f"{run.started_at:%Y-%m-%d}", colors["muted"], transform=axes.transAxes,
              ha=side, va="top")  # fmt: skip


def _draw_runs(series: Series, axes: Axes, color: str) -> None:
    low, high = axes.get_ylim()
    spans = np.array([(place, *np.clip(ends, low, high)) for place, *ends in _intervals(series)]).reshape(-1, 3)
    gap = np.full(len(spans), np.nan)
    axes.plot(
        np.column_stack([spans[:, 0], spans[:, 0], gap]).ravel(), np.column_stack([spans[:, 1:], gap]).ravel(),
        color=color, linewidth=2.5, alpha=0.3, solid_capstyle="butt",
    )  # fmt: skip
    draw_dots(axes, range(len(series.metrics)), [metric.summary.median for metric in series.metrics], color, size=4.5)


def _draw_changes(series: Series, axes: Axes, colors: Mapping[str, str]) -> None:
    """Draw a line where the level changed, a band where else it may have been, and the levels before and after."""
    edges = [0, *(change.index for change in series.changes), len(series.runs)]
    for change, start, end in zip(series.changes, edges, edges[2:], strict=False):
        color = colors[judged(change, series.newest.better).value]
        axes.axvspan(change.earliest - 0.5, change.latest - 0.5, color=color, alpha=0.14, linewidth=0)
        axes.axvline(change.index - 0.5, color=color, linewidth=1.6)
        axes.hlines([change.before], start - 0.5, change.index - 0.5, colors=colors["ink"], linewidth=1.4)
        axes.hlines([change.after], change.index - 0.5, end - 0.5, colors=colors["ink"], linewidth=1.4)
