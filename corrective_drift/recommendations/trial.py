"""Days against a threshold: what a rule's evidence comes down to. Pure.

A day counts as beyond where all of its range is, so that what a bucket hides speaks for the cluster. The test is the
sign test: were the cluster's true median on the threshold, a day would be beyond it with a probability of a half at
most. Days of one cluster resemble one another, more than the test supposes; what it rules out is that a few odd days
make a finding, and the effect sizes beside it do the rest.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from corrective_drift.recommendations.evidence import Series
from corrective_drift.recommendations.ranges import Range, median_interval
from probes.measure.baselines import CohortBaseline
from probes.measure.position import position


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a test found."""

    days: int
    beyond: int
    """On how many of them the cluster was beyond the threshold."""
    p_value: float
    effect: float
    """Cliff's δ against the reference."""


def above(series: Series, threshold: float) -> Trial:
    """Test whether the cluster is above a threshold: the effect is the share of days beyond less those not."""
    beyond = sum(each.value.low >= threshold for each in series)
    within = sum(each.value.high <= threshold for each in series)
    return Trial(
        days=len(series),
        beyond=beyond,
        p_value=tail(beyond, len(series), 0.5),
        effect=(beyond - within) / max(1, len(series)),
    )


def above_cohort(series: Series, threshold: float, cohort: CohortBaseline, bucket: Callable[[float], int]) -> Trial:
    """Test whether the cluster is above a threshold; the effect is against all of the cohort.

    Where a day lies beyond the outermost percentile only a bound of its place is known, which is taken.
    """
    plain = above(series, threshold)
    shares = [_share(cohort, bucket(each.value.middle)) for each in series]
    effect = sum(2 * share - 1 for share in shares) / max(1, len(shares))
    return Trial(days=plain.days, beyond=plain.beyond, p_value=plain.p_value, effect=effect)


def tail(successes: int, tries: int, chance: float) -> float:
    """Return the probability of at least so many successes (binomial)."""
    return sum(
        math.comb(tries, count) * chance**count * (1 - chance) ** (tries - count)
        for count in range(successes, tries + 1)
    )


def typical(series: Series) -> tuple[float, Range]:
    """Return the middle of the median day, and the interval of the median."""
    ranges: Sequence[Range] = [each.value for each in series]
    ordered = sorted(ranges, key=lambda each: (each.low, each.high))
    return ordered[(len(ordered) - 1) // 2].middle, median_interval(ranges)


def _share(cohort: CohortBaseline, bucket: int) -> float:
    stands = position(cohort, bucket)
    if stands.share is not None:
        return stands.share
    outermost = sorted((at, int(name.removeprefix("p")) / 100) for name, at in cohort.percentiles.items())
    if not outermost:
        return 0.5
    return outermost[-1][1] if bucket > outermost[-1][0] else outermost[0][1]
