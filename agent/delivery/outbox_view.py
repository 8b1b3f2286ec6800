"""Looks into an outbox: figures, dead letters, receipts. Writes nothing."""

import sqlite3
from collections.abc import Iterator

from agent.delivery.outbox import Outbox
from agent.delivery.outbox_rows import DeadLetter, KeptReceipt, Stats
from agent.levels import Level


def stats(outbox: Outbox) -> Stats:
    """Return the figures of `status` and of the metrics."""
    db = outbox.connection
    reports, report_bytes, first_report = db.execute(
        "SELECT count(*), coalesce(sum(length(body)), 0), min(put_at) FROM reports"
    ).fetchone()
    batched, batch_bytes, first_batch = db.execute(
        "SELECT coalesce(sum(documents) FILTER (WHERE refusal IS NULL), 0), coalesce(sum(length(body)), 0),"
        " min(put_at) FILTER (WHERE refusal IS NULL) FROM batches"
    ).fetchone()
    (dead,) = db.execute("SELECT coalesce(sum(documents), 0) FROM batches WHERE refusal IS NOT NULL").fetchone()
    oldest = min((at for at in (first_report, first_batch) if at is not None), default=None)
    service = outbox.service()
    return Stats(
        waiting_documents=reports + batched,
        dead_documents=dead,
        bytes=report_bytes + batch_bytes,
        oldest_age_seconds=0.0 if oldest is None else max(0.0, outbox.now() - oldest),
        failures=service.failures,
        halt=service.halt,
        halted_at=service.halted_at,
    )


def next_seconds(outbox: Outbox, flush_interval_seconds: float) -> float | None:
    """Return in how many seconds something is to be sealed or sent, 0 for now, None where nothing waits for a time."""
    service = outbox.service()
    if service.halt is not None:
        return None
    earliest: float | None
    (earliest,) = outbox.connection.execute(
        "SELECT min(at) FROM ("
        "SELECT max(not_before, CASE WHEN alone THEN 0 ELSE put_at + ? END) AS at FROM reports"
        " UNION ALL SELECT not_before FROM batches WHERE refusal IS NULL)",
        (flush_interval_seconds,),
    ).fetchone()
    return None if earliest is None else max(0.0, max(earliest, service.not_before_seconds) - outbox.now())


def dead_letters(outbox: Outbox) -> Iterator[DeadLetter]:
    """Yield what the service refused for good, the oldest first."""
    rows = outbox.connection.execute(
        "SELECT batch_id, level, documents, length(body), refusal, put_at FROM batches"
        " WHERE refusal IS NOT NULL ORDER BY seq"
    )
    for batch_id, level, documents, size, status, put_at in rows:
        yield DeadLetter(
            batch_id=batch_id,
            level=Level(level),
            documents=documents,
            bytes=size,
            status=status,
            age_seconds=max(0.0, outbox.now() - put_at),
        )


def receipts(outbox: Outbox) -> Iterator[KeptReceipt]:
    """Yield the receipts within the retention, the latest first."""
    yield from map(_receipt, outbox.connection.execute(
        "SELECT batch_id, receipt, received_at, accepted, level, sha256, audit_head FROM receipts"
        " ORDER BY done_at DESC, batch_id"
    ))  # fmt: skip


def _receipt(row: sqlite3.Row) -> KeptReceipt:
    batch_id, receipt, received_at, accepted, level, sha256, audit_head = row
    return KeptReceipt(
        batch_id=batch_id,
        receipt=receipt,
        received_at=received_at,
        accepted=accepted,
        level=Level(level),
        sha256=sha256,
        audit_head=audit_head,
    )
