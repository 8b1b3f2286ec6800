"""What a document's buckets stand for: ranges of numbers. Pure.

A document holds no number but the bucket that it lies in, so that everything computed from it has two ends.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agent.wire.fields import TABLE
from agent.wire.numbers import GAMMA, Bucket, Index
from corrective_drift.votes import bucket_of

# What is counted in whole pieces: "1-4" of these is at least one, while of cores it may be any part of one.
_WHOLE = frozenset({"nodes", "objects", "cells", "minor versions"})


@dataclass(frozen=True, slots=True)
class Range:
    """Between these the value lies; `high` may be infinite."""

    low: float
    high: float

    @property
    def middle(self) -> float:
        """The middle, or the lower end where there is no upper one."""
        return (self.low + self.high) / 2 if math.isfinite(self.high) else self.low

    def scaled(self, factor: float) -> "Range":
        """Return the range times a number."""
        return Range(self.low * factor, self.high * factor)


def range_of(name: str, value: Any) -> Range | None:
    """Return what a field's value on the wire stands for; None where the field has no number or not this value."""
    kind = _KINDS.get(name)
    at = None if kind is None else bucket_of(kind, value)
    if at is None:
        return None
    if isinstance(kind, Index):
        return of_index(at, first=kind.first, last=kind.last, step=kind.step)
    assert isinstance(kind, Bucket), "there are two kinds of number"
    return _of_bucket(kind, at, whole=_UNITS[name] in _WHOLE)


def of_index(index: int, *, first: int, last: int, step: int) -> Range:
    """Return the values of a logarithmic bucket; the outermost hold all that is beyond."""
    low = 0.0 if index <= first else GAMMA ** (index - step)
    return Range(low, math.inf if index >= last else GAMMA**index)


def median_interval(readings: Sequence[Range]) -> Range:
    """Return the 95 % interval of the median of what was read, by order statistics; all of it below six readings.

    Each end takes the outer end of the ranges, so that what a bucket hides widens it.
    """
    count = len(readings)
    lows, highs = sorted(each.low for each in readings), sorted(each.high for each in readings)
    rank, tail = 0, 0.5**count
    while tail <= 0.025:
        rank += 1
        tail += math.comb(count, rank) * 0.5**count
    rank = max(rank, 1)
    return Range(lows[rank - 1], highs[count - rank])


def _of_bucket(kind: Bucket, at: int, *, whole: bool) -> Range:
    low = float(kind.starts[at])
    high = float(kind.starts[at + 1]) if at + 1 < len(kind.starts) else kind.maximum
    if not whole:
        return Range(low, high)
    # A range begins where the one before it ends, which is no part of it.
    return Range(float(math.ceil(low)), high if math.isinf(high) else float(math.ceil(high) - 1))


_KINDS = {field.name: field.kind for field in TABLE}
_UNITS = {field.name: field.unit for field in TABLE}
