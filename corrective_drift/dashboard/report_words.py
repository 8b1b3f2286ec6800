"""A report in words: what it says of the cluster, and how each field came to be in it. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.wire import vocabulary
from agent.wire.fields import TABLE
from agent.wire.numbers import Index
from agent.wire.records import Rows
from corrective_drift.dashboard import names, view
from corrective_drift.quantities import unit_after

_STATUSES = {
    "ok": "read",
    "off": "switched off",
    "forbidden": "the agent may not read it",
    "timeout": "took too long",
    "missing_api": "the cluster has no such API",
    "failed": "failed",
}
_MEASURED, _OTHER = "benchmarks", vocabulary.OTHER


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report for its cluster's people."""

    day: str
    level: str
    lead: str
    groups: Sequence[view.Group]
    collectors: Sequence[view.Fact]


def report(document: Mapping[str, Any]) -> Report:
    """Return a document (standard or detailed) in words; its measurements are for `standing`."""
    return Report(
        day=str(document["day"]),
        level=str(document["level"]),
        lead=_lead(document),
        groups=list(_groups(document)),
        collectors=[
            (names.subject_title(collector), _STATUSES.get(status, str(status)))
            for collector, status in document.get("collected", {}).items()
        ],
    )


def value_words(name: str, value: Any) -> str:
    """Return the value of a field in words, with its unit."""
    field = _FIELDS.get(name)
    if field is not None and isinstance(field.kind, Index) and type(value) is int:
        scale = names.scale_of(name, "")
        return names.bucket_value(scale, value) if scale is not None else str(value)
    if isinstance(value, list) and any(isinstance(each, dict) for each in value):
        return names.plural(len(value), "row")
    return f"{names.ranged(names.plain(value))} {unit_after(name)}".rstrip()


def _lead(document: Mapping[str, Any]) -> str:
    cluster, nodes = document.get("cluster", {}), document.get("nodes", {})
    kind = names.spoken(cluster.get("distribution", _OTHER))
    said = [
        f"{before} {names.spoken(cluster[name])}"
        for name, before in (("provider", "on"), ("region_class", "in"), ("minor", "with Kubernetes"))
        if cluster.get(name, _OTHER) != _OTHER
    ]
    size = [
        f"{str(nodes[name]).replace('-', ' to ')} {unit}"
        for name, unit in (("count", "nodes"), ("cpu_cores", "CPU cores"), ("memory_gib", "GiB of memory"))
        if name in nodes
    ]
    first = " ".join(("A cluster" if kind == _OTHER else names.sentence(kind), *said))
    return f"{first}: {names.listed(size)}." if size else f"{first}."


def _groups(document: Mapping[str, Any]) -> Iterator[view.Group]:
    for subject in dict.fromkeys(field.subject for field in TABLE):
        said = document.get(subject)
        if isinstance(said, dict) and subject != _MEASURED:
            facts = [
                (names.field_title(f"{subject}.{attribute}"), value_words(f"{subject}.{attribute}", value))
                for attribute, value in said.items()
            ]
            yield view.Group(title=names.subject_title(subject), facts=facts)


_FIELDS = {field.name: field for field in TABLE}
TABLES = frozenset(field.name for field in TABLE if isinstance(field.kind, Rows))
"""The fields whose values are rows."""
