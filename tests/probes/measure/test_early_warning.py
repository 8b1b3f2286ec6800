import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.measure.early_warning import THRESHOLDS, Watch, begin, calibrate, first_alarm, run_length, update

REFERENCE = 100 + np.random.default_rng(1).standard_normal(50)


def _watch(*, rising: bool = True, average_run_length: int = 300) -> Watch:
    return begin(REFERENCE, rising=rising, average_run_length=average_run_length)


class TestAlarms:
    @pytest.mark.parametrize("rising", [True, False])
    def test_a_shift_the_watched_way_alarms_soon_and_the_other_way_never(self, *, rising: bool) -> None:
        noise = np.random.default_rng(2).standard_normal(100)
        up, down = first_alarm(_watch(rising=rising), 103 + noise), first_alarm(_watch(rising=rising), 97 + noise)
        found, ignored = (up, down) if rising else (down, up)
        assert found is not None
        assert found < 10
        assert ignored is None

    def test_one_outlier_is_no_alarm(self) -> None:
        assert first_alarm(_watch(), [100.0, 1e9, *[100.0] * 50]) is None

    def test_the_alarm_ends_when_values_are_normal_again(self) -> None:
        state, alarms = _watch(), []
        for value in [104.0] * 10 + [99.0] * 60:
            state, alarm = update(state, value)
            alarms.append(alarm)
        assert alarms[9]
        assert not alarms[-1]
        assert state.sum == 0

    def test_skewed_values_are_measured_by_the_spread_of_their_own_side(self) -> None:
        state = begin(np.exp(np.random.default_rng(3).standard_normal(500)), rising=True, average_run_length=100)
        assert state.scale_worse > 1.5 * state.scale_better


class TestState:
    @settings(max_examples=50, deadline=None)
    @given(st.lists(st.floats(90, 110), max_size=60), st.integers(0, 60))
    def test_a_state_stored_and_continued_equals_one_run(self, stream: list[float], cut: int) -> None:
        whole = _watch()
        parts = _watch()
        for place, value in enumerate(stream):
            if place == cut:
                parts = Watch.model_validate_json(parts.model_dump_json())
            (whole, alarm), (parts, same) = update(whole, value), update(parts, value)
            assert alarm == same
        assert whole == parts

    def test_the_first_alarm_is_that_of_single_updates(self) -> None:
        stream = 101.5 + np.random.default_rng(4).standard_normal(200)
        state, alarms = _watch(), []
        for value in stream:
            state, alarm = update(state, value)
            alarms.append(alarm)
        assert first_alarm(_watch(), stream) == alarms.index(True)

    @given(st.floats(0.1, 50), st.floats(-100, 100))
    def test_unit_and_origin_don_t_matter(self, factor: float, offset: float) -> None:
        stream = 101.5 + np.random.default_rng(5).standard_normal(200)
        other = begin(REFERENCE * factor + offset, rising=True, average_run_length=300)
        assert first_alarm(other, stream * factor + offset) == first_alarm(_watch(), stream)

    def test_rises_are_falls_of_the_negative(self) -> None:
        stream = 101.5 + np.random.default_rng(6).standard_normal(200)
        mirrored = begin(-REFERENCE, rising=False, average_run_length=300)
        assert first_alarm(mirrored, -stream) == first_alarm(_watch(), stream)


class TestRunLength:
    def test_the_simulated_streams_are_those_of_update(self) -> None:
        seed, window, horizon, streams = 7, 20, 100, 200
        drawn = np.random.default_rng(seed)
        references, values = drawn.standard_normal((streams, window)), drawn.standard_normal((streams, horizon))
        watched = alarms = 0
        for reference, stream in zip(references, values, strict=True):
            place = first_alarm(begin(reference, rising=True, average_run_length=100), stream)
            watched += horizon if place is None else place + 1
            alarms += place is not None
        simulated = run_length(
            THRESHOLDS[100], window, horizon=horizon, noise=np.random.default_rng(seed).standard_normal, streams=streams
        )
        assert simulated == watched / alarms

    @pytest.mark.parametrize("window", [20, 100])
    @pytest.mark.parametrize("average", [100, 300])
    def test_lognormal_noise_runs_as_long_as_asked_and_normal_noise_longer(self, average: int, window: int) -> None:
        rng = np.random.default_rng(8)
        lognormal = run_length(
            THRESHOLDS[average], window, horizon=average, noise=lambda shape: rng.lognormal(size=shape), streams=3000
        )
        normal = run_length(THRESHOLDS[average], window, horizon=average, noise=rng.standard_normal, streams=3000)
        assert lognormal > 0.9 * average
        assert normal > 1.3 * average

    def test_a_calibrated_threshold_has_its_run_length(self) -> None:
        threshold = calibrate(50, 30, noise=np.random.default_rng(9).standard_normal, streams=4000)
        seen = run_length(threshold, 30, horizon=50, noise=np.random.default_rng(10).standard_normal, streams=4000)
        assert seen == pytest.approx(50, rel=0.15)

    def test_the_next_longer_run_length_is_taken(self) -> None:
        assert _watch(average_run_length=200).threshold == THRESHOLDS[300]


class TestRefusals:
    def test_a_short_window_is_refused_with_its_size(self) -> None:
        with pytest.raises(ValueError, match="19 values"):
            begin(REFERENCE[:19], rising=True, average_run_length=100)

    def test_a_window_without_spread_is_refused(self) -> None:
        with pytest.raises(ValueError, match="spread"):
            begin(np.full(50, 2.0), rising=True, average_run_length=100)

    def test_a_run_length_beyond_the_calibrated_is_refused(self) -> None:
        with pytest.raises(ValueError, match="1001"):
            _watch(average_run_length=1001)

    @pytest.mark.parametrize("value", [math.nan, math.inf])
    def test_a_value_that_is_not_finite_is_refused(self, value: float) -> None:
        with pytest.raises(ValueError, match="missing"):
            update(_watch(), value)
        with pytest.raises(ValueError, match="finite"):
            begin([*REFERENCE, value], rising=True, average_run_length=100)
