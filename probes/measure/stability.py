"""Whether a number may be believed: each doubt is a flag with its reason, never a silent correction."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from probes.measure.histogram import FloatArray, Histogram
from probes.measure.record import Record
from probes.measure.shape import outliers, valley
from probes.measure.summary import (
    PERCENTILES,
    IntervalMethod,
    SortedValues,
    Summary,
    order_statistic_interval,
    required_samples,
)
from probes.measure.trend import Trend, mann_kendall, warm_up_rounds
from probes.measure.units import Unit, format_quantity

# The interval of the median over n rounds reaches at most 1 - 2^(1-n): 93.75 % for five rounds, 96.9 % for six.
MINIMUM_ROUNDS = 6
# Steady state in the SNIA Solid State Storage Performance Test Specification: five rounds, 20 % and 10 % of their mean.
STEADY_WINDOW = 5
_STEADY_RANGE = 0.20
_STEADY_EXCURSION = 0.10
# Wider than this, a regression of 20 % can't be told from noise.
_WIDE_HALF_WIDTH = 0.10
# A trend is told where chance brings it once in a hundred runs, and where it is large enough for a reader to care.
_TREND_LEVEL = 0.01
_TREND_CHANGE = 0.05
# Medians of blocks stand for a round's samples: neighbors are alike, which a test of single samples takes for a trend.
_BLOCKS = 20
# Of normal values 0.05 % are outliers; real latencies have some. One in a hundred moves a p99.
_OUTLIER_SHARE = 0.01
_FEWEST_FOR_OUTLIERS = required_samples(0.99)
# The kernel counts stolen time in ticks of 10 ms; below one part in a hundred it is the host's ordinary upkeep.
_STOLEN_SHARE = 0.01


class FlagCode(StrEnum):
    """Every doubt that a result can carry; the name is part of the result's schema."""

    INDICATIVE = "indicative"
    FEW_ROUNDS = "few-rounds"
    FEW_SAMPLES = "few-samples"
    WIDE_INTERVAL = "wide-interval"
    NOT_STEADY = "not-steady"
    WARM_UP = "warm-up"
    DRIFT = "drift"
    OUTLIERS = "outliers"
    BIMODAL = "bimodal"
    THROTTLED = "throttled"
    CPU_STOLEN = "cpu-stolen"
    INTERFERENCE = "interference"
    CLOCK_UNCERTAIN = "clock-uncertain"
    CACHED = "cached"
    VOLATILE = "volatile"
    MAY_BE_BURST = "may-be-burst"
    ENGINE_FALLBACK = "engine-fallback"
    MISSED_SLOTS = "missed-slots"
    FAILURES = "failures"
    PARTIAL = "partial"
    BUDGET_SPENT = "budget-spent"
    TOOL_LIMIT = "tool-limit"


MEANINGS = {
    FlagCode.INDICATIVE: "measured too briefly for more than the order of magnitude",
    FlagCode.FEW_ROUNDS: "too few rounds for a 95 % interval over rounds",
    FlagCode.FEW_SAMPLES: "too few samples for every percentile; those without are left out",
    FlagCode.WIDE_INTERVAL: "the median is known to no better than ±10 %: measure longer or more often",
    FlagCode.NOT_STEADY: "the last rounds differ by more than steady state allows",
    FlagCode.WARM_UP: "the first rounds are unlike the others",
    FlagCode.DRIFT: "the values rise or fall in the course of the measurement",
    FlagCode.OUTLIERS: "more than 1 % of the samples are far off the others",
    FlagCode.BIMODAL: "two groups of values: the median describes neither",
    FlagCode.THROTTLED: "a CPU limit held the measurement back",
    FlagCode.CPU_STOLEN: "the hypervisor gave CPU time to others",
    FlagCode.INTERFERENCE: "other processes took a large share of the machine",
    FlagCode.CLOCK_UNCERTAIN: "a clock was set during the measurement, or is too coarse for what it timed",
    FlagCode.CACHED: "a cache may have answered in the device's place",
    FlagCode.VOLATILE: "what lies below may be memory, not a disk",
    FlagCode.MAY_BE_BURST: "the device may have been spending burst credit",
    FlagCode.ENGINE_FALLBACK: "the preferred way to do I/O does not work here",
    FlagCode.MISSED_SLOTS: "some requests could not be sent when they were due; the wait counts as latency",
    FlagCode.FAILURES: "some attempts failed; they are counted, not dropped",
    FlagCode.PARTIAL: "a part of what was asked for is missing: a place, a pod, or the histograms",
    FlagCode.BUDGET_SPENT: "the time was spent before all rounds were done",
    FlagCode.TOOL_LIMIT: "the tool that measures is itself a limit",
}
"""What each code means in general, in words; a flag's own reason has the figures."""


class Flag(Record):
    """One doubt about a metric or a whole probe, with its reason in a sentence a person understands."""

    code: FlagCode
    """The kind of doubt, for programs."""
    reason: str
    """What was seen, with its figures, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SteadyState:
    """What the last rounds say about the steady state."""

    relative_range: float
    """Largest less smallest value of the window, as a share of its mean."""
    relative_excursion: float
    """How far the least-squares line moves over the window, as a share of the mean."""
    steady: bool | None
    """None where there are fewer rounds than the window takes."""


def steady_state(values: Sequence[float]) -> SteadyState:
    """Judge the last five rounds as the SNIA's test specification does."""
    window = np.asarray(values[-STEADY_WINDOW:], dtype=np.float64)
    if window.size < 2:
        return SteadyState(relative_range=0.0, relative_excursion=0.0, steady=None)
    slope = float(np.polynomial.Polynomial.fit(np.arange(window.size), window, 1).convert(domain=[-1, 1]).deriv()(0.0))
    mean = abs(float(window.mean()))
    value_range, excursion = float(np.ptp(window)), abs(slope) * (window.size - 1)
    steady = value_range <= _STEADY_RANGE * mean and excursion <= _STEADY_EXCURSION * mean
    return SteadyState(
        relative_range=_share(value_range, mean),
        relative_excursion=_share(excursion, mean),
        steady=steady if window.size == STEADY_WINDOW else None,
    )


def narrow_enough(values: Sequence[float], relative_width: float) -> bool:
    """Tell whether the median of `values`, one a round, is known to within `relative_width` of itself at 95 %."""
    interval = order_statistic_interval(SortedValues(values), 0.5, IntervalMethod.ROUNDS)
    return interval is not None and (interval.high - interval.low) / 2 <= relative_width * abs(float(np.median(values)))


def judge_rounds(values: Sequence[float], summary: Summary) -> tuple[Flag, ...]:
    """Return what the rounds' values, in order, and the summary's interval give to doubt."""
    doubts = (_few_rounds(values), _wide_interval(summary), _not_steady(values), _warm_up(values))
    trend = mann_kendall([np.asarray(values, dtype=np.float64)])
    return _told((*doubts, _drift(trend, f"from the first to the last of {len(values)} rounds")))


def judge_samples(histogram: Histogram, summary: Summary, unit: Unit) -> tuple[Flag, ...]:
    """Return what the samples of all rounds, whatever their order, give to doubt."""
    return _told((_few_samples(summary), _outliers(histogram, unit), _bimodal(histogram, unit)))


def judge_order(rounds: Sequence[FloatArray]) -> tuple[Flag, ...]:
    """Return whether exact samples, one array a round in the order of time, drift in the course of the rounds."""
    blocks = [
        np.array([np.median(block) for block in np.array_split(values, min(_BLOCKS, values.size))])
        for values in rounds
        if values.size
    ]
    return _told((_drift(mann_kendall(blocks), "in the course of a round"),))


def judge_cpu(
    *, throttled_periods: int, throttled_seconds: float, stolen_seconds: float, wall_seconds: float, cpus: int
) -> tuple[Flag, ...]:
    """Return whether the processor was withheld while we measured, from the differences of two readings.

    `throttled_*` are `nr_throttled` and `throttled_usec` of the control group's cpu.stat, `stolen_seconds` is the
    machine's steal time over all `cpus`. One throttled period is enough: it is a pause of tens of milliseconds.
    """
    flags = []
    if throttled_periods > 0:
        reason = (
            f"a CPU limit held this control group back for {throttled_seconds:.2f} s of {wall_seconds:.1f} s "
            f"(throttled periods: {throttled_periods}): high percentiles show the limit; measure without one"
        )
        flags.append(Flag(code=FlagCode.THROTTLED, reason=reason))
    if stolen_seconds > _STOLEN_SHARE * wall_seconds * cpus:
        reason = (
            f"the hypervisor gave {stolen_seconds:.2f} s of this machine's {wall_seconds * cpus:.1f} s of CPU time "
            f"to others: the host is busy"
        )
        flags.append(Flag(code=FlagCode.CPU_STOLEN, reason=reason))
    return tuple(flags)


def _few_rounds(values: Sequence[float]) -> Flag | None:
    if len(values) >= MINIMUM_ROUNDS:
        return None
    rounds = "1 round" if len(values) == 1 else f"{len(values)} rounds"
    reason = f"{rounds}: a 95 % interval over rounds needs {MINIMUM_ROUNDS}, so what changes between runs is unknown"
    return Flag(code=FlagCode.FEW_ROUNDS, reason=reason)


def _wide_interval(summary: Summary) -> Flag | None:
    if summary.interval is None:
        return None
    half_width = (summary.interval.high - summary.interval.low) / 2
    if half_width <= _WIDE_HALF_WIDTH * abs(summary.median):
        return None
    share = f"±{half_width / abs(summary.median):.0%}" if summary.median else "wider than zero"
    reason = f"the 95 % interval of the median is {share}, above ±{_WIDE_HALF_WIDTH:.0%}: measure longer or more often"
    return Flag(code=FlagCode.WIDE_INTERVAL, reason=reason)


def _not_steady(values: Sequence[float]) -> Flag | None:
    state = steady_state(values)
    if state.steady is not False:
        return None
    reason = (
        f"the last {STEADY_WINDOW} rounds range over {state.relative_range:.0%} of their mean (limit "
        f"{_STEADY_RANGE:.0%}) and their trend moves {state.relative_excursion:.0%} (limit {_STEADY_EXCURSION:.0%})"
    )
    return Flag(code=FlagCode.NOT_STEADY, reason=reason)


def _warm_up(values: Sequence[float]) -> Flag | None:
    first = warm_up_rounds(values)
    if not first:
        return None
    early, later = float(np.median(values[:first])), float(np.median(values[first:]))
    if abs(early - later) <= _TREND_CHANGE * abs(later):
        return None
    which = "the first round is" if first == 1 else f"the first {first} rounds are"
    change = f"{early / later - 1:+.0%}" if later else "far"
    reason = f"{which} {change} off the others' median and outside their range: the warm-up was too short"
    return Flag(code=FlagCode.WARM_UP, reason=reason)


def _drift(trend: Trend, where: str) -> Flag | None:
    if trend.p_value >= _TREND_LEVEL or abs(trend.relative_change) < _TREND_CHANGE:
        return None
    direction = "rise" if trend.relative_change > 0 else "fall"
    reason = (
        f"the values {direction} by {abs(trend.relative_change):.0%} {where} "
        f"(Mann-Kendall p = {trend.p_value:.2g}): heat, burst credit or a filling cache"
    )
    return Flag(code=FlagCode.DRIFT, reason=reason)


def _few_samples(summary: Summary) -> Flag | None:
    absent = [name for name in PERCENTILES if name not in summary.percentiles]
    if not absent:
        return None
    needs = ", ".join(f"{name} needs {required_samples(PERCENTILES[name])}" for name in absent)
    return Flag(code=FlagCode.FEW_SAMPLES, reason=f"{summary.count} samples: {needs}")


def _outliers(histogram: Histogram, unit: Unit) -> Flag | None:
    if histogram.count < _FEWEST_FOR_OUTLIERS:
        return None
    found = outliers(histogram)
    share = found.count / histogram.count
    if share <= _OUTLIER_SHARE:
        return None
    low, high = format_quantity(found.low, unit), format_quantity(found.high, unit)
    reason = (
        f"{share:.1%} of the samples lie more than 3.5 robust deviations from the median (outside {low} to {high}): "
        "something else was at work in those"
    )
    return Flag(code=FlagCode.OUTLIERS, reason=reason)


def _bimodal(histogram: Histogram, unit: Unit) -> Flag | None:
    found = valley(histogram)
    if found is None:
        return None
    left, valley_at, right = (format_quantity(at, unit) for at in (found.left_mode, found.valley, found.right_mode))
    reason = (
        f"two modes, near {left} and {right} ({found.left_share:.0%} of the samples below {valley_at}): the median "
        "describes neither"
    )
    return Flag(code=FlagCode.BIMODAL, reason=reason)


def _share(part: float, whole: float) -> float:
    if part == 0:
        return 0.0
    return part / whole if whole > 0 else float("inf")


def _told(doubts: Sequence[Flag | None]) -> tuple[Flag, ...]:
    return tuple(flag for flag in doubts if flag is not None)
