"""What is published of a cohort: percentiles that are the clusters' own, none of them nearly one cluster's."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corrective_drift.percentiles import cohort_baseline, told
from probes.measure.baselines import LEAST_BEYOND, LEAST_CONTRIBUTORS, PERCENTS


def percentiles(values: list[int]) -> dict[str, int]:
    return cohort_baseline((4, ()), "2026-W46", Counter(values)).percentiles


@given(st.integers(LEAST_CONTRIBUTORS, 1500))
def test_beyond_each_percentile_are_five_clusters_on_either_side(count: int) -> None:
    for value in percentiles(list(range(count))).values():
        assert value >= LEAST_BEYOND
        assert count - 1 - value >= LEAST_BEYOND


@pytest.mark.parametrize(("least", "percents"), [(20, {25, 75}), (50, {10, 90}), (100, {5, 95}), (500, {1, 99})])
def test_a_percentile_is_published_from_the_first_count_that_allows_it(least: int, percents: set[int]) -> None:
    names = {f"p{percent}" for percent in percents}
    assert names <= percentiles(list(range(least))).keys()
    if least > LEAST_CONTRIBUTORS:
        assert not names & percentiles(list(range(least - 1))).keys()


@given(st.lists(st.integers(-50, 50), min_size=LEAST_CONTRIBUTORS, max_size=600))
def test_a_percentile_has_its_share_of_the_clusters_below_and_the_rest_above(values: list[int]) -> None:
    for name, value in percentiles(values).items():
        share = int(name[1:]) / 100
        assert sum(each <= value for each in values) >= share * len(values) - 1e-9
        assert sum(each >= value for each in values) >= (1 - share) * len(values) - 1e-9


@given(st.lists(st.integers(-50, 50), min_size=LEAST_CONTRIBUTORS, max_size=600))
def test_what_is_low_of_a_metric_is_high_of_its_opposite(values: list[int]) -> None:
    upside_down = percentiles([-value for value in values])
    there = percentiles(values)
    assert all(
        there[f"p{percent}"] == -upside_down[f"p{100 - percent}"]
        for percent in PERCENTS
        if percent != 50 and f"p{percent}" in there
    )


@given(st.integers(0, 1000))
def test_the_number_of_contributors_is_told_in_fives_and_never_above_the_truth(count: int) -> None:
    assert told(count) % 5 == 0
    assert 0 <= count - told(count) < 5
