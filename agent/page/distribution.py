"""A latency metric's samples: where they lie, and how many take longer than any given time.

Both panels share a logarithmic axis, on which a tail of three decades and two groups of values can be seen at once. The
lower one is the complement of the empirical distribution function on a logarithmic scale: each step down is a tenth
of the requests, so that the rare slow ones take as much room as the many fast ones.
"""

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from agent.page.canvas import Canvas
from agent.page.marks import ROLES, TEXT_SIZE, draw_dots, draw_scale, draw_spans, share_of_width, write
from agent.page.subject import Sample
from agent.page.ticks import log_ticks
from probes.measure.comparison import Side
from probes.measure.histogram import GAMMA, FloatArray, Histogram
from probes.measure.summary import PERCENTILES, Percentile
from probes.measure.units import format_quantity

_HEIGHT = 280
_TAIL = {"bottom": 24, "height": 142}
_DENSITY = {"bottom": 190, "height": 88}
# More bars than this are noise at the width of a phone; fewer hide a second group of values.
_BARS = 56
_MARKED = ("p50", "p90", "p99", "p99.9")
_DASHES = (0, (3, 2))
_LABEL_LEFT_FROM = 0.7


def draw(samples: Mapping[Side, Sample], colors: Mapping[str, str], title: str | None) -> Canvas:
    """Draw samples of one unit, each with a histogram that holds positive values."""
    canvas = Canvas(colors, height=_HEIGHT, title=title)
    density, tail = canvas.panel(**_DENSITY), canvas.panel(**_TAIL)
    low, high = _limits(samples)
    unit = next(iter(samples.values())).metric.unit
    for axes in (density, tail):
        axes.set_xscale("log")
        axes.set_xlim(low, high)
    _prepare_tail(tail, colors, _rarest(samples))
    draw_scale(tail, colors, log_ticks(low, high, unit), unit)
    for side, sample in samples.items():
        assert sample.histogram is not None  # the caller's promise
        _draw_density(density, sample, sample.histogram, colors[ROLES[side]], filled=side is Side.CANDIDATE)
        _draw_tail(tail, sample, sample.histogram, colors[ROLES[side]], dashed=side is Side.BASELINE)
    _label_percentiles(tail, samples[Side.CANDIDATE], colors)
    return canvas


def _limits(samples: Mapping[Side, Sample]) -> tuple[float, float]:
    edges = [sample.histogram.upper_edges for sample in samples.values() if sample.histogram]
    low, high = min(each[0] for each in edges) / GAMMA, max(each[-1] for each in edges)
    # A little air, and at least a factor of two, so that a scale has places to mark.
    air = max((high / low) ** 0.03, (max(1.0, 2 / (high / low))) ** 0.5)
    return float(low / air), float(high * air)


def _rarest(samples: Mapping[Side, Sample]) -> float:
    """The smallest share to be drawn: one sample of all, at most one in a million."""
    return max(1e-6, min(1 / sample.histogram.count for sample in samples.values() if sample.histogram))


def _prepare_tail(axes: Axes, colors: Mapping[str, str], rarest: float) -> None:
    axes.set_yscale("log")
    axes.set_ylim(rarest * 0.6, 1.3)
    for power in range(math.ceil(-math.log10(rarest)) + 1):
        share = 10.0**-power
        if share < rarest * 0.6:
            break
        axes.axhline(share, color=colors["rule"], linewidth=0.8, zorder=0)
        said = f"1 in {10**power:,}".replace(",", "\N{NARROW NO-BREAK SPACE}") if power else "how many take longer"
        above = 1.1 if power else 1.6
        write(axes, (0, share * above), said, colors["muted"], transform=axes.get_yaxis_transform(), va="bottom")


def _draw_density(axes: Axes, sample: Sample, histogram: Histogram, color: str, *, filled: bool) -> None:
    """Draw how many samples fall into stretches of equal ratio, the fullest at full height, and the rounds below."""
    edges, counts = _bars(histogram, axes)
    heights = counts / counts.max()
    if filled:
        axes.stairs(heights, edges, fill=True, color=color, alpha=0.8, linewidth=0)
    else:
        axes.stairs(heights, edges, color=color, linewidth=1.3, linestyle=_DASHES, zorder=3)
    low, high = axes.get_xlim()
    places = [value for value in sample.values if low <= value <= high]
    draw_dots(axes, places, [-0.09 if filled else -0.2] * len(places), color, size=4, alpha=0.75)
    axes.set_ylim(-0.27, 1.04)


def _bars(histogram: Histogram, axes: Axes) -> tuple[FloatArray, FloatArray]:
    """Join neighboring buckets into bars as wide as the axis has room for; both sides have the same edges."""
    low, high = axes.get_xlim()
    joined = max(1, math.ceil(math.log(high / low) / math.log(GAMMA) / _BARS))
    first = histogram.first // joined
    last = (histogram.first + histogram.counts.size - 1) // joined
    counts = np.zeros((last - first + 1) * joined)
    start = histogram.first - first * joined
    counts[start : start + histogram.counts.size] = histogram.counts
    edges = GAMMA ** (np.arange(first, last + 2, dtype=np.float64) * joined - 1)
    return edges, counts.reshape(-1, joined).sum(axis=1)


def _draw_tail(axes: Axes, sample: Sample, histogram: Histogram, color: str, *, dashed: bool) -> None:
    """Draw the share of samples above each value, and the percentiles with their intervals upon it."""
    used = np.flatnonzero(histogram.counts)
    above = 1 - (histogram.zeros + np.cumsum(histogram.counts)[used]) / histogram.count
    # The last bucket has nothing above it; the curve ends at the largest value, at the share of one sample.
    above[-1] = 1 / histogram.count
    start = histogram.upper_edges[used[:1]] / GAMMA
    x = np.concatenate([axes.get_xlim()[:1], start, histogram.upper_edges[used]])
    y = np.concatenate([np.repeat(1 - histogram.zeros / histogram.count, 2), above])
    axes.plot(x, y, color=color, linewidth=1.6, linestyle=_DASHES if dashed else "solid")
    shares = [1 - PERCENTILES[name] for name in _marked(axes, sample)]
    marked = list(_marked(axes, sample).values())
    spans = [(share, each.interval) for share, each in zip(shares, marked, strict=True) if each.interval]
    ends = np.array([(span.low, span.high) for _, span in spans]).reshape(-1, 2)
    draw_spans(axes, np.clip(ends, *axes.get_xlim()), [share for share, _ in spans], color, width=4, alpha=0.35)
    draw_dots(axes, [each.value for each in marked], shares, color, size=6)


def _marked(axes: Axes, sample: Sample) -> Mapping[str, Percentile]:
    """Return the percentiles to show; one off the axis belies its file's own samples."""
    low, high = axes.get_xlim()
    found = {name: sample.summary.percentiles[name] for name in _MARKED if name in sample.summary.percentiles}
    return {name: each for name, each in found.items() if low <= each.value <= high}


def _label_percentiles(axes: Axes, sample: Sample, colors: Mapping[str, str]) -> None:
    for name, each in _marked(axes, sample).items():
        left = share_of_width(axes, each.value) > _LABEL_LEFT_FROM
        axes.annotate(
            f"{name}  {format_quantity(each.value, sample.metric.unit)}", (each.value, 1 - PERCENTILES[name]),
            xytext=(-6 if left else 6, -9 if left else 7), textcoords="offset points", ha="right" if left else "left",
            va="center", color=colors["ink"], size=TEXT_SIZE, annotation_clip=False,
        )  # fmt: skip
