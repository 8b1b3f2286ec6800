"""Slower than others of its kind: storage, the network between nodes and between zones, images, pods, look-ups. Pure.

One rule, a row for each thing that can be slow. Slow is a typical day that is slower than nine tenths of the cohort and
takes at least twice as long as its median: what is merely below average needs no advice. Between zones it must also be
the distance: where a round trip within a zone takes more than half as long, nodes are slow and not what lies between.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from corrective_drift.recommendations.case import Candidate, Case, Rule, against_cohort, observed, value_of
from corrective_drift.recommendations.evidence import Series
from corrective_drift.recommendations.finding import Abstention, Saving
from corrective_drift.recommendations.ranges import Range
from corrective_drift.recommendations.trial import above_cohort, typical
from probes.measure.baselines import CohortBaseline

_TIMES_MEDIAN = 2.0
# Where less is added to the way within a zone than that takes itself, nodes and their plugin are what is slow.
_TIMES_WITHIN = 2.0
# The first of these that is published: with fewer than fifty contributors there is no 90th percentile.
_QUANTILES = ("p90", "p75")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    name: str
    title: str
    metrics: tuple[str, ...]
    action: str
    risk: str
    undo: str
    paths: tuple[str, ...] = ()
    """The place must have one of these parts; any place will do where there are none."""
    within: str = ""
    """A path that these paths hold, too: what it takes is none of their own."""
    takes: str = "level detailed, benchmarks switched on"
    """What it takes to be measured."""
    version: int = 1


_ROWS = (
    _Row(
        name="slow-storage",
        title="A storage class that is slower than others of its kind",
        metrics=("storage.read_latency", "storage.write_latency", "storage.fsync_latency"),
        action="compare the class's parameters with its provider's documentation (type, provisioned IOPS, throughput, "
        "size, the instance's own limit); put what waits for its disk on a faster class",
        risk="a class's parameters can't be changed: a new class is needed and the data has to be moved, and a faster "
        "one may cost more",
        undo="keep the old class and volume until the new one has proven itself, then switch the claim back if it "
        "doesn't",
    ),
    _Row(
        name="slow-cross-node",
        title="A network between nodes that is slower than others'",
        metrics=("latency.request_response_64b",),
        paths=("same_zone", "other_node"),
        action="look at the network plugin's encapsulation and encryption, and at the instances' own limit; where "
        "nodes have no zone on their label and may lie in several, keep what talks much together",
        risk="changing a network plugin interrupts the cluster; larger instances may cost more",
        undo="set the plugin back as it was, in a window as for the change itself",
        version=2,
    ),
    _Row(
        name="slow-cross-zone",
        title="Zones that are further from one another than others'",
        metrics=("latency.request_response_64b",),
        paths=("other_zone",),
        within="same_zone",
        takes="level detailed, benchmarks switched on, and nodes in several zones with topology.kubernetes.io/zone",
        action="keep what talks much within a zone (`trafficDistribution` of its Services, pod affinity by "
        "topology.kubernetes.io/zone), and give new pools of nodes zones that lie closer",
        risk="what is kept in one zone fails with it, and traffic that stays in its zone may load replicas unevenly",
        undo="remove `trafficDistribution` and the affinity; pods move as they are replaced",
    ),
    _Row(
        name="slow-image-pull",
        title="Images that take longer to pull than others'",
        metrics=("startup.image_pull",),
        action="put a pull-through cache or a mirror of the registry near the nodes, and make images smaller",
        risk="a cache that is down keeps pods from starting, unless the runtime may go past it",
        undo="take the mirror out of the runtime's configuration",
    ),
    _Row(
        name="slow-pod-start",
        title="Pods that take longer to start than others'",
        metrics=("startup.pod_startup",),
        action="look at what comes between scheduling and start: admission webhooks, the network plugin, the runtime, "
        "and nodes that are short of CPU (the parts are in the report: pod_scheduling, pod_sandbox, pod_start)",
        risk="webhooks are there for a reason: what they check must be checked elsewhere",
        undo="enable again what was switched off",
    ),
    _Row(
        name="slow-dns",
        title="Names that take longer to look up than others'",
        metrics=("dns.name_1_cold", "dns.name_2_cold"),
        action="run a DNS cache on each node (NodeLocal DNSCache), give CoreDNS more replicas or CPU, and write names "
        "outside of the cluster with a dot at the end",
        risk="a cache on the node is one more thing that can fail there",
        undo="remove the cache's DaemonSet; kubelets go on to name the cluster's own service",
    ),
)


def _judge(row: _Row, case: Case) -> Iterator[Candidate | Abstention]:
    measured = False
    for metric in row.metrics:
        everywhere = case.evidence.measured(metric)
        for (place, owner), series in everywhere.items():
            if row.paths and set(row.paths).isdisjoint(place.split("/")):
                continue
            measured = True
            found = _judged(row, case, metric, (place, owner), series)
            inner = everywhere.get((_inner(row, place), owner)) if row.within else None
            if isinstance(found, Candidate) and inner is not None:
                found = replace(found, suspected=typical(series)[0] >= _TIMES_WITHIN * typical(inner)[0])
            yield found
    if not measured:
        yield Abstention(rule=row.name, reason=f"no report has it measured ({row.takes})")


def _inner(row: _Row, place: str) -> str:
    """Return the place that differs by its path alone."""
    return "/".join(row.within if part in row.paths else part for part in place.split("/"))


def _judged(row: _Row, case: Case, metric: str, where: tuple[str, str], series: Series) -> Candidate | Abstention:
    place, _ = where
    subject = " ".join(part for part in where if part)
    cohort = case.cohort(metric, place)
    high = _high(cohort) if cohort is not None else None
    if cohort is None or high is None or "p50" not in cohort.percentiles:
        reason = f"no baseline yet of {metric}{f' {place}' if place else ''}: too few clusters like this one report it"
        return Abstention(rule=row.name, subject=subject, reason=reason)
    middle = value_of(cohort.percentiles["p50"])
    threshold = max(high, _TIMES_MEDIAN * middle)
    bucket = case.release.by_metric[metric, place].bucket
    return Candidate(
        subject=subject,
        trial=above_cohort(series, threshold, cohort, bucket),
        observed=observed(f"{metric} {place}".rstrip(), series, "ns"),
        baseline=against_cohort(metric, place, cohort, threshold),
        savings=(_saving(series, middle),),
        action=row.action,
        risk=row.risk,
        undo=row.undo,
    )


def _high(cohort: CohortBaseline) -> float | None:
    return next((value_of(cohort.percentiles[name]) for name in _QUANTILES if name in cohort.percentiles), None)


def _saving(series: Series, middle: float) -> Saving:
    value, interval = typical(series)
    low, mid, high = (max(0.0, end - middle) for end in (interval.low, value, _end(interval)))
    return Saving(
        of="time",
        low=low,
        mid=mid,
        high=high,
        unit="ns",
        price_source="time has no price here",
        assumption="of each operation, if it becomes like the median of the cohort",
    )


def _end(interval: Range) -> float:
    return interval.high if interval.high < float("inf") else interval.low


def _rule(row: _Row) -> Rule:
    return Rule(
        name=row.name, version=row.version, title=row.title, judge=lambda case: _judge(row, case), needs=row.metrics
    )


SLOWER = tuple(_rule(row) for row in _ROWS)
