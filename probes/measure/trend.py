"""Does a series of values change with time: a rank test, the size of the change, and a beginning unlike the rest."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from probes.measure.histogram import FloatArray

# Up to here the normal approximation of Kendall's statistic is too coarse for a level of 1 % (Kendall, Rank Correlation
# Methods, 4th ed., 1975, table of exact probabilities to n = 10); the exact distribution costs nothing.
_EXACT_UP_TO = 10

# A beginning is unlike the rest when it lies outside the others' range by more than this multiple of that range, which
# is Dixon's ratio of gap to range above 3/4 (Dean & Dixon, Anal. Chem. 1951, doi:10.1021/ac60052a025). Dixon asks for
# an outlier at any place; here the place is given, which makes false alarms rare: tests/probes/measure has the rates.
_GAP_PER_RANGE = 3.0
_FEWEST_OTHERS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A monotonic trend of one or several series."""

    p_value: float
    """Two-sided; 1 where there is nothing to judge."""
    relative_change: float
    """From the first to the last place of a series by the median slope, as a share of the median; signed."""


def mann_kendall(series: Sequence[FloatArray]) -> Trend:
    """Test several independent series, each in the order of time, for a trend common to them.

    One series is the test of Mann (Econometrica 1945) and Kendall; several are summed as in Hirsch, Slack & Smith
    (Water Resources Research 1982, doi:10.1029/WR018i001p00107). Exact for one short series without ties, else normal
    with the corrections for ties and for continuity. Costs O(n²): meant for tens of values a series.
    """
    judged = [values for values in series if values.size > 1]
    if not judged:
        return Trend(p_value=1.0, relative_change=0.0)
    score = sum(_score(values) for values in judged)
    ties = any(np.unique(values).size < values.size for values in judged)
    if len(judged) == 1 and judged[0].size <= _EXACT_UP_TO and not ties:
        p_value = _exact_p_value(score, judged[0].size)
    else:
        variance = sum(_variance(values) for values in judged)
        z = max(0, abs(score) - 1) / math.sqrt(variance) if variance > 0 else 0.0
        p_value = math.erfc(z / math.sqrt(2))
    return Trend(p_value=p_value, relative_change=float(np.median([_relative_change(values) for values in judged])))


def warm_up_rounds(values: Sequence[float]) -> int:
    """Return how many of the first values lie apart from all later ones, at most a third of them; 0 for none.

    Apart on their own scale and, where all are positive, on the logarithmic one: a high value of a skewed distribution
    is far off on the first only.
    """
    positive = min(values, default=0.0) > 0
    scales = [list(values), [math.log(value) for value in values]] if positive else [list(values)]
    return min(_apart(scale) for scale in scales)


def _apart(values: Sequence[float]) -> int:
    for first in range(len(values) // 3, 0, -1):
        beginning, others = values[:first], values[first:]
        if len(others) < _FEWEST_OTHERS:
            continue
        low, high = min(others), max(others)
        margin = _GAP_PER_RANGE * (high - low)
        if min(beginning) > high + margin or max(beginning) < low - margin:
            return first
    return 0


def _score(values: FloatArray) -> int:
    """Kendall's S: pairs that rise less pairs that fall."""
    signs = np.sign(values[np.newaxis, :] - values[:, np.newaxis])
    return int(np.triu(signs, 1).sum())


def _variance(values: FloatArray) -> float:
    """Of S without a trend, ties taken off."""
    _, tied = np.unique(values, return_counts=True)
    return float(_pairs_variance(np.array([values.size])).sum() - _pairs_variance(tied).sum())


def _pairs_variance(sizes: np.typing.NDArray[np.int64]) -> FloatArray:
    variance: FloatArray = sizes * (sizes - 1) * (2 * sizes + 5) / 18
    return variance


def _exact_p_value(score: int, size: int) -> float:
    """P(|S| ≥ |score|) over all orders, which are equally likely: the number of inversions of a permutation."""
    orders = np.ones(1)
    for length in range(2, size + 1):
        orders = np.convolve(orders, np.ones(length))
    scores = 2 * np.arange(orders.size) - (orders.size - 1)
    return float(orders[np.abs(scores) >= abs(score)].sum() / orders.sum())


def _relative_change(values: FloatArray) -> float:
    """The median of all pairs' slopes (Sen, JASA 1968, doi:10.1080/01621459.1968.10480934) over the whole series."""
    first, last = np.triu_indices(values.size, 1)
    slope = float(np.median((values[last] - values[first]) / (last - first)))
    middle = abs(float(np.median(values)))
    return slope * (values.size - 1) / middle if middle > 0 else 0.0
