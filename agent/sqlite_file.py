"""SQLite files of ours: known by their header, checked when they open, brought up to date, set aside when damaged."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# Another process of ours holds the lock for milliseconds; who waits longer waits for a stuck one.
_LOCK_SECONDS = 5.0
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_PRIMARY_CODE = 0xFF


class Damaged(Exception):
    """SQLite can't make sense of the file."""


class Foreign(Exception):
    """The file is another program's database."""


class Newer(Exception):
    """The file has a later schema than this release knows; `version` says which."""

    def __init__(self, version: int) -> None:
        super().__init__(f"schema version {version}")
        self.version = version


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a kind of file looks like."""

    application_id: int
    """Stands in the file's header (PRAGMA application_id): nobody else's database is ever taken for ours."""
    steps: tuple[str, ...]
    """SQL that leads from each version to the next; the first creates the tables. Statements end in ";" and newline."""

    @property
    def version(self) -> int:
        """The version that this release reads and writes."""
        return len(self.steps)


def connect(path: Path | str, layout: Layout) -> sqlite3.Connection:
    """Open a file in autocommit mode, creating it where it is missing; commits are flushed to the disk.

    Raises Damaged, Foreign, Newer, and sqlite3.Error where SQLite can't do its work.
    """
    connection = sqlite3.connect(path, timeout=_LOCK_SECONDS, isolation_level=None)
    try:
        _check_version(connection, layout)
        _check_structure(connection)
        _prepare(connection, layout)
    except sqlite3.DatabaseError as error:
        connection.close()
        if is_damage(error):
            raise Damaged(str(error)) from error
        raise
    except UnicodeDecodeError as error:
        # Python reads SQLite's messages as UTF-8; those about a damaged schema quote it.
        connection.close()
        raise Damaged("its schema is no text") from error
    except BaseException:
        connection.close()
        raise
    return connection


def connect_anew_if_damaged(path: Path, layout: Layout, tell: Callable[[Path, str], None]) -> sqlite3.Connection:
    """Open a file; a damaged one is renamed, `tell` is told the new name and the damage, and a new one begun."""
    try:
        return connect(path, layout)
    except Damaged as error:
        tell(set_aside(path), str(error))
        return connect(path, layout)


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
    try:
        connection.execute("COMMIT")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def set_aside(path: Path) -> Path:
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


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Tell whether SQLite found the file to be broken, rather than busy, full or read-only."""
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE in _DAMAGED


def _check_version(connection: sqlite3.Connection, layout: Layout) -> None:
    """Raise Foreign or Newer unless the file is empty or of a version that we know. Writes nothing."""
    application, version, objects = (
        connection.execute(query).fetchone()[0]
        for query in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_schema")
    )
    if application != layout.application_id and (application or version or objects):
        raise Foreign
    if version > layout.version:
        raise Newer(version)


def _check_structure(connection: sqlite3.Connection) -> None:
    """Raise Damaged where pages don't fit together; a second of it reads more than 1 GB."""
    damage = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if damage != "ok":
        raise Damaged(damage.splitlines()[-1])


def _prepare(connection: sqlite3.Connection, layout: Layout) -> None:
    # Whoever reads doesn't wait for whoever writes. FULL, because one flush takes milliseconds and NORMAL could lose
    # the last commits at a power cut (https://sqlite.org/pragma.html#pragma_synchronous).
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    if _version(connection) == layout.version:
        return
    connection.execute("PRAGMA journal_mode = WAL")
    with transaction(connection):
        # Two first runs may meet here: the one that waited for the lock finds the other's tables.
        for step in layout.steps[_version(connection) :]:
            for statement in step.split(";\n"):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {layout.application_id}")
        connection.execute(f"PRAGMA user_version = {layout.version}")


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version
