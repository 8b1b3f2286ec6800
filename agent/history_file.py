"""The history's SQLite file: where it lies, what is in it, and how it opens in whatever state it is found."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from probes.errors import InvalidRequest, Unavailable

SCHEMA_VERSION = 1
# "prpr", in the header of the file (file(1), PRAGMA application_id): nobody else's database is ever taken for ours.
_APPLICATION_ID = 0x70727072
# Another probe that keeps its run holds the lock for milliseconds; who waits longer waits for a stuck process.
_LOCK_SECONDS = 5.0
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_PRIMARY_CODE = 0xFF

_SCHEMA = f"""
CREATE TABLE runs (
    run_id TEXT PRIMARY KEY,
    started_at TEXT NOT NULL,  -- ISO 8601 in UTC with microseconds, so that text sorts as time does
    profile TEXT NOT NULL,
    target TEXT NOT NULL,
    probes TEXT NOT NULL,      -- JSON list of names
    document BLOB NOT NULL     -- the result's JSON, deflated (zlib)
);
CREATE INDEX runs_in_time ON runs (started_at);
CREATE TABLE metrics (
    probe TEXT NOT NULL,
    metric TEXT NOT NULL,
    alike TEXT NOT NULL,       -- digest of all that must be equal for two values to be of one series
    run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
    median REAL NOT NULL,
    low REAL,                  -- the 95 % interval of the median, null where there is none
    high REAL,
    unit TEXT NOT NULL,
    PRIMARY KEY (probe, metric, alike, run_id)
) WITHOUT ROWID;
CREATE INDEX metrics_of_run ON metrics (run_id);
CREATE TABLE tags (
    name TEXT PRIMARY KEY,
    run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE
) WITHOUT ROWID;
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
"""


class _Damaged(Exception):
    """SQLite can't make sense of the file."""


def default_path(environment: Mapping[str, str]) -> Path:
    """Return where the history lies by the XDG Base Directory Specification. Raises Unavailable without a home."""
    state = environment.get("XDG_STATE_HOME", "")
    if not state.startswith("/"):  # a relative path is to be ignored, says the specification
        try:
            state = str(Path("~/.local/state").expanduser())
        except RuntimeError as error:
            raise Unavailable("no home directory for the history: set HOME or XDG_STATE_HOME") from error
    return Path(state) / "prism-probe" / "history.sqlite3"


@contextmanager
def opened(path: Path, *, create: bool, tell: Callable[[str], None]) -> Iterator[sqlite3.Connection]:
    """Yield a connection in autocommit mode; without `create`, a file that isn't there is an empty history.

    A damaged file is renamed, which `tell` is told in one line, and a new one begun. Raises InvalidRequest for a file
    of a later schema or of another program, which stays as it is, and Unavailable where SQLite can't do its work.
    """
    try:
        if create:
            # What the specification asks of directories that are missing.
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        connection = _connect_anew_if_damaged(path, tell) if create or path.exists() else _connect(":memory:")
    except (OSError, sqlite3.OperationalError) as error:
        raise _unusable(path, error) from error
    with closing(connection):
        try:
            yield connection
        except sqlite3.DatabaseError as error:
            if not isinstance(error, sqlite3.OperationalError) and not _is_damage(error):
                raise
            raise _unusable(path, error) from error


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what the block writes, or nothing of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        # A full disk has rolled back by itself; a second ROLLBACK would hide the first error.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _connect_anew_if_damaged(path: Path, tell: Callable[[str], None]) -> sqlite3.Connection:
    try:
        return _connect(path)
    except _Damaged as error:
        aside = _set_aside(path)
        tell(f"the history {path} is damaged ({error}): it was set aside as {aside.name}, and a new one begun")
        return _connect(path)


def _connect(path: Path | str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_LOCK_SECONDS, isolation_level=None)
    try:
        _check_version(connection, path)
        _check_structure(connection)
        _prepare(connection)
    except sqlite3.DatabaseError as error:
        connection.close()
        if _is_damage(error):
            raise _Damaged(str(error)) from error
        raise
    except BaseException:
        connection.close()
        raise
    return connection


def _check_version(connection: sqlite3.Connection, path: Path | str) -> None:
    """Raise InvalidRequest unless the file is empty or a history of our version. Writes nothing."""
    application, version, objects = (
        connection.execute(query).fetchone()[0]
        for query in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_schema")
    )
    if application != _APPLICATION_ID and (application or version or objects):
        raise InvalidRequest(f"{path} is another program's database: move it, or set XDG_STATE_HOME")
    if version > SCHEMA_VERSION:
        raise InvalidRequest(
            f"the history {path} has schema version {version}, and this software reads version {SCHEMA_VERSION}: "
            f"use the release that wrote it or a later one, or begin another with XDG_STATE_HOME"
        )


def _check_structure(connection: sqlite3.Connection) -> None:
    """Raise _Damaged where pages don't fit together; a second of it reads more than 1 GB."""
    damage = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if damage != "ok":
        raise _Damaged(damage.splitlines()[-1])


def _prepare(connection: sqlite3.Connection) -> None:
    # Whoever reads doesn't wait for whoever writes. FULL, because a run may have taken an hour and its one flush takes
    # milliseconds: NORMAL could lose the last run at a power cut (https://sqlite.org/pragma.html#pragma_synchronous).
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    if connection.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION:
        return
    connection.execute("PRAGMA journal_mode = WAL")
    with transaction(connection):
        # Two first runs may meet here: the one that waited for the lock finds the other's tables.
        if connection.execute("PRAGMA user_version").fetchone()[0] != SCHEMA_VERSION:
            for statement in _SCHEMA.split(";\n"):
                connection.execute(statement)


def _set_aside(path: Path) -> Path:
    """Rename the file and its journals to the first free name. Raises OSError."""
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    path.rename(aside)
    for suffix in ("-wal", "-shm"):
        journal = path.with_name(path.name + suffix)
        if journal.exists():
            journal.rename(aside.with_name(aside.name + suffix))
    return aside


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE in _DAMAGED


def _unusable(path: Path, error: OSError | sqlite3.DatabaseError) -> Unavailable:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return Unavailable(f"can't use the history {path} ({reason}): free it, make it writable, or set XDG_STATE_HOME")
