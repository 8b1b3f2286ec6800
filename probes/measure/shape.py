"""The shape of a distribution, read from its histogram: values far off the bulk, and a valley between two modes."""

import math
from dataclasses import dataclass

import numpy as np

from probes.measure.histogram import GAMMA, CountArray, FloatArray, Histogram

# Modified z-score and its limit: Iglewicz & Hoaglin, How to Detect and Handle Outliers, ASQC 1993, chapter 3.
_OUTLIER_SCORE = 3.5
_MAD_PER_DEVIATION = 0.6745
# A bucket's width: a smaller deviation can't be read from a histogram; identical values would have none at all.
_LEAST_DEVIATION = GAMMA - 1

# A mode of less than a tenth is a tail, which the high percentiles show.
_SMALLEST_MODE = 0.10
# A valley holds at most half of the lower peak. Its depth as a share of that peak is how Zhang, Mapes & Soden
# (Bimodality in tropical water vapour, Q. J. R. Meteorol. Soc. 129, 2003) measure bimodality; half is our choice.
_VALLEY_SHARE = 0.5
# The two windows are picked as extremes out of dozens, so the usual 2 or 3 deviations would be found in noise.
_SIGNIFICANT_DEVIATIONS = 4.0
# fio's bins are up to 1.6 % wide: windows finer than 6 % would show how its bins and ours interlock.
_FINEST_WINDOW = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Outliers:
    """Values far from the bulk."""

    count: int
    low: float
    high: float
    """Outliers lie below `low` or above `high`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Valley:
    """A place of few values between two modes."""

    left_mode: float
    valley: float
    right_mode: float
    left_share: float
    """Of all values, those left of the valley."""


def outliers(histogram: Histogram) -> Outliers:
    """Find the values whose modified z-score is beyond 3.5 on their own scale and on the logarithmic scale.

    Both, because latencies are skewed: on the linear scale 4 % of an exponential distribution would be outliers, on the
    logarithmic scale 1 %. Raises ValueError without values.
    """
    values = np.append(histogram.representatives, 0.0)
    counts = np.append(histogram.counts, histogram.zeros)
    median = histogram.quantile(0.5)
    reach = max(_deviation(np.abs(values - median), counts), _LEAST_DEVIATION * median) * _OUTLIER_SCORE
    if median == 0:
        return Outliers(count=int(counts[values > reach].sum()) if reach else 0, low=0.0, high=reach)
    with np.errstate(divide="ignore"):
        distances = np.abs(np.log(values / median))
    factor = math.exp(max(_deviation(distances, counts), _LEAST_DEVIATION) * _OUTLIER_SCORE)
    low, high = min(median - reach, median / factor), max(median + reach, median * factor)
    return Outliers(count=int(counts[(values < low) | (values > high)].sum()), low=max(0.0, low), high=high)


def valley(histogram: Histogram) -> Valley | None:
    """Find the deepest significant valley on the logarithmic scale, or None for one mode or too few values.

    Zeros are left out. Windows follow Freedman & Diaconis (1981): twice the interquartile range by the cube root of n.
    """
    window = _window(histogram)
    if window is None:
        return None
    padded = np.pad(histogram.counts, (0, -histogram.counts.size % window))
    heights = padded.reshape(-1, window).sum(axis=1)
    if heights.size < 3:
        return None
    left = np.maximum.accumulate(heights)[:-2]
    right = np.maximum.accumulate(heights[::-1])[::-1][2:]
    lower, floor = np.minimum(left, right), heights[1:-1]
    shares = np.cumsum(heights)[:-2] / heights.sum()
    rest = np.cumsum(heights[::-1])[::-1][2:] / heights.sum()
    deep = (floor <= _VALLEY_SHARE * lower) & (lower - floor >= _SIGNIFICANT_DEVIATIONS * np.sqrt(lower + floor))
    found = np.flatnonzero(deep & (shares >= _SMALLEST_MODE) & (rest >= _SMALLEST_MODE))
    if not found.size:
        return None
    place = int(found[np.argmax((lower - floor)[found])]) + 1
    modes = (int(np.argmax(heights[:place])), place, place + 1 + int(np.argmax(heights[place + 1 :])))
    at = [float(GAMMA ** (histogram.first + (mode + 0.5) * window - 0.5)) for mode in modes]
    return Valley(left_mode=at[0], valley=at[1], right_mode=at[2], left_share=float(shares[place - 1]))


def _window(histogram: Histogram) -> int | None:
    """Return a window's width in buckets, or None where the values are too few or too alike to have a shape."""
    occupied = np.flatnonzero(histogram.counts)
    if occupied.size < 3:
        return None
    cumulative = np.cumsum(histogram.counts)
    total = int(cumulative[-1])
    quartiles = np.searchsorted(cumulative, [0.25 * total, 0.75 * total])
    width = 2 * float(np.ptp(quartiles)) / math.cbrt(total)
    # A coarse clock leaves empty buckets between its ticks; those are no valleys.
    tick = float(np.median(np.diff(occupied)))
    return max(_FINEST_WINDOW, math.ceil(width), math.ceil(2 * tick) if tick > 1 else 0)


def _deviation(distances: FloatArray, counts: CountArray) -> float:
    """Return the standard deviation that the median of `distances` would mean for normal values."""
    order = np.argsort(distances)
    cumulative = np.cumsum(counts[order])
    middle = int(np.searchsorted(cumulative, (cumulative[-1] + 1) // 2))
    return float(distances[order][middle]) / _MAD_PER_DEVIATION
