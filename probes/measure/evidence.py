"""What the values of one metric say about a change, before all other metrics are known."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from probes.measure.bootstrap import MedianBootstrap
from probes.measure.comparison import Doubt, Estimate, Replication, Side, TailRatio
from probes.measure.histogram import FloatArray, Histogram
from probes.measure.likeness import Measured
from probes.measure.power import planning_spread
from probes.measure.result import Metric
from probes.measure.significance import cliffs_delta, mann_whitney, shift_p_value
from probes.measure.stability import FlagCode
from probes.measure.summary import PERCENTILES, Interval, IntervalMethod, order_statistic_interval, required_samples
from probes.measure.units import Unit

# The standard deviation of log values between runs that single runs are granted: above the 0.9 of the most erratic
# metric in docs/comparing.md, an open loop on a machine whose other work came and went. At the 5 % level a lone
# difference must reach a factor of exp(1.96 · √2) = 16, the only one among 30 metrics a factor of 85.
ASSUMED_SPREAD = 1.0
# Counts of rare events, and shares that are near zero, multiply by chance: no spread can be assumed for them.
_UNBOUNDED = frozenset({Unit.COUNT, Unit.RATIO})
_TAILS = ("p99", "p99.9")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One metric that both sides measured alike; the fields are those of `MetricComparison`."""

    probe: str
    metric: Metric
    replication: Replication
    values: dict[Side, FloatArray]
    ratio: Estimate | None
    difference: Estimate
    p_value: float | None
    cliffs_delta: float
    tails: tuple[TailRatio, ...]
    doubts: tuple[Doubt, ...]

    @property
    def fewest_runs(self) -> int:
        """How many runs the smaller side has."""
        return 1 if self.replication is Replication.ROUNDS else min(values.size for values in self.values.values())

    @property
    def spread(self) -> float | None:
        """Of log values, for planning; of rounds it is what runs have at least. None where it can't be known."""
        if self.ratio is None:
            return None
        return planning_spread(self.values[Side.BASELINE], self.values[Side.CANDIDATE])


def gather(measured: Measured, bootstrap: MedianBootstrap) -> Evidence:
    """Weigh one metric's occurrences, at least one a side: one value a run, or the rounds of single runs."""
    single = all(len(measured[side]) == 1 for side in Side)
    values = {side: _values([metric for _, metric in measured[side]], single=single) for side in Side}
    baseline, candidate = values[Side.BASELINE], values[Side.CANDIDATE]
    probe, metric = measured[Side.BASELINE][0][0].probe, measured[Side.BASELINE][0][1]
    ratio, difference = _estimates(baseline, candidate, bootstrap)
    return Evidence(
        probe=probe,
        metric=metric,
        replication=Replication.ROUNDS if single else Replication.RUNS,
        values=values,
        ratio=ratio,
        difference=difference,
        p_value=_single_p_value(metric.unit, ratio, values) if single else mann_whitney(baseline, candidate),
        cliffs_delta=cliffs_delta(baseline, candidate),
        tails=tuple(_tails(measured, bootstrap.confidence)),
        doubts=tuple(doubt for side in Side for doubt in _doubts(measured, side)),
    )


def _values(metrics: Sequence[Metric], *, single: bool) -> FloatArray:
    return np.array(metrics[0].rounds if single else [metric.summary.median for metric in metrics], dtype=np.float64)


def _estimates(
    baseline: FloatArray, candidate: FloatArray, bootstrap: MedianBootstrap
) -> tuple[Estimate | None, Estimate]:
    """The ratio (None unless all values are positive) and the difference of the medians."""
    fewest = min(baseline.size, candidate.size)
    before, after = float(np.median(baseline)), float(np.median(candidate))
    positive = bool(baseline.min() > 0 and candidate.min() > 0)
    if fewest < 2:
        ratio = Estimate(value=after / before, interval=None) if positive else None
        return ratio, Estimate(value=after - before, interval=None)
    resampled_before, resampled_after = bootstrap.medians(baseline, candidate)
    difference = bootstrap.interval(resampled_after - resampled_before, fewest)
    interval = bootstrap.interval(resampled_after / resampled_before, fewest) if positive else None
    ratio = Estimate(value=after / before, interval=interval) if positive else None
    return ratio, Estimate(value=after - before, interval=difference)


def _single_p_value(unit: Unit, ratio: Estimate | None, values: dict[Side, FloatArray]) -> float | None:
    """Tell how likely two runs are as far apart if runs spread as assumed, or as these rounds do if that is more."""
    if ratio is None or unit in _UNBOUNDED:
        return None
    seen = planning_spread(values[Side.BASELINE], values[Side.CANDIDATE]) or 0.0
    return shift_p_value(float(np.log(ratio.value)), max(ASSUMED_SPREAD, seen))


def _tails(measured: Measured, confidence: float) -> Iterator[TailRatio]:
    """Compare high percentiles of all samples of each side, where enough samples lie behind them."""
    parts = {side: [metric.histogram for _, metric in measured[side] if metric.histogram] for side in Side}
    pooled = {side: Histogram.merged(parts[side]) for side in Side}
    for name in _TAILS:
        q = PERCENTILES[name]
        if min(histogram.count for histogram in pooled.values()) < required_samples(q):
            continue
        # Two intervals, each of which may be wrong half as often, make one of the asked confidence (Bonferroni).
        before, after = (
            order_statistic_interval(pooled[side], q, IntervalMethod.SAMPLES, (1 + confidence) / 2) for side in Side
        )
        if before is None or after is None or before.low <= 0:
            continue
        baseline, candidate = (pooled[side].quantile(q) for side in Side)
        interval = Interval(
            low=after.low / before.high,
            high=after.high / before.low,
            confidence=confidence,
            method=IntervalMethod.SAMPLES,
        )
        yield TailRatio(
            percentile=name, baseline=baseline, candidate=candidate, ratio=candidate / baseline, interval=interval
        )


def _doubts(measured: Measured, side: Side) -> Iterator[Doubt]:
    """Each code once, with the first run's reason: a percentage differs from run to run, the doubt is the same."""
    flagged = [{flag.code: flag for flag in reversed(metric.flags + result.flags)} for result, metric in measured[side]]
    for code in FlagCode:
        carrying = [flags[code] for flags in flagged if code in flags]
        if carrying:
            yield Doubt(side=side, flag=carrying[0], runs=len(carrying))
