"""The promise of a receipt, kept by a service that is killed; `make test-long` does it a hundred times."""

from pathlib import Path

from tests.corrective_drift.kill_nine import run
from tests.corrective_drift.running import Files


def test_what_has_a_receipt_is_there_once_however_often_the_service_is_killed(
    database: str, tmp_path: Path, files: Files
) -> None:
    outcome = run(database, tmp_path, files, kills=3, seed=1)
    assert outcome.holds, outcome
