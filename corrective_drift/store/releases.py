"""Releases as they are kept, and the fragments of weeks that are closed by them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from corrective_drift.store.schema import FRAGMENT_TALLIES, FRAGMENTS, RELEASES

_SAID = ("fragment", "provider", "nodes", "value")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRelease:
    """A release with everything about it."""

    week: str
    released_day: str
    contributors: int
    sha256: str
    document: str
    groups_then: Any
    """What `releases` has noted, as JSON."""


def latest(connection: Connection) -> KeptRelease | None:
    """Return the latest release, None as long as there is none."""
    return _one(connection, select(RELEASES).order_by(RELEASES.c.week.desc()).limit(1))


def of_week(connection: Connection, week: str) -> KeptRelease | None:
    """Return the release of a week."""
    return _one(connection, select(RELEASES).where(RELEASES.c.week == week))


def latest_digest(connection: Connection) -> str | None:
    """Return the SHA-256 of the latest release, without reading it."""
    found = connection.execute(select(RELEASES.c.sha256).order_by(RELEASES.c.week.desc()).limit(1))
    return found.scalar()


def summary(connection: Connection) -> tuple[int, int]:
    """Return how many releases there are, and the number of clusters that contributed to the latest."""
    count = connection.scalar(select(func.count()).select_from(RELEASES)) or 0
    latest_first = select(RELEASES.c.contributors).order_by(RELEASES.c.week.desc()).limit(1)
    return int(count), int(connection.scalar(latest_first) or 0)


def groups_then(connection: Connection) -> list[tuple[str, Any]]:
    """Return week and groups of each release, in order."""
    found = connection.execute(select(RELEASES.c.week, RELEASES.c.groups_then).order_by(RELEASES.c.week))
    return [(week, groups) for week, groups in found]


def keep(connection: Connection, release: KeptRelease) -> None:
    """Keep a release. A week is released once: the primary key refuses another."""
    connection.execute(insert(RELEASES).values(**{column.name: getattr(release, column.name) for column in RELEASES.c}))


def close_fragments(connection: Connection, week: str) -> None:
    """Count the fragments of a week and forget the voters, and whatever has come for weeks that are closed already."""
    columns = [FRAGMENTS.c[name] for name in _SAID]
    counted = select(FRAGMENTS.c.week, *columns, func.count()).where(FRAGMENTS.c.week == week)
    counted = counted.group_by(FRAGMENTS.c.week, *columns)
    connection.execute(insert(FRAGMENT_TALLIES).from_select(["week", *_SAID, "count"], counted))
    connection.execute(delete(FRAGMENTS).where(FRAGMENTS.c.week <= week))


def tallies(connection: Connection, week: str) -> Iterator[tuple[str, str, str, str, int]]:
    """Yield kind of fragment, provider, nodes, value and how many clusters said so."""
    columns = [FRAGMENT_TALLIES.c[name] for name in (*_SAID, "count")]
    found = connection.execute(select(*columns).where(FRAGMENT_TALLIES.c.week == week).order_by(*columns))
    yield from ((row[0], row[1], row[2], row[3], row[4]) for row in found)


def _one(connection: Connection, query: Any) -> KeptRelease | None:
    row = connection.execute(query).mappings().first()
    return None if row is None else KeptRelease(**row)
