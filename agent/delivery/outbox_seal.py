"""From documents that wait to batches: which are ripe, and how a batch is written. Inside the caller's transaction."""

import hashlib
import random
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from agent.delivery.batch import compress, fitting, frame, new_batch_id
from agent.levels import Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Ripeness:
    """When documents are put into a batch."""

    batch_size: int
    flush_interval_seconds: float
    everything: bool = False
    """Now, whatever their times: for an export."""


def ripe(db: sqlite3.Connection, ripeness: Ripeness, now: float) -> Iterator[Sequence[int]]:
    """Yield the `seq` of the documents of each batch to be: of one level, consent and schema, in order of age."""
    rows = db.execute(
        "SELECT alone, level, consent_digest, schema_digest, seq, length(body), put_at FROM reports"
        " WHERE ? OR not_before <= ? ORDER BY alone, level, consent_digest, schema_digest, seq",
        (ripeness.everything, now),
    ).fetchall()
    for (alone, *_), group in groupby(rows, key=lambda row: row[:4]):
        alike = list(group)
        if alone:
            yield from ([row[4]] for row in alike)
        elif (
            ripeness.everything
            or len(alike) >= ripeness.batch_size
            or now - alike[0][6] >= ripeness.flush_interval_seconds
        ):
            seqs = iter([row[4] for row in alike])
            for count in fitting([row[5] for row in alike], ripeness.batch_size):
                yield [next(seqs) for _ in range(count)]


def seal(
    db: sqlite3.Connection, seqs: Sequence[int], *, audit_head: str | None, unix_seconds: float, rng: random.Random
) -> None:
    """Write one batch in place of its documents; `seqs` ascend."""
    # One by one, since SQLite bounds the number of variables in a statement.
    rows = [
        db.execute("SELECT body, put_at, not_before, drop_at FROM reports WHERE seq = ?", (seq,)).fetchone()
        for seq in seqs
    ]
    bodies, put_at, not_before, drop_at = zip(*rows, strict=True)
    level, consent, schema, alone = db.execute(
        "SELECT level, consent_digest, schema_digest, alone FROM reports WHERE seq = ?", (seqs[0],)
    ).fetchone()
    body = compress(frame(bodies, alone=bool(alone)), alone=bool(alone))
    db.execute(
        "INSERT INTO batches (batch_id, seq, level, consent_digest, schema_digest, documents, alone, body, sha256,"
        " audit_head, put_at, not_before, drop_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            new_batch_id(alone=bool(alone), unix_seconds=unix_seconds, rng=rng),
            seqs[0],
            level,
            consent,
            schema,
            len(seqs),
            alone,
            body,
            hashlib.sha256(body).hexdigest(),
            audit_head if Level(level).includes(Level.STANDARD) else None,
            min(put_at),
            max(not_before),
            min(drop_at),
        ),
    )
    db.executemany("DELETE FROM reports WHERE seq = ?", [(seq,) for seq in seqs])
