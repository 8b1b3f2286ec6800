"""Rules that hold a field against a threshold of their own: missing requests, unbound claims. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from corrective_drift.recommendations.case import Candidate, Case, Rule, against_threshold, observed
from corrective_drift.recommendations.finding import Abstention
from corrective_drift.recommendations.trial import above

RESOURCES = {"cpu": "CPU", "memory": "memory"}
"""A resource in a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    field: str
    unit: str
    subject: str
    threshold: float
    source: str
    action: str
    risk: str
    undo: str


def _judge(name: str, rows: tuple[_Row, ...], case: Case) -> Iterator[Candidate | Abstention]:
    for row in rows:
        series = case.evidence.field(row.field)
        if not series:
            yield Abstention(rule=name, subject=row.subject, reason=f"no report has {row.field}")
            continue
        yield Candidate(
            subject=row.subject,
            trial=above(series, row.threshold),
            observed=observed(row.field, series, row.unit),
            baseline=against_threshold(row.threshold, row.source),
            action=row.action,
            risk=row.risk,
            undo=row.undo,
        )


def _rule(name: str, title: str, *rows: _Row) -> Rule:
    return Rule(
        name=name,
        version=1,
        title=title,
        judge=lambda case: _judge(name, rows, case),
        needs=tuple(row.field for row in rows),
    )


def _without(resource: str) -> _Row:
    return _Row(
        field=f"workloads.without_{resource}_request_share",
        unit="of all containers",
        subject=resource,
        # A range of the field begins here; fewer are often jobs that are meant to take what is left over.
        threshold=0.25,
        source="a quarter of all containers",
        action=f"give the containers without one a {RESOURCES[resource]} request of what they use at their peak, "
        "the largest first",
        risk="pods that ask for more may not find a node; without a request they are the first to be evicted or slowed",
        undo="remove the requests again: what the scheduler does returns to what it is now",
    )


MISSING_REQUESTS = _rule(
    "missing-requests", "Containers that the scheduler knows nothing of", _without("cpu"), _without("memory")
)

UNBOUND_CLAIMS = _rule(
    "unbound-claims",
    "Claims that wait for a volume",
    _Row(
        field="workloads.unbound_claims",
        unit="claims",
        subject="",
        threshold=1,
        source="any claim, day after day",
        action="see `kubectl get pvc -A` and the events of each that is Pending: no such class, no quota, no zone "
        "that fits",
        risk="a class with WaitForFirstConsumer leaves a claim unbound until a pod uses it, which is no fault; "
        "reports don't tell these apart",
        undo="nothing is changed by looking; delete only claims that no workload names",
    ),
)
