"""What opening a store settles."""

from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from corrective_drift.store.bulk import insert_all
from corrective_drift.store.engine import writing
from corrective_drift.store.schema import REPORTS


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
