"""`probe history`, and how `probe run` keeps its runs."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent.cli.trend import sparkline
from agent.results.history import History
from agent.results.history_file import SCHEMA_VERSION, default_path, opened
from probes.measure.result import read_results
from tests.agent.results.parts import run_at
from tests.probes.measure.synthetic import noisy, rate, result

CHEAP = ("run", "utilization", "--duration", "200ms")


@pytest.fixture
def state(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {"XDG_STATE_HOME": str(tmp_path_factory.mktemp("state"))}


@pytest.fixture
def path(state: dict[str, str]) -> Path:
    return default_path(state)


@pytest.fixture
def kept(path: Path) -> Callable[[list[float]], None]:
    """Fill the history with one run a value."""

    def keep(values: list[float]) -> None:
        with opened(path, create=True, tell=print) as connection:
            history = History(connection)
            for hours, value in enumerate(values):
                history.keep(run_at(hours, result(rate("read_iops", [value] * 6, conditions={"engine": "psync"}))))

    return keep


def test_every_run_is_kept_and_can_be_shown_again(probe: Any, state: dict[str, str]) -> None:
    ran = probe(*CHEAP, "--format", "json", env=state)
    assert ran.returncode == 0, ran.stderr
    assert "history" not in ran.stderr
    (line,) = json.loads(probe("history", "--format", "json", env=state).stdout)
    assert line["run_id"] == json.loads(ran.stdout)["run_id"]
    assert line["probes"] == ["utilization"]
    assert probe("history", "show", "latest", "--format", "json", env=state).stdout == ran.stdout
    assert "utilization" in probe("history", "show", line["run_id"][:8], env=state).stdout


def test_a_run_without_history_leaves_no_trace(probe: Any, state: dict[str, str]) -> None:
    assert probe(*CHEAP, "--no-history", env=state).returncode == 0
    assert list(Path(state["XDG_STATE_HOME"]).iterdir()) == []
    empty = probe("history", env=state)
    assert (empty.returncode, empty.stdout) == (0, "")
    assert "no runs are kept yet" in empty.stderr
    assert json.loads(probe("history", "--format", "json", env=state).stdout) == []


def warned_once(ran: Any) -> str:
    lines = [line for line in ran.stderr.splitlines() if line.startswith("probe: ")]
    assert ran.returncode == 0, ran.stderr
    assert len(lines) == 1, ran.stderr
    assert read_results(ran.stdout).results
    return str(lines[0])


def test_a_home_that_cannot_be_written_costs_one_line_and_no_result(probe: Any) -> None:
    line = warned_once(probe(*CHEAP, "--format", "json", env={"XDG_STATE_HOME": "/dev/null"}))
    assert "not in the history" in line


def test_a_history_locked_by_another_costs_one_line_and_no_result(
    probe: Any, state: dict[str, str], path: Path, kept: Callable[[list[float]], None]
) -> None:
    kept([1.0])
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        line = warned_once(probe(*CHEAP, "--format", "json", env=state))
    assert "locked" in line


def test_a_later_history_costs_a_run_one_line_and_a_look_exit_code_2(
    probe: Any, state: dict[str, str], path: Path, kept: Callable[[list[float]], None]
) -> None:
    kept([1.0])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    before = path.read_bytes()
    assert "schema version" in warned_once(probe(*CHEAP, "--format", "json", env=state))
    for arguments in ((), ("show", "latest"), ("tag", "latest", "x"), ("remove", "latest"), ("trend", "a", "b")):
        refused = probe("history", *arguments, env=state)
        assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    assert path.read_bytes() == before


def test_a_damaged_history_is_set_aside_in_one_line_and_the_run_is_kept(
    probe: Any, state: dict[str, str], path: Path
) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"damaged" * 100)
    assert "set aside as history.sqlite3.damaged-1" in warned_once(probe(*CHEAP, "--format", "json", env=state))
    assert len(json.loads(probe("history", "--format", "json", env=state).stdout)) == 1


def test_tags_come_and_go(probe: Any, state: dict[str, str], kept: Callable[[list[float]], None]) -> None:
    kept([1.0, 2.0])
    tagged = probe("history", "tag", "latest~1", "good", "--format", "json", env=state)
    newest, oldest = json.loads(probe("history", "--format", "json", env=state).stdout)
    assert json.loads(tagged.stdout) == {"run_id": oldest["run_id"], "tag": "good"}
    assert (newest["tags"], oldest["tags"]) == ([], ["good"])
    assert "good" in probe("history", env=state).stdout
    assert f"was {oldest['run_id'][:8]}" in probe("history", "tag", "latest", "good", env=state).stdout
    assert probe("history", "untag", "good", env=state).returncode == 0
    gone = probe("history", "untag", "good", env=state)
    assert (gone.returncode, gone.stderr.count("\n")) == (2, 1)


def test_a_removed_run_is_gone(probe: Any, state: dict[str, str], kept: Callable[[list[float]], None]) -> None:
    kept([1.0, 2.0])
    newest, oldest = json.loads(probe("history", "--format", "json", env=state).stdout)
    assert probe("history", "remove", newest["run_id"], env=state).returncode == 0
    assert json.loads(probe("history", "--format", "json", env=state).stdout) == [oldest]


def test_a_trend_marks_where_the_level_changed(
    probe: Any, state: dict[str, str], kept: Callable[[list[float]], None]
) -> None:
    rng = np.random.default_rng(7)
    kept(noisy(rng, 30, center=100.0) + noisy(rng, 30, center=60.0))
    shown = probe("history", "trend", "storage", "read_iops", env=state)
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    marks = [number for number, line in enumerate(lines) if line.startswith("── changed from")]
    assert len(marks) == 1
    # Title, conditions and sparkline stand above the runs.
    assert abs(marks[0] - 3 - 30) <= 3
    found = json.loads(probe("history", "trend", "storage", "read_iops", "--format", "json", env=state).stdout)
    assert len(found["points"]) == 60
    assert [change["index"] for change in found["changes"]] == [marks[0] - 3]
    assert found["no_changes_because"] is None


def test_a_trend_of_few_runs_says_why_it_marks_nothing(
    probe: Any, state: dict[str, str], kept: Callable[[list[float]], None]
) -> None:
    kept([1.0, 2.0, 50.0])
    shown = probe("history", "trend", "storage", "read_iops", env=state)
    assert "no changes can be marked: 3 values: it takes 5 before a change and 5 after" in shown.stderr
    assert "changed" not in shown.stdout


def test_a_trend_tells_how_many_runs_it_left_out(
    probe: Any, state: dict[str, str], path: Path, kept: Callable[[list[float]], None]
) -> None:
    kept([1.0, 2.0])
    with opened(path, create=True, tell=print) as connection:
        History(connection).keep(run_at(9, result(rate("read_iops", [1.0], conditions={"engine": "io_uring"}))))
    newest = probe("history", "trend", "storage", "read_iops", env=state)
    assert "1 run" in newest.stdout
    assert "2 more runs measured read_iops in another way" in newest.stderr
    older = probe("history", "trend", "storage", "read_iops", "--like", "latest~1", "--format", "json", env=state)
    assert len(json.loads(older.stdout)["points"]) == 2


def test_an_unknown_subcommand_or_run_is_one_line_and_exit_code_2(probe: Any, state: dict[str, str]) -> None:
    for arguments in (("lst",), ("show", "nothing"), ("trend", "storage", "x"), ("tag", "latest", "x"), ("show",)):
        refused = probe("history", *arguments, env=state)
        assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1), arguments


def test_a_sparkline_spans_the_values() -> None:
    assert sparkline([0.0, 7.0, 3.5]) == "▁█▅"
    assert sparkline([2.0, 2.0]) == "▁▁"
