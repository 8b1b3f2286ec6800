"""Removing a cluster: what was there is counted, removed and counted again, and what must be remembered is kept."""

from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from corrective_drift.store.schema import BATCHES, CLUSTERS, CONSENTS, ERASURES, REPORTS, VOTES, erased_pid

_HELD = (BATCHES, CLUSTERS, CONSENTS, REPORTS, VOTES)


def lock(connection: Connection, cluster_pid: str) -> bytes | None:
    """Keep others from writing to a cluster until the transaction ends; return its token's digest, None for none."""
    query = select(CLUSTERS.c.token_sha256).where(CLUSTERS.c.cluster_pid == cluster_pid).with_for_update()
    token: bytes | None = connection.scalar(query)
    return token


def counts(connection: Connection, cluster_pid: str) -> dict[str, int]:
    """Return how many rows of each table are a cluster's."""
    return {
        table.name: connection.scalar(
            select(func.count()).select_from(table).where(table.c.cluster_pid == cluster_pid)
        ) or 0
        for table in _HELD
    }  # fmt: skip


def remove(connection: Connection, cluster_pid: str) -> None:
    """Remove all rows of a cluster; its consents stay under a word that doesn't lead to it."""
    forgotten = erased_pid(cluster_pid)
    # After a second erasure, those of the first are there already.
    known = select(CONSENTS.c.consent_digest).where(CONSENTS.c.cluster_pid == forgotten)
    named = CONSENTS.c.cluster_pid == cluster_pid
    moved = update(CONSENTS).where(named, CONSENTS.c.consent_digest.not_in(known))
    connection.execute(moved.values(cluster_pid=forgotten, revoked=True))
    for table in _HELD:
        connection.execute(delete(table).where(table.c.cluster_pid == cluster_pid))


def keep(connection: Connection, cluster_pid: str, token_sha256: bytes, day: str, receipt: dict[str, Any]) -> None:
    """Keep the receipt of an erasure, in place of an earlier one of that day and token: days alone don't order them."""
    here = (ERASURES.c.cluster_pid == erased_pid(cluster_pid)) & (ERASURES.c.erased_day == day)
    connection.execute(delete(ERASURES).where(here, ERASURES.c.token_sha256 == token_sha256))
    row = {
        "cluster_pid": erased_pid(cluster_pid),
        "receipt_id": receipt["receipt"],
        "token_sha256": token_sha256,
        "erased_day": day,
        "receipt": receipt,
    }
    connection.execute(insert(ERASURES), row)


def kept(connection: Connection, cluster_pid: str) -> list[tuple[bytes, dict[str, Any]]]:
    """Return the erasures of a cluster, the latest first: the token's digest, and the receipt."""
    query = select(ERASURES.c.token_sha256, ERASURES.c.receipt).where(ERASURES.c.cluster_pid == erased_pid(cluster_pid))
    ordered = query.order_by(ERASURES.c.erased_day.desc())
    return [(token, receipt) for token, receipt in connection.execute(ordered)]
