from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.measure.stability import narrow_enough
from probes.repeat import calibrate, repeat


class Time:
    """A stretch of time that is spent by what is measured, not by waiting."""

    def __init__(self, seconds: float) -> None:
        self.left = seconds

    def remaining_seconds(self) -> float:
        return max(0.0, self.left)

    def spend(self, seconds: float) -> float:
        self.left -= seconds
        return seconds


@given(
    seconds_each=st.floats(1e-9, 100),
    target=st.floats(0.01, 100),
    upper_bound=st.integers(1, 10**9),
)
def test_a_calibrated_round_takes_about_its_target(seconds_each: float, target: float, upper_bound: int) -> None:
    count = calibrate(lambda n: n * seconds_each, target_seconds=target, upper_bound=upper_bound)
    assert 1 <= count <= upper_bound
    if 1 < count < upper_bound:
        assert abs(count * seconds_each - target) <= seconds_each / 2 + 1e-9 * target


@given(upper_bound=st.integers(1, 10**12))
def test_a_clock_that_stands_still_ends_at_the_upper_bound(upper_bound: int) -> None:
    calls: list[int] = []

    def run(n: int) -> float:
        calls.append(n)
        return 0.0

    assert calibrate(run, target_seconds=1.0, upper_bound=upper_bound) == upper_bound
    assert len(calls) <= 14


def test_one_slow_first_call_does_not_decide() -> None:
    first = iter([0.09])
    count = calibrate(lambda n: next(first, n * 1e-6), target_seconds=1.0, upper_bound=10**9)
    assert count == pytest.approx(1_000_000, rel=0.01)


def test_a_first_call_that_takes_longer_than_the_target_does_not_decide() -> None:
    first = iter([5.0])
    count = calibrate(lambda n: next(first, n * 1e-6), target_seconds=1.0, upper_bound=10**9)
    assert count == pytest.approx(1_000_000, rel=0.01)


def test_trials_grow_at_most_tenfold() -> None:
    calls: list[int] = []

    def run(n: int) -> float:
        calls.append(n)
        return n * 1e-6

    calibrate(run, target_seconds=1.0, upper_bound=10**9)
    assert all(later <= 10 * earlier for earlier, later in pairwise(calls))


def test_rounds_end_as_soon_as_they_are_enough_but_not_before_the_minimum() -> None:
    time = Time(1000)
    rounds = repeat(
        lambda: time.spend(1), minimum=3, maximum=9, enough=lambda _: True, remaining_seconds=time.remaining_seconds
    )
    assert len(rounds) == 3


def test_rounds_that_never_agree_end_at_the_maximum() -> None:
    time = Time(1000)
    rounds = repeat(
        lambda: time.spend(1), minimum=3, maximum=9, enough=lambda _: False, remaining_seconds=time.remaining_seconds
    )
    assert len(rounds) == 9


def test_no_round_begins_that_would_not_fit() -> None:
    time = Time(10)
    durations = iter([1.0, 4, 1, 1, 1, 1, 1, 1])
    rounds = repeat(
        lambda: time.spend(next(durations)),
        minimum=8,
        maximum=8,
        enough=lambda _: True,
        remaining_seconds=time.remaining_seconds,
    )
    assert rounds == [1, 4, 1]


def test_the_first_round_is_measured_even_without_time() -> None:
    time = Time(0)
    rounds = repeat(
        lambda: time.spend(5), minimum=3, maximum=9, enough=lambda _: True, remaining_seconds=time.remaining_seconds
    )
    assert rounds == [5]


def test_rounds_that_take_no_time_end_with_the_budget() -> None:
    rounds = repeat(lambda: 1, minimum=3, maximum=9, enough=lambda _: False, remaining_seconds=lambda: 0.0)
    assert rounds == [1]


def test_rounds_repeat_until_the_median_is_known_narrowly() -> None:
    time = Time(1000)
    values = iter([100.0, 130.0, 101.0, 99.0, 100.0, 102.0, 98.0, 100.0, 101.0, 99.0, 100.0, 100.0])
    rounds = repeat(
        lambda: next(values),
        minimum=3,
        maximum=12,
        enough=lambda so_far: narrow_enough(so_far, 0.02),
        remaining_seconds=time.remaining_seconds,
    )
    # Up to eight rounds the interval reaches to the extremes, 98 and 130; with nine it leaves one out at either end.
    assert len(rounds) == 9
