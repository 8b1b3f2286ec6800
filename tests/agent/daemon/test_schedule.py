from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from agent.daemon.schedule import Timetable, begin, done, is_due, put_off, resumed

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
shares = st.floats(0, 1, exclude_max=True)
intervals = st.integers(1, 7 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes))
jumps = st.integers(-(10**7), 10**7).map(lambda seconds: timedelta(seconds=seconds))


@given(intervals, shares, shares)
def test_the_first_time_is_within_one_interval_and_its_jitter(interval: timedelta, phase: float, chance: float) -> None:
    timetable = begin(interval, NOW, phase=phase, chance=chance)
    assert NOW <= timetable.at <= NOW + 1.05 * interval


def test_a_fleet_that_starts_at_once_is_spread_over_the_interval() -> None:
    hour = timedelta(hours=1)
    firsts = [begin(hour, NOW, phase=index / 1000, chance=0.5).at for index in range(1000)]
    in_one_minute = max(sum(NOW + minute <= at < NOW + minute + timedelta(minutes=1) for at in firsts) for minute in
                        (timedelta(minutes=index) for index in range(60)))  # fmt: skip
    assert in_one_minute <= 18


@given(intervals, shares, shares, jumps)
def test_after_a_run_the_next_time_is_to_come_and_at_most_one_interval_away(
    interval: timedelta, phase: float, chance: float, late: timedelta
) -> None:
    timetable = begin(interval, NOW, phase=phase, chance=chance)
    ran_at = max(timetable.at, timetable.at + late)
    after = done(timetable, ran_at, chance=chance)
    assert ran_at < after.due_at <= ran_at + interval
    assert after.last_at == ran_at


@given(intervals, shares, st.integers(2, 1000))
def test_missed_runs_are_made_good_once_and_the_phase_is_kept(interval: timedelta, phase: float, missed: int) -> None:
    timetable = begin(interval, NOW, phase=phase, chance=0)
    late = timetable.due_at + missed * interval + interval / 2
    assert is_due(timetable, late)
    after = done(timetable, late, chance=0)
    assert not is_due(after, late)
    assert (after.due_at - timetable.due_at) % interval == timedelta()


@given(intervals, shares, shares, jumps)
def test_whatever_the_clock_was_set_to_nothing_waits_longer_than_an_interval(
    interval: timedelta, phase: float, chance: float, jump: timedelta
) -> None:
    kept = begin(interval, NOW, phase=phase, chance=chance)
    assert resumed(kept, interval, NOW + jump, chance=chance).at <= max(NOW + jump, kept.at) + 1.05 * interval
    assert resumed(kept, interval, NOW + jump, chance=chance).due_at <= NOW + jump + interval


@given(intervals, shares)
def test_a_restart_changes_nothing(interval: timedelta, phase: float) -> None:
    kept = begin(interval, NOW, phase=phase, chance=0.5)
    assert resumed(kept, interval, NOW + interval / 3, chance=0.9) == kept


def test_a_shorter_interval_takes_effect_at_the_restart() -> None:
    kept = begin(timedelta(days=7), NOW, phase=0.9, chance=0)
    again = resumed(kept, timedelta(minutes=5), NOW, chance=0.5)
    assert again.at <= NOW + timedelta(minutes=5.25)


def tries(interval: timedelta, chance: float) -> tuple[list[datetime], Timetable]:
    """When a run whose cluster stays away is tried within one interval, and the timetable after the last."""
    timetable = done(begin(interval, NOW, phase=0, chance=0), NOW, chance=0)
    at, found = NOW, []
    while True:
        timetable = put_off(timetable, at, chance=chance)
        if timetable.retry_at is None:
            return found, timetable
        at = timetable.at
        found.append(at)
        timetable = done(timetable, at, chance=chance)


@given(intervals, shares)
def test_what_failed_is_tried_again_less_and_less_often_and_never_beyond_its_next_time(
    interval: timedelta, chance: float
) -> None:
    found, timetable = tries(interval, chance)
    assert all(NOW < at < NOW + interval for at in found)
    assert timetable.due_at == NOW + interval
    waits = [after - before for before, after in zip([NOW, *found], found, strict=False)]
    assert all(timedelta(seconds=30) * 2**n <= wait <= timedelta(minutes=1) * 2**n for n, wait in enumerate(waits))


def test_an_hour_has_five_more_tries_and_a_day_ten() -> None:
    assert [len(tries(timedelta(hours=hours), 0.999)[0]) for hours in (1, 24)] == [5, 10]
    assert len(tries(timedelta(minutes=1), 0.999)[0]) <= 1


@given(intervals, shares)
def test_the_next_time_of_the_grid_begins_to_count_anew(interval: timedelta, chance: float) -> None:
    _, timetable = tries(interval, chance)
    after = done(timetable, timetable.at, chance=chance)
    assert (after.failures, after.retry_at) == (0, None)
    assert after.due_at == NOW + 2 * interval


def test_another_interval_begins_without_what_was_to_be_made_good() -> None:
    kept = put_off(done(begin(timedelta(days=1), NOW, phase=0, chance=0), NOW, chance=0), NOW, chance=0.5)
    assert kept.retry_at is not None
    again = resumed(kept, timedelta(hours=1), NOW, chance=0.5)
    assert (again.retry_at, again.failures) == (None, 0)


def test_a_kept_number_of_failures_that_is_absurd_breaks_nothing() -> None:
    timetable = Timetable(interval=timedelta(hours=1), due_at=NOW, jitter=timedelta(), failures=10**9)
    assert put_off(timetable, NOW, chance=0.5).retry_at is None
