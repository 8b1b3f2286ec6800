"""The history's file: what is kept stays kept, whatever happens to the file, the disk and who writes."""

import signal
import sqlite3
import subprocess
import sys
import uuid
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.results.history import History
from agent.results.history_file import SCHEMA_VERSION, default_path, opened
from probes.errors import InvalidRequest, Unavailable
from tests.agent.results.parts import reopened, run_at
from tests.probes.measure.synthetic import rate, result


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
