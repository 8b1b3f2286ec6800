"""Drift told to the cluster, as an Event that `kubectl get events` shows. Pure.

Only words of the list that also leaves (`wire.vocabulary.METRICS`) and percentages stand in it: Events are copied to
places where names of storage classes or nodes have no business.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from agent.wire.vocabulary import METRICS
from probes.measure.drift import Finding, Kind

# The API refuses notes of more than 1 kB (https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/).
_SHOWN = 8
_CONTROLLER = "prism-platform.io/telemetry-agent"


def drift_event(findings: Sequence[Finding], *, namespace: str, now: datetime, suffix: str) -> dict[str, Any]:
    """Return the manifest of an Event about the agent's Deployment; `suffix` makes its name one of its own."""
    lines = list(dict.fromkeys(_lines(findings)))
    more = f"; and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": f"telemetry-agent.{suffix}", "namespace": namespace},
        "eventTime": f"{now:%Y-%m-%dT%H:%M:%S.%f}Z",
        "type": "Warning" if any(finding.worse for finding in findings) else "Normal",
        "reason": "DriftFound",
        "action": "Compare",
        "reportingController": _CONTROLLER,
        "reportingInstance": "telemetry-agent",
        "regarding": {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "name": "telemetry-agent",
            "namespace": namespace,
        },
        "note": "; ".join(lines[:_SHOWN]) + more + "; see `telemetry-agent drift`",
    }


def _lines(findings: Sequence[Finding]) -> Iterator[str]:
    for finding in findings:
        yield f"{_subject(finding)} {_change(finding)}"


def _subject(finding: Finding) -> str:
    """Return probe and metric by their listed words; a metric's own name may end in that of a storage class."""
    known = METRICS.get(finding.subject)
    if known is None:
        return "a setting"
    words = (word for word in known if finding.what == word or finding.what.startswith(f"{word}_"))
    metric = max(words, key=len, default="a metric")
    return f"{finding.subject} {metric}"


def _change(finding: Finding) -> str:
    doubt = " (an early warning)" if finding.kind is Kind.DRIFTING else ""
    judged = {True: "worse", False: "better", None: "changed"}[finding.worse]
    before, after = finding.before, finding.after
    if isinstance(before, str) or isinstance(after, str) or not before:
        return f"{judged}{doubt}"
    return f"{judged} by {abs(after / before - 1):.0%}{doubt}"
