"""Bringing the store's tables to the shape that this release works with."""

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, text

from corrective_drift.errors import Unusable
from corrective_drift.store.engine import reading, writing

HEAD, EMPTY = "head", "base"
# Two services that start at once must not both create the tables. The number is ours alone: "prism" in ASCII.
_ADVISORY_LOCK = int.from_bytes(b"prism", "big")
# alembic keeps what it works on in globals.
_ALEMBIC = threading.Lock()


def migrate(engine: Engine, revision: str = HEAD) -> None:
    """Bring the tables up to this release, or to `revision`, all or nothing. Raises Unusable."""
    with _ALEMBIC, writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        config = _config()
        config.attributes["connection"] = connection
        try:
            if revision == EMPTY or _is_before(connection, config, revision):
                command.downgrade(config, revision)
            else:
                command.upgrade(config, revision)
        except CommandError as error:
            raise Unusable(
                f"the database can't be brought to {revision} ({error}): is it of a later release?"
            ) from error


def is_current(engine: Engine) -> bool:
    """Tell whether the tables are of this release. Raises Unusable where the database is out of reach."""
    with reading(engine) as connection:
        return _revision(connection) == ScriptDirectory.from_config(_config()).get_current_head()


def _is_before(connection: Connection, config: Config, revision: str) -> bool:
    """Tell whether a revision is one that the tables have passed."""
    now = _revision(connection)
    if now is None or revision == HEAD:
        return False
    passed = {step.revision for step in ScriptDirectory.from_config(config).iterate_revisions(now, EMPTY)}
    return revision in passed


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config() -> Config:
    config = Config()
    # % begins a reference in alembic's options.
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config
