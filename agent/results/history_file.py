"""The history's SQLite file: where it lies, what is in it, and how it opens in whatever state it is found."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from agent import xdg
from agent.sqlite_file import Foreign, Layout, Newer, connect, connect_anew_if_damaged, is_damage
from probes.errors import InvalidRequest, Unavailable

_TABLES = """
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
"""
_LAYOUT = Layout(application_id=0x70727072, steps=(_TABLES,))  # "prpr"
SCHEMA_VERSION = _LAYOUT.version


def default_path(environment: Mapping[str, str]) -> Path:
    """Return where a user's history lies. Raises Unavailable where there is no home."""
    state = xdg.directory(xdg.Purpose.STATE, environment)
    if state is None:
        raise Unavailable("no home directory for the history: set HOME or XDG_STATE_HOME")
    return state / "prism-probe" / "history.sqlite3"


@contextmanager
def opened(path: Path, *, create: bool, tell: Callable[[str], None]) -> Iterator[sqlite3.Connection]:
    """Yield a connection in autocommit mode; without `create`, a file that isn't there is an empty history.

    A damaged file is renamed, which `tell` is told in one line, and a new one begun. Raises InvalidRequest for a file
    of a later schema or of another program, which stays as it is, and Unavailable where SQLite can't do its work.
    """

    def tell_of_damage(aside: Path, damage: str) -> None:
        tell(f"the history {path} is damaged ({damage}): it was set aside as {aside.name}, and a new one begun")

    try:
        if create:
            # What the specification asks of directories that are missing.
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if create or path.exists():
            connection = connect_anew_if_damaged(path, _LAYOUT, tell_of_damage)
        else:
            connection = connect(":memory:", _LAYOUT)
    except Foreign as error:
        raise InvalidRequest(f"{path} is another program's database: move it, or set XDG_STATE_HOME") from error
    except Newer as error:
        raise InvalidRequest(
            f"the history {path} has {error}, and this software reads version {SCHEMA_VERSION}: "
            f"use the release that wrote it or a later one, or begin another with XDG_STATE_HOME"
        ) from error
    except (OSError, sqlite3.OperationalError) as error:
        raise _unusable(path, error) from error
    with closing(connection):
        try:
            yield connection
        except sqlite3.DatabaseError as error:
            if not isinstance(error, sqlite3.OperationalError) and not is_damage(error):
                raise
            raise _unusable(path, error) from error


def _unusable(path: Path, error: OSError | sqlite3.DatabaseError) -> Unavailable:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return Unavailable(f"can't use the history {path} ({reason}): free it, make it writable, or set XDG_STATE_HOME")
