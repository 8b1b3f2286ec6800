"""The daemon's timetables: shares, windows, restarts and clocks that are set."""

import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.daemon.rhythm import Rhythm
from agent.daemon.tasks import Task

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
INTERVALS = {Task.REPORT: HOUR, Task.PROBE: DAY}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "schedule.json"


def rhythm(path: Path, *, now: datetime = NOON, chance: float = 0.5, window: str | None = None) -> Rhythm:
    made = Rhythm(path, INTERVALS, {Task.PROBE: window}, chance=lambda: chance)
    made.begin(now)
    return made


def times_of_reports(path: Path, begin: datetime, end: datetime, *, step: timedelta) -> list[datetime]:
    kept, now, found = rhythm(path, now=begin), begin, []
    while now < end:
        if Task.REPORT in kept.due(now):
            kept.begun(Task.REPORT, now)
            found.append(now)
        now += step
    return found


@given(chance=st.floats(0, 0.999))
def test_the_first_report_comes_within_an_interval_after_a_share_of_it(
    chance: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    kept = rhythm(tmp_path_factory.mktemp("r") / "schedule.json", chance=chance)
    seconds = kept.seconds_until(NOON)
    assert seconds == pytest.approx(chance * 3600 * 1.05, abs=1e-5)
    assert Task.REPORT in kept.due(NOON + timedelta(seconds=seconds + 1))


def test_what_was_missed_is_made_good_once(path: Path) -> None:
    first = times_of_reports(path, NOON, NOON + 3 * HOUR, step=timedelta(minutes=1))
    assert len(first) == 3
    back = NOON + 30 * HOUR
    later = times_of_reports(path, back, back + timedelta(minutes=20), step=timedelta(minutes=1))
    assert later == [back]


def test_a_restart_begins_nothing_again(path: Path) -> None:
    kept = rhythm(path, chance=0.0)
    assert list(kept.due(NOON)) == [Task.REPORT, Task.PROBE]
    kept.begun(Task.REPORT, NOON)
    assert list(rhythm(path, now=NOON + timedelta(minutes=1)).due(NOON + timedelta(minutes=1))) == [Task.PROBE]


def test_what_was_stopped_before_it_brought_anything_is_due_at_the_next_start(path: Path) -> None:
    kept = rhythm(path, chance=0.0)
    kept.begun(Task.REPORT, NOON)
    kept.take_back(Task.REPORT)
    assert Task.REPORT in rhythm(path, now=NOON + timedelta(minutes=1)).due(NOON + timedelta(minutes=1))


def test_probes_wait_for_their_window_and_reports_don_t(path: Path) -> None:
    kept = rhythm(path, chance=0.0, window="22:00-05:00")
    assert list(kept.due(NOON)) == [Task.REPORT]
    kept.begun(Task.REPORT, NOON)
    assert kept.seconds_until(NOON) <= 3600
    night = NOON.replace(hour=23)
    assert Task.PROBE in kept.due(night)
    assert kept.seconds_until(night) == 0


def test_what_waits_for_a_window_alone_wakes_nobody_up(path: Path) -> None:
    kept = Rhythm(path, {Task.PROBE: DAY}, {Task.PROBE: "22:00-05:00"}, chance=lambda: 0.0)
    kept.begin(NOON)
    assert kept.seconds_until(NOON) == math.inf
    assert list(kept.due(NOON)) == []


@given(hours=st.floats(-24 * 365, 24 * 365))
def test_a_clock_that_is_set_puts_nothing_off_by_more_than_an_interval(
    hours: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    kept = rhythm(tmp_path_factory.mktemp("r") / "schedule.json")
    set_to = NOON + timedelta(hours=hours)
    begun = list(kept.due(set_to))
    assert Task.REPORT in begun or kept.seconds_until(set_to) <= 3600 * 1.05 + 1


def test_what_was_put_off_is_due_again_within_its_interval_also_after_a_restart(path: Path) -> None:
    kept = rhythm(path, chance=0.0)
    due_at = kept.seconds_until(NOON)
    kept.begun(Task.REPORT, NOON)
    assert kept.put_off(Task.REPORT, NOON)
    again = rhythm(path, now=NOON + timedelta(seconds=20), chance=0.0)
    assert Task.REPORT not in again.due(NOON + timedelta(seconds=29))
    soon = NOON + timedelta(seconds=31)
    assert Task.REPORT in again.due(soon)
    again.begun(Task.REPORT, soon)
    assert Task.REPORT not in rhythm(path, now=soon).due(soon)
    assert Task.REPORT in rhythm(path, now=soon).due(NOON + timedelta(seconds=due_at) + HOUR)


def test_the_waits_go_on_growing_after_a_restart(path: Path) -> None:
    now = NOON
    for minutes in (0.5, 1, 2, 4):
        kept = rhythm(path, now=now, chance=0.0)
        kept.begun(Task.REPORT, now)
        assert kept.put_off(Task.REPORT, now)
        now += timedelta(minutes=minutes)
        assert json.loads(path.read_text())["report"]["retry_at"] == now.isoformat()


def test_a_try_that_was_stopped_is_made_good_without_the_time_that_it_was_for(path: Path) -> None:
    kept = rhythm(path, chance=0.0)
    kept.begun(Task.REPORT, NOON)
    kept.put_off(Task.REPORT, NOON)
    due_at = json.loads(path.read_text())["report"]["due_at"]
    soon = NOON + timedelta(minutes=1)
    kept.begun(Task.REPORT, soon)
    kept.take_back(Task.REPORT)
    assert json.loads(path.read_text())["report"]["due_at"] == due_at
    assert Task.REPORT in rhythm(path, now=soon, chance=0.0).due(soon)


def test_a_timetable_of_an_earlier_version_is_taken_over(path: Path) -> None:
    kept = rhythm(path, chance=0.0)
    seconds = kept.seconds_until(NOON + timedelta(minutes=1))
    old = {name: {k: v for k, v in each.items() if k not in {"retry_at", "failures"}} for name, each in
           json.loads(path.read_text()).items()}  # fmt: skip
    path.write_text(json.dumps(old))
    assert (
        rhythm(path, now=NOON + timedelta(minutes=1), chance=0.9).seconds_until(NOON + timedelta(minutes=1)) == seconds
    )


@pytest.mark.parametrize("content", ["", "{", "[]", '{"report": {}}', '{"report": {"due_at": "2026-01-01T00:00:00"}}'])
def test_a_file_that_is_no_timetable_begins_anew(content: str, path: Path) -> None:
    path.write_text(content)
    assert rhythm(path).seconds_until(NOON) > 0
