"""What opening a store settles."""

from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, insert

from corrective_drift.store import aggregates
from corrective_drift.store.bulk import insert_all
from corrective_drift.store.engine import counting, reading, writing
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
def test_what_is_counted_over_all_clusters_is_sorted_in_files_and_nothing_else(engine: Engine) -> None:
    names = ("provider", "region_class", "minor", "node_bucket", "place")
    rows = [
        {"cluster_pid": f"{at:026}", "week": "2026-W47", "day": "2026-11-20", "metric": f"{at:060}", "bucket": 1}
        | dict.fromkeys(names, "x")
        for at in range(40_000)
    ]
    with writing(engine) as connection:
        connection.execute(insert(VOTES), rows)
    for how, in_files in ((reading, False), (counting, True), (reading, False)):
        opened: set[str] = set()

        def look(opened: set[str] = opened) -> None:
            opened.update(open_files())

        with how(engine) as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            driver.set_progress_handler(look, 10_000)
            assert len(aggregates.count(connection, "2026-W47")) == len(rows)
            driver.set_progress_handler(None, 0)
        assert any("etilqs" in name for name in opened) is in_files
