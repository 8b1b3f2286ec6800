"""A metric with one value a round (or a run): every value, their median and its interval, on an axis from zero."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from agent.page.canvas import Canvas
from agent.page.marks import ROLES, draw_dots, draw_scale, draw_spans, write
from agent.page.subject import Sample
from agent.page.ticks import linear_ticks
from probes.measure.comparison import Side

_LANE_HEIGHT = 46
_SCALE_HEIGHT = 22


def draw(samples: Mapping[Side, Sample], colors: Mapping[str, str], title: str | None) -> Canvas:
    """Draw a lane for each side."""
    height = _LANE_HEIGHT * len(samples)
    canvas = Canvas(colors, height=height + _SCALE_HEIGHT, title=title)
    axes = canvas.panel(bottom=_SCALE_HEIGHT, height=height)
    low, high = _limits(samples)
    unit = next(iter(samples.values())).metric.unit
    axes.set_xlim(low, high)
    axes.set_ylim(0, len(samples))
    draw_scale(axes, colors, linear_ticks(low, high, unit), unit)
    for lane, (side, sample) in enumerate(reversed(list(samples.items()))):
        _draw_lane(axes, sample, lane, colors[ROLES[side]], colors["ink"])
        if len(samples) > 1:
            write(axes, (low, lane + 0.96), side.value, colors["muted"], va="top")
    return canvas


def numbers(sample: Sample) -> Sequence[float]:
    """Return all that is drawn of a sample."""
    interval = sample.summary.interval
    return [*sample.values, sample.summary.median, *((interval.low, interval.high) if interval else ())]


def _limits(samples: Mapping[Side, Sample]) -> tuple[float, float]:
    """From zero, lest a small difference look large."""
    drawn = [0.0, *(number for sample in samples.values() for number in numbers(sample))]
    low, high = min(drawn), max(drawn)
    if low == high:
        return low, low + 1.0
    air = 0.03 * (high - low)
    return low - air if low < 0 else 0.0, high + air


def _draw_lane(axes: Axes, sample: Sample, lane: int, color: str, ink: str) -> None:
    """Draw the values in the order measured, from above to below, and the interval beneath them."""
    draw_dots(axes, sample.values, lane + np.linspace(0.82, 0.44, len(sample.values)), color, size=5, alpha=0.6)
    if interval := sample.summary.interval:
        draw_spans(axes, [(interval.low, interval.high)], [lane + 0.2], color, width=5, alpha=0.45)
    axes.vlines([sample.summary.median], lane + 0.06, lane + 0.34, color=ink, linewidth=2.2)
