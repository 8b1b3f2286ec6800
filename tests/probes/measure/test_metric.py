import numpy as np
import pytest

from probes.measure.histogram import Histogram
from probes.measure.metric import Description, from_histograms, from_rates, from_samples
from probes.measure.result import Better
from probes.measure.stability import FlagCode
from probes.measure.units import Unit

READ = Description(
    name="read_latency",
    title="random read latency",
    unit=Unit.NANOSECONDS,
    better=Better.LOWER,
    conditions={"queue_depth": 1},
)


def quiet(rounds: int = 7, samples: int = 4000) -> list[np.ndarray]:
    rng = np.random.default_rng(2)
    return [rng.lognormal(10, 0.05, samples) for _ in range(rounds)]


def test_a_metric_is_what_was_described() -> None:
    metric = from_samples(READ, quiet())
    assert (metric.name, metric.title, metric.unit) == (READ.name, READ.title, READ.unit)
    assert (metric.better, metric.conditions) == (READ.better, READ.conditions)


def test_a_quiet_measurement_raises_no_doubt() -> None:
    assert from_samples(READ, quiet()).flags == ()


def test_the_rounds_of_samples_are_their_medians_in_order() -> None:
    rounds = [np.array([3.0, 1.0, 2.0]), np.array([]), np.array([9.0, 9.0])]
    assert from_samples(READ, rounds).rounds == (2.0, 9.0)


def test_the_histogram_holds_every_sample_of_every_round() -> None:
    rounds = quiet()
    assert from_samples(READ, rounds).histogram == Histogram.of(np.concatenate(rounds))


def test_histograms_and_their_samples_make_the_same_metric_within_one_percent() -> None:
    rounds = quiet()
    pooled = np.concatenate(rounds)
    exact = from_samples(READ, rounds)
    bucketed = from_histograms(
        READ,
        [Histogram(), *(Histogram.of(values) for values in rounds)],
        minimum=float(pooled.min()),
        maximum=float(pooled.max()),
        mean=float(pooled.mean()),
    )
    assert bucketed.histogram == exact.histogram
    assert bucketed.rounds == pytest.approx(exact.rounds, rel=0.01)
    assert bucketed.flags == ()


def test_a_rate_has_no_histogram_and_no_percentiles() -> None:
    metric = from_rates(READ, [10.0, 11.0, 10.0, 9.0, 10.0, 10.0])
    assert metric.rounds == (10.0, 11.0, 10.0, 9.0, 10.0, 10.0)
    assert metric.histogram is None
    assert metric.summary.percentiles == {}
    assert metric.flags == ()


def test_each_doubt_is_told_once_by_the_metric() -> None:
    rng = np.random.default_rng(4)
    slow_then_fast = np.concatenate([rng.lognormal(11, 0.05, 500), rng.lognormal(10, 0.05, 500)])
    codes = [flag.code for flag in from_samples(READ, [slow_then_fast]).flags]
    assert set(codes) == {
        FlagCode.FEW_ROUNDS,
        FlagCode.WIDE_INTERVAL,
        FlagCode.DRIFT,
        FlagCode.FEW_SAMPLES,
        FlagCode.BIMODAL,
    }
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("rounds", [[], [np.array([])]])
def test_a_metric_without_samples_is_refused(rounds: list[np.ndarray]) -> None:
    with pytest.raises(ValueError, match="nothing to summarize"):
        from_samples(READ, rounds)


def test_a_metric_without_rounds_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to summarize"):
        from_rates(READ, [])
