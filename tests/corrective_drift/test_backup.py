"""The commands for backup and restore that docs/service.md shows, carried out beside a service that works."""

import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from corrective_drift.store.engine import open_engine
from tests.corrective_drift import postgresql
from tests.corrective_drift.documents import keys
from tests.corrective_drift.running import Files, Running, running
from tests.corrective_drift.test_collect import body, new_id


def test_a_backup_of_a_working_service_is_a_service_again(
    service: Running, database: str, files: Files, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    batch = new_id()
    receipt = service.collect(body(1), batch, keys(1).token).json()
    if database.startswith("sqlite"):
        restored = f"sqlite:///{tmp_path / 'restored.db'}"
        with closing(sqlite3.connect(str(make_url(database).database))) as connection:
            connection.execute("VACUUM INTO ?", (str(tmp_path / "restored.db"),))
    else:
        restored = request.getfixturevalue("server").format("restored")
        _copy(database, restored, tmp_path)
    service.collect(body(1, hour=1), new_id(), keys(1).token)
    engine = open_engine(restored)
    with running(engine, files, tmp_path) as again:
        assert again.http.get("/readyz").status_code == 200
        assert again.collect(body(1), batch, keys(1).token).json() == receipt
        again.http.delete(f"/v1/data/{keys(1).cluster_id}", headers={"authorization": f"Bearer {keys(1).token}"})
    engine.dispose()
    if not database.startswith("sqlite"):
        postgresql.execute(request.getfixturevalue("server").format("postgres"), "DROP DATABASE restored WITH (FORCE)")


def _copy(database: str, restored: str, tmp_path: Path) -> None:
    programs = postgresql.programs()
    assert programs is not None
    whole = tmp_path / "store.dump"
    source, target = (each.replace("+psycopg", "") for each in (database, restored))
    subprocess.run([programs / "pg_dump", "--format=custom", f"--file={whole}", source], check=True)
    postgresql.execute(database.replace(str(make_url(database).database), "postgres"), "CREATE DATABASE restored")
    subprocess.run([programs / "pg_restore", f"--dbname={target}", whole], check=True)
