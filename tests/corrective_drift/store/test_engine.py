"""What opening a store settles."""

import sqlite3
from contextlib import suppress
from datetime import date
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Connection, Engine, event, insert

from corrective_drift.releases import release
from corrective_drift.store import aggregates
from corrective_drift.store.bulk import insert_all
from corrective_drift.store.engine import reading, writing
from corrective_drift.store.schema import REPORTS, VOTES


def open_files() -> set[str]:
    """The files that this process has open; of what is removed already, its former name."""
    found = set()
    for each in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found.add(str(each.readlink()))
    return found


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_documents_are_written_nowhere_but_to_the_store(engine: Engine, tmp_path: Path) -> None:
    opened: set[str] = set()
    event.listen(engine, "commit", lambda _connection: opened.update(open_files()))
    # The second statement changes a hundred pages of the first's: more than SQLite takes down in memory by itself.
    for batch, count in ((0, 5000), (1, 500)):
        step = 5000 // count
        rows = [("a" * 26, "2026-11-20", f"{at * step:04}:{batch}", "standard", "x" * 500) for at in range(count)]
        with writing(engine) as connection:
            insert_all(connection, REPORTS, rows)
    files = {Path(name) for name in opened if "etilqs" in name or name.startswith(str(tmp_path))}
    assert {file.name for file in files} == {"store.db", "store.db-wal", "store.db-shm"}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_a_release_counts_is_sorted_in_files_and_nothing_else(engine: Engine) -> None:
    words = {"provider": "aws", "region_class": "europe", "minor": "1.34", "node_bucket": "1-4", "place": ""}
    vote = words | {"week": "2026-W47", "day": "2026-11-20", "metric": "nodes.cpu_cores", "bucket": 1}
    with writing(engine) as connection:
        connection.execute(insert(VOTES), [vote | {"cluster_pid": f"{at:026}"} for at in range(40_000)])
    opened: set[str] = set()

    def watch(connection: Connection) -> None:
        driver = connection.connection.dbapi_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.set_progress_handler(lambda: opened.update(open_files()), 10_000)

    event.listen(engine, "begin", watch)
    for counts in (False, True, False):
        opened.clear()
        if counts:
            release(engine, "2026-W47", today=date(2026, 11, 24), chance=Random(1))
        with reading(engine) as connection:
            assert len(aggregates.count(connection, "2026-W47")) == 1
        assert any("etilqs" in name for name in opened) is counts
