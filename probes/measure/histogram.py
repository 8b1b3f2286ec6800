"""Mergeable histograms with buckets of constant relative width.

A positive value x falls into bucket i = ⌈log_γ x⌉, which covers (γ^(i-1), γ^i] and is represented by 2γ^i/(γ+1), so
that any quantile is off by at most (γ-1)/(γ+1) = 0.99 % for γ = 1.02. This is the logarithmic mapping of DDSketch
(Masson, Rim, Lee, VLDB 2019, doi:10.14778/3352063.3352135) without its collapsing of buckets, which keeps histograms
linear: merging is adding, taking a part back out is subtracting, and both are exact.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt

GAMMA = 1.02
RELATIVE_ERROR = (GAMMA - 1) / (GAMMA + 1)
_LOG_GAMMA = math.log(GAMMA)

# Positive values lie within 1e-300 to 1e300. Without a bound, two far buckets of a file would allocate all between.
_INDEX_LIMIT = math.ceil(300 * math.log(10) / _LOG_GAMMA)
# What JSON readers elsewhere still hold exactly (RFC 8259, section 6); sums of thousands of files stay below 2⁶³.
_COUNT_LIMIT = 2**53
_JSON_KEYS = frozenset({"gamma", "zeros", "buckets", "counts"})

FloatArray = npt.NDArray[np.float64]
CountArray = npt.NDArray[np.int64]


class Histogram:
    """How many values fell into each bucket; immutable.

    `zeros` counts the values that are exactly zero, `first` is the index of the first bucket in `counts` (int64,
    shape (buckets,), no zero at either end, so that equal contents are equal objects).
    """

    __slots__ = ("counts", "first", "zeros")

    def __init__(self, *, zeros: int = 0, first: int = 0, counts: npt.ArrayLike = ()) -> None:
        """Trim `counts`; raises ValueError for a negative count."""
        array = np.array(counts, dtype=np.int64).reshape(-1)
        if zeros < 0 or (array < 0).any():
            raise ValueError("a histogram can't hold a negative count: more was subtracted than was ever added")
        used = np.flatnonzero(array)
        low, high = (int(used[0]), int(used[-1]) + 1) if used.size else (0, 0)
        self.zeros = int(zeros)
        self.first = first + low if used.size else 0
        self.counts: CountArray = array[low:high]
        self.counts.flags.writeable = False

    @classmethod
    def of(cls, values: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> Self:
        """Count `values` (any shape, zero or 1e-300 to 1e300), each `weights` times (whole, same shape; default 1).

        Raises ValueError for other values and weights.
        """
        array = np.asarray(values, dtype=np.float64).reshape(-1)
        times = np.ones(array.size, np.int64) if weights is None else _whole_numbers(weights)
        if times.shape != array.shape:
            raise ValueError(f"{array.size} values with {times.size} weights: each value needs one")
        positive = array != 0
        if positive.any() and not (array[positive].min() >= 1e-300 and array[positive].max() <= 1e300):
            raise ValueError("a histogram takes zeros and values from 1e-300 to 1e300, nothing negative or infinite")
        zeros = int(times[~positive].sum())
        if not positive.any():
            return cls(zeros=zeros)
        index = np.ceil(np.log(array[positive]) / _LOG_GAMMA).astype(np.int64)
        first = int(index.min())
        counts = np.zeros(int(index.max()) - first + 1, dtype=np.int64)
        np.add.at(counts, index - first, times[positive])
        return cls(zeros=zeros, first=first, counts=counts)

    @classmethod
    def merged(cls, parts: "Iterable[Histogram]") -> "Histogram":
        """Return the sum of all `parts`; the empty histogram for none."""
        return sum(parts, Histogram())

    @property
    def count(self) -> int:
        """How many values were counted."""
        return self.zeros + int(self.counts.sum())

    @property
    def representatives(self) -> FloatArray:
        """The value that stands for each bucket of `counts`, shape (buckets,)."""
        return self.upper_edges * (2 / (GAMMA + 1))

    @property
    def upper_edges(self) -> FloatArray:
        """The inclusive upper edge of each bucket of `counts`, shape (buckets,)."""
        edges: FloatArray = GAMMA ** np.arange(self.first, self.first + self.counts.size, dtype=np.float64)
        return edges

    def at_rank(self, rank: int) -> float:
        """Return the representative of the `rank`-th smallest value, 1 ≤ rank ≤ count; raises ValueError outside."""
        if not 1 <= rank <= self.count:
            raise ValueError(f"rank {rank} is outside 1..{self.count}")
        if rank <= self.zeros:
            return 0.0
        bucket = int(np.searchsorted(np.cumsum(self.counts), rank - self.zeros))
        return float(GAMMA ** (self.first + bucket) * (2 / (GAMMA + 1)))

    def quantile(self, q: float) -> float:
        """Return the nearest-rank quantile, 0 < q ≤ 1, within RELATIVE_ERROR of the sample's own."""
        return self.at_rank(nearest_rank(self.count, q))

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` takes back without loss; buckets are listed sparsely."""
        used = np.flatnonzero(self.counts)
        return {
            "gamma": GAMMA,
            "zeros": self.zeros,
            "buckets": (used + self.first).tolist(),
            "counts": self.counts[used].tolist(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote, from a source that need not be trusted. Raises ValueError for anything else."""
        if not isinstance(data, Mapping) or data.keys() != _JSON_KEYS:
            raise ValueError(f"a histogram is an object with exactly {', '.join(sorted(_JSON_KEYS))}")
        if data["gamma"] != GAMMA:
            raise ValueError(f"a histogram with γ = {data['gamma']!r} can't be read, only one with γ = {GAMMA}")
        buckets = _json_integers(data["buckets"], "buckets", -_INDEX_LIMIT, _INDEX_LIMIT)
        counts = _json_integers(data["counts"], "counts", 1, _COUNT_LIMIT)
        zeros = _json_integers([data["zeros"]], "zeros", 0, _COUNT_LIMIT)[0]
        if len(buckets) != len(counts) or len(set(buckets)) != len(buckets):
            raise ValueError("a histogram needs one count for each of its buckets, and no bucket twice")
        if zeros + sum(counts) > _COUNT_LIMIT:
            raise ValueError("a histogram holds at most 2⁵³ values in all")
        if not buckets:
            return cls(zeros=zeros)
        first = min(buckets)
        dense = np.zeros(max(buckets) - first + 1, dtype=np.int64)
        dense[np.asarray(buckets) - first] = counts
        return cls(zeros=zeros, first=first, counts=dense)

    def __add__(self, other: "Histogram") -> "Histogram":
        return self._combine(other, 1)

    def __sub__(self, other: "Histogram") -> "Histogram":
        """Take `other` back out; raises ValueError if it holds what self does not."""
        return self._combine(other, -1)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Histogram):
            return NotImplemented
        return self.zeros == other.zeros and self.first == other.first and np.array_equal(self.counts, other.counts)

    def __hash__(self) -> int:
        return hash((self.zeros, self.first, self.counts.tobytes()))

    def __repr__(self) -> str:
        return f"Histogram(count={self.count}, zeros={self.zeros}, first={self.first}, buckets={self.counts.size})"

    def _combine(self, other: "Histogram", sign: int) -> "Histogram":
        zeros = self.zeros + sign * other.zeros
        parts = [(h, s) for h, s in ((self, 1), (other, sign)) if h.counts.size]
        if not parts:
            return Histogram(zeros=zeros)
        first = min(h.first for h, _ in parts)
        counts = np.zeros(max(h.first + h.counts.size for h, _ in parts) - first, dtype=np.int64)
        for h, s in parts:
            counts[h.first - first : h.first - first + h.counts.size] += s * h.counts
        return Histogram(zeros=zeros, first=first, counts=counts)


def nearest_rank(count: int, q: float) -> int:
    """Return the 1-based rank of the `q` quantile of `count` values: the smallest rank with a share of at least q.

    The product is rounded at 1e-9 first: 0.95 × 20 must be rank 19, not 20 by a floating-point hair.
    """
    if not 0 < q <= 1:
        raise ValueError(f"a quantile lies in (0, 1], not at {q}")
    if count < 1:
        raise ValueError("no values: a quantile needs at least one")
    return min(count, max(1, math.ceil(q * count - 1e-9)))


def _whole_numbers(weights: npt.ArrayLike) -> CountArray:
    array = np.asarray(weights).reshape(-1)
    if array.size and (array.dtype.kind not in "iu" or array.min() < 0):
        raise ValueError("the weights of a histogram are whole numbers of zero or more")
    return array.astype(np.int64)


def _json_integers(values: object, name: str, low: int, high: int) -> list[int]:
    """Return `values` if it is a list of integers (true is none) within the bounds; raises ValueError otherwise."""
    if not isinstance(values, list):
        raise ValueError(f"the {name} of a histogram are a list")  # noqa: TRY004 - bad data, not a bad call
    for value in values:
        if type(value) is not int or not low <= value <= high:
            raise ValueError(f"the {name} of a histogram are integers from {low} to {high}, unlike {value!r:.40}")
    return values
