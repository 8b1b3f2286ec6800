"""Where in a stretch of values its one change of level is, and how sure that is."""

import math

import numpy as np
import numpy.typing as npt

from probes.measure.histogram import FloatArray
from probes.measure.whitening import LARGEST_COEFFICIENT, autocorrelation, whiten

_CONFIDENCE = 0.95
# Values further out than this many standard deviations beyond the levels are drawn in: Huber's bound, which costs
# normal values 4 % of their information (Huber, Annals of Mathematical Statistics 1964, doi:10.1214/aoms/1177703732).
_BOUND = 1.5
_NORMAL_PER_MEDIAN_DISTANCE = 1.4826
_ROUNDING = 1e-9


def locate(values: FloatArray, index: int, shortest: int) -> tuple[int, int, int]:
    """Return where the change of the `values` near `index` is, and the earliest and latest place it may be.

    The likelihood of a place is that of two levels with normal AR(1) errors, outliers drawn in. Its mean over the
    places is closer to the truth than its maximum (Ritov, Annals of Statistics 1990), and its quantiles are the 95 %
    interval. Each side has `shortest` ≥ 2 values or more.
    """
    phi = min(max(0.0, autocorrelation(values, [0, index, values.size])[0]), LARGEST_COEFFICIENT)
    places = np.arange(shortest, values.size - shortest + 1)
    unexplained = _unexplained(_bounded(values, index), places, phi)
    log_likelihood = -values.size / 2 * np.log(np.maximum(unexplained, _ROUNDING))
    likelihood = np.exp(log_likelihood - log_likelihood.max())
    share = np.cumsum(likelihood) / likelihood.sum()
    tail = (1 - _CONFIDENCE) / 2
    earliest, latest = places[np.searchsorted(share, [tail, 1 - tail])]
    place = round(float(likelihood @ places / likelihood.sum()))
    return place, min(int(earliest), place), max(int(latest), place)


def _bounded(values: FloatArray, index: int) -> FloatArray:
    """Draw in what lies far outside the two levels."""
    before, after = float(np.median(values[:index])), float(np.median(values[index:]))
    around = np.concatenate([values[:index] - before, values[index:] - after])
    margin = _BOUND * _NORMAL_PER_MEDIAN_DISTANCE * float(np.median(np.abs(around)))
    low, high = min(before, after) - margin, max(before, after) + margin
    return np.clip(values, low, high)


def _unexplained(values: FloatArray, places: npt.NDArray[np.int64], phi: float) -> FloatArray:
    """Return the share of the whitened variance that a level and a step at each place leave (least squares).

    Whitening turns a step into 1 at its place and 1 - φ after it, and a level into 1 - φ everywhere but at the start.
    """
    whitened = whiten(values, np.array([phi]))[0]
    level = np.full(values.size, 1 - phi)
    level[0] = math.sqrt(1 - phi**2)

    def along_step(column: FloatArray) -> FloatArray:
        after = column.sum() - np.cumsum(column)[places]
        product: FloatArray = column[places] + (1 - phi) * after
        return product

    around = whitened - level * (whitened @ level) / (level @ level)
    steps = 1 + (1 - phi) ** 2 * (values.size - 1 - places) - along_step(level) ** 2 / (level @ level)
    total = float(around @ around)
    share: FloatArray = 1 - along_step(around) ** 2 / (steps * (total or 1.0))
    return share
