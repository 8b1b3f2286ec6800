"""What a set of measured values says: location, spread, percentiles, and how sure each of them is.

Two rules run through it. Runs (rounds) are the unit of replication: samples within a round are not independent, so an
interval comes from the rounds where enough of them exist. And nothing is extrapolated: a percentile without samples
behind it, or an interval without enough rounds or samples, is absent.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypedDict

import numpy as np
import numpy.typing as npt

from probes.measure.histogram import FloatArray, Histogram, nearest_rank
from probes.measure.record import Record

CONFIDENCE = 0.95
PERCENTILES = {"p50": 0.50, "p90": 0.90, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}


class IntervalMethod(StrEnum):
    """What an interval was taken over. Both are order statistics: no shape of distribution is assumed."""

    ROUNDS = "rounds"
    """Over the rounds' own values; covers what changes between rounds."""
    SAMPLES = "samples"
    """Over the samples of one run as if they were independent; too narrow when they are not."""


class Interval(Record):
    """A two-sided confidence interval."""

    low: float
    """The lower end, in the metric's unit."""
    high: float
    """The upper end, in the metric's unit."""
    confidence: float
    """The level that is kept at least, such as 0.95."""
    method: IntervalMethod
    """What the interval was taken over."""


class Percentile(Record):
    """A percentile of all samples, with its interval where there is one."""

    value: float
    """The value at the nearest rank, in the metric's unit."""
    interval: Interval | None
    """Null where there are too few values for one."""


class Summary(Record):
    """Location, spread and percentiles of `count` values, in the metric's unit."""

    count: int
    """How many values are behind the summary."""
    minimum: float
    """The smallest value."""
    maximum: float
    """The largest value."""
    mean: float
    """The arithmetic mean."""
    median: float
    """Of samples the same as `p50`: the value at the nearest rank. Of rounds, which are few, the ordinary median."""
    mad: float
    """The median absolute deviation from the median, unscaled."""
    interval: Interval | None
    """The interval of the median; null where there are too few values for one."""
    percentiles: dict[str, Percentile]
    """From `p50` to `p99.9`; those without enough samples behind them are absent."""


class Ordered(Protocol):
    """Values in order, exactly or in buckets."""

    @property
    def count(self) -> int:
        """How many values there are."""

    def at_rank(self, rank: int) -> float:
        """Return the `rank`-th smallest value, 1 ≤ rank ≤ count."""

    def quantile(self, q: float) -> float:
        """Return the nearest-rank quantile, 0 < q ≤ 1."""


class SortedValues:
    """Exact values in order: what `Histogram` is to a good approximation."""

    def __init__(self, values: npt.ArrayLike) -> None:
        self.values: FloatArray = np.sort(np.asarray(values, dtype=np.float64).reshape(-1))

    @property
    def count(self) -> int:
        """How many values there are."""
        return int(self.values.size)

    def at_rank(self, rank: int) -> float:
        """Return the `rank`-th smallest value, 1 ≤ rank ≤ count."""
        return float(self.values[rank - 1])

    def quantile(self, q: float) -> float:
        """Return the nearest-rank quantile, 0 < q ≤ 1."""
        return self.at_rank(nearest_rank(self.count, q))


@dataclass(frozen=True, slots=True)
class _Bounded:
    """A histogram whose extremes are known exactly: no bucket may speak for more than the maximum."""

    histogram: Histogram
    minimum: float
    maximum: float

    @property
    def count(self) -> int:
        return self.histogram.count

    def at_rank(self, rank: int) -> float:
        return min(max(self.histogram.at_rank(rank), self.minimum), self.maximum)

    def quantile(self, q: float) -> float:
        return self.at_rank(nearest_rank(self.count, q))


def summarize_samples(rounds: Sequence[FloatArray]) -> Summary:
    """Summarize exact samples, one array a round. Raises ValueError without a single sample."""
    filled = [array for array in rounds if array.size]
    if not filled:
        raise ValueError("nothing to summarize: no samples")
    pooled = SortedValues(np.concatenate(filled))
    median = pooled.quantile(0.5)
    return Summary(
        count=pooled.count,
        minimum=pooled.at_rank(1),
        maximum=pooled.at_rank(pooled.count),
        mean=float(pooled.values.mean()),
        median=median,
        mad=SortedValues(np.abs(pooled.values - median)).quantile(0.5),
        **_spread(pooled, [SortedValues(array) for array in filled]),
    )


def summarize_histograms(rounds: Sequence[Histogram], *, minimum: float, maximum: float, mean: float) -> Summary:
    """Summarize histograms, one a round; the extremes and the mean are given, since buckets keep them inexactly.

    Raises ValueError without a single sample.
    """
    filled = [_Bounded(histogram, minimum, maximum) for histogram in rounds if histogram.count]
    if not filled:
        raise ValueError("nothing to summarize: no samples")
    merged = Histogram.merged(part.histogram for part in filled)
    pooled = _Bounded(merged, minimum, maximum)
    median = pooled.quantile(0.5)
    distances = np.abs(np.append(merged.representatives, 0.0) - median)
    deviations = Histogram.of(distances, np.append(merged.counts, merged.zeros))
    return Summary(
        count=pooled.count,
        minimum=minimum,
        maximum=maximum,
        mean=mean,
        median=median,
        mad=deviations.quantile(0.5),
        **_spread(pooled, filled),
    )


def summarize_rounds(values: Sequence[float]) -> Summary:
    """Summarize one value a round (a rate, a throughput). The interval of the median needs six rounds for 95 %.

    Raises ValueError without a round. The median of an even number of rounds is the middle of the inner two.
    """
    if not values:
        raise ValueError("nothing to summarize: no rounds")
    array = np.asarray(values, dtype=np.float64)
    median = float(np.median(array))
    interval = order_statistic_interval(SortedValues(array), 0.5, IntervalMethod.ROUNDS)
    return Summary(
        count=array.size,
        minimum=float(array.min()),
        maximum=float(array.max()),
        mean=float(array.mean()),
        median=median,
        mad=float(np.median(np.abs(array - median))),
        interval=interval,
        percentiles={},
    )


def required_samples(q: float, confidence: float = CONFIDENCE) -> int:
    """Return the smallest n for which a sample lies beyond the q quantile with this confidence: 299 for p99 at 95 %."""
    return math.ceil(math.log(1 - confidence) / math.log(q))


def order_statistic_interval(
    ordered: Ordered, q: float, method: IntervalMethod, confidence: float = CONFIDENCE
) -> Interval | None:
    """Return the distribution-free interval of the q quantile, or None where `ordered` holds too few values.

    The number of values below the true quantile is Binomial(n, q); the interval runs between the two ranks that cut off
    at most half of the error each (Hahn & Meeker, Statistical Intervals, 1991, section 5.2). Its level is at least
    `confidence`, which is what the record states.
    """
    ranks = _interval_ranks(ordered.count, q, confidence)
    if ranks is None:
        return None
    low, high = ranks
    return Interval(low=ordered.at_rank(low), high=ordered.at_rank(high), confidence=confidence, method=method)


class _Spread(TypedDict):
    interval: Interval | None
    percentiles: dict[str, Percentile]


def _spread(pooled: Ordered, rounds: Sequence[Ordered]) -> _Spread:
    """The part of a summary that exact and bucketed values share."""
    percentiles = {
        name: Percentile(value=pooled.quantile(q), interval=_quantile_interval(pooled, rounds, q))
        for name, q in PERCENTILES.items()
        if pooled.count >= required_samples(q)
    }
    return {"interval": _quantile_interval(pooled, rounds, 0.5), "percentiles": percentiles}


def _quantile_interval(pooled: Ordered, rounds: Sequence[Ordered], q: float) -> Interval | None:
    """Over the rounds' own quantiles where each round has samples beyond them, else over the samples.

    The quantile of all samples follows the worst rounds while the interval follows the middle ones, so that it can fall
    outside; the interval is then widened to hold it, which costs width and never confidence.
    """
    if any(part.count < required_samples(q) for part in rounds):
        return order_statistic_interval(pooled, q, IntervalMethod.SAMPLES)
    values = SortedValues([part.quantile(q) for part in rounds])
    interval = order_statistic_interval(values, 0.5, IntervalMethod.ROUNDS)
    if interval is None:
        return order_statistic_interval(pooled, q, IntervalMethod.SAMPLES)
    value = pooled.quantile(q)
    return interval.model_copy(update={"low": min(interval.low, value), "high": max(interval.high, value)})


def _interval_ranks(count: int, q: float, confidence: float) -> tuple[int, int] | None:
    tail = (1 - confidence) / 2
    cumulative, start = _binomial_cdf(count, q)
    low = start + int(np.searchsorted(cumulative, tail, side="right"))
    high = start + int(np.searchsorted(cumulative, 1 - tail, side="left")) + 1
    return (low, high) if low >= 1 and high <= count else None


def _binomial_cdf(count: int, q: float) -> tuple[FloatArray, int]:
    """Return P(B ≤ k) for k = start, start + 1, … and `start`, within ten standard deviations of the mean."""
    mean, deviation = count * q, math.sqrt(count * q * (1 - q))
    start = max(0, math.floor(mean - 10 * deviation - 10))
    stop = min(count, math.ceil(mean + 10 * deviation + 10))
    k = np.arange(start, stop, dtype=np.float64)
    first = (
        math.lgamma(count + 1) - math.lgamma(start + 1) - math.lgamma(count - start + 1)
        + start * math.log(q) + (count - start) * math.log1p(-q)
    )  # fmt: skip
    steps = np.log((count - k) / (k + 1)) + math.log(q) - math.log1p(-q)
    return np.cumsum(np.exp(first + np.concatenate(([0.0], np.cumsum(steps))))), start
