"""Ranges, tests, packing and prices, by their laws."""

import math
import statistics
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.wire.fields import TABLE
from agent.wire.numbers import Bucket, Index
from corrective_drift.errors import InvalidOption
from corrective_drift.recommendations.packing import mean_load, removable, within_headroom
from corrective_drift.recommendations.prices import Prices, read_prices
from corrective_drift.recommendations.ranges import Range, median_interval, range_of
from corrective_drift.recommendations.trial import tail

NUMBERS = [field for field in TABLE if isinstance(field.kind, Bucket | Index)]
shares = st.floats(0, 1)


@given(st.sampled_from(NUMBERS), st.integers(0, 10**6), st.floats(0, 1))
def test_a_range_holds_every_number_that_the_wire_puts_into_it(field: object, whole: int, share: float) -> None:
    assert isinstance(field, type(NUMBERS[0]))
    kind = field.kind
    number = share if isinstance(kind, Index) or kind.maximum < 2 else whole
    found = range_of(field.name, kind.treat(number, str))
    assert found is not None
    assert found.low <= number * (1 + 1e-9)
    assert number <= found.high * (1 + 1e-9)


def test_what_is_no_number_or_unknown_has_no_range() -> None:
    assert range_of("cluster.provider", "aws") is None
    assert range_of("usage.idle_nodes", "3") is None
    assert range_of("usage.cpu_used_p50", "8") is None
    assert range_of("usage.nothing", 8) is None


def test_one_to_four_nodes_are_one_at_least_and_cores_any_part_of_one() -> None:
    assert range_of("usage.idle_nodes", "1-4") == Range(1, 4)
    assert range_of("usage.idle_nodes", "0") == Range(0, 0)
    cores = range_of("usage.cpu_headroom_cores", "1-4")
    assert cores is not None
    assert (cores.low < 1e-9, cores.high) == (True, 5)


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), min_size=1, max_size=40))
def test_the_interval_of_the_median_holds_the_median_of_any_values_in_the_ranges(
    ends: list[tuple[float, float]],
) -> None:
    ranges = [Range(min(pair), max(pair)) for pair in ends]
    interval = median_interval(ranges)
    for values in ([each.low for each in ranges], [each.high for each in ranges]):
        assert interval.low <= statistics.median(values) <= interval.high


def test_the_interval_of_the_median_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    inside = 0
    for _ in range(2000):
        interval = median_interval([Range(value, value) for value in rng.normal(size=15)])
        inside += interval.low <= 0 <= interval.high
    assert inside / 2000 >= 0.945


@given(st.integers(0, 30), st.integers(0, 30), st.floats(0.01, 0.99))
def test_a_tail_is_a_sum_of_probabilities(successes: int, tries: int, chance: float) -> None:
    exact = sum(
        math.comb(tries, count) * Fraction(chance) ** count * (1 - Fraction(chance)) ** (tries - count)
        for count in range(successes, tries + 1)
    )
    assert tail(successes, tries, chance) == pytest.approx(float(exact), abs=1e-12)


@given(st.lists(shares, min_size=20, max_size=60))
def test_the_mean_load_lies_within_what_three_percentiles_tell_of_it(loads: list[float]) -> None:
    median, most, largest = (float(np.percentile(loads, q, method="inverted_cdf")) for q in (50, 90, 100))
    # With finitely many nodes a rank is off by one of them.
    slack = 1 / len(loads)
    found = mean_load(Range(median, median), Range(most, most), Range(largest, largest))
    assert found.low - slack <= statistics.fmean(loads) <= found.high + slack


@given(st.integers(1, 500), st.integers(0, 200), shares, shares, shares, shares)
def test_some_nodes_stay_and_the_bounds_are_in_order(
    nodes: int, more: int, cpu: float, memory: float, wider: float, wide: float
) -> None:
    low, mid, high = removable(Range(nodes, nodes + more), Range(cpu, cpu + wider), Range(memory, memory + wide))
    assert 0 <= low <= mid <= high <= max(0, nodes + more - 1)


def test_what_fits_into_half_of_the_nodes_may_free_none_of_them() -> None:
    low, _, high = removable(Range(20, 20), Range(0.5, 0.5), Range(0.1, 0.1))
    assert (low, high) == (0, 10)


PODS = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), min_size=1, max_size=60)


@given(PODS, st.integers(0, 20))
@example([(0, 100)] * 2 + [(51, 1)] * 5, 0)
def test_first_fit_never_takes_more_nodes_than_the_low_end_leaves(pods: list[tuple[int, int]], idle: int) -> None:
    held: list[tuple[int, int]] = []
    for cpu, memory in pods:
        sums = [(each[0] + cpu, each[1] + memory) for each in held]
        place = next((n for n, each in enumerate(sums) if max(each) <= 100), None)
        if place is None:
            held.append((cpu, memory))
        else:
            held[place] = sums[place]
    nodes = len(held) + idle
    loads = [sum(pod[resource] for pod in pods) / 100 / nodes for resource in (0, 1)]
    low, _, _ = removable(Range(nodes, nodes), *(Range(load, load) for load in loads))
    assert nodes - low >= len(held)


def test_the_room_that_is_left_narrows_the_load_from_both_sides() -> None:
    assert within_headroom(Range(0.1, 0.9), Range(64, 128), Range(128, 256)) == Range(0.1, 0.75)
    assert within_headroom(Range(0.1, 1.2), Range(0, 0), Range(128, 256)) == Range(1, 1)


def test_a_load_without_an_end_frees_nothing_for_sure() -> None:
    low, _, high = removable(Range(20, 20), Range(0.1, math.inf), Range(0.1, 0.1))
    assert (low, high) == (0, 18)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("core_month = 1", "needs source"),
        ('source = "a"', "needs currency"),
        ('source = "a"\ncurrency = "EUR"\ncore_moth = 1', "core_moth"),
        ('source = "a"\ncurrency = "EUR"\ncore_month = -1', "0 or more"),
        ('source = "a"\ncurrency = "EUR"\ncore_month = inf', "0 or more"),
        ('source = "a"\ncurrency = "EUR"\ncore_month = true', "0 or more"),
        ("core_month =", "TOML"),
    ],
)
def test_a_price_table_that_is_none_is_refused_by_name(text: str, why: str) -> None:
    with pytest.raises(InvalidOption, match=why):
        read_prices(text)


def test_no_price_is_assumed() -> None:
    saving = Prices().saving("unused", (1, 2, 3), "cores", "none")
    assert (saving.money_low, saving.money_high, saving.currency) == (None, None, None)
