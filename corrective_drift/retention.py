"""What is removed by age: a report and its receipt after the retention, and what should have been removed before."""

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection

from corrective_drift.store import ages, aggregates
from corrective_drift.weeks import week_of

# A release removes a closed week's voters; where none was made, they still go.
_LONGEST_VOTER = timedelta(days=21)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """What was removed."""

    reports: int
    batches: int


def expire(connection: Connection, *, today: date, retention_days: int) -> Expired:
    """Remove what is too old."""
    before = (today - timedelta(days=retention_days)).isoformat()
    aggregates.forget(connection, week_of(today - timedelta(days=retention_days)))
    ages.remove_fragments(connection, before_week=week_of(today - _LONGEST_VOTER))
    return Expired(
        reports=ages.remove_reports(connection, before_day=before),
        batches=ages.remove_batches(connection, before_day=before),
    )
