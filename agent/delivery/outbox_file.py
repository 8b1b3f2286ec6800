"""The outbox's SQLite file: what is in it, and how it opens in whatever state it is found."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from agent.delivery.elapsed import Anchor, Clock, beginning, moved
from agent.errors import StateUnusable
from agent.sqlite_file import (
    Damaged,
    Foreign,
    Layout,
    Newer,
    connect,
    connect_anew_if_damaged,
    is_damage,
    transaction,
)

# After a long outage the journal keeps the length that it once had: the disk is not ours alone.
_JOURNAL_BYTES = 4 * 1024**2

# The constraints are looked at when the file opens (PRAGMA quick_check): a flipped bit in a word or a type is damage.
_TABLES = """
CREATE TABLE reports (            -- anonymized documents that no batch holds yet
    seq INTEGER PRIMARY KEY,      -- counts on from batches too: AUTOINCREMENT would write a page more for each
    level TEXT NOT NULL,
    consent_digest TEXT NOT NULL,
    schema_digest TEXT NOT NULL,
    body BLOB NOT NULL,
    alone INTEGER NOT NULL,
    put_at REAL NOT NULL,         -- all times are seconds of agent.delivery.elapsed
    not_before REAL NOT NULL,
    drop_at REAL NOT NULL,
    CHECK (level IN ('minimal', 'standard', 'detailed')),
    CHECK (typeof(put_at) = 'real' AND typeof(not_before) = 'real' AND typeof(drop_at) = 'real')
);
CREATE TABLE batches (            -- requests: fixed in their bytes and ids
    batch_id TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,         -- of its first report, so that age has one order over both tables
    level TEXT NOT NULL,
    consent_digest TEXT NOT NULL,
    schema_digest TEXT NOT NULL,
    documents INTEGER NOT NULL,
    alone INTEGER NOT NULL,
    body BLOB NOT NULL,           -- compressed, as sent
    sha256 TEXT NOT NULL,         -- of body
    audit_head TEXT,
    put_at REAL NOT NULL,
    not_before REAL NOT NULL,
    drop_at REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    refusal INTEGER,              -- the status that made it a dead letter
    CHECK (level IN ('minimal', 'standard', 'detailed')),
    CHECK (typeof(put_at) = 'real' AND typeof(not_before) = 'real' AND typeof(drop_at) = 'real'),
    CHECK (typeof(documents) = 'integer' AND typeof(attempts) = 'integer')
);
CREATE INDEX batches_by_age ON batches (seq);
CREATE TABLE receipts (
    batch_id TEXT PRIMARY KEY,
    receipt TEXT NOT NULL,
    received_at TEXT NOT NULL,    -- as the service tells it
    accepted INTEGER NOT NULL,
    level TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    audit_head TEXT,
    done_at REAL NOT NULL
);
CREATE TABLE taken_once (         -- what may leave once only
    name TEXT PRIMARY KEY,
    put_at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE losses (             -- dropped and not yet told to the audit trail
    reason TEXT PRIMARY KEY,
    documents INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE service (            -- what the last answers mean for the next request; one row
    failures INTEGER NOT NULL,
    not_before REAL NOT NULL,
    halt TEXT,
    CHECK (halt IS NULL OR halt IN ('consent_stale', 'gone')),
    CHECK (typeof(failures) = 'integer' AND typeof(not_before) = 'real')
);
INSERT INTO service VALUES (0, 0, NULL);
CREATE TABLE anchor (             -- carries the time over a restart; one row
    elapsed_seconds REAL NOT NULL,
    boot_seconds REAL NOT NULL,
    boot TEXT,
    wall_seconds REAL NOT NULL
);
"""
# When a halt was heard, by the wall clock, because a person's acts are dated by it too. The bounds are what a date can
# hold. A halt out of an older file was heard before now; when exactly, nobody knows.
_TIME_OF_HALT = """
ALTER TABLE service ADD COLUMN halted_wall_seconds REAL CHECK (halted_wall_seconds BETWEEN 0 AND 253402300799);
UPDATE service SET halted_wall_seconds = strftime('%s', 'now') + 0.0 WHERE halt IS NOT NULL;
"""
_READ_ANCHOR = "SELECT elapsed_seconds, boot_seconds, boot, wall_seconds FROM anchor"
_LAYOUT = Layout(application_id=0x7072746F, steps=(_TABLES, _TIME_OF_HALT))  # "prto"


@contextmanager
def connected(path: Path, *, repair: Callable[[Path], None] | None) -> Iterator[sqlite3.Connection]:
    """Yield a connection in autocommit mode.

    A damaged file is set aside, which `repair` is told with its new name, and a new one begun; without `repair` it is
    an error: only who holds the lock of the state directory may take the file from under the others.
    Raises StateUnusable where the file is foreign, newer, damaged, read-only, or the disk full.
    """
    try:
        if repair is None:
            connection = connect(path, _LAYOUT)
        else:
            connection = connect_anew_if_damaged(path, _LAYOUT, lambda aside, _damage: repair(aside))
        with closing(connection):
            connection.row_factory = sqlite3.Row
            connection.execute(f"PRAGMA journal_size_limit = {_JOURNAL_BYTES}")
            # What was deleted is overwritten: a revoked consent leaves nothing in free pages.
            connection.execute("PRAGMA secure_delete = ON")
            yield connection
    except Foreign as error:
        raise StateUnusable(f"{path} is another program's database: move it, or set telemetry.state_dir") from error
    except Newer as error:
        raise StateUnusable(
            f"the outbox {path} has {error}, and this release knows version {_LAYOUT.version}: "
            f"use the release that wrote it or a later one, or move it away"
        ) from error
    except Damaged as error:
        raise StateUnusable(
            f"the outbox {path} is damaged ({error}): the agent sets it aside when it starts next"
        ) from error
    except (OSError, sqlite3.DatabaseError) as error:
        if isinstance(error, sqlite3.DatabaseError) and not _is_environment(error):
            raise
        raise _unusable(path, error) from error


def anchored(connection: sqlite3.Connection, clock: Clock, *, keep: bool) -> Anchor:
    """Return this moment's anchor, and `keep` it; the first of a boot is kept in any case."""
    if not keep:
        row = connection.execute(_READ_ANCHOR).fetchone()
        if row is not None and row["boot"] == clock.boot is not None:
            return moved(Anchor(**row), clock)
    with transaction(connection):
        row = connection.execute(_READ_ANCHOR).fetchone()
        anchor = beginning(clock) if row is None else moved(Anchor(**row), clock)
        connection.execute("DELETE FROM anchor")
        connection.execute(
            "INSERT INTO anchor VALUES (?, ?, ?, ?)",
            (anchor.elapsed_seconds, anchor.boot_seconds, anchor.boot, anchor.wall_seconds),
        )
    return anchor


def _is_environment(error: sqlite3.DatabaseError) -> bool:
    """Tell the disk's and other processes' faults from mistakes of ours."""
    return isinstance(error, sqlite3.OperationalError) or is_damage(error)


def _unusable(path: Path, error: OSError | sqlite3.DatabaseError) -> StateUnusable:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return StateUnusable(
        f"can't use the outbox {path} ({reason}): make room, make it writable, or set telemetry.state_dir"
    )
