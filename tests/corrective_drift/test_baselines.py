"""GET /v1/baselines and `corrective-drift release`: the same file for everybody, once a week."""

import json
import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import Engine

from corrective_drift.baselines import Baselines
from corrective_drift.retention import expire
from corrective_drift.store import aggregates
from corrective_drift.store.engine import open_engine, reading, writing
from corrective_drift.store.migrate import migrate
from corrective_drift.weeks import first_day, last_day, latest_due, week_of
from probes.measure.baselines import EMPTY, read_release
from tests.corrective_drift.fleet import WEEKS, fleet, released, report
from tests.corrective_drift.running import Running

PROGRAM = str(Path(sys.executable).with_name("corrective-drift"))


def command(*arguments: str, state: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [PROGRAM, "release", "--state-dir", str(state), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"NO_COLOR": "1"},
    )


def test_before_any_release_there_is_no_baseline_yet(service: Running) -> None:
    answer = service.http.get("/v1/baselines")
    assert answer.status_code == 200
    assert read_release(answer.content) == EMPTY


def test_what_was_released_is_served_byte_for_byte_until_the_next(service: Running) -> None:
    engine = service.service.engine
    service.service.baselines = Baselines(engine, every_seconds=0)
    for week in WEEKS[:2]:
        report(engine, week, fleet(30))
        kept = released(engine, week)
        answer = service.http.get("/v1/baselines")
        assert answer.content == kept.document.encode()
        assert answer.headers["content-type"] == "application/json"
        assert kept.sha256 in answer.headers["etag"]


def test_the_database_is_asked_now_and_then_only(engine: Engine) -> None:
    baselines = Baselines(engine, every_seconds=3600)
    assert baselines.in_memory is None
    before = baselines.latest()
    released(engine, WEEKS[0])
    assert baselines.latest() is baselines.in_memory is before
    assert Baselines(engine).latest().release.week == WEEKS[0]


def test_who_has_the_latest_release_gets_it_not_again(service: Running) -> None:
    released(service.service.engine, WEEKS[0])
    etag = service.http.get("/v1/baselines").headers["etag"]
    for known in (etag, f'"other", W/{etag}', "*"):
        again = service.http.get("/v1/baselines", headers={"if-none-match": known})
        assert (again.status_code, again.content) == (304, b"")
    assert service.http.get("/v1/baselines", headers={"if-none-match": '"other"'}).status_code == 200


def test_a_release_is_one_command_and_repeating_it_changes_nothing(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'store.db'}")
    migrate(engine)
    report(engine, WEEKS[0], fleet(30))
    engine.dispose()
    first = command("--week", WEEKS[0], state=tmp_path)
    assert first.returncode == 0, first.stderr
    assert "30 clusters" in first.stdout
    assert command("--week", WEEKS[0], state=tmp_path).stdout == first.stdout


def test_the_command_says_that_there_is_no_baseline_yet(tmp_path: Path) -> None:
    shown = command(state=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "no baseline yet" in shown.stdout


def test_a_week_that_is_none_is_wrong_usage(tmp_path: Path) -> None:
    refused = command("--week", "soon", state=tmp_path)
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1


def test_the_week_released_by_default_is_over_for_two_days() -> None:
    day = date(2025, 12, 20)
    for _ in range(30):
        day += timedelta(1)
        assert timedelta(3) <= day - last_day(latest_due(day)) <= timedelta(9)


def test_a_day_is_in_its_week() -> None:
    day = date(2024, 12, 25)
    for _ in range(400):
        day += timedelta(1)
        assert first_day(week_of(day)) <= day <= last_day(week_of(day))


def test_votes_go_with_the_reports_that_they_come_from(engine: Engine) -> None:
    report(engine, WEEKS[0], fleet(30))
    released(engine, WEEKS[0])
    for days, left in ((400, 30), (5, 0)):
        with writing(engine) as connection:
            expire(connection, today=date(2026, 11, 24), retention_days=days)
        with reading(engine) as connection:
            assert (aggregates.counted(connection, WEEKS[0]), aggregates.voters(connection, WEEKS[0])) == (left, left)


def test_the_release_is_told_of_in_the_openapi_document(service: Running) -> None:
    paths = json.loads(service.http.get("/openapi.json").content)["paths"]
    assert set(paths["/v1/baselines"]["get"]["responses"]) >= {"200", "304"}
