"""Whether two groups of values differ: an exact rank test, the size of the effect, and the price of many tests."""

import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from probes.measure.histogram import FloatArray

# Up to here the distribution of rank sums is counted exactly, in about 2 ms; above, the normal approximation is within
# 0.004 of it, or 0.01 where values are rounded to tenths of a deviation.
_EXACT_UP_TO = 50


def mann_whitney(first: FloatArray, second: FloatArray) -> float:
    """Return the two-sided p-value of equal distributions (Mann & Whitney 1947, doi:10.1214/aoms/1177730491).

    Both of shape (n,), n ≥ 1. For few values it is exact, ties included: the share of all divisions of the pooled
    midranks whose rank sum is at least as far from its expectation. For many it is the normal approximation with the
    corrections for ties and for continuity. Raises ValueError for an empty group.
    """
    if not (first.size and second.size):
        raise ValueError("a rank test needs a value on each side")
    doubled = _doubled_midranks(np.concatenate((first, second)))
    total = doubled.size
    # Twice a midrank is a whole number, and the expectation of the doubled rank sum is one too.
    distance = abs(int(doubled[: first.size].sum()) - int(first.size) * (total + 1))
    if total <= _EXACT_UP_TO:
        return _exact_p_value(doubled, int(first.size), distance)
    _, tied = np.unique(doubled, return_counts=True)
    spread = (total + 1) - (tied.astype(np.float64) ** 3 - tied).sum() / (total * (total - 1))
    variance = first.size * second.size * spread / 12
    if variance <= 0:
        return 1.0
    return math.erfc(max(0.0, distance / 2 - 0.5) / math.sqrt(2 * variance))


@lru_cache(maxsize=256)  # all metrics of a comparison ask for the same few
def attained_level(runs: int, level: float) -> float:
    """Return the largest two-sided p-value up to `level` that `runs` against `runs` values without ties can have.

    The exact test has few p-values where there are few runs: asked for 1 %, seven against seven are tested at 0.7 %.
    Zero where none is that small; `level` itself where the p-values lie closely.
    """
    if 2 * runs > _EXACT_UP_TO:
        return level
    doubled = 2 * np.arange(1, 2 * runs + 1)
    ways = _ways(doubled, runs)
    distances = np.abs(np.arange(ways.size) - runs * (2 * runs + 1))
    tails = np.cumsum(np.bincount(distances, weights=ways)[::-1])[::-1] / ways.sum()
    return float(tails[tails <= level].max(initial=0.0))


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Return the adjusted p-values: those up to q hold a share of false discoveries of at most q.

    Benjamini & Hochberg 1995 (doi:10.1111/j.2517-6161.1995.tb02031.x). It holds for independent tests and for tests
    that depend positively on one another (Benjamini & Yekutieli 2001), as the metrics of one machine do.
    """
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values)
    scaled = values[order] * (values.size / np.arange(1, values.size + 1))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum.accumulate(scaled[::-1])[::-1]
    return [min(1.0, float(value)) for value in adjusted]


def cliffs_delta(first: FloatArray, second: FloatArray) -> float:
    """Return P(second > first) - P(second < first) over all pairs, in [-1, 1] (Cliff 1993)."""
    ordered = np.sort(first)
    below = np.searchsorted(ordered, second, side="left").sum()
    not_above = np.searchsorted(ordered, second, side="right").sum()
    return float((below + not_above) / (first.size * second.size) - 1)


def shift_p_value(shift: float, deviation: float) -> float:
    """Return the two-sided p-value of a `shift` between two single values whose `deviation` is known (normal)."""
    return 2 * (1 - NormalDist().cdf(abs(shift) / (math.sqrt(2) * deviation)))


def _doubled_midranks(values: FloatArray) -> np.typing.NDArray[np.int64]:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    doubled: np.typing.NDArray[np.int64] = (2 * ends - counts + 1)[inverse]
    return doubled


def _exact_p_value(doubled: np.typing.NDArray[np.int64], size: int, distance: int) -> float:
    ways = _ways(doubled, size)
    far = np.abs(np.arange(ways.size) - size * (doubled.size + 1)) >= distance
    return float(ways[far].sum() / ways.sum())


def _ways(doubled: np.typing.NDArray[np.int64], size: int) -> FloatArray:
    """Count the subsets of `size` ranks by their sum, one rank after the other, instead of listing them."""
    ways = np.zeros((size + 1, int(doubled.sum()) + 1))
    ways[0, 0] = 1
    for rank in doubled:
        ways[1:, rank:] += ways[:-1, : ways.shape[1] - rank].copy()
    counted: FloatArray = ways[size]
    return counted
