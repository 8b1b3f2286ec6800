"""Everything that is kept about one cluster, for the cluster itself to see."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, func, select

from corrective_drift.store.schema import BATCHES, CLUSTERS, CONSENTS, REPORTS, VOTES

HELD: Sequence[Table] = (CLUSTERS, CONSENTS, REPORTS, BATCHES, VOTES)
"""The tables that have rows of a cluster, in the order in which they are shown."""


def count(connection: Connection, cluster_pid: str) -> dict[str, int]:
    """Return table -> how many rows of it are a cluster's."""
    counted = (
        (table.name, select(func.count()).select_from(table).where(table.c.cluster_pid == cluster_pid))
        for table in HELD
    )
    return {name: int(connection.scalar(query) or 0) for name, query in counted}


def rows(connection: Connection, table: Table, cluster_pid: str, *, offset: int, most: int) -> list[dict[str, Any]]:
    """Return some of a cluster's rows of a table, the latest first where its key has a day or a week."""
    columns = [column for column in table.primary_key.columns if column.name != "cluster_pid"]
    query = select(table).where(table.c.cluster_pid == cluster_pid).order_by(*(column.desc() for column in columns))
    if table is BATCHES:
        # Their ids are made of the time by agents that want it so; by others they are not.
        newest = BATCHES.c.received_day.desc()
        query = select(table).where(table.c.cluster_pid == cluster_pid).order_by(newest, *columns)
    return [dict(row) for row in connection.execute(query.offset(offset).limit(most)).mappings()]


def documents(connection: Connection, cluster_pid: str, *, since_day: str, most: int) -> list[str]:
    """Return a cluster's latest documents, JSON, oldest first."""
    query = select(REPORTS.c.document).where(REPORTS.c.cluster_pid == cluster_pid, REPORTS.c.day >= since_day)
    newest = query.order_by(REPORTS.c.day.desc(), REPORTS.c.report_id.desc()).limit(most)
    return list(connection.scalars(newest))[::-1]


def document(connection: Connection, cluster_pid: str, report_id: str) -> str | None:
    """Return one of a cluster's documents, JSON."""
    query = select(REPORTS.c.document).where(REPORTS.c.cluster_pid == cluster_pid, REPORTS.c.report_id == report_id)
    found: str | None = connection.scalar(query)
    return found


def last_day(connection: Connection, cluster_pid: str) -> str | None:
    """Return the day of a cluster's latest report."""
    found: str | None = connection.scalar(select(func.max(REPORTS.c.day)).where(REPORTS.c.cluster_pid == cluster_pid))
    return found
