"""Votes, and the histograms that they add up to.

The histograms of a week are at every commit either absent or what counting its votes would give: a release puts them in
whole, and who is erased is subtracted from them in the transaction that removes the votes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    delete,
    func,
    insert,
    select,
    text,
    update,
)

from corrective_drift.store.schema import CELLS, CLUSTERS, REPORTS, VOTES

_MEASURED = ("metric", "place")
_FACTS = ("provider", "region_class", "minor", "node_bucket")
_POSITION = ("week", *_MEASURED, *_FACTS, "bucket")

Words = tuple[str, ...]
Key = tuple[str, str]
"""Metric and place."""
# A fleet's week may have millions of rows, of which each is needed for a moment.
_STREAMED = {"yield_per": 10_000}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subtracted:
    """What an erasure has taken out of the aggregates."""

    votes: int
    weeks: tuple[str, ...]


def reporters(connection: Connection, first_day: str, last_day: str, *, after: str, most: int) -> dict[str, bool]:
    """Return the next clusters by name that have reported in some days, and whether each has revoked its consent.

    They are locked until the end of the transaction: nobody is erased while being counted.
    """
    reported = select(REPORTS.c.cluster_pid).where(
        REPORTS.c.cluster_pid == CLUSTERS.c.cluster_pid, REPORTS.c.day.between(first_day, last_day)
    )
    found = connection.execute(
        select(CLUSTERS.c.cluster_pid, CLUSTERS.c.revoked)
        .where(CLUSTERS.c.cluster_pid > after, reported.exists())
        .order_by(CLUSTERS.c.cluster_pid)
        .limit(most)
        .with_for_update()
    )
    return {row.cluster_pid: row.revoked for row in found}


def documents(
    connection: Connection, pids: Sequence[str], first_day: str, last_day: str
) -> Iterator[tuple[str, list[str]]]:
    """Yield clusters and what each has reported in some days, as JSON."""
    found = connection.execute(
        select(REPORTS.c.cluster_pid, REPORTS.c.document)
        .where(REPORTS.c.cluster_pid.in_(pids), REPORTS.c.day.between(first_day, last_day))
        .order_by(REPORTS.c.cluster_pid)
    )
    for pid, rows in groupby(found, key=lambda row: str(row[0])):
        yield pid, [row[1] for row in rows]


def replace_votes(
    connection: Connection, pids: Sequence[str], week: str, rows: Iterable[tuple[str, Mapping[str, Any]]]
) -> None:
    """Let these be the votes of some clusters in a week, each row with its cluster; its histograms are gone by that."""
    connection.execute(delete(VOTES).where(VOTES.c.cluster_pid.in_(pids), VOTES.c.week == week))
    connection.execute(delete(CELLS).where(CELLS.c.week == week))
    added = [{**row, "cluster_pid": pid, "week": week} for pid, row in rows]
    if added:
        connection.execute(insert(VOTES), added)


def hold_votes(connection: Connection) -> None:
    """Keep others from changing votes, and from this too, until the transaction ends. SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE votes IN SHARE ROW EXCLUSIVE MODE"))


def count(connection: Connection, week: str) -> list[tuple[Any, ...]]:
    """Return the histograms that the votes of a week add up to, for `put`."""
    columns = [VOTES.c[name] for name in _POSITION]
    found = connection.execute(
        select(*columns, func.count()).where(VOTES.c.week == week).group_by(*columns), execution_options=_STREAMED
    )
    return [tuple(row) for row in found]


def put(connection: Connection, week: str, histograms: Sequence[tuple[Any, ...]]) -> bool:
    """Let these be the histograms of a week, unless votes were removed since they were counted; the caller holds them.

    Counting takes long, and nobody has to wait for it: that it still holds is quickly seen.
    """
    if voted(connection, week) != sum(row[-1] for row in histograms):
        return False
    connection.execute(delete(CELLS).where(CELLS.c.week == week))
    names = [*_POSITION, "count"]
    if histograms:
        connection.execute(insert(CELLS), [dict(zip(names, row, strict=True)) for row in histograms])
    return True


def forget(connection: Connection, before: str) -> None:
    """Remove the votes and histograms of all weeks before one."""
    connection.execute(delete(VOTES).where(VOTES.c.week < before))
    connection.execute(delete(CELLS).where(CELLS.c.week < before))


def subtract(connection: Connection, pid: str) -> Subtracted:
    """Remove a cluster's votes of all weeks, and take them out of the histograms: equal to counting all others anew."""
    columns = [VOTES.c[name] for name in _POSITION]
    found = connection.execute(delete(VOTES).where(VOTES.c.cluster_pid == pid).returning(*columns)).all()
    if found:
        here = and_(*(CELLS.c[name] == bindparam(f"at_{name}") for name in _POSITION))
        places = [{f"at_{name}": value for name, value in zip(_POSITION, row, strict=True)} for row in found]
        connection.execute(update(CELLS).where(here).values(count=CELLS.c.count - 1), places)
        connection.execute(delete(CELLS).where(here, CELLS.c.count == 0), places)
    return Subtracted(votes=len(found), weeks=tuple(sorted({row.week for row in found})))


def contributors(connection: Connection, week: str) -> Iterator[tuple[Key, dict[Words, int]]]:
    """Yield for each metric how many clusters of each finest cohort have voted."""
    columns = [CELLS.c[name] for name in (*_MEASURED, *_FACTS)]
    rows = connection.execute(
        select(*columns, func.sum(CELLS.c.count)).where(CELLS.c.week == week).group_by(*columns).order_by(*columns)
    )
    for key, group in groupby(rows, key=lambda row: (row[0], row[1])):
        yield key, {tuple(row[2:6]): int(row[6]) for row in group}


def histograms(connection: Connection, week: str, key: Key) -> Iterator[tuple[Words, int, int]]:
    """Yield finest cohort, bucket and how many clusters are in it."""
    rows = connection.execute(
        select(*(CELLS.c[name] for name in (*_FACTS, "bucket", "count"))).where(
            CELLS.c.week == week, CELLS.c.metric == key[0], CELLS.c.place == key[1]
        ),
        execution_options=_STREAMED,
    )
    yield from ((tuple(row[:4]), row[4], row[5]) for row in rows)


def in_common(connection: Connection, then: str, now: str) -> Iterator[tuple[Key, dict[tuple[Words, Words], int]]]:
    """Yield for each metric how many clusters were in one cohort in an earlier week, and are in one now."""
    before, after = VOTES.alias("before"), VOTES.alias("after")
    measured = [after.c[name] for name in _MEASURED]
    cohorts = [table.c[name] for table in (before, after) for name in _FACTS]
    same = and_(
        before.c.cluster_pid == after.c.cluster_pid,
        *(before.c[name] == after.c[name] for name in _MEASURED),
        before.c.week == then,
    )
    rows = connection.execute(
        select(*measured, *cohorts, func.count())
        .join_from(after, before, same)
        .where(after.c.week == now)
        .group_by(*measured, *cohorts)
        .order_by(*measured),
        execution_options=_STREAMED,
    )
    for key, group in groupby(rows, key=lambda row: (row[0], row[1])):
        yield key, {(tuple(row[2:6]), tuple(row[6:10])): row[10] for row in group}


def counted(connection: Connection, week: str) -> int:
    """Return how many votes the histograms of a week hold."""
    return int(connection.execute(select(func.sum(CELLS.c.count)).where(CELLS.c.week == week)).scalar() or 0)


def voted(connection: Connection, week: str) -> int:
    """Return how many votes there are of a week."""
    return connection.execute(select(func.count()).select_from(VOTES).where(VOTES.c.week == week)).scalar_one()


def voters(connection: Connection, week: str) -> int:
    """Return how many clusters have voted in a week."""
    distinct = func.count(VOTES.c.cluster_pid.distinct())
    return int(connection.execute(select(distinct).where(VOTES.c.week == week)).scalar() or 0)
