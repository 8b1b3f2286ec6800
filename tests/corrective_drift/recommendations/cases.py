"""Documents with the few fields that a test is about, and releases with one cohort."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from corrective_drift.percentiles import cohort_baseline, metric_baseline
from corrective_drift.recommendations.engine import recommend
from corrective_drift.recommendations.finding import Advice, Finding
from corrective_drift.votes import measure
from probes.measure.baselines import EMPTY, LADDER, Release

TODAY = date(2026, 11, 24)
_RUNG = len(LADDER) - 1


def documents(days: int, fields: Mapping[str, Any], *, until: date = TODAY) -> list[dict[str, Any]]:
    """Daily documents until a day; a value that is a list of as many is one a day."""
    return [document(until - timedelta(days=days - 1 - at), _at(fields, at, days)) for at in range(days)]


def document(day: date, fields: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"day": day.isoformat()}
    for name, value in fields.items():
        subject, _, attribute = name.partition(".")
        made.setdefault(subject, {})[attribute] = value
    return made


def storage(bucket: int, metric: str = "read_latency", kind: str = "aws_ebs", name: str = "a" * 20) -> dict[str, Any]:
    return {
        "metric": metric, "median": bucket, "rounds": "5-7", "doubts": [], "storage_kind": kind, "storage_class": name,
    }  # fmt: skip


def released(buckets: Mapping[int, int], metric: str = "storage.read_latency", place: str = "quick/aws_ebs") -> Release:
    """A release of one metric with one cohort, of all clusters: bucket -> how many of them."""
    meaning = measure(metric)
    assert meaning is not None
    cohort = cohort_baseline((_RUNG, ()), "2026-W46", buckets)
    return Release(week="2026-W46", metrics=(metric_baseline(metric, place, meaning, [cohort]),))


def advice(given: Sequence[Mapping[str, Any]], release: Release = EMPTY, **options: Any) -> Advice:
    return recommend(given, release, today=TODAY, **options)


def said(
    given: Sequence[Mapping[str, Any]], release: Release = EMPTY, **options: Any
) -> dict[tuple[str, str], Finding]:
    found = advice(given, release, **options).recommendations
    return {(each.rule, each.subject): each for each in found}


def _at(fields: Mapping[str, Any], at: int, days: int) -> dict[str, Any]:
    return {
        name: value[at] if isinstance(value, list) and len(value) == days else value for name, value in fields.items()
    }
