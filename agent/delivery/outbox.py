"""The outbox: anonymized documents on their way, durable from the moment that `put` returns.

Documents wait; when enough have gathered, or the first has waited long enough, they are sealed into a batch, which has
its bytes and its id for good. A batch leaves by a receipt, by age, or to make room; refused ones stay as dead letters.
Several processes may work with one outbox. What gets lost is counted in the file itself, until `told` says that the
audit trail has it.
"""

import random
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from agent.delivery.answers import Receipt
from agent.delivery.batch import Batch
from agent.delivery.elapsed import Clock, elapsed, system_clock
from agent.delivery.outbox_file import anchored, connected
from agent.delivery.outbox_room import Room
from agent.delivery.outbox_rows import Halt, Limits, Loss, LossReason, Service
from agent.delivery.outbox_seal import Ripeness, ripe, seal
from agent.levels import Level
from agent.privacy.outgoing import Outgoing
from agent.sqlite_file import transaction

# What is to go alone and is this much later than a flush could make it was held up: by then others of its cluster may
# be overdue too, and leaving together would join them.
_OVERDUE_SECONDS = 60
# What may leave once is named by its week: after two months nobody names it again.
_ONCE_SECONDS = 60 * 86_400
# Of the year 9999: what a date can hold.
_LAST_SECOND = 253_402_300_799.0
_BATCHES = (
    "SELECT batch_id, level, consent_digest, schema_digest, documents, alone, body, sha256, audit_head, attempts"
    " FROM batches"
)

# With `opened`, what most callers need.
__all__ = ["Limits", "Outbox", "opened"]


class Outbox:
    """An open outbox; use one in one thread. See `opened`."""

    def __init__(self, connection: sqlite3.Connection, limits: Limits, clock: Clock, rng: random.Random) -> None:
        self.connection = connection
        self._limits = limits
        self._clock = clock
        self._rng = rng
        self._room = Room(connection, limits)
        self._anchor = anchored(connection, clock, keep=False)

    def put(self, records: Sequence[Outgoing], *, consent_digest: str) -> None:
        """Take documents: all or none, and durable when this returns. The oldest make room where it is needed."""
        with self._writing() as now:
            self._room.begin()
            for record in records:
                if record.once is None or self._first_time(record.once, now):
                    self._insert(record, consent_digest, now)
            self._room.make()

    def seal(self, ripeness: Ripeness, *, audit_head: str | None) -> None:
        """Drop what is too old, and make batches of what is ripe; `audit_head` goes with those above minimal.

        To be called at least once in the flush interval.
        """
        self._anchor = anchored(self.connection, self._clock, keep=True)
        self.drop_old()
        with self._writing() as now:
            if not ripeness.everything:
                self._spread_anew(now - ripeness.flush_interval_seconds - _OVERDUE_SECONDS, now)
            for seqs in ripe(self.connection, ripeness, now):
                seal(
                    self.connection,
                    seqs,
                    audit_head=audit_head,
                    unix_seconds=self._clock.wall_seconds(),
                    rng=self._rng,
                )
                self._room.recount()

    def drop_old(self) -> None:
        """Drop what has reached its age; `seal` does that too, but not while nothing may be sent."""
        with self._writing() as now:
            self._room.drop_old(now)
            self.connection.execute("DELETE FROM taken_once WHERE put_at <= ?", (now - _ONCE_SECONDS,))

    def due(self) -> Batch | None:
        """Return what is to be sent now, the least tried and oldest first; None where nothing is."""
        service, now = self.service(), self.now()
        if service.halt is not None or now < service.not_before_seconds:
            return None
        query = _BATCHES + " WHERE refusal IS NULL AND not_before <= ? AND drop_at > ? ORDER BY attempts, seq LIMIT 1"
        while (row := self.connection.execute(query, (now, now)).fetchone()) is not None:
            batch = _batch(row)
            if batch.sha256 == row["sha256"]:
                return batch
            self.forget(batch.batch_id, LossReason.DAMAGE)
        return None

    def done(self, batch: Batch, receipt: Receipt) -> None:
        """Exchange a batch for its receipt. Nothing is wrong with a batch that is gone, or a receipt that is there."""
        with self._writing() as now:
            self.connection.execute(
                "INSERT OR REPLACE INTO receipts VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    batch.batch_id,
                    receipt.receipt,
                    receipt.received_at,
                    receipt.accepted,
                    batch.level,
                    batch.sha256,
                    batch.audit_head,
                    now,
                ),
            )
            self.connection.execute("DELETE FROM batches WHERE batch_id = ?", (batch.batch_id,))
            self._service_answered()
            self._room.recount()

    def retry(self, batch: Batch, *, batch_wait_seconds: float, service_wait_seconds: float) -> None:
        """Keep a batch for a later try, and all others until the service may be asked again."""
        with self._writing() as now:
            self.connection.execute(
                "UPDATE batches SET attempts = attempts + 1, not_before = ? WHERE batch_id = ?",
                (now + batch_wait_seconds, batch.batch_id),
            )
            self.connection.execute("UPDATE service SET failures = failures + 1")
            self._ask_again_at(now + service_wait_seconds)

    def bury(self, batch: Batch, *, status: int) -> None:
        """Keep a batch that the service refused for good, as a dead letter."""
        with self._writing():
            self.connection.execute("UPDATE batches SET refusal = ? WHERE batch_id = ?", (status, batch.batch_id))
            self._service_answered()

    def hold(self, wait_seconds: float) -> None:
        """Ask the service nothing for a while."""
        with self._writing() as now:
            self.connection.execute("UPDATE service SET failures = failures + 1")
            self._ask_again_at(now + wait_seconds)

    def stop(self, halt: Halt, *, after: Iterable[datetime] = ()) -> None:
        """Ask the service nothing until `resume`. It came `after` some acts, whatever the clock says."""
        latest = max((each.timestamp() for each in after), default=0.0)
        with self._writing():
            self.connection.execute(
                "UPDATE service SET halt = ?, halted_wall_seconds = max(coalesce(halted_wall_seconds, 0), ?)",
                (halt, min(max(latest, self._clock.wall_seconds()), _LAST_SECOND)),
            )

    def resume(self) -> None:
        """Forget what the service's answers forbade: a person has acted."""
        with self._writing():
            self.connection.execute("UPDATE service SET halt = NULL, halted_wall_seconds = NULL")
            self._service_answered()

    def purge(self, reason: LossReason, *, keep_consent: str | None = None) -> None:
        """Drop all documents, or those under another consent than `keep_consent`; nothing of them stays on the disk."""
        condition, values = ("1", ()) if keep_consent is None else ("consent_digest <> ?", (keep_consent,))
        with self._writing():
            documents = sum(self._room.drop(table, condition, values, reason) for table in ("reports", "batches"))
        if documents:
            # The journal still holds the pages as they were.
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def forget(self, batch_id: str, reason: LossReason) -> None:
        """Drop one batch."""
        with self._writing():
            self._room.drop("batches", "batch_id = ?", (batch_id,), reason)

    def batches(self) -> Iterator[Batch]:
        """Yield all batches but the dead letters, the oldest first."""
        yield from map(_batch, self.connection.execute(_BATCHES + " WHERE refusal IS NULL ORDER BY seq"))

    def losses(self) -> tuple[Loss, ...]:
        """Return what was dropped and not yet `told`."""
        rows = self.connection.execute("SELECT reason, documents, bytes FROM losses ORDER BY reason")
        return tuple(Loss(reason=LossReason(reason), documents=count, bytes=size) for reason, count, size in rows)

    def told(self, loss: Loss) -> None:
        """Forget a loss that the audit trail has, not what was lost since."""
        with self._writing():
            self.connection.execute(
                "UPDATE losses SET documents = documents - ?, bytes = bytes - ? WHERE reason = ?",
                (loss.documents, loss.bytes, loss.reason),
            )
            self.connection.execute("DELETE FROM losses WHERE documents <= 0")

    def service(self) -> Service:
        """Return what the last answers mean for the next request."""
        failures, not_before, halt, halted_at = self.connection.execute(
            "SELECT failures, not_before, halt, halted_wall_seconds FROM service"
        ).fetchone()
        return Service(
            failures=failures,
            not_before_seconds=not_before,
            halt=None if halt is None else Halt(halt),
            halted_at=None if halted_at is None else datetime.fromtimestamp(halted_at, UTC),
        )

    def now(self) -> float:
        """Return the time that all times in the file are in, seconds (see `agent.delivery.elapsed`)."""
        return elapsed(self._anchor, self._clock)

    @contextmanager
    def _writing(self) -> Iterator[float]:
        try:
            with transaction(self.connection):
                yield self.now()
        except BaseException:
            self._room.recount()
            raise

    def _first_time(self, name: str, now: float) -> bool:
        return self.connection.execute("INSERT OR IGNORE INTO taken_once VALUES (?, ?)", (name, now)).rowcount == 1

    def _insert(self, record: Outgoing, consent_digest: str, now: float) -> None:
        age = self._limits.age_seconds
        latest = age if record.latest_seconds is None else min(record.latest_seconds, age)
        # A retention shorter than the window makes the window shorter: what is drawn evenly over the one is even over
        # the other, and nothing is dropped before its time has come.
        share = latest / record.latest_seconds if record.latest_seconds else 1.0
        self.connection.execute(
            "INSERT INTO reports VALUES (1 + max(coalesce((SELECT max(seq) FROM reports), 0),"
            " coalesce((SELECT max(seq) FROM batches), 0)), ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                record.level,
                consent_digest,
                record.schema_digest,
                record.body,
                record.alone,
                now,
                now + share * record.earliest_seconds,
                now + latest,
            ),
        )
        self._room.added(len(record.body))

    def _service_answered(self) -> None:
        self.connection.execute("UPDATE service SET failures = 0, not_before = 0")

    def _ask_again_at(self, seconds: float) -> None:
        self.connection.execute("UPDATE service SET not_before = ?", (seconds,))
        self._spread_anew(seconds, seconds)

    def _spread_anew(self, due_before: float, begin: float) -> None:
        """Give what is to go alone and would be due before `due_before` a new time between `begin` and its last."""
        for find, move in (
            (
                "SELECT drop_at, seq FROM reports WHERE alone AND not_before < ?",
                "UPDATE reports SET not_before = ? WHERE seq = ?",
            ),
            (
                "SELECT drop_at, batch_id FROM batches WHERE alone AND not_before < ?",
                "UPDATE batches SET not_before = ? WHERE batch_id = ?",
            ),
        ):
            rows = self.connection.execute(find, (due_before,)).fetchall()
            times = [(begin + self._rng.random() * max(0.0, drop_at - begin), key) for drop_at, key in rows]
            self.connection.executemany(move, times)


@contextmanager
def opened(
    path: Path,
    limits: Limits,
    *,
    repair: Callable[[Path], None] | None = None,
    clock: Clock | None = None,
    rng: random.Random | None = None,
) -> Iterator[Outbox]:
    """Yield the outbox in a file, which is created where it is missing.

    Who holds the lock of the state directory passes `repair`: a damaged file is then set aside under the name that
    `repair` is told, and a new one begun. What the file or the disk forbids, now or in the block, leaves the block as
    StateUnusable; what `put` took before that stays.
    """
    with connected(path, repair=repair) as connection:
        yield Outbox(connection, limits, clock or system_clock(), rng or random.SystemRandom())


def _batch(row: sqlite3.Row) -> Batch:
    return Batch(
        batch_id=row["batch_id"],
        level=Level(row["level"]),
        consent_digest=row["consent_digest"],
        schema_digest=row["schema_digest"],
        documents=row["documents"],
        alone=bool(row["alone"]),
        body=row["body"],
        audit_head=row["audit_head"],
        attempts=row["attempts"],
    )
