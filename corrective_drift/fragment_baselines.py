"""What is published of the minimal level. Pure: chance is given.

Nobody can tell whether the fragments of two weeks are by the same clusters, so the differences between two releases
can't be checked as those of `disclosure`. Instead each cohort leaves out as many contributors as a group must have,
drawn anew each week: what two releases differ by is then never one cluster's coming or going alone. Only one rung is
published, so that within a release there is nothing to subtract.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from random import Random

from corrective_drift.percentiles import cohort_baseline, metric_baseline
from corrective_drift.votes import fragment_metric, measure
from probes.measure.baselines import LADDER, LEAST_CONTRIBUTORS, MetricBaseline

_RUNG = LADDER.index(("provider", "node_bucket"))


def fragment_baselines(
    week: str, tallies: Iterable[tuple[str, str, str, str, int]], chance: Random
) -> tuple[MetricBaseline, ...]:
    """Return the baselines of a week's fragments: kind, provider, range of nodes, range of the value, how many."""
    counts: dict[str, dict[tuple[str, str], Counter[int]]] = defaultdict(lambda: defaultdict(Counter))
    for fragment, provider, nodes, value, count in tallies:
        metric = fragment_metric(fragment)
        meaning = measure(metric) if metric is not None else None
        # A range that this release doesn't know is out of an older schema.
        if metric is not None and meaning is not None and value in meaning.words:
            counts[metric][provider, nodes][meaning.words.index(value)] += count
    return tuple(found for metric, cells in sorted(counts.items()) if (found := _baseline(metric, week, cells, chance)))


def _baseline(
    metric: str, week: str, cells: dict[tuple[str, str], Counter[int]], chance: Random
) -> MetricBaseline | None:
    meaning = measure(metric)
    cohorts = [
        cohort_baseline((_RUNG, words), week, buckets - _left_out(buckets, chance))
        for words, buckets in sorted(cells.items())
        if buckets.total() >= 2 * LEAST_CONTRIBUTORS
    ]
    return metric_baseline(metric, "", meaning, cohorts) if meaning is not None and cohorts else None


def _left_out(buckets: Counter[int], chance: Random) -> Counter[int]:
    indexes = sorted(buckets)
    return Counter(chance.sample(indexes, LEAST_CONTRIBUTORS, counts=[buckets[index] for index in indexes]))
