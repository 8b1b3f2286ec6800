"""From a cluster's reports of a week to its votes: one for each metric, whatever it sends and however often. Pure.

What can be voted on follows from the table of fields: every number that leaves in buckets or in ranges, and the medians
of what probes measured. A vote has the number of a bucket, and beside it the facts that clusters are compared by.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from statistics import median_low
from typing import Any

from agent.wire import vocabulary
from agent.wire.documents import FRAGMENTS
from agent.wire.fields import TABLE
from agent.wire.numbers import Bucket, Index
from agent.wire.types import Kind
from probes.measure.baselines import (
    NODE_BUCKETS,
    UNFIT,
    UNKNOWN,
    CohortBaseline,
    MetricBaseline,
    Release,
    Scale,
    node_bucket,
)

_BENCHMARKS = "benchmarks"
# What clusters are compared by can't be what is compared.
_COHORT_FIELDS = frozenset({"cluster.minor", "nodes.count"})
_MINIMAL = "minimal"
# Of the fragments those that have an order other than the cohorts': in words there is no percentile.
_FRAGMENTS = {kind: name for kind, name in FRAGMENTS.items() if name.startswith("nodes.")}

_Key = tuple[str, str]
"""Metric and place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What the numbers of a metric's buckets mean; the attributes are those of `MetricBaseline`."""

    scale: Scale
    step: int
    first: int
    last: int
    words: tuple[str, ...] = ()

    def is_of(self, published: MetricBaseline) -> bool:
        """Tell whether a published metric's buckets mean the same: those of an earlier schema may not."""
        return (self.scale, self.step, self.first, self.last, self.words) == (
            published.scale, published.step, published.first, published.last, published.words
        )  # fmt: skip


@dataclass(frozen=True, slots=True, order=True)
class Facts:
    """What clusters are compared by, in words; the attributes are `probes.measure.baselines.FACTS`, in its order."""

    provider: str
    region_class: str
    minor: str
    node_bucket: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """What a cluster says about one metric in one week."""

    metric: str
    place: str
    facts: Facts
    bucket: int
    day: str
    """The last day that went into it."""


def votes(documents: Iterable[Mapping[str, Any]]) -> tuple[Vote, ...]:
    """Return the votes of one cluster's documents of one week (standard or detailed, as `agent.wire.fields` has them).

    A vote is the lower median of all that the documents say. The facts are those of the latest document for all votes
    alike: a cluster that was upgraded or has grown within the week is in one cohort, not in two.
    """
    said: dict[_Key, list[int]] = defaultdict(list)
    days: dict[_Key, str] = {}
    latest: Mapping[str, Any] = {}
    for latest in sorted(documents, key=lambda each: str(each["day"])):
        for key, bucket in statements(latest):
            said[key].append(bucket)
            days[key] = latest["day"]
    return tuple(
        Vote(metric=key[0], place=key[1], facts=facts(latest), bucket=median_low(said[key]), day=days[key])
        for key in sorted(said)
    )


def facts(document: Mapping[str, Any]) -> Facts:
    """Return what the cluster of a document is compared by; `unknown` is what it doesn't tell."""
    cluster, nodes = document.get("cluster", {}), document.get("nodes", {})
    return Facts(
        provider=cluster.get("provider", UNKNOWN),
        region_class=cluster.get("region_class", UNKNOWN),
        minor=cluster.get("minor", UNKNOWN),
        node_bucket=_COARSE.get(nodes.get("count"), UNKNOWN),
    )


def statements(document: Mapping[str, Any]) -> Iterator[tuple[_Key, int]]:
    """Yield metric and place, and the bucket, of everything in a document that can be voted on.

    What this release doesn't know, such as a word or a bucket out of an older report, is passed over.
    """
    for name, kind in _NUMBERS.items():
        subject, _, attribute = name.partition(".")
        number = bucket_of(kind, document.get(subject, {}).get(attribute))
        if number is not None:
            yield (name, ""), number
    benchmarks = document.get(_BENCHMARKS, {})
    for probe in vocabulary.METRICS:
        for row in benchmarks.get(probe, ()):
            metric = f"{probe}.{row['metric']}"
            number = bucket_of(_MEDIANS[metric], row["median"]) if metric in _MEDIANS and _counts(row) else None
            if number is not None:
                yield (metric, _place(benchmarks.get("profile"), row)), number


def fragment_metric(fragment: str) -> str | None:
    """Return the metric that a kind of fragment votes on; None where there is no order to have percentiles of."""
    return f"{_MINIMAL}.{_FRAGMENTS[fragment]}" if fragment in _FRAGMENTS else None


def measure(metric: str) -> Measure | None:
    """Return what a metric's buckets mean; None for what is no metric of this release."""
    return _MEASURES.get(metric)


def cohort(release: Release, metric: str, place: str, facts: Facts) -> CohortBaseline | None:
    """Return the finest published cohort of a cluster with these facts, where its buckets mean what a vote's do."""
    published, meaning = release.by_metric.get((metric, place)), measure(metric)
    if published is None or meaning is None or not meaning.is_of(published):
        return None
    return release.cohort(metric, place, asdict(facts))


def bucket_of(kind: Kind, value: Any) -> int | None:
    """Return the bucket of a value of the wire; None for what this release has no bucket for."""
    match kind:
        case Index() if type(value) is int and kind.first <= value <= kind.last and value % kind.step == 0:
            return value
        case Bucket() if value in kind.labels:
            return kind.labels.index(value)
    return None


def _counts(row: Mapping[str, Any]) -> bool:
    """Tell whether a row can be compared: a storage class of an unknown kind with none, a tool's limit neither."""
    of_unknown_kind = "storage_class" in row and row.get("storage_kind", vocabulary.OTHER) == vocabulary.OTHER
    return not of_unknown_kind and UNFIT.isdisjoint(row["doubts"]) and row["metric"] != vocabulary.OTHER


def _place(profile: str | None, row: Mapping[str, Any]) -> str:
    """Where a row was measured. How thoroughly is a part of it: a quick run's file may lie in a cache."""
    return "/".join(part for part in (profile, row.get("path"), row.get("storage_kind")) if part)


def _measure(kind: Index | Bucket) -> Measure:
    if isinstance(kind, Index):
        return Measure(scale=Scale.LOGARITHMIC, step=kind.step, first=kind.first, last=kind.last)
    return Measure(scale=Scale.RANGES, step=1, first=0, last=len(kind.labels) - 1, words=tuple(kind.labels))


_COARSE = dict(zip(NODE_BUCKETS, NODE_BUCKETS, strict=True)) | {
    label: node_bucket(int(start))
    for field in TABLE
    if field.name == "nodes.count" and isinstance(field.kind, Bucket)
    for start, label in zip(map(math.ceil, field.kind.starts), field.kind.labels, strict=True)
}
"""Range of nodes of any level -> the coarse one that it lies in."""
_NUMBERS: Mapping[str, Index | Bucket] = {
    field.name: field.kind
    for field in TABLE
    if isinstance(field.kind, Index | Bucket) and field.name not in _COHORT_FIELDS
}
_MEDIANS: Mapping[str, Kind] = {
    f"{probe}.{metric}": field.kind.columns["median"]
    for field in TABLE
    for probe, metrics in vocabulary.METRICS.items()
    for metric in metrics
    if field.name == f"{_BENCHMARKS}.{probe}"
}
_OF_FRAGMENTS = {f"{_MINIMAL}.{field.name}": field.minimal for field in TABLE if field.name in _FRAGMENTS.values()}
_MEASURES = {
    metric: _measure(kind)
    for metric, kind in {**_NUMBERS, **_MEDIANS, **_OF_FRAGMENTS}.items()
    if isinstance(kind, Index | Bucket)
}
