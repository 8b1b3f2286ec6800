"""Opening the store: SQLite with everything that is acknowledged on the disk, or PostgreSQL.

On SQLite one transaction writes at a time, and others wait for it; on PostgreSQL those of one cluster take turns, by
the lock on its row.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError

from corrective_drift.errors import InvalidOption, Unusable

SQLITE, POSTGRESQL = "sqlite", "postgresql+psycopg"
# Another writer of ours holds the lock for milliseconds; who waits longer waits for a stuck one.
_LOCK_SECONDS = 10.0


def open_engine(database: str) -> Engine:
    """Return an engine; nothing is connected to yet. Raises InvalidOption for what is no database of ours."""
    try:
        url = make_url(database)
    except ArgumentError as error:
        raise InvalidOption(_wanted("is no database URL")) from error
    if url.drivername == SQLITE:
        return _sqlite(url)
    if url.drivername == POSTGRESQL:
        return _postgresql(url)
    raise InvalidOption(_wanted("names another database"))


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Yield a connection whose reads are of one moment. Raises Unusable where the database is out of reach."""
    with _translated(engine), engine.connect() as connection:
        yield connection


@contextmanager
def counting(engine: Engine) -> Iterator[Connection]:
    """Yield a connection like `reading`'s, for what is counted over all clusters: no document is read by it.

    What SQLite must sort for that is as much as all of a week's votes, and goes into files which it has removed.
    """
    with _translated(engine), engine.execution_options(counts=True).connect() as connection:
        connection.detach()  # the setting must not meet others who get this connection out of the pool
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Yield a connection, and commit what the block writes, or nothing of it. Raises Unusable."""
    with _translated(engine), engine.execution_options(writes=True).begin() as connection:
        yield connection


@contextmanager
def _translated(engine: Engine) -> Iterator[None]:
    try:
        yield
    except (IntegrityError, DataError):
        raise  # a mistake of ours, which no operator can mend
    except DBAPIError as error:
        # Never the error's own text: it may quote the row.
        kind = type(error.orig).__name__
        where = engine.url.render_as_string(hide_password=True)
        raise Unusable(
            f"the database {where} failed ({kind}): see that it runs, has room and may be written"
        ) from error


def _sqlite(url: URL) -> Engine:
    if not url.database or url.database == ":memory:":
        raise InvalidOption(_wanted("has no file"))
    engine = create_engine(url, connect_args={"timeout": _LOCK_SECONDS, "check_same_thread": False})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _postgresql(url: URL) -> Engine:
    # A dead connection is noticed when it is taken out of the pool, not in the middle of a request.
    return create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": int(_LOCK_SECONDS)})


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver's own idea of when a transaction begins is off: ours begin by the statement below.
    connection.isolation_level = None
    # FULL: a receipt is a promise, and NORMAL could lose the last ones at a power cut (sqlite.org/pragma.html).
    # MEMORY: what undoes a statement of many rows would go into a file below /var/tmp, each time a new one
    # (sqlite.org/tempfiles.html).
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON", "temp_store = MEMORY"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that first reads and then writes would fail where another has written in between.
    options = connection.get_execution_options()
    if options.get("counts", False):
        connection.exec_driver_sql("PRAGMA temp_store = FILE")  # can't be said within a transaction
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writes", False) else "BEGIN")


def _wanted(what: str) -> str:
    return f"--database {what}: give sqlite:////PATH/FILE or {POSTGRESQL}://USER@HOST/NAME"
