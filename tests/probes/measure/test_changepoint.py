import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.measure.changepoint import ChangePoint, find_changes, reason_to_abstain
from probes.measure.significance import cliffs_delta

Floats = npt.NDArray[np.float64]


def _noise(seed: int, *shape: int) -> Floats:
    return np.random.default_rng(seed).standard_normal(shape)


def _step(seed: int, *, length: int = 100, place: int = 50, height: float = 3.0) -> Floats:
    return 20 + _noise(seed, length) + height * (np.arange(length) >= place)


def _found(values: npt.ArrayLike, seed: int = 0, **options: Any) -> tuple[ChangePoint, ...]:
    return find_changes(values, rng=np.random.default_rng(seed), **options)


def _autocorrelated(seed: int, series: int, length: int, phi: float) -> Floats:
    values = _noise(seed, series, length)
    for t in range(1, length):
        values[:, t] = phi * values[:, t - 1] + math.sqrt(1 - phi**2) * values[:, t]
    return values


def _most_by_chance(series: int, alpha: float) -> float:
    """Exceeded with a chance of about one in a thousand by a test at exactly this level."""
    return series * alpha + 3.1 * math.sqrt(series * alpha * (1 - alpha)) + 1


class TestOneStep:
    @pytest.mark.parametrize("place", [20, 50, 80])
    @pytest.mark.parametrize("height", [-4.0, 4.0])
    def test_a_planted_step_is_found_at_its_place_and_nowhere_else(self, place: int, height: float) -> None:
        (change,) = _found(_step(3, place=place, height=height))
        assert abs(change.index - place) <= 1
        assert change.earliest <= place <= change.latest

    def test_a_clean_step_is_placed_exactly(self) -> None:
        values = np.concatenate([_noise(1, 40), 100 + _noise(2, 30)])
        (change,) = _found(values)
        assert (change.index, change.earliest, change.latest) == (40, 40, 40)

    def test_it_reports_the_medians_the_effect_and_an_adjusted_p_value_of_both_sides(self) -> None:
        values = _step(4)
        (change,) = _found(values, alpha=0.05)
        before, after = values[: change.index], values[change.index :]
        assert change.before == np.median(before)
        assert change.after == np.median(after)
        assert change.effect == cliffs_delta(before, after)
        assert 0 < change.p_value <= 0.05

    def test_autocorrelation_does_not_hide_a_step_even_at_a_level_that_long_blocks_never_reach(self) -> None:
        for seed in range(10):
            values = _autocorrelated(seed, 1, 100, 0.6)[0] + 20 + 8 * (np.arange(100) >= 50)
            assert 50 in [change.index for change in _found(values, alpha=0.001)]

    def test_a_fainter_step_has_a_wider_interval(self) -> None:
        def width(height: float) -> float:
            return float(
                np.mean([c.latest - c.earliest for seed in range(20) for c in _found(_step(seed, height=height))])
            )

        assert width(1.5) > 2 * width(4.0)


class TestSeveralSteps:
    def test_a_staircase_is_found_whole(self) -> None:
        values = 20 + _noise(5, 200) + 4 * (np.arange(200) // 50)
        changes = _found(values)
        assert [round(change.index, -1) for change in changes] == [50, 100, 150]
        assert all(before.after == after.before for before, after in itertools.pairwise(changes))

    def test_a_level_that_comes_back_is_found_on_both_sides(self) -> None:
        times = np.arange(99)
        changes = _found(20 + _noise(6, 99) + 3 * ((times >= 33) & (times < 66)))
        assert len(changes) == 2
        assert abs(changes[0].index - 33) <= 2
        assert abs(changes[1].index - 66) <= 2
        assert changes[0].effect > 0 > changes[1].effect

    @settings(max_examples=25, deadline=None)
    @given(places=st.lists(st.integers(0, 120), max_size=4), shortest=st.integers(2, 15), seed=st.integers(0, 99))
    def test_no_segment_is_shorter_than_asked(self, places: list[int], shortest: int, seed: int) -> None:
        values = 50 + _noise(seed, 120) + sum(6 * (-1) ** i * (np.arange(120) >= p) for i, p in enumerate(places))
        edges = [0, *(c.index for c in _found(values, minimum_segment=shortest)), 120]
        assert np.diff(edges).min() >= shortest


class TestLaws:
    @settings(max_examples=20, deadline=None)
    @given(
        seed=st.integers(0, 10_000),
        height=st.sampled_from([0.0, 1.0, 2.0, 5.0]),
        factor=st.sampled_from([0.25, 2.0, 1024.0]),
        offset=st.sampled_from([-512.0, 0.0, 64.0]),
    )
    def test_unit_and_origin_don_t_matter(self, seed: int, height: float, factor: float, offset: float) -> None:
        values = np.round(_step(seed, height=height), 3) * 1024
        here = _found(values, minimum_shift=0)
        there = _found(factor * values + offset, minimum_shift=0)
        assert [(c.index, c.p_value, c.effect) for c in there] == [(c.index, c.p_value, c.effect) for c in here]

    @pytest.mark.parametrize("seed", range(10))
    @pytest.mark.parametrize("transform", [np.exp, np.cbrt, np.log])
    def test_a_clear_change_stays_where_it_is_under_any_monotone_scale(
        self, seed: int, transform: Callable[[Floats], Floats]
    ) -> None:
        values = _step(seed, place=40, height=8.0)
        (here,), (there,) = _found(values, minimum_shift=0), _found(transform(values), minimum_shift=0)
        assert abs(here.index - there.index) <= 1
        assert min(here.effect, there.effect) > 0.95

    @pytest.mark.parametrize("seed", range(10))
    def test_time_reversed_has_the_mirrored_changes(self, seed: int) -> None:
        values = _step(seed, place=30, height=4.0)
        (forward,), (backward,) = _found(values), _found(values[::-1])
        assert abs(forward.index - (100 - backward.index)) <= 1
        assert forward.effect == pytest.approx(-backward.effect, abs=0.1)

    @pytest.mark.parametrize("seed", range(10))
    def test_negated_values_have_the_same_changes_the_other_way(self, seed: int) -> None:
        values = _step(seed)
        pairs = list(zip(_found(values), _found(-values), strict=True))
        assert pairs
        assert all(c.index == d.index and c.effect == pytest.approx(-d.effect) for c, d in pairs)

    def test_equal_generators_give_equal_changes(self) -> None:
        values = _step(8, height=1.5)
        assert _found(values, seed=5) == _found(values, seed=5) != ()

    def test_a_record_survives_json(self) -> None:
        (change,) = _found(_step(9))
        assert ChangePoint.model_validate_json(change.model_dump_json()) == change


class TestFalseAlarms:
    @pytest.mark.parametrize("alpha", [0.05, 0.01])
    @pytest.mark.parametrize(
        "noise",
        [
            pytest.param(lambda: _noise(11, 400, 100), id="gaussian"),
            pytest.param(lambda: np.exp(_noise(12, 400, 100)), id="lognormal"),
            pytest.param(lambda: _autocorrelated(14, 400, 100, 0.6), id="autocorrelated"),
            pytest.param(lambda: np.round(_noise(15, 400, 100)), id="ties"),
            pytest.param(lambda: _autocorrelated(16, 400, 30, 0.6), id="short"),
        ],
    )
    def test_pure_noise_alarms_no_more_often_than_its_level(self, noise: Callable[[], Floats], alpha: float) -> None:
        series = noise()
        alarms = sum(
            bool(_found(one, seed, alpha=alpha, minimum_effect=0, minimum_shift=0)) for seed, one in enumerate(series)
        )
        assert alarms <= _most_by_chance(len(series), alpha)

    def test_a_true_step_brings_no_further_alarms_beyond_the_level(self) -> None:
        extra = sum(
            len(_found(_step(seed, height=6.0), seed, alpha=0.05, minimum_effect=0, minimum_shift=0)) - 1
            for seed in range(300)
        )
        assert 0 <= extra <= _most_by_chance(300, 0.05)


class TestGates:
    def test_a_small_effect_is_left_out_however_significant(self) -> None:
        values = _step(10, length=2000, place=1000, height=0.4)
        assert _found(values, minimum_effect=0.1, minimum_shift=0)
        assert _found(values, minimum_effect=0.4, minimum_shift=0) == ()

    def test_a_small_shift_is_left_out_however_clear(self) -> None:
        values = 1000 + _step(11, height=5.0)
        assert _found(values, minimum_shift=0.001)
        assert _found(values, minimum_shift=0.01) == ()

    def test_a_shift_away_from_zero_is_not_small(self) -> None:
        values = np.repeat([0.0, 1.0], 30)
        assert [change.index for change in _found(values)] == [30]


class TestNothingToFind:
    def test_a_constant_series_has_no_change(self) -> None:
        assert _found(np.full(200, 3.0)) == ()

    @pytest.mark.parametrize("count", [0, 1, 9, 11])
    def test_too_few_values_have_no_change_and_a_reason(self, count: int) -> None:
        reason = reason_to_abstain(count, alpha=0.001)
        assert reason is not None
        assert reason.startswith("1 value:" if count == 1 else f"{count} values: ")
        assert _found(np.repeat([0.0, 1.0], [count // 2, count - count // 2]), alpha=0.001) == ()

    def test_the_reason_ends_where_a_huge_step_is_found(self) -> None:
        count = next(n for n in range(100) if reason_to_abstain(n, alpha=0.05) is None)
        assert _found(_step(1, length=count, place=count // 2, height=1e6), alpha=0.05)

    @pytest.mark.parametrize(
        ("values", "options"),
        [
            ([1.0, math.nan] * 10, {}),
            ([1.0, math.inf] * 10, {}),
            ([[1.0, 2.0]], {}),
            ([1.0] * 20, {"alpha": 0.0}),
            ([1.0] * 20, {"alpha": 1.0}),
            ([1.0] * 20, {"minimum_segment": 1}),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, values: npt.ArrayLike, options: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=r"finite|alpha|segment"):
            _found(values, **options)
