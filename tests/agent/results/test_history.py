"""The history as a store: what goes in comes out, whatever happens to the file."""

import signal
import sqlite3
import subprocess
import sys
import uuid
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.results.history import MAXIMUM_AGE, History, resolve
from agent.results.history_file import SCHEMA_VERSION, default_path, opened
from probes.errors import InvalidRequest, Unavailable
from probes.measure.result import ProbeResult, RunResult, Status
from tests.probes.measure.synthetic import latency, rate, result, run

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


def run_at(hours: float, *results: ProbeResult) -> RunResult:
    measured = results or (result(rate("read_iops", [100.0, 101.0, 99.0])),)
    return run(*measured).model_copy(update={"started_at": BEGINNING + timedelta(hours=hours)})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "history.sqlite3"


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def history(path: Path, told: list[str]) -> Iterator[History]:
    with opened(path, create=True, tell=told.append) as connection:
        yield History(connection)


@contextmanager
def reopened(path: Path, told: list[str], *, create: bool = True) -> Iterator[History]:
    with opened(path, create=create, tell=told.append) as connection:
        yield History(connection)


def test_what_was_kept_comes_back_without_loss(history: History) -> None:
    samples = np.arange(1000.0, 1500.0)
    kept = run_at(0, result(latency("read_latency", [samples, samples]), rate("read_iops", [1.0] * 6)))
    history.keep(kept)
    assert history.load(history.find("latest")) == kept


def test_runs_are_listed_by_when_they_began_not_by_when_they_were_kept(history: History) -> None:
    middle, newest, oldest = run_at(1), run_at(2), run_at(0)
    for each in (middle, newest, oldest):
        history.keep(each)
    assert [kept.run_id for kept in history.runs()] == [str(each.run_id) for each in (newest, middle, oldest)]
    assert history.find("latest~2").run_id == str(oldest.run_id)


def test_time_zones_do_not_change_the_order(history: History) -> None:
    early = run_at(0).model_copy(update={"started_at": datetime.fromisoformat("2026-01-01T23:00:00+09:00")})
    late = run_at(0).model_copy(update={"started_at": datetime.fromisoformat("2026-01-01T15:00:00+00:00")})
    history.keep(late)
    history.keep(early)
    assert history.find("latest").run_id == str(late.run_id)


def test_a_run_is_kept_once(history: History) -> None:
    kept = run_at(0)
    history.keep(kept)
    history.keep(kept)
    assert len(history.runs()) == 1
    assert len(history.series("storage", "read_iops").points) == 1


def test_the_beginning_of_an_id_is_enough_where_it_is_unique(history: History) -> None:
    first, second = (
        run_at(0).model_copy(update={"run_id": uuid.UUID(f"abcd{n}000-0000-4000-8000-000000000000")}) for n in (1, 2)
    )
    history.keep(first)
    history.keep(second)
    assert history.find("ABCD1").run_id == str(first.run_id)
    with pytest.raises(InvalidRequest, match="2 runs of the history"):
        history.find("abcd")
    with pytest.raises(InvalidRequest, match="no run"):
        history.find("abc")


def test_an_unknown_name_suggests_the_nearest_tag(history: History) -> None:
    history.keep(run_at(0))
    history.tag(history.find("latest"), "before-upgrade")
    with pytest.raises(InvalidRequest, match="did you mean before-upgrade"):
        history.find("before-upgade")
    with pytest.raises(InvalidRequest, match="holds 1"):
        history.find("latest~1")


def test_a_tag_names_one_run_and_moves_when_it_is_given_again(history: History) -> None:
    old, new = run_at(0), run_at(1)
    history.keep(old)
    history.keep(new)
    history.tag(history.find("latest~1"), "good")
    assert history.find("good").run_id == str(old.run_id)
    history.tag(history.find("latest"), "good")
    assert history.find("good").run_id == str(new.run_id)
    assert history.untag("good").run_id == str(new.run_id)
    with pytest.raises(InvalidRequest, match="no run of the history has the tag 'good'"):
        history.untag("good")


@pytest.mark.parametrize("name", ["latest", "latest~3", "", "-x", "a b", "a/b", "ü", "x" * 65, "a\n"])
def test_a_tag_that_could_be_mistaken_is_refused(history: History, name: str) -> None:
    history.keep(run_at(0))
    with pytest.raises(InvalidRequest, match="can't be a tag"):
        history.tag(history.find("latest"), name)


def test_removing_a_run_takes_its_tags_and_values_with_it(history: History) -> None:
    history.keep(run_at(0))
    history.keep(run_at(1))
    history.tag(history.find("latest"), "good")
    history.remove(history.find("good"))
    assert [kept.tags for kept in history.runs()] == [()]
    assert len(history.series("storage", "read_iops").points) == 1


def test_the_oldest_untagged_runs_go_first(path: Path, told: list[str]) -> None:
    with opened(path, create=True, tell=told.append) as connection:
        history = History(connection, maximum_runs=3)
        runs = [run_at(hours) for hours in range(6)]
        history.keep(runs[0])
        history.tag(history.find("latest"), "first")
        for each in runs[1:]:
            history.keep(each)
        assert [kept.run_id for kept in history.runs()] == [str(runs[index].run_id) for index in (5, 4, 3, 0)]


def test_what_is_older_than_two_years_goes_unless_tagged(history: History) -> None:
    for hours in (0, 1):
        history.keep(run_at(hours))
    history.tag(history.find("latest~1"), "first")
    history.keep(run_at(MAXIMUM_AGE / timedelta(hours=1) + 2))
    assert len(history.runs()) == 2
    assert history.find("first") == history.runs()[1]


def test_a_series_joins_only_what_was_measured_alike(history: History) -> None:
    metric = rate("read_iops", [100.0], conditions={"engine": "io_uring"})
    alike = [run_at(hours, result(metric, spec={"path": "/a", "profile": "quick"})) for hours in (0, 1)]
    otherwise = [
        run_at(2, result(metric, spec={"path": "/b", "profile": "quick"})),
        run_at(3, result(metric, spec={"path": "/a", "profile": "standard"})),
        run_at(
            4,
            result(rate("read_iops", [100.0], conditions={"engine": "psync"}), spec={"path": "/a", "profile": "quick"}),
        ),
        run_at(5, result(metric, probe="other", spec={"path": "/a", "profile": "quick"})),
        run_at(6, result(rate("write_iops", [1.0]), spec={"path": "/a", "profile": "quick"})),
    ]
    for each in (*otherwise, *alike):
        history.keep(each)
    series = history.series("storage", "read_iops", history.find(str(alike[0].run_id)))
    assert [point.run.run_id for point in series.points] == [str(each.run_id) for each in alike]
    assert series.others == 3
    newest = history.series("storage", "read_iops")
    assert [point.run.run_id for point in newest.points] == [str(otherwise[2].run_id)]


def test_a_series_has_the_medians_and_their_intervals(history: History) -> None:
    history.keep(run_at(0, result(rate("read_iops", [5.0, 1.0, 3.0]))))
    history.keep(run_at(1, result(rate("read_iops", [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))))
    first, second = history.series("storage", "read_iops").points
    assert (first.median, first.low, first.high) == (3.0, None, None)
    assert (second.median, second.low, second.high) == (3.5, 1.0, 6.0)


def test_an_unknown_metric_names_the_known_ones(history: History) -> None:
    history.keep(run_at(0))
    with pytest.raises(InvalidRequest, match="did you mean read_iops"):
        history.series("storage", "raed_iops")
    with pytest.raises(InvalidRequest, match="it has read_iops"):
        history.series("storage", "zzz")
    with pytest.raises(InvalidRequest, match="probe run dns"):
        history.series("dns", "lookup")


def test_an_unavailable_probe_is_kept_and_has_no_values(history: History) -> None:
    unavailable = ProbeResult(probe="storage", status=Status.UNAVAILABLE, reason="no fio", spec={})
    history.keep(run_at(0, unavailable))
    assert history.runs()[0].probes == ("storage",)
    with pytest.raises(InvalidRequest):
        history.series("storage", "read_iops")


def test_looking_into_a_history_that_does_not_exist_creates_none(path: Path, told: list[str]) -> None:
    with reopened(path, told, create=False) as history:
        assert history.runs() == []
    assert not path.parent.exists()


def kept_twice(path: Path, told: list[str]) -> None:
    with reopened(path, told) as history:
        history.keep(run_at(0))
        history.keep(run_at(1))


def test_a_file_of_rubbish_is_set_aside_and_a_new_one_begun(path: Path, told: list[str]) -> None:
    path.parent.mkdir(parents=True)
    for number in (1, 2):
        path.write_bytes(b"rubbish" * 1000)
        with reopened(path, told) as history:
            assert history.runs() == []
            history.keep(run_at(0))
        assert path.with_name(f"history.sqlite3.damaged-{number}").read_bytes() == b"rubbish" * 1000
        path.unlink()
    assert len(told) == 2
    assert all("\n" not in line and "damaged" in line for line in told)


@settings(deadline=None)  # the disk is other people's too
@given(share=st.floats(0.01, 0.99))
def test_a_file_cut_off_anywhere_is_set_aside_unless_nothing_was_lost(
    share: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path, told = tmp_path_factory.mktemp("cut") / "history.sqlite3", list[str]()
    kept_twice(path, told)
    whole = path.read_bytes()
    path.write_bytes(whole[: max(1, int(len(whole) * share))])
    with reopened(path, told) as history:
        history.keep(run_at(0))
        documents = [history.load(each) for each in history.runs()]
    assert (len(documents), len(told)) in {(1, 1), (3, 0)}


def test_a_history_of_a_later_release_is_refused_and_left_alone(path: Path, told: list[str]) -> None:
    kept_twice(path, told)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    before = path.read_bytes()
    with pytest.raises(InvalidRequest, match=f"schema version {SCHEMA_VERSION + 1}") as refused, reopened(path, told):
        pass
    assert "\n" not in str(refused.value)
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert told == []


def test_the_database_of_another_program_is_refused_and_left_alone(path: Path, told: list[str]) -> None:
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE bookmarks (url)")
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(InvalidRequest, match="another program's"), reopened(path, told):
        pass
    assert path.read_bytes() == before


def test_a_full_disk_keeps_nothing_of_the_run_and_all_of_the_others(path: Path, told: list[str]) -> None:
    kept_twice(path, told)
    big = run_at(2, *(result(rate("m", [float(n)]), probe=f"p{uuid.uuid4()}") for n in range(500)))

    def keep_where_no_page_can_be_added() -> None:
        with opened(path, create=True, tell=told.append) as connection:
            connection.execute("PRAGMA max_page_count = 1")
            History(connection).keep(big)

    with pytest.raises(Unavailable, match="full"):
        keep_where_no_page_can_be_added()
    with reopened(path, told) as history:
        assert len(history.runs()) == 2
    assert told == []


def test_a_directory_that_cannot_be_made_is_unavailable_in_one_line(told: list[str]) -> None:
    with pytest.raises(Unavailable) as refused, reopened(Path("/dev/null/prism-probe/history.sqlite3"), told):
        pass
    assert "\n" not in str(refused.value)


_KILLED_WHILE_WRITING = """
import os, signal, sys
from pathlib import Path
from agent.results.history import History
from agent.results.history_file import opened
with opened(Path(sys.argv[1]), create=True, tell=print) as connection:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("PRAGMA cache_spill = 1")
    connection.execute("DELETE FROM runs")
    connection.execute("INSERT INTO tags SELECT 'half', run_id FROM runs")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_killed_while_writing_loses_nothing_that_was_kept(path: Path, told: list[str]) -> None:
    kept_twice(path, told)
    killed = subprocess.run([sys.executable, "-c", _KILLED_WHILE_WRITING, path], check=False)
    assert killed.returncode == -signal.SIGKILL
    with reopened(path, told) as history:
        assert [kept.tags for kept in history.runs()] == [(), ()]
    assert told == []


_KEEPS_TEN = """
import sys, uuid
from datetime import datetime, UTC
from pathlib import Path
from agent.results.history import History
from agent.results.history_file import opened
from probes.measure.result import RunResult
for _ in range(10):
    run = RunResult(run_id=uuid.uuid4(), started_at=datetime.now(UTC), duration_seconds=1, version="0", profile="quick",
                    target="local", environment={}, results=())
    with opened(Path(sys.argv[1]), create=True, tell=print) as connection:
        History(connection).keep(run)
"""


def test_processes_that_keep_runs_at_once_all_succeed(path: Path, told: list[str]) -> None:
    processes = [subprocess.Popen([sys.executable, "-c", _KEEPS_TEN, path]) for _ in range(3)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0]
    with reopened(path, told) as history:
        assert len(history.runs()) == 30


def test_the_directory_is_the_users_alone(path: Path, told: list[str]) -> None:
    kept_twice(path, told)
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"XDG_STATE_HOME": "/state"}, Path("/state/prism-probe/history.sqlite3")),
        ({"XDG_STATE_HOME": "relative"}, Path("~/.local/state/prism-probe/history.sqlite3").expanduser()),
        ({}, Path("~/.local/state/prism-probe/history.sqlite3").expanduser()),
    ],
)
def test_the_history_lies_where_the_xdg_specification_says(environment: dict[str, str], expected: Path) -> None:
    assert default_path(environment) == expected


def test_a_reference_is_a_file_or_a_kept_run(path: Path, tmp_path: Path, told: list[str]) -> None:
    kept, written = run_at(0), run_at(1)
    with reopened(path, told) as history:
        history.keep(kept)
        history.tag(history.find("latest"), "good")
    file = tmp_path / "result.json"
    file.write_text(written.model_dump_json())
    assert resolve(str(file), history=path, tell=told.append) == written
    for reference in ("good", "latest", str(kept.run_id)[:8]):
        assert resolve(reference, history=path, tell=told.append) == kept


WHOLE = run_at(0).model_dump_json()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        WHOLE[: len(WHOLE) // 2].encode(),
        b"{}",
        b"[]",
        b'{"benchmarks": []}',
        WHOLE.replace('"schema_version":1', '"schema_version":2').encode(),
        WHOLE.replace('"results"', '"outcomes"').encode(),
    ],
    ids=["empty", "binary", "cut off", "no fields", "a list", "foreign", "future", "other fields"],
)
def test_a_file_that_is_no_result_is_refused_in_one_line_that_names_it(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "odd.json"
    file.write_bytes(content)
    with pytest.raises(InvalidRequest) as refused:
        resolve(str(file), history=tmp_path / "none", tell=print)
    assert str(file) in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("reference", ["missing.json", "missing", "./missing", "."])
def test_what_is_neither_file_nor_run_is_refused(
    reference: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidRequest, match=r"can't read|no file"):
        resolve(reference, history=tmp_path / "none", tell=print)
    assert list(tmp_path.iterdir()) == []


def test_a_kept_result_of_a_later_schema_is_refused(history: History) -> None:
    history.keep(run_at(0))
    found = history.find("latest")
    future = WHOLE.replace('"schema_version":1', '"schema_version":2')
    history._connection.execute("UPDATE runs SET document = ?", (zlib.compress(future.encode()),))
    with pytest.raises(InvalidRequest, match=f"run {found.short_id} of the history is a result in schema version 2"):
        history.load(found)


def test_a_damaged_document_is_unavailable_and_says_what_to_do(history: History) -> None:
    history.keep(run_at(0))
    history._connection.execute("UPDATE runs SET document = x'00'")
    with pytest.raises(Unavailable, match="probe history remove"):
        history.load(history.find("latest"))
