import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.measure.histogram import FloatArray, Histogram
from probes.measure.summary import (
    PERCENTILES,
    IntervalMethod,
    SortedValues,
    Summary,
    order_statistic_interval,
    required_samples,
    summarize_histograms,
    summarize_rounds,
    summarize_samples,
)

POSITIVE = st.floats(1e-3, 1e12)
ROUNDS = st.lists(st.lists(POSITIVE, max_size=40), min_size=1, max_size=8).filter(any)


def arrays(rounds: list[list[float]]) -> list[FloatArray]:
    return [np.array(values, dtype=np.float64) for values in rounds]


def bucketed(rounds: list[FloatArray]) -> Summary:
    pooled = np.concatenate(rounds)
    return summarize_histograms(
        [Histogram.of(values) for values in rounds],
        minimum=float(pooled.min()),
        maximum=float(pooled.max()),
        mean=float(pooled.mean()),
    )


@given(ROUNDS)
def test_the_median_is_the_p50_and_lies_within_the_extremes(rounds: list[list[float]]) -> None:
    for summary in (summarize_samples(arrays(rounds)), bucketed(arrays(rounds))):
        assert summary.minimum <= summary.median <= summary.maximum
        if "p50" in summary.percentiles:
            assert summary.percentiles["p50"].value == summary.median


@given(ROUNDS)
def test_percentiles_rise_and_each_lies_within_its_interval(rounds: list[list[float]]) -> None:
    for summary in (summarize_samples(arrays(rounds)), bucketed(arrays(rounds))):
        values = [percentile.value for percentile in summary.percentiles.values()]
        assert values == sorted(values)
        for percentile in summary.percentiles.values():
            if percentile.interval is not None:
                assert percentile.interval.low <= percentile.value <= percentile.interval.high


@given(ROUNDS)
def test_samples_and_their_histograms_say_the_same_within_one_percent(rounds: list[list[float]]) -> None:
    exact, approximate = summarize_samples(arrays(rounds)), bucketed(arrays(rounds))
    assert approximate.count == exact.count
    assert approximate.median == pytest.approx(exact.median, rel=0.01)
    assert approximate.mean == pytest.approx(exact.mean)
    # A deviation is a difference: its error is one of the values, not of itself.
    assert approximate.mad == pytest.approx(exact.mad, rel=0.02, abs=0.02 * exact.maximum)
    assert approximate.percentiles.keys() == exact.percentiles.keys()
    for name, percentile in exact.percentiles.items():
        assert approximate.percentiles[name].value == pytest.approx(percentile.value, rel=0.01)


def test_the_deviations_agree_for_a_distribution_of_some_width() -> None:
    rounds = [np.random.default_rng(3).lognormal(10, 0.5, 20_000)]
    assert bucketed(rounds).mad == pytest.approx(summarize_samples(rounds).mad, rel=0.03)


@given(st.lists(st.lists(POSITIVE, max_size=10), min_size=1, max_size=5).filter(any), st.randoms())
def test_a_round_without_samples_changes_nothing(rounds: list[list[float]], random) -> None:  # noqa: ANN001
    with_empty = [*rounds, []]
    random.shuffle(with_empty)
    filled = [values for values in with_empty if values]
    assert summarize_samples(arrays(with_empty)) == summarize_samples(arrays(filled))


@pytest.mark.parametrize(
    "summarize",
    [
        lambda: summarize_samples([]),
        lambda: summarize_samples([np.array([])]),
        lambda: summarize_histograms([Histogram()], minimum=0, maximum=0, mean=0),
        lambda: summarize_rounds([]),
    ],
)
def test_nothing_can_not_be_summarized(summarize) -> None:  # noqa: ANN001
    with pytest.raises(ValueError, match="nothing to summarize"):
        summarize()


@pytest.mark.parametrize(("name", "needed"), [("p50", 5), ("p90", 29), ("p95", 59), ("p99", 299), ("p99.9", 2995)])
def test_a_percentile_is_absent_below_the_samples_it_needs(name: str, needed: int) -> None:
    assert required_samples(PERCENTILES[name]) == needed
    values = np.arange(1.0, needed + 1)
    for summary in (summarize_samples([values]), bucketed([values])):
        assert name in summary.percentiles
    for summary in (summarize_samples([values[1:]]), bucketed([values[1:]])):
        assert name not in summary.percentiles


@pytest.mark.parametrize("q", PERCENTILES.values())
def test_with_the_needed_samples_one_lies_beyond_in_95_of_100(q: float) -> None:
    needed = required_samples(q)
    assert 1 - q**needed >= 0.95
    assert 1 - q ** (needed - 1) < 0.95


@pytest.mark.parametrize(("q", "count"), [(0.5, 6), (0.5, 25), (0.9, 60), (0.99, 1000)])
@pytest.mark.parametrize("distribution", ["cube", "exponential", "two values"])
def test_the_interval_holds_the_true_quantile_at_least_as_often_as_it_says(
    q: float, count: int, distribution: str
) -> None:
    rng = np.random.default_rng(11)
    runs = 2000
    if distribution == "two values":  # ties: a discrete distribution makes the interval only wider
        truth, draws = (0.0 if q <= 0.6 else 1.0), (rng.random((runs, count)) > 0.6).astype(float)
    else:
        # Through the probability integral: the quantile function of a uniform sample is monotonic.
        uniform = rng.random((runs, count))
        draws = -np.log1p(-uniform) if distribution == "exponential" else uniform**3
        truth = -np.log1p(-q) if distribution == "exponential" else q**3
    covered = 0
    for values in draws:
        interval = order_statistic_interval(SortedValues(values), q, IntervalMethod.SAMPLES)
        assert interval is not None
        covered += interval.low <= truth <= interval.high
    # Four standard errors of 2000 runs below the nominal level.
    assert covered / runs >= 0.95 - 4 * (0.95 * 0.05 / runs) ** 0.5


def test_five_rounds_have_no_95_percent_interval_and_six_have() -> None:
    assert summarize_rounds([1.0, 2.0, 3.0, 4.0, 5.0]).interval is None
    interval = summarize_rounds([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).interval
    assert interval is not None
    assert (interval.low, interval.high, interval.method) == (1.0, 6.0, IntervalMethod.ROUNDS)


def test_the_ranks_are_those_of_the_published_table() -> None:
    """Median, 95 %: n = 10 takes ranks 2 and 9, n = 25 ranks 8 and 18 (Conover, 1999, from the binomial table)."""
    for count, low, high in ((10, 2, 9), (25, 8, 18)):
        interval = order_statistic_interval(SortedValues(np.arange(1, count + 1)), 0.5, IntervalMethod.ROUNDS)
        assert interval is not None
        assert (interval.low, interval.high) == (low, high)


@given(st.integers(1, 5000), st.sampled_from(list(PERCENTILES.values())))
def test_an_interval_keeps_its_level_for_every_count(count: int, q: float) -> None:
    interval = order_statistic_interval(SortedValues(np.arange(1, count + 1)), q, IntervalMethod.SAMPLES)
    if interval is None:
        # Then even the two extremes would not do, or one side has no rank left to give.
        assert q**count > 0.025 or (1 - q) ** count > 0.025
        return
    k = np.arange(count + 1)
    steps = np.log((count - k[:-1]) / (k[:-1] + 1)) + np.log(q / (1 - q))
    probability = np.exp(count * np.log1p(-q) + np.concatenate(([0.0], np.cumsum(steps))))
    below, above = int(interval.low), int(interval.high)
    assert probability[below:above].sum() >= 0.95 - 1e-9
    assert probability[:below].sum() <= 0.025 + 1e-9


def test_rounds_are_the_unit_of_replication_where_there_are_six() -> None:
    rng = np.random.default_rng(5)
    # Rounds differ by far more than the samples within them: the samples alone would promise ten times too much.
    rounds = [rng.normal(center, 0.1, 1000) for center in (90, 95, 100, 105, 110, 115)]
    interval = summarize_samples(rounds).interval
    assert interval is not None
    assert interval.method is IntervalMethod.ROUNDS
    assert interval.low < 91
    assert interval.high > 114


def test_with_few_rounds_the_interval_is_over_samples_and_says_so() -> None:
    interval = summarize_samples([np.arange(1.0, 1001.0)]).interval
    assert interval is not None
    assert interval.method is IntervalMethod.SAMPLES


def test_one_throttled_round_moves_the_pooled_p99_and_its_interval_holds_it() -> None:
    rng = np.random.default_rng(9)
    rounds = [rng.normal(100, 5, 1000) for _ in range(9)] + [rng.normal(7000, 50, 1000)]
    p99 = summarize_samples(rounds).percentiles["p99"]
    assert p99.value > 6000
    assert p99.interval is not None
    assert p99.interval.low < 120
    assert p99.interval.high >= p99.value


def test_a_bucket_never_speaks_for_more_than_the_maximum() -> None:
    values = np.full(400, 1.0199)
    summary = bucketed([values])
    assert summary.median == summary.percentiles["p99"].value == 1.0199
