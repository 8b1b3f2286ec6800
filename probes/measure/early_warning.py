"""An alarm for a series that is still growing: a one-sided robust CUSUM.

Page's cumulative sum (Biometrika 1954, doi:10.1093/biomet/41.1-2.100): S ← max(0, S + min(z, limit) - allowance), and
an alarm where S exceeds the threshold. z is the distance from the median of a reference window in units of the median
distance on that side of it, scaled to a standard deviation of normal values; a side of its own, since the values of
most metrics are skewed. The limit keeps one outlier from being an alarm.

The threshold belongs to an average run length: how many values pass, on average, until an alarm that nothing caused.
It was calibrated by simulation, each stream with a reference window of its own (the median and the spread of 50 values
are uncertain, which costs more false alarms than the textbook's threshold grants), for lognormal noise of shape 1, the
worst independent noise of those that docs/detectors.md lists with the run lengths seen. Autocorrelation shortens them.
"""

import math
from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from probes.measure.histogram import FloatArray
from probes.measure.record import Record

# Half of the shift to be found soonest, one standard deviation (Montgomery, Introduction to Statistical Quality
# Control, section 9.1).
_ALLOWANCE = 0.5
# At 3 the run lengths of lognormal and spiky noise halve, and a shift of 3 σ is found less than one value sooner.
_LIMIT = 2.0
_NORMAL_PER_MEDIAN_DISTANCE = 1.4826

# Average run length -> threshold: the largest that `calibrate` returned for windows of 20, 50 and 100 values, which
# differ by 0.05 at most, with 20 000 streams of lognormal noise; `benchmarks/detectors.py --calibrate` runs it anew.
THRESHOLDS = {100: 3.5, 300: 4.85, 1000: 6.35}
MINIMUM_WINDOW = 20

Noise = Callable[[tuple[int, int]], FloatArray]


class Watch(Record):
    """What has to be kept between two values: the reference and the sum so far."""

    rising: bool
    """Whether a rise is to be found; a fall otherwise."""
    center: float
    scale_better: float
    """The distance that counts as one standard deviation on the side that raises no alarm."""
    scale_worse: float
    threshold: float
    sum: float = 0.0


def begin(reference: npt.ArrayLike, *, rising: bool, average_run_length: int) -> Watch:
    """Return the watch for values like `reference` (shape (n,), n ≥ 20, in any order).

    The threshold is that of the next longer run length of THRESHOLDS. Raises ValueError for a shorter window, a longer
    run length, or a window in which half of a side equals the median.
    """
    window = np.asarray(reference, dtype=np.float64)
    if window.ndim != 1 or not np.isfinite(window).all():
        raise ValueError("a reference window is one series of finite values")
    if window.size < MINIMUM_WINDOW:
        raise ValueError(f"a reference window of {window.size} values is too short: it takes {MINIMUM_WINDOW} or more")
    center, better, worse = (float(part[0]) for part in _fit(window[np.newaxis] * (1 if rising else -1)))
    if not (better > 0 and worse > 0):
        raise ValueError("the reference window has no spread: too many of its values are equal to their median")
    return Watch(
        rising=rising,
        center=center if rising else -center,
        scale_better=better,
        scale_worse=worse,
        threshold=_threshold(average_run_length),
    )


def update(state: Watch, value: float) -> tuple[Watch, bool]:
    """Return the watch after `value`, and whether it alarms, as it goes on doing until the values are normal again.

    Raises ValueError for a value that is not finite.
    """
    if not math.isfinite(value):
        raise ValueError(f"{value} can't be watched: leave out what is missing")
    distance = value - state.center if state.rising else state.center - value
    score = distance / (state.scale_worse if distance > 0 else state.scale_better)
    total = max(0.0, state.sum + min(score, _LIMIT) - _ALLOWANCE)
    return state.model_copy(update={"sum": total}), total > state.threshold


def first_alarm(state: Watch, stream: Iterable[float]) -> int | None:
    """Return the place of the value in `stream` that alarms first, or None."""
    for place, value in enumerate(stream):
        state, alarm = update(state, value)
        if alarm:
            return place
    return None


def calibrate(average_run_length: int, reference_size: int, *, noise: Noise, streams: int) -> float:
    """Return the threshold with this average run length for windows of `reference_size` values.

    `noise` returns independent values of the shape it is given. The run length is `run_length`'s.
    """
    peaks = _peaks(average_run_length, reference_size, noise, streams)
    low, high = 0.0, float(peaks.max()) + 1
    while high - low > 0.001:
        middle = (low + high) / 2
        low, high = (middle, high) if _run_length(peaks, middle) < average_run_length else (low, middle)
    return high


def run_length(threshold: float, reference_size: int, *, horizon: int, noise: Noise, streams: int) -> float:
    """Return the average run length seen in `streams` streams, each with a window of its own, up to the `horizon`.

    It is the number of values watched for each alarm, a stream ending at its first: the estimate for censored
    lifetimes. The plain mean would be ruled by the few windows whose spread came out large, which hardly ever alarm.
    """
    return _run_length(_peaks(horizon, reference_size, noise, streams), threshold)


def _threshold(average_run_length: int) -> float:
    lengths = [length for length in THRESHOLDS if length >= average_run_length]
    if not lengths:
        raise ValueError(f"an average run length of {average_run_length} isn't calibrated: at most {max(THRESHOLDS)}")
    return THRESHOLDS[min(lengths)]


def _fit(windows: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the medians of the rows of `windows` and the scales below and above them, each of shape (rows,)."""
    center = np.median(windows, axis=1)
    distances = np.sort(windows - center[:, np.newaxis], axis=1)
    side = (windows.shape[1] + 1) // 2
    below, above = -distances[:, :side], distances[:, -side:]
    scale_below, scale_above = (_NORMAL_PER_MEDIAN_DISTANCE * np.median(part, axis=1) for part in (below, above))
    return center, scale_below, scale_above


def _peaks(horizon: int, reference_size: int, noise: Noise, streams: int) -> FloatArray:
    """Return the largest sum so far after each value, shape (streams, horizon)."""
    center, below, above = _fit(noise((streams, reference_size)))
    distances = noise((streams, horizon)) - center[:, np.newaxis]
    scores = distances / np.where(distances > 0, above[:, np.newaxis], below[:, np.newaxis])
    steps = np.minimum(scores, _LIMIT) - _ALLOWANCE
    sums = np.zeros(streams)
    for place in range(horizon):
        sums = np.maximum(0.0, sums + steps[:, place])
        steps[:, place] = sums
    peaks: FloatArray = np.maximum.accumulate(steps, axis=1)
    return peaks


def _run_length(peaks: FloatArray, threshold: float) -> float:
    above = peaks > threshold
    alarms = int(above[:, -1].sum())
    watched = int((~above).sum()) + alarms
    return watched / alarms if alarms else math.inf
