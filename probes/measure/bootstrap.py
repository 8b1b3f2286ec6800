"""How far a ratio or a difference of two medians may be off: the expanded percentile bootstrap.

The plain percentile interval is too narrow for few values, by √((n-1)/n) and by normal instead of Student quantiles;
Hesterberg 2015 (doi:10.1080/00031305.2015.1089789) widens the percentiles to make up for both.
"""

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from probes.measure.histogram import FloatArray
from probes.measure.record import Record

# The ends of an interval at five values a side are the quantiles at 0.1 %: ten replicates lie beyond each.
_REPLICATES = 10_000


class ConfidenceInterval(Record):
    """A two-sided bootstrap interval."""

    low: float
    high: float
    confidence: float


class MedianBootstrap:
    """Intervals for the medians of two groups; the draws are shared by all groups of one size."""

    def __init__(self, *, confidence: float, rng: np.random.Generator) -> None:
        self.confidence = confidence
        self._rng = rng
        self._draws: dict[tuple[str, int], np.typing.NDArray[np.int64]] = {}

    def medians(self, baseline: FloatArray, candidate: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the medians of independent resamples of both groups, each of shape (replicates,)."""
        return self._resampled(baseline, "baseline"), self._resampled(candidate, "candidate")

    def interval(self, replicates: FloatArray, values: int) -> ConfidenceInterval:
        """Return the interval of the `replicates` of an estimate whose smaller group has `values` ≥ 2 values."""
        tail = expanded_tail(self.confidence, values)
        low, high = np.quantile(replicates, [tail, 1 - tail])
        return ConfidenceInterval(low=float(low), high=float(high), confidence=self.confidence)

    def _resampled(self, values: FloatArray, side: str) -> FloatArray:
        if (side, values.size) not in self._draws:
            self._draws[side, values.size] = _middle_of_resamples(values.size, self._rng)
        medians: FloatArray = np.sort(values)[self._draws[side, values.size]].mean(axis=0)
        return medians


@lru_cache
def expanded_tail(confidence: float, values: int) -> float:
    """Return the share to cut off at each end: 0.1 % instead of 2.5 % for five values at 95 %."""
    student = student_quantile(confidence, values - 1)
    return NormalDist().cdf(-math.sqrt(values / (values - 1)) * student)


def student_quantile(confidence: float, freedom: int) -> float:
    """Return t with P(|T| < t) = `confidence` for `freedom` ≥ 1 degrees of freedom, to four digits.

    T = √freedom · tan θ, where θ has a density in proportion to cos(θ)^(freedom - 1).
    """
    # Beyond 40 deviations of θ there is nothing; the grid must not lose the peak of many degrees of freedom.
    theta = np.linspace(0, min(math.pi / 2, 40 / math.sqrt(freedom)), 8193)
    middle = (theta[1:] + theta[:-1]) / 2
    cumulative = np.concatenate(([0.0], np.cumsum(np.cos(middle) ** (freedom - 1))))
    return math.sqrt(freedom) * math.tan(float(np.interp(confidence, cumulative / cumulative[-1], theta)))


def _middle_of_resamples(count: int, rng: np.random.Generator) -> np.typing.NDArray[np.int64]:
    """Draw resamples of `count` places and keep the ranks of the two middle ones, shape (2, replicates).

    A resample of sorted values is in order when its places are, so that the ranks alone decide where its median lies.
    """
    places = np.sort(rng.integers(count, size=(_REPLICATES, count)), axis=1)
    return places[:, [(count - 1) // 2, count // 2]].T
