"""Removing by age, over all clusters: the one kind of statement that does not name a shard, once a day."""

from sqlalchemy import Connection, CursorResult, delete

from corrective_drift.store.schema import BATCHES, FRAGMENTS, REPORTS


def remove_reports(connection: Connection, *, before_day: str) -> int:
    """Remove the reports of earlier days; return how many."""
    return _count(connection.execute(delete(REPORTS).where(REPORTS.c.day < before_day)))


def remove_batches(connection: Connection, *, before_day: str) -> int:
    """Remove what was received on earlier days, with its receipts; return how many."""
    return _count(connection.execute(delete(BATCHES).where(BATCHES.c.received_day < before_day)))


def remove_fragments(connection: Connection, *, before_week: str) -> None:
    """Remove the fragments of earlier weeks."""
    connection.execute(delete(FRAGMENTS).where(FRAGMENTS.c.week < before_week))


def _count(result: CursorResult[object]) -> int:
    return max(0, result.rowcount)
