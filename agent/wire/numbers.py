"""Numbers of the wire: ranges with a name, buckets of constant relative width, and histograms of these. Pure.

The buckets are those of `probes.measure.histogram`: value x falls into bucket ⌈log_γ x⌉. Here several neighbors
are one, named by the highest of them, so that a service can add such numbers to its own histograms as they are.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from agent.wire.facts import Distribution
from agent.wire.types import Json, Kind, Labels, Problem, Pseudonym, Untreatable

GAMMA = 1.02
"""As in `probes.measure.histogram`, which is not imported because it needs NumPy; a test compares them."""
_LOG_GAMMA = math.log(GAMMA)
# Beyond, `probes.measure.histogram` reads no count back either.
_COUNT_LIMIT = 2**53


@dataclass(frozen=True)
class Bucket(Labels):
    """One of a few ranges of numbers."""

    starts: Sequence[float]
    """Where each range begins, ascending; a range ends where the next begins."""
    labels: Sequence[str]
    """The ranges in words, as many as `starts`."""
    maximum: float = math.inf
    """The largest number there can be."""

    def __post_init__(self) -> None:
        if len(self.starts) != len(self.labels) or any(low >= high for low, high in pairwise(self.starts)):
            raise ValueError("a bucket needs ascending starts, and a label for each")

    def _treatment(self) -> str:
        return "the range that it lies in"

    def _treat(self, raw: object, _pseudonym: Pseudonym) -> Json:
        number = finite(raw)
        if not self.starts[0] <= number <= self.maximum:
            raise Untreatable("a number outside of every range")
        return self.labels[bisect_right(self.starts, number) - 1]


# The least number above zero: what exists at all is not none.
_SOME = math.ulp(0.0)


def counts(most: int) -> Bucket:
    """Return ranges of counts: 0, 1-4, 5-7, 8-15 and so on, doubling up to `most`, a power of two.

    Below five nothing is told apart: a kind of which there are few is what singles a cluster out.
    """
    doubling = [8 << step for step in range(most.bit_length() - 4)] + [most]
    starts = sorted({5, *doubling})
    labels = ["0", "1-4", *(f"{low}-{high - 1}" for low, high in pairwise(starts)), f"{most}+"]
    return Bucket((0, _SOME, *starts), tuple(labels))


def coarse(*starts: int) -> Bucket:
    """Return ranges that begin at 0 and at `starts`."""
    labels = [f"{low}-{high - 1}" for low, high in pairwise((0, *starts))]
    return Bucket((0, *starts), (*labels, f"{starts[-1]}+"))


SHARE = Bucket(
    (0, _SOME, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 1),
    ("0", "0-5%", "5-10%", "10-25%", "25-50%", "50-75%", "75-90%", "90-95%", "95-100%", "100%"),
    # Sums of parts may pass the whole by a rounding.
    maximum=1 + 1e-9,
)
"""A part of a whole, 0 to 1. None and all are told apart from few and most: rules ask for them."""


@dataclass(frozen=True)
class Index(Kind):
    """The number of the bucket that a positive value falls into; below the first and above the last are theirs."""

    lowest: float
    """Values up to this, and zero, are in the first bucket."""
    highest: float
    step: int = 1
    """How many neighbors are one bucket."""

    @cached_property
    def first(self) -> int:
        """The lowest index, a multiple of `step`."""
        return self._up(math.ceil(math.log(self.lowest) / _LOG_GAMMA))

    @cached_property
    def last(self) -> int:
        """The highest index, a multiple of `step`."""
        return self._up(math.ceil(math.log(self.highest) / _LOG_GAMMA))

    def settle(self, index: int) -> int:
        """Return the index of this type for one of the histogram's."""
        return min(max(self._up(index), self.first), self.last)

    def _up(self, index: int) -> int:
        return -(-index // self.step) * self.step

    def _treatment(self) -> str:
        return f"the number of its bucket, each {GAMMA**self.step - 1:.0%} wide"

    def _allowed(self) -> str:
        return f"a multiple of {self.step} from {self.first} to {self.last}"

    def _size(self) -> int:
        return (self.last - self.first) // self.step + 1

    def _treat(self, raw: object, _pseudonym: Pseudonym) -> Json:
        number = finite(raw)
        return self.first if number <= self.lowest else self.settle(math.ceil(math.log(number) / _LOG_GAMMA))

    def _problems(self, value: Json, path: str) -> Iterator[Problem]:
        if type(value) is not int or not self.first <= value <= self.last or value % self.step:
            yield self.wrong(path)

    def _json_schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.first, "maximum": self.last, "multipleOf": self.step}


@dataclass(frozen=True)
class Histogram(Kind):
    """Where samples lie, in thousandths of them: [[index, thousandths], …] by ascending index.

    How many samples there were and where the most extreme ones lay would tell one run from any other for as long as it
    is kept; in thousandths neither is left. What an index stands for is told by `index`.
    """

    index: Index
    most: int = 48
    """How many buckets at most, two or more; samples that lie in more are put into wider ones, of 2, 4, … steps."""

    TOTAL = 1000

    def __post_init__(self) -> None:
        # The widest buckets are those below and above 1: into fewer than two no widening leads.
        if self.most < 2:
            raise ValueError("a histogram needs room for two buckets")

    def _treatment(self) -> str:
        return f"thousandths of the samples in buckets {GAMMA**self.index.step - 1:.0%} wide, or wider"

    def _allowed(self) -> str:
        return f"a list of 1 to {self.most} pairs of an index and thousandths"

    def _treat(self, raw: object, _pseudonym: Pseudonym) -> Json:
        shares = _apportioned(self._fitted(_settled(raw, self.index)), self.TOTAL)
        return [[index, share] for index, share in sorted(shares.items()) if share]

    def _fitted(self, counts: Mapping[int, int]) -> Mapping[int, int]:
        step = self.index.step
        while len(counts) > self.most:
            step *= 2
            counts = _summed((min(-(-index // step) * step, self.index.last), n) for index, n in counts.items())
        return counts

    def _problems(self, value: Json, path: str) -> Iterator[Problem]:
        if type(value) is not list or not 1 <= len(value) <= self.most:
            yield self.wrong(path)
            return
        total, before = 0, self.index.first - 1
        for position, pair in enumerate(value):
            place = f"{path}[{position}]"
            if type(pair) is not list or len(pair) != 2:
                yield Problem(place, "must be a pair of an index and a share")
                return
            index, share = pair
            wrong = [*self.index.problems(index, f"{place}[0]")]
            if wrong or index <= before:
                yield from wrong or [Problem(f"{place}[0]", "must be above the index before it")]
                return
            if type(share) is not int or not 1 <= share <= self.TOTAL:
                yield Problem(f"{place}[1]", f"must be an integer from 1 to {self.TOTAL}")
                return
            total, before = total + share, index
        if total != self.TOTAL:
            yield Problem(path, f"must have shares that sum to {self.TOTAL}")

    def _json_schema(self) -> dict[str, Any]:
        share = {"type": "integer", "minimum": 1, "maximum": self.TOTAL}
        pair = {
            "type": "array",
            "prefixItems": [self.index.json_schema(), share],
            "items": False,
            "minItems": 2,
            "maxItems": 2,
        }
        return {"type": "array", "items": pair, "minItems": 1, "maxItems": self.most}


def _settled(raw: object, index: Index) -> Mapping[int, int]:
    """Return the samples by index of the wire; zeros are in its first bucket."""
    if not isinstance(raw, Distribution):
        raise Untreatable("no distribution")
    for number in (*raw.counts, *raw.counts.values(), raw.zeros):
        if type(number) is not int or abs(number) > _COUNT_LIMIT:
            raise Untreatable("a distribution of other than whole numbers")
    if min(raw.counts.values(), default=0) < 0 or raw.zeros < 0:
        raise Untreatable("a distribution with less than no samples")
    counts = _summed([(index.first, raw.zeros), *((index.settle(at), count) for at, count in raw.counts.items())])
    if not any(counts.values()):
        raise Untreatable("a distribution without samples")
    return {at: count for at, count in counts.items() if count}


def _summed(pairs: Iterable[tuple[int, int]]) -> dict[int, int]:
    sums: dict[int, int] = {}
    for index, count in pairs:
        sums[index] = sums.get(index, 0) + count
    return sums


def _apportioned(counts: Mapping[int, int], total: int) -> dict[int, int]:
    """Return shares that sum to `total`, by the largest remainders; equal ones go to the lower index."""
    everything = sum(counts.values())
    shares = {index: count * total // everything for index, count in counts.items()}
    rest = total - sum(shares.values())
    for index in sorted(counts, key=lambda each: (-(counts[each] * total % everything), each))[:rest]:
        shares[index] += 1
    return shares


def finite(raw: object) -> float:
    """Return a raw number. Raises Untreatable for anything else, true, infinities and NaN included."""
    # No cluster has more of anything, and a larger integer would not fit a float.
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not abs(raw) < 1e300:
        raise Untreatable("no finite number")
    return raw
