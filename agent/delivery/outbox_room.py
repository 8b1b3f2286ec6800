"""How much the outbox holds, and who makes room for whom. Everything here happens inside the caller's transaction."""

import sqlite3
from collections.abc import Sequence

from agent.delivery.outbox_rows import Limits, LossReason

_SIZES = {
    "reports": "SELECT count(*), coalesce(sum(length(body)), 0) FROM reports WHERE ",
    "batches": "SELECT coalesce(sum(documents), 0), coalesce(sum(length(body)), 0) FROM batches WHERE ",
}


class Room:
    """Counts what is there, and drops with a record of it."""

    def __init__(self, connection: sqlite3.Connection, limits: Limits) -> None:
        self._db = connection
        self._limits = limits
        # Counting at each put would cost more than the put: the count is kept as long as nobody else has written.
        self._documents = 0
        self._bytes = 0
        self._counted_version: int | None = None

    def added(self, size_bytes: int) -> None:
        """Note one more document."""
        self._documents += 1
        self._bytes += size_bytes

    def recount(self) -> None:
        """Trust the count no longer: rows came or went, or a transaction was rolled back."""
        self._counted_version = None

    def begin(self) -> None:
        """Make sure of the count; to be called before what is then `added` is inserted."""
        version: int = self._db.execute("PRAGMA data_version").fetchone()[0]
        if version != self._counted_version:
            counts = [self._db.execute(f"{query} 1").fetchone() for query in _SIZES.values()]
            self._documents, self._bytes = (sum(column) for column in zip(*counts, strict=True))
            self._counted_version = version

    def make(self) -> None:
        """Drop the oldest until the rest fits: documents, batches and dead letters alike."""
        while self._documents > self._limits.documents or self._bytes > self._limits.bytes:
            oldest = self._db.execute(
                "SELECT place, seq FROM (SELECT 'reports' AS place, min(seq) AS seq FROM reports"
                " UNION ALL SELECT 'batches', min(seq) FROM batches) WHERE seq IS NOT NULL ORDER BY seq LIMIT 1"
            ).fetchone()
            self.drop(oldest["place"], "seq = ?", (oldest["seq"],), LossReason.OVERFLOW)
            self.begin()

    def drop_old(self, now: float) -> None:
        """Drop what has reached its age, receipts too."""
        for table in _SIZES:
            self.drop(table, "drop_at <= ?", (now,), LossReason.AGE)
        self._db.execute("DELETE FROM receipts WHERE done_at <= ?", (now - self._limits.age_seconds,))

    def drop(self, table: str, condition: str, values: Sequence[object], reason: LossReason) -> int:
        """Delete rows, record the loss, and return how many documents it was."""
        documents: int
        documents, size = self._db.execute(_SIZES[table] + condition, values).fetchone()
        if documents:
            # Table and condition are words of this package.
            self._db.execute(f"DELETE FROM {table} WHERE {condition}", values)  # noqa: S608  # see above
            self._db.execute(
                "INSERT INTO losses VALUES (?, ?, ?) ON CONFLICT (reason) DO UPDATE"
                " SET documents = documents + excluded.documents, bytes = bytes + excluded.bytes",
                (reason, documents, size),
            )
            self.recount()
        return documents
