"""Where a value stands among those of a cohort: a percentile with an interval, out of what a release says.

Two things are uncertain. The value itself has an interval, and the cohort is a sample of the clusters that there are:
the rank of a percentile q among n of them has the binomial standard error √(q(1-q)/n). Between two published
percentiles nothing is known but the order, so that the interval reaches from the one to the other.
"""

import math
from dataclasses import dataclass

from probes.measure.baselines import CohortBaseline

# Of the normal distribution, two-sided 95 %: with five contributors beyond each percentile it is close enough.
_QUANTILE = 1.96


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a value stands, in shares of the cohort, 0 to 1."""

    share: float | None
    """The share of the cohort that is below; None beyond the outermost percentiles, where only a bound is known."""
    low: float
    high: float
    """Between these with 95 % confidence."""


def position(cohort: CohortBaseline, bucket: int, *, low: int | None = None, high: int | None = None) -> Position:
    """Return where a value in `bucket` stands; `low` and `high` are the buckets of its own interval's ends.

    Raises ValueError for ends on the wrong side.
    """
    low, high = bucket if low is None else low, bucket if high is None else high
    if not low <= bucket <= high:
        raise ValueError("a value lies within its interval")
    points = _points(cohort)
    below = max((q for q, at in points if at < low), default=0.0)
    above = min((q for q, at in points if at > high), default=1.0)
    return Position(
        share=_share(points, bucket),
        low=max(0.0, below - _error(below, cohort.contributors)),
        high=min(1.0, above + _error(above, cohort.contributors)),
    )


def _points(cohort: CohortBaseline) -> list[tuple[float, int]]:
    """The published percentiles as (share, bucket), ascending."""
    return sorted((int(name.removeprefix("p")) / 100, bucket) for name, bucket in cohort.percentiles.items())


def _share(points: list[tuple[float, int]], bucket: int) -> float | None:
    """Interpolate between the percentiles around a bucket; buckets are logarithms, or ranks of ranges."""
    same = [q for q, at in points if at == bucket]
    if same:
        return (same[0] + same[-1]) / 2
    before = max((point for point in points if point[1] < bucket), default=None)
    after = min((point for point in points if point[1] > bucket), default=None)
    if before is None or after is None:
        return None
    (low, start), (high, end) = before, after
    return low + (high - low) * (bucket - start) / (end - start)


def _error(share: float, contributors: int) -> float:
    return _QUANTILE * math.sqrt(share * (1 - share) / contributors)
