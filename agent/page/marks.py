"""What all plots are made of: a ruled scale, dots, and spans."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from agent.page.text import tick
from probes.measure.comparison import Side
from probes.measure.histogram import FloatArray
from probes.measure.units import Unit

TEXT_SIZE = 11
"""Of all text in a plot, in CSS pixels where the plot is as wide as it was drawn."""
ROLES: Mapping[Side, str] = {Side.BASELINE: "baseline", Side.CANDIDATE: "run"}
"""The color of each side."""
# A label that begins nearer to an end than this share of the width is written inside of it.
_END = 0.08

# Beyond, the arithmetic of axes overflows. No quantity that a probe can measure comes near.
_LARGEST = 1e100

Numbers = Sequence[float] | FloatArray


def can_be_drawn(numbers: Iterable[float]) -> bool:
    """Tell whether axes can hold all of them."""
    return all(abs(number) <= _LARGEST for number in numbers)


def draw_scale(axes: Axes, colors: Mapping[str, str], places: Iterable[float], unit: Unit) -> None:
    """Rule vertical lines at `places` and write their values below the panel."""
    low, high = axes.get_xlim()
    transform = axes.get_xaxis_transform()
    for place in places:
        share = share_of_width(axes, place)
        side = "left" if share < _END else "right" if share > 1 - _END else "center"
        axes.vlines([place], 0, 1, transform=transform, colors=colors["rule"], linewidth=0.8, zorder=0)
        write(axes, (place, -5 / axes.bbox.height), tick(place, unit), colors["muted"], transform=transform, ha=side,
              va="top")  # fmt: skip
    axes.set_xlim(low, high)


def write(axes: Axes, place: tuple[float, float], text: str, color: str, **how: Any) -> None:
    """Write `text` at a place of the axes; `how` are the keywords of matplotlib's Text."""
    axes.text(*place, text, color=color, size=TEXT_SIZE, **how)


def share_of_width(axes: Axes, x: float) -> float:
    """Return where on the panel a value lies, from 0 to 1."""
    return float(axes.transAxes.inverted().transform(axes.transData.transform((x, axes.get_ylim()[0])))[0])


def draw_dots(axes: Axes, x: Numbers, y: Numbers, color: str, *, size: float, alpha: float = 1) -> None:
    """Draw dots as one path of lines with round ends: a tenth of the text that markers take.

    The lines have a length of a hundredth of a dot, because Agg draws nothing for one without.
    """
    if not len(x):
        return
    ends = axes.transData.transform(np.column_stack([x, y])) + np.array([size / 100, 0])
    draw_spans(axes, np.column_stack([x, axes.transData.inverted().transform(ends)[:, 0]]), y, color, width=size,
               alpha=alpha)  # fmt: skip


def draw_spans(axes: Axes, ends: FloatArray | Sequence[tuple[float, float]], y: Numbers, color: str, *, width: float,
               alpha: float = 1) -> None:  # fmt: skip
    """Draw horizontal lines with round ends between `ends`, shape (lines, 2), all as one path."""
    spans = np.asarray(ends, dtype=np.float64).reshape(-1, 2)
    gaps = np.full(len(spans), np.nan)
    axes.plot(
        np.column_stack([spans, gaps]).ravel(), np.column_stack([y, y, gaps]).ravel(),
        color=color, linewidth=width, alpha=alpha, solid_capstyle="round", clip_on=False, snap=False,
    )  # fmt: skip
