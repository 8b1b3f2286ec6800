"""All metrics of a comparison at once: each ratio with its interval, around the line of no change."""

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from agent.page.canvas import Canvas
from agent.page.marks import draw_spans, write
from agent.page.text import label
from probes.measure.comparison import Comparison, MetricComparison, Verdict

_ROW_HEIGHT = 34
_SCALE_HEIGHT = 38
# What lies farther off than this is drawn at the edge, with its number: one outlier must not squeeze all others.
_LARGEST_RATIO = 8.0
_SMALLEST_RATIO = 1.25
_MARKERS: Mapping[Verdict, tuple[str, str]] = {
    Verdict.BETTER: ("better", "o"),
    Verdict.WORSE: ("worse", "X"),
    Verdict.CHANGED: ("changed", "D"),
    Verdict.SAME: ("muted", "s"),
    Verdict.INCONCLUSIVE: ("muted", "o"),
}


def drawable(comparison: Comparison) -> Sequence[MetricComparison]:
    """Return the metrics that have a ratio."""
    return [metric for metric in comparison.metrics if metric.ratio]


def draw(comparison: Comparison, colors: Mapping[str, str], title: str | None = None) -> Canvas:
    """Draw a row for each metric that has a ratio, at least one, with the margin as a band behind all."""
    metrics = drawable(comparison)
    height = _ROW_HEIGHT * len(metrics)
    canvas = Canvas(colors, height=height + _SCALE_HEIGHT, title=title)
    axes = canvas.panel(bottom=_SCALE_HEIGHT, height=height)
    reach = _reach(metrics)
    axes.set_xscale("log")
    axes.set_xlim(1 / reach, reach)
    axes.set_ylim(len(metrics), 0)
    axes.axvspan(1 / (1 + comparison.margin), 1 + comparison.margin, color=colors["rule"], alpha=0.5, linewidth=0)
    axes.axvline(1, color=colors["muted"], linewidth=1)
    _draw_scale(axes, colors, reach)
    for row, metric in enumerate(metrics):
        _draw_row(axes, metric, row, colors, reach)
    return canvas


def _reach(metrics: Sequence[MetricComparison]) -> float:
    """Return the factor up to which the axis goes, in both directions alike."""
    ends: list[float] = [_SMALLEST_RATIO]
    for metric in metrics:
        assert metric.ratio is not None  # drawable
        interval = metric.ratio.interval
        ends += [metric.ratio.value, *((interval.low, interval.high) if interval else ())]
    # Ratios of hostile files may be 0 or infinite.
    factors = [max(end, 1 / end) if end > 0 else math.inf for end in ends]
    return math.pow(min(_LARGEST_RATIO, max(factors)), 1.12)


def _draw_scale(axes: Axes, colors: Mapping[str, str], reach: float) -> None:
    steps = next(steps for steps in ((1.1, 1.2), (1.25, 1.5), (1.5, 2), (2, 4), (2, 8)) if steps[-1] >= reach**0.6)
    places = [1 / steps[1], 1 / steps[0], 1.0, *steps]
    transform = axes.get_xaxis_transform()
    for place in (place for place in places if 1 / reach <= place <= reach):
        text = "equal" if place == 1 else f"{place - 1:+.0%}" if reach < 2 else f"×{place:.3g}"
        axes.vlines([place], 0, 1, transform=transform, colors=colors["rule"], linewidth=0.8, zorder=0)
        write(axes, (place, -5 / axes.bbox.height), text.replace("-", "\N{MINUS SIGN}"), colors["muted"],
              transform=transform, ha="center", va="top")  # fmt: skip
    for x, side, text in ((0, "left", "← candidate lower"), (1, "right", "candidate higher →")):
        write(axes, (x, -23 / axes.bbox.height), text, colors["muted"], transform=axes.transAxes, ha=side, va="top")


def _draw_row(axes: Axes, metric: MetricComparison, row: int, colors: Mapping[str, str], reach: float) -> None:
    assert metric.ratio is not None  # drawable
    role, marker = _MARKERS[metric.verdict]
    transform = axes.get_yaxis_transform()
    write(axes, (0, row + 0.06), label(metric.title), colors["ink"], transform=transform, va="top")
    write(axes, (1, row + 0.06), metric.verdict.value, colors[role], transform=transform, va="top", ha="right")
    if interval := metric.ratio.interval:
        low, high = (_within(end, reach) for end in (interval.low, interval.high))
        draw_spans(axes, [(low, high)], [row + 0.7], colors[role], width=3, alpha=0.55)
    hollow = metric.verdict is Verdict.INCONCLUSIVE
    axes.plot([_within(metric.ratio.value, reach)], [row + 0.7], marker=marker, markersize=7.5, clip_on=False,
              color=colors[role], markerfacecolor=colors["card"] if hollow else colors[role])  # fmt: skip


def _within(value: float, reach: float) -> float:
    return min(max(value, 1 / reach), reach)
