import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.measure.histogram import GAMMA, RELATIVE_ERROR, Histogram, nearest_rank

VALUES = st.lists(st.just(0.0) | st.floats(1e-300, 1e300) | st.floats(1.0, 1e9), max_size=60)
HISTOGRAMS = VALUES.map(Histogram.of)
QUANTILES = st.floats(0, 1, exclude_min=True)


@given(HISTOGRAMS, HISTOGRAMS, HISTOGRAMS)
def test_merging_is_associative(a: Histogram, b: Histogram, c: Histogram) -> None:
    assert (a + b) + c == a + (b + c)


@given(HISTOGRAMS, HISTOGRAMS)
def test_merging_is_commutative(a: Histogram, b: Histogram) -> None:
    assert a + b == b + a


@given(HISTOGRAMS)
def test_the_empty_histogram_changes_nothing(a: Histogram) -> None:
    assert a + Histogram() == a == Histogram() + a


@given(HISTOGRAMS, HISTOGRAMS)
def test_subtracting_undoes_adding(a: Histogram, b: Histogram) -> None:
    assert (a + b) - b == a


@given(VALUES, VALUES)
def test_merging_equals_counting_everything_at_once(a: list[float], b: list[float]) -> None:
    assert Histogram.merged([Histogram.of(a), Histogram.of(b)]) == Histogram.of(a + b)


@given(HISTOGRAMS, HISTOGRAMS)
def test_equal_histograms_have_equal_hashes(a: Histogram, b: Histogram) -> None:
    assert hash(a + b) == hash(b + a)


def test_subtracting_what_was_never_added_is_refused() -> None:
    with pytest.raises(ValueError, match="more was subtracted"):
        Histogram.of([1.0]) - Histogram.of([2.0])


@given(VALUES.filter(bool), QUANTILES)
def test_a_quantile_is_within_one_percent_of_the_exact_nearest_rank(values: list[float], q: float) -> None:
    exact = sorted(values)[nearest_rank(len(values), q) - 1]
    assert Histogram.of(values).quantile(q) == pytest.approx(exact, rel=0.01, abs=0)


def test_the_stated_error_is_kept_over_a_million_values() -> None:
    values = np.random.default_rng(1).lognormal(10, 3, 1_000_000)
    histogram = Histogram.of(values)
    ordered = np.sort(values)
    for q in np.linspace(0.001, 1, 997):
        exact = ordered[nearest_rank(values.size, q) - 1]
        assert abs(histogram.quantile(q) / exact - 1) <= RELATIVE_ERROR * (1 + 1e-9)


@given(st.lists(st.floats(1, 1e9), min_size=1, max_size=20), st.data())
def test_a_weight_counts_a_value_so_many_times(values: list[float], data: st.DataObject) -> None:
    weights = data.draw(st.lists(st.integers(0, 9), min_size=len(values), max_size=len(values)))
    repeated = np.repeat(values, weights)
    assert Histogram.of(values, weights) == Histogram.of(repeated)


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf"), 1e301, 1e-301])
def test_a_value_that_no_measurement_brings_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="zeros and values from"):
        Histogram.of([1.0, value])


@pytest.mark.parametrize("weights", [[1.5, 1.0], [-1, 2], [True, False]])
def test_a_weight_that_is_no_count_is_refused(weights: list[Any]) -> None:
    with pytest.raises(ValueError, match="whole numbers of zero or more"):
        Histogram.of([1.0, 2.0], weights)


def test_values_and_weights_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="2 values with 1 weights"):
        Histogram.of([1.0, 2.0], [1])


def test_a_histogram_can_not_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        Histogram.of([1.0]).counts[0] = 7


@pytest.mark.parametrize("rank", [0, 4])
def test_a_rank_outside_the_values_is_refused(rank: int) -> None:
    with pytest.raises(ValueError, match=r"outside 1\.\.3"):
        Histogram.of([1.0, 2.0, 0.0]).at_rank(rank)


@given(HISTOGRAMS)
def test_the_json_round_trip_is_exact(histogram: Histogram) -> None:
    assert Histogram.from_json(json.loads(json.dumps(histogram.to_json()))) == histogram


def sound() -> dict[str, Any]:
    return {"gamma": GAMMA, "zeros": 1, "buckets": [5, 7], "counts": [2, 3]}


def test_the_sound_example_is_read() -> None:
    assert Histogram.from_json(sound()).count == 6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gamma": 1.01}, "γ = 1.01"),
        ({"gamma": "1.02"}, "γ = '1.02'"),
        ({"zeros": -1}, "zeros"),
        ({"zeros": 1.0}, "zeros"),
        ({"zeros": True}, "zeros"),
        ({"zeros": None}, "zeros"),
        ({"buckets": [0, 10**12]}, "buckets"),
        ({"buckets": [-(10**6), 7]}, "buckets"),
        ({"buckets": [5, 5]}, "no bucket twice"),
        ({"buckets": [5]}, "one count for each"),
        ({"buckets": [5, 7.0]}, "buckets"),
        ({"buckets": [False, True]}, "buckets"),
        ({"buckets": "57"}, "a list"),
        ({"buckets": [[5], 7]}, "buckets"),
        ({"counts": [2, -3]}, "counts"),
        ({"counts": [2, 0]}, "counts"),
        ({"counts": [2, 10**30]}, "counts"),
        ({"counts": [2**53, 2**53]}, "at most"),
        ({"counts": {"0": 2}}, "a list"),
        ({"surplus": 1}, "exactly"),
    ],
)
def test_a_hostile_file_is_refused_in_one_line(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        Histogram.from_json(sound() | change)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 150


@pytest.mark.parametrize("data", [None, [], "x", 3, {}, {"gamma": GAMMA}])
def test_what_is_no_histogram_at_all_is_refused(data: Any) -> None:
    with pytest.raises(ValueError, match="an object with exactly buckets, counts, gamma, zeros"):
        Histogram.from_json(data)


@given(st.integers(1, 10**6), QUANTILES)
def test_the_nearest_rank_is_the_smallest_that_reaches_the_share(count: int, q: float) -> None:
    rank = nearest_rank(count, q)
    assert 1 <= rank <= count
    assert rank >= q * count - 1e-6
    assert rank == 1 or rank - 1 < q * count


def test_a_product_that_floating_point_lifts_keeps_its_rank() -> None:
    assert nearest_rank(20, 0.95) == 19
    assert nearest_rank(1000, 0.999) == 999


@pytest.mark.parametrize("q", [0.0, -0.1, 1.1])
def test_a_quantile_outside_its_range_is_refused(q: float) -> None:
    with pytest.raises(ValueError, match="a quantile lies in"):
        nearest_rank(10, q)


def test_no_values_have_no_quantile() -> None:
    with pytest.raises(ValueError, match="no values"):
        Histogram().quantile(0.5)
