"""From a cohort's histogram to what is published of it. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

from corrective_drift.disclosure import Cell
from corrective_drift.votes import Measure
from probes.measure.baselines import LEAST_BEYOND, PERCENTS, CohortBaseline, MetricBaseline
from probes.measure.histogram import nearest_rank

# Two figures of one cohort differ by nobody or by at least as many.
_ROUNDING = 5


def cohort_baseline(cell: Cell, week: str, buckets: Mapping[int, int]) -> CohortBaseline:
    """Return what is published of a cohort whose contributors are in `buckets` (index -> how many)."""
    contributors = sum(buckets.values())
    return CohortBaseline(
        rung=cell[0],
        cohort=cell[1],
        week=week,
        contributors=told(contributors),
        percentiles=_percentiles(buckets, contributors),
    )


def metric_baseline(metric: str, place: str, measure: Measure, cohorts: Sequence[CohortBaseline]) -> MetricBaseline:
    """Return the baseline of a metric, its cohorts in one order whatever theirs is."""
    return MetricBaseline(
        metric=metric,
        place=place,
        scale=measure.scale,
        step=measure.step,
        first=measure.first,
        last=measure.last,
        words=measure.words,
        cohorts=tuple(sorted(cohorts, key=lambda each: (-each.rung, each.cohort))),
    )


def told(contributors: int) -> int:
    """Return the number of contributors as it may be told: at least so many."""
    return contributors // _ROUNDING * _ROUNDING


def _percentiles(buckets: Mapping[int, int], contributors: int) -> dict[str, int]:
    """Return the percentiles that have enough contributors on either side."""
    indexes = sorted(buckets)
    upto = list(accumulate(buckets[index] for index in indexes))
    allowed = [percent for percent in PERCENTS if min(percent, 100 - percent) * contributors >= LEAST_BEYOND * 100]
    return {f"p{percent}": _at(indexes, upto, _rank(contributors, percent)) for percent in allowed}


def _rank(contributors: int, percent: int) -> int:
    """Return the nearest rank; of the lower percentiles counted from above, lest one less be below than beyond."""
    if percent < 50:
        return contributors + 1 - nearest_rank(contributors, (100 - percent) / 100)
    return nearest_rank(contributors, percent / 100)


def _at(indexes: Iterable[int], upto: Iterable[int], rank: int) -> int:
    return next(index for index, count in zip(indexes, upto, strict=True) if count >= rank)
