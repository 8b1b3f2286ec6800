import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.measure import significance
from probes.measure.bootstrap import MedianBootstrap, expanded_tail, student_quantile
from probes.measure.power import planning_spread, runs_to_detect, runs_to_exclude, runs_to_reach
from probes.measure.significance import attained_level, benjamini_hochberg, cliffs_delta, mann_whitney, shift_p_value

SMALL = st.lists(st.integers(0, 6).map(float), min_size=1, max_size=6).map(np.array)
GROUP = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40).map(np.array)
P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=40)


def _by_enumeration(first: np.ndarray, second: np.ndarray) -> float:
    """All divisions of the pooled values, with the midranks counted by hand."""
    pooled = np.concatenate((first, second))
    ranks = [float((pooled < value).sum() + ((pooled == value).sum() + 1) / 2) for value in pooled]
    expected = first.size * (pooled.size + 1) / 2
    seen = abs(sum(ranks[: first.size]) - expected)
    divisions = [abs(sum(chosen) - expected) for chosen in combinations(ranks, first.size)]
    return sum(distance >= seen - 1e-9 for distance in divisions) / len(divisions)


@given(SMALL, SMALL)
def test_the_exact_p_value_is_that_of_listing_every_division_ties_included(
    first: np.ndarray, second: np.ndarray
) -> None:
    assert mann_whitney(first, second) == pytest.approx(_by_enumeration(first, second))


@given(GROUP, GROUP)
def test_a_p_value_does_not_depend_on_the_order_of_the_sides(first: np.ndarray, second: np.ndarray) -> None:
    assert mann_whitney(first, second) == pytest.approx(mann_whitney(second, first))
    assert 0 < mann_whitney(first, second) <= 1


@given(GROUP, GROUP, st.floats(0.01, 100))
def test_a_p_value_does_not_depend_on_the_unit(first: np.ndarray, second: np.ndarray, scale: float) -> None:
    # Rounded first, so that scaling merges no two values.
    first, second = np.round(first, 3), np.round(second, 3)
    assert mann_whitney(first * scale, second * scale) == pytest.approx(mann_whitney(first, second))


def test_complete_separation_has_the_smallest_p_value_there_is() -> None:
    assert mann_whitney(np.arange(4.0), np.arange(4.0) + 10) == pytest.approx(2 / math.comb(8, 4))


def test_the_normal_approximation_agrees_with_the_exact_distribution_where_it_takes_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(1)
    for shift in (0.0, 0.3, 0.6, 1.0):
        for decimals, error in ((6, 0.004), (1, 0.01)):
            first, second = rng.normal(size=25).round(decimals), (rng.normal(size=25) + shift).round(decimals)
            exact = mann_whitney(first, second)
            with monkeypatch.context() as patch:
                patch.setattr(significance, "_EXACT_UP_TO", 0)
                assert mann_whitney(first, second) == pytest.approx(exact, abs=error)


def test_groups_of_one_value_everywhere_do_not_differ() -> None:
    assert mann_whitney(np.ones(4), np.ones(4)) == 1
    assert mann_whitney(np.ones(40), np.ones(40)) == 1


def test_a_rank_test_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="each side"):
        mann_whitney(np.array([]), np.ones(3))


@pytest.mark.parametrize("size", [6, 40])
def test_p_values_are_uniform_where_nothing_differs(size: int) -> None:
    rng, count = np.random.default_rng(2), 1000
    p_values = np.array([mann_whitney(rng.normal(size=size), rng.normal(size=size)) for _ in range(count)])
    for level in (0.01, 0.05, 0.2, 0.5):
        allowed = level + 4 * math.sqrt(level * (1 - level) / count)
        assert (p_values <= level).mean() <= allowed
    assert (p_values <= 0.5).mean() >= 0.4


@given(P_VALUES)
def test_adjusting_only_raises_p_values_and_keeps_their_order(p_values: list[float]) -> None:
    adjusted = benjamini_hochberg(p_values)
    assert all(before <= after <= 1 for before, after in zip(p_values, adjusted, strict=True))
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(np.array(adjusted)[order]) >= 0).all()
    assert benjamini_hochberg(p_values[:1]) == p_values[:1]


@given(P_VALUES, st.floats(0.01, 0.5))
def test_what_is_below_the_level_after_adjusting_is_what_the_step_up_procedure_rejects(
    p_values: list[float], level: float
) -> None:
    ordered, count = sorted(p_values), len(p_values)
    passing = [k for k in range(1, count + 1) if ordered[k - 1] * count / k <= level]
    assert sum(p <= level for p in benjamini_hochberg(p_values)) == (max(passing) if passing else 0)


def test_the_worked_example_of_benjamini_and_hochberg_rejects_four_of_fifteen() -> None:
    # Their table of 1995, section 4: thrombolysis after myocardial infarction.
    p_values = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528,
                0.7590, 1.0]  # fmt: skip
    assert sum(p <= 0.05 for p in benjamini_hochberg(p_values)) == 4


@given(GROUP, GROUP)
def test_cliffs_delta_counts_pairs_and_changes_its_sign_with_the_sides(first: np.ndarray, second: np.ndarray) -> None:
    by_hand = np.sign(second[:, np.newaxis] - first[np.newaxis, :]).mean()
    assert cliffs_delta(first, second) == pytest.approx(by_hand, abs=1e-12)
    assert cliffs_delta(second, first) == pytest.approx(-by_hand, abs=1e-12)
    assert -1 <= cliffs_delta(first, second) <= 1


def test_single_values_must_be_two_root_two_deviations_apart() -> None:
    assert shift_p_value(1.959964 * math.sqrt(2) * 0.25, 0.25) == pytest.approx(0.05, abs=1e-6)
    assert shift_p_value(0.0, 0.25) == 1


@pytest.mark.parametrize(
    ("freedom", "expected"), [(1, 12.7062), (2, 4.3027), (4, 2.7764), (10, 2.2281), (1000, 1.9623)]
)
def test_student_quantiles_are_those_of_the_tables(freedom: int, expected: float) -> None:
    assert student_quantile(0.95, freedom) == pytest.approx(expected, rel=1e-4)


def test_the_expansion_fades_with_the_number_of_values() -> None:
    tails = [expanded_tail(0.95, values) for values in (2, 5, 10, 30, 100, 10_000)]
    assert tails == sorted(tails)
    assert tails[0] < 1e-12
    assert tails[-1] == pytest.approx(0.025, rel=0.01)


@pytest.mark.parametrize("size", [5, 6, 12])
@pytest.mark.parametrize("tail", ["normal", "heavy", "skewed"])
def test_an_interval_of_the_ratio_covers_the_truth_at_least_as_often_as_it_says(size: int, tail: str) -> None:
    rng, trials = np.random.default_rng(3), 400
    draw = {
        "normal": lambda: np.exp(0.05 * rng.standard_normal(size)),
        "heavy": lambda: np.exp(0.05 * rng.standard_t(2, size)),
        "skewed": lambda: rng.gamma(2.0, 1.0, size),
    }[tail]
    bootstrap = MedianBootstrap(confidence=0.95, rng=rng)
    covered = 0
    for _ in range(trials):
        before, after = bootstrap.medians(draw(), draw())
        interval = bootstrap.interval(after / before, size)
        covered += interval.low <= 1 <= interval.high
    assert covered / trials >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / trials)


def test_seven_runs_a_side_are_the_fewest_for_one_among_thirty_metrics() -> None:
    assert runs_to_reach(0.05) == 4
    assert runs_to_reach(0.05 / 30) == 7
    assert (
        mann_whitney(np.arange(6.0), np.arange(6.0) + 10)
        > 0.05 / 30
        > mann_whitney(np.arange(7.0), np.arange(7.0) + 10)
    )


@pytest.mark.parametrize("spread", [0.02, 0.05, 0.1])
@pytest.mark.parametrize("metrics", [1, 20])
def test_the_recommended_number_of_runs_finds_the_change_it_was_planned_for(spread: float, metrics: int) -> None:
    rng, trials, level = np.random.default_rng(4), 300, 0.05 / metrics
    runs = runs_to_detect(0.1, spread, level=level, power=0.95)
    found = sum(
        mann_whitney(np.exp(spread * rng.standard_normal(runs)), 1.1 * np.exp(spread * rng.standard_normal(runs)))
        <= level
        for _ in range(trials)
    )
    assert found / trials >= 0.95 - 2 * math.sqrt(0.95 * 0.05 / trials)


@given(st.floats(0.01, 0.5), st.floats(0.001, 0.5), st.floats(0.001, 0.05))
def test_more_noise_smaller_changes_and_stricter_levels_need_more_runs(
    change: float, spread: float, level: float
) -> None:
    runs = runs_to_detect(change, spread, level=level, power=0.9)
    assert runs <= runs_to_detect(change / 2, spread, level=level, power=0.9)
    assert runs <= runs_to_detect(change, spread * 2, level=level, power=0.9)
    assert runs <= runs_to_detect(change, spread, level=level / 10, power=0.9)
    assert runs <= runs_to_detect(change, spread, level=level, power=0.99)


def test_excluding_a_change_takes_more_runs_than_finding_one() -> None:
    assert runs_to_exclude(0.05, 0.05, confidence=0.95, power=0.95) > runs_to_detect(0.05, 0.05, level=0.05, power=0.95)


def test_the_spread_to_plan_with_is_above_the_true_one_in_four_of_five_pilots() -> None:
    rng, trials = np.random.default_rng(5), 2000
    for size in (2, 3, 8):
        pilots = [
            planning_spread(np.exp(0.1 * rng.standard_normal(size)), np.exp(0.1 * rng.standard_normal(size)))
            for _ in range(trials)
        ]
        assert sum(pilot is not None and pilot > 0.1 for pilot in pilots) / trials == pytest.approx(0.8, abs=0.03)


def test_two_single_values_tell_no_spread() -> None:
    assert planning_spread(np.ones(1), np.ones(1)) is None


@pytest.mark.parametrize(("runs", "level"), [(4, 0.01), (5, 0.05), (7, 0.01), (12, 0.001), (25, 0.05)])
def test_the_attained_level_is_the_largest_p_value_that_is_allowed(runs: int, level: float) -> None:
    """Shifting one group past the other, value by value, meets every p-value that there is near the level."""
    pooled = np.arange(2 * runs, dtype=float)
    possible = {
        mann_whitney(np.append(pooled[: runs - 1], pooled[last]), np.delete(pooled, [*range(runs - 1), last]))
        for last in range(runs - 1, 2 * runs)
    }
    attained = attained_level(runs, level)
    assert attained <= level
    assert all(p <= attained for p in possible if p <= level)
