"""Where a series of values changed its level: a rank-CUSUM, block permutation and binary segmentation.

The statistic works on ranks, so that outliers and skewness cost little: the largest standardized Mann-Whitney statistic
over all splits (Pettitt, Applied Statistics 1979, doi:10.2307/2346729, standardized so that no place is favored),
together with the range of the rank-CUSUM, which sees a level that came back.

Its significance is the share of block permutations that reach it. Runs that follow one another resemble one another,
and blocks alone don't mend that: 100 values in blocks of 8 can be split in halves in 924 ways, so that no change
however large would reach 0.1 %. The values are therefore prewhitened first (as Andrews & Monahan, Econometrica 1992,
doi:10.2307/2951574): u(t) = x(t) - φ x(t-1), and blocks of the ranks of u are permuted. φ is estimated after the
candidate changes are removed, lest a change pass for autocorrelation, and the permutations are spread over what φ may
be. Ranks come after whitening: before it, a change of 30 σ would have no more of them than one of 4 σ.

A segment of m of n values is tested at the level alpha·m/n. Segments without a change don't overlap, so that their
levels add up to alpha at most: the chance of one false change or more in a whole series is at most alpha (Meinshausen,
Biometrika 2008, doi:10.1093/biomet/asn007). docs/detectors.md has the rates seen.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from probes.measure.histogram import FloatArray
from probes.measure.place import locate
from probes.measure.record import Record
from probes.measure.significance import cliffs_delta
from probes.measure.whitening import LARGEST_COEFFICIENT, autocorrelation, centered_ranks, whiten

# A difference of medium size by the convention of Romano et al. (2006): below 0.33 it is small.
MINIMUM_EFFECT = 0.33
# Smaller changes than this share of the level are below what storage and network runs repeat to.
MINIMUM_SHIFT = 0.01
MINIMUM_SEGMENT = 5

# Besag & Clifford, Biometrika 1991 (doi:10.1093/biomet/78.2.301): permuting stops at this many that reach the observed
# statistic, which spares nearly all work where nothing changed and keeps the p-value valid.
_EXCEEDANCES = 5
# Values of φ that stand for what it may be; a batch of permutations is a multiple of it.
_COEFFICIENTS = 64
# A batch of permutations holds about this many values, which is 2 MiB an array.
_BATCH_VALUES = 1 << 18
# The 95 % to 99.9 % points of the split statistic are 1.8 to 1.9 times those of the range over √n (simulated for 30 to
# 1000 values). A little less favors the split: of 100 values more single changes are found at 0.1 %, few bumps fewer.
_RANGE_WEIGHT = 1.65
_ROUNDING = 1e-9

IndexArray = npt.NDArray[np.int64]


class ChangePoint(Record):
    """A place where the level of a series changed."""

    index: int
    """Of the first value after the change."""
    earliest: int
    latest: int
    """A 95 % interval of the index, which takes for granted that there is a change."""
    p_value: float
    """Adjusted to the whole series: the smallest alpha at which this change would be found, at most."""
    effect: float
    """Cliff's δ: P(after > before) - P(after < before), from -1 to 1."""
    before: float
    """The median from the previous change to this one."""
    after: float
    """The median from this change to the next one."""


def find_changes(
    values: npt.ArrayLike,
    *,
    alpha: float = 0.01,
    minimum_effect: float = MINIMUM_EFFECT,
    minimum_shift: float = MINIMUM_SHIFT,
    minimum_segment: int = MINIMUM_SEGMENT,
    rng: np.random.Generator,
) -> tuple[ChangePoint, ...]:
    """Return the changes of level in `values` (shape (n,), finite, in the order of time), in order.

    `alpha` is the chance of any false change in a series without one. A change that is significant is still left out
    where |Cliff's δ| is below `minimum_effect` or the medians differ by less than the share `minimum_shift`; only for
    the latter does the origin of the scale matter. No segment is shorter than `minimum_segment` ≥ 2 values. A series
    for which `reason_to_abstain` has a reason has no changes. O(n log n) for a permutation; memory does not grow with
    their number. Raises ValueError for values or options outside these bounds.
    """
    series = np.asarray(values, dtype=np.float64)
    if series.ndim != 1 or not np.isfinite(series).all():
        raise ValueError("change points need one series of finite values: leave out or replace what is missing")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is the chance of a false alarm, between 0 and 1, not {alpha}")
    if minimum_segment < 2:
        raise ValueError(f"a segment of {minimum_segment} has no level: the shortest is 2")
    found = _segment(series, alpha, minimum_segment, rng)
    changes = _describe(series, found, minimum_segment)
    while weak := [c for c in changes if abs(c.effect) < minimum_effect or _relative_shift(c) < minimum_shift]:
        weakest = min(weak, key=lambda change: abs(change.effect))
        del found[sorted(found)[changes.index(weakest)]]
        changes = _describe(series, found, minimum_segment)
    return tuple(changes)


def reason_to_abstain(count: int, *, alpha: float, minimum_segment: int = MINIMUM_SEGMENT) -> str | None:
    """Return why no change can be found in `count` values whatever they are, or None."""
    if count < 2 * minimum_segment:
        given = "1 value" if count == 1 else f"{count} values"
        return f"{given}: it takes {minimum_segment} before a change and {minimum_segment} after"
    blocks = count // _block_length(count)
    # The smallest p-value of a change in the middle: both halves may be exchanged.
    if 2 / math.comb(blocks, blocks // 2) > alpha:
        return f"{count} values: too few for a significance of {alpha:g} whatever they are; measure more or raise alpha"
    return None


def _segment(series: FloatArray, alpha: float, shortest: int, rng: np.random.Generator) -> dict[int, float]:
    """Return the significant splits, each with its p-value adjusted to the whole series."""
    found: dict[int, float] = {}
    pending = [(0, series.size, 0.0)]
    while pending:
        low, high, p_value_above = pending.pop()
        level = alpha * (high - low) / max(series.size, 1)
        if reason_to_abstain(high - low, alpha=level, minimum_segment=shortest):
            continue
        index, p_value = _test_split(series[low:high], level, shortest, rng)
        if p_value <= level:
            adjusted = max(p_value_above, p_value * series.size / (high - low))
            found[low + index] = adjusted
            pending += [(low + index, high, adjusted), (low, low + index, adjusted)]
    return found


def _describe(series: FloatArray, found: dict[int, float], shortest: int) -> list[ChangePoint]:
    """Locate each change anew between its neighbors: binary segmentation placed it without knowing all of them."""
    splits = sorted(found)
    edges = [0, *splits, series.size]
    intervals = []
    for i, split in enumerate(splits, start=1):
        low, high = edges[i - 1], edges[i + 1]
        place, earliest, latest = locate(series[low:high], split - low, shortest)
        edges[i] = low + place
        intervals.append((low + earliest, low + latest))
    return [
        ChangePoint(
            index=index,
            earliest=earliest,
            latest=latest,
            p_value=found[split],
            effect=cliffs_delta(series[low:index], series[index:high]),
            before=float(np.median(series[low:index])),
            after=float(np.median(series[index:high])),
        )
        for split, low, index, high, (earliest, latest) in zip(
            splits, edges, edges[1:], edges[2:], intervals, strict=False
        )
    ]


def _relative_shift(change: ChangePoint) -> float:
    """Of the medians, as a share of the first; infinite from zero to anything else."""
    if change.before == change.after:
        return 0.0
    return abs(change.after - change.before) / abs(change.before) if change.before else math.inf


def _test_split(values: FloatArray, level: float, shortest: int, rng: np.random.Generator) -> tuple[int, float]:
    """Return the best split of the `values` and its p-value, which is exact enough to compare with `level`."""
    ranks = centered_ranks(values)
    index = _best_split(ranks, shortest)
    if not ranks.any():
        return index, 1.0
    coefficients = _plausible_coefficients(values, _candidate_edges(ranks, shortest))
    whitened = np.stack([centered_ranks(row) for row in whiten(values, rng.permutation(coefficients))])
    observed = _strength(whitened, shortest) * (1 - _ROUNDING)
    most = math.ceil(_EXCEEDANCES / level)
    reached = done = 0
    while done < most:
        size = _COEFFICIENTS * max(1, min(1 + done // _COEFFICIENTS, _BATCH_VALUES // (_COEFFICIENTS * ranks.size)))
        rows = np.arange(size) % _COEFFICIENTS
        order = _block_orders(ranks.size, size, rng)
        reaches = np.flatnonzero(_strength(whitened[rows[:, np.newaxis], order], shortest) >= observed[rows])
        if reached + reaches.size >= _EXCEEDANCES:
            return index, _EXCEEDANCES / (done + int(reaches[_EXCEEDANCES - reached - 1]) + 1)
        reached, done = reached + reaches.size, done + size
    return index, (reached + 1) / (done + 1)


def _strength(rows: FloatArray, shortest: int) -> FloatArray:
    """Return the statistic of each row, shape (rows,), for `rows` of mean zero, shape (rows, n)."""
    size = rows.shape[1]
    bridge = np.cumsum(rows, axis=1)
    ranges = bridge.max(axis=1) - bridge.min(axis=1)
    np.abs(bridge, out=bridge)
    splits = (bridge[:, shortest - 1 : size - shortest] * _split_weights(size, shortest)).max(axis=1)
    strength: FloatArray = np.maximum(splits, ranges * (_RANGE_WEIGHT / math.sqrt(size)))
    return strength


def _best_split(ranks: FloatArray, shortest: int) -> int:
    """Return how many values lie before the best split of the centered `ranks`."""
    bridge = np.abs(np.cumsum(ranks)[shortest - 1 : ranks.size - shortest])
    return shortest + int(np.argmax(bridge * _split_weights(ranks.size, shortest)))


def _split_weights(size: int, shortest: int) -> FloatArray:
    before = np.arange(shortest, size - shortest + 1, dtype=np.float64)
    weights: FloatArray = np.sqrt(size / (before * (size - before)))
    return weights


def _plausible_coefficients(values: FloatArray, edges: Sequence[int]) -> FloatArray:
    """Return evenly spaced quantiles of what the lag-1 autocorrelation may be, none below zero."""
    estimate, error = autocorrelation(values, edges)
    quantiles = [NormalDist().inv_cdf((i + 0.5) / _COEFFICIENTS) for i in range(_COEFFICIENTS)]
    return np.clip(estimate + error * np.asarray(quantiles), 0.0, LARGEST_COEFFICIENT)


def _candidate_edges(ranks: FloatArray, shortest: int) -> list[int]:
    """Split once, and each half again where it is long: a level that came back must not pass for autocorrelation."""
    middle = _best_split(ranks, shortest)
    edges = [0, middle, ranks.size]
    for low, high in ((0, middle), (middle, ranks.size)):
        if high - low >= max(20, 2 * shortest):
            edges.append(low + _best_split(ranks[low:high] - ranks[low:high].mean(), shortest))
    return sorted(edges)


def _block_length(size: int) -> int:
    """Grow as n^(1/3), the optimal order (Künsch 1989); short, since prewhitening leaves little dependence."""
    return max(1, int(size ** (1 / 3) / 2))


def _block_orders(size: int, rows: int, rng: np.random.Generator) -> IndexArray:
    """Return orders of `size` places, shape (rows, size): blocks of a circle cut at a random place, permuted."""
    length = _block_length(size)
    blocks = size // length
    starts = np.argsort(rng.random((rows, blocks)), axis=1) * length
    order = (starts[:, :, np.newaxis] + np.arange(length)).reshape(rows, -1)
    rest = np.broadcast_to(np.arange(blocks * length, size), (rows, size - blocks * length))
    turned: IndexArray = (np.concatenate((order, rest), axis=1) + rng.integers(size, size=(rows, 1))) % size
    return turned
