import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.measure.compare import compare, regressions
from probes.measure.comparison import Caveat, Comparison, MetricComparison, Replication, Side, Verdict
from probes.measure.result import Better, RunResult
from probes.measure.stability import Flag, FlagCode
from probes.measure.units import Unit
from tests.probes.measure.synthetic import latency, noisy, rate, result, run, runs_of

OPPOSITE = {Verdict.BETTER: Verdict.WORSE, Verdict.WORSE: Verdict.BETTER}


def _compare(baseline: list[RunResult], candidate: list[RunResult], **rules: float) -> Comparison:
    return compare(baseline, candidate, rng=np.random.default_rng(0), **rules)


def _only(comparison: Comparison) -> MetricComparison:
    (metric,) = comparison.metrics
    return metric


def _groups(*, least: int = 2, most: int = 12) -> st.SearchStrategy[list[float]]:
    return st.lists(st.floats(1, 1000), min_size=least, max_size=most)


@given(_groups(), _groups(), st.sampled_from([Better.LOWER, Better.HIGHER]))
@settings(max_examples=50)
def test_swapping_the_sides_inverts_the_ratio_and_turns_the_verdict_around(
    first: list[float], second: list[float], better: Better
) -> None:
    there = _only(_compare(runs_of({"m": first}, better=better), runs_of({"m": second}, better=better)))
    back = _only(_compare(runs_of({"m": second}, better=better), runs_of({"m": first}, better=better)))
    assert there.ratio is not None
    assert back.ratio is not None
    assert there.ratio.value * back.ratio.value == pytest.approx(1)
    assert there.difference.value == pytest.approx(-back.difference.value)
    assert there.p_value == pytest.approx(back.p_value)
    assert there.cliffs_delta == pytest.approx(-back.cliffs_delta, abs=1e-12)
    if there.verdict in OPPOSITE or back.verdict in OPPOSITE:
        assert back.verdict is OPPOSITE[there.verdict]


@given(_groups(), _groups(), st.sampled_from([0.25, 8.0, 1024.0]))
@settings(max_examples=50)
def test_a_comparison_does_not_depend_on_the_unit(first: list[float], second: list[float], scale: float) -> None:
    plain = _only(_compare(runs_of({"m": first}), runs_of({"m": second})))
    scaled = _only(_compare(runs_of({"m": [scale * v for v in first]}), runs_of({"m": [scale * v for v in second]})))
    assert scaled.ratio == plain.ratio
    assert scaled.difference.value == scale * plain.difference.value
    assert (scaled.verdict, scaled.p_value, scaled.further_runs) == (plain.verdict, plain.p_value, plain.further_runs)


@given(_groups(), _groups())
@settings(max_examples=50)
def test_the_interval_of_the_ratio_lies_within_what_the_values_allow(first: list[float], second: list[float]) -> None:
    metric = _only(_compare(runs_of({"m": first}), runs_of({"m": second})))
    assert metric.ratio is not None
    assert metric.ratio.interval is not None
    assert metric.ratio.interval.low >= min(second) / max(first) * (1 - 1e-12)
    assert metric.ratio.interval.high <= max(second) / min(first) * (1 + 1e-12)
    assert metric.ratio.interval.low <= metric.ratio.value * (1 + 1e-12)
    assert metric.ratio.interval.high >= metric.ratio.value * (1 - 1e-12)


@pytest.mark.parametrize(
    ("better", "verdict"),
    [(Better.HIGHER, Verdict.BETTER), (Better.LOWER, Verdict.WORSE), (Better.NEITHER, Verdict.CHANGED)],
)
def test_a_rise_is_judged_by_the_metric_s_direction(better: Better, verdict: Verdict) -> None:
    rng = np.random.default_rng(1)
    metric = _only(
        _compare(runs_of({"m": noisy(rng, 8)}, better=better), runs_of({"m": noisy(rng, 8, center=130)}, better=better))
    )
    assert metric.verdict is verdict
    assert metric.ratio is not None
    assert metric.ratio.value == pytest.approx(1.3, rel=0.05)
    assert metric.cliffs_delta == 1
    assert metric.further_runs is None


def test_values_that_agree_within_the_margin_are_the_same_however_significant_their_difference() -> None:
    baseline = [100.0 + 0.01 * i for i in range(10)]
    metric = _only(_compare(runs_of({"m": baseline}), runs_of({"m": [v * 1.01 for v in baseline]})))
    assert metric.adjusted_p_value is not None
    assert metric.adjusted_p_value < 0.001
    assert metric.verdict is Verdict.SAME


def test_four_runs_a_side_are_too_few_to_be_the_same() -> None:
    metric = _only(_compare(runs_of({"m": [100.0] * 4}), runs_of({"m": [100.0] * 4})))
    assert metric.verdict is Verdict.INCONCLUSIVE
    assert metric.further_runs == 1
    assert Caveat.FEW_RUNS in metric.caveats


def test_noise_is_inconclusive_and_says_how_many_more_runs_would_tell() -> None:
    rng = np.random.default_rng(2)
    few = _only(_compare(runs_of({"m": noisy(rng, 5, spread=0.05)}), runs_of({"m": noisy(rng, 5, spread=0.05)})))
    assert few.verdict is Verdict.INCONCLUSIVE
    assert few.further_runs is not None
    needed = 5 + few.further_runs
    assert f"{few.further_runs} more runs" in few.reason
    many = _only(
        _compare(
            runs_of({"m": noisy(rng, needed, spread=0.05)}), runs_of({"m": noisy(rng, needed, center=105, spread=0.05)})
        )
    )
    assert many.verdict is Verdict.BETTER


def test_more_runs_than_anybody_would_do_are_told_as_more_than_a_hundred() -> None:
    rng = np.random.default_rng(2)
    few = _only(_compare(runs_of({"m": noisy(rng, 5, spread=0.9)}), runs_of({"m": noisy(rng, 5, spread=0.9)})))
    assert few.further_runs is not None
    assert few.further_runs > 100
    assert "more than 100 more runs on each side" in few.reason
    assert str(few.further_runs) not in few.reason


def test_medians_and_ranks_that_disagree_are_no_verdict() -> None:
    baseline = [1.0, 1.1, 1.2, 1.3, 5.0, 9.0, 9.1, 9.2, 9.3]
    candidate = [4.0, 4.1, 4.2, 4.3, 4.4, 9.5, 9.6, 9.7, 9.8]
    metric = _only(_compare(runs_of({"m": baseline * 6}), runs_of({"m": candidate * 6})))
    assert metric.adjusted_p_value is not None
    assert metric.adjusted_p_value < 0.05
    assert metric.difference.value < 0 < metric.cliffs_delta
    assert metric.verdict is Verdict.INCONCLUSIVE


def test_zeros_are_judged_by_difference_and_ranks_and_say_so() -> None:
    losing = {"loss": [0.01, 0.02, 0.03, 0.02, 0.015, 0.022]}
    metric = _only(_compare(runs_of({"loss": [0.0] * 6}, better=Better.LOWER), runs_of(losing, better=Better.LOWER)))
    assert metric.ratio is None
    assert Caveat.NO_RATIO in metric.caveats
    assert metric.verdict is Verdict.WORSE
    assert metric.difference.value == pytest.approx(0.02)
    unchanged = _only(_compare(runs_of({"loss": [0.0] * 6}), runs_of({"loss": [0.0] * 6})))
    assert unchanged.verdict is Verdict.SAME


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=8), st.lists(st.floats(-10, 10), min_size=1, max_size=8))
@settings(max_examples=50)
def test_values_of_any_sign_are_compared(first: list[float], second: list[float]) -> None:
    metric = _only(_compare(runs_of({"m": first}), runs_of({"m": second})))
    assert (metric.ratio is not None) == (min(first) > 0 and min(second) > 0)
    assert Comparison.model_validate_json(_compare(runs_of({"m": first}), runs_of({"m": second})).model_dump_json())


def test_a_comparison_survives_its_own_json() -> None:
    rng = np.random.default_rng(3)
    comparison = _compare(runs_of({"m": noisy(rng, 6)}), runs_of({"m": noisy(rng, 6)}))
    assert Comparison.model_validate_json(comparison.model_dump_json()) == comparison


def test_single_runs_are_never_the_same_and_say_what_they_cannot_know() -> None:
    rounds = [100.0, 100.1, 99.9, 100.0, 100.1, 99.9, 100.0]
    metric = _only(_compare([run(result(rate("m", rounds)))], [run(result(rate("m", rounds)))]))
    assert metric.replication is Replication.ROUNDS
    assert metric.verdict is Verdict.INCONCLUSIVE
    assert metric.caveats == (Caveat.SINGLE_RUNS,)
    assert "measure at least 4 more on each side" in metric.reason


def test_rounds_that_separate_completely_are_no_verdict_between_single_runs() -> None:
    metric = _only(
        _compare(
            [run(result(rate("m", [100.0, 101.0, 102.0, 99.0, 98.0, 100.5])))],
            [run(result(rate("m", [80.0, 81.0, 82.0, 79.0, 78.0, 80.5])))],
        )
    )
    assert metric.cliffs_delta == -1
    assert metric.verdict is Verdict.INCONCLUSIVE


def test_single_runs_orders_of_magnitude_apart_are_a_verdict_with_its_caveat() -> None:
    metric = _only(_compare([run(result(rate("m", [100.0])))], [run(result(rate("m", [5.0])))]))
    assert metric.verdict is Verdict.WORSE
    assert Caveat.SINGLE_RUNS in metric.caveats
    assert "single runs" in metric.reason


def test_rounds_that_scatter_more_than_is_assumed_of_runs_raise_the_bar() -> None:
    metric = _only(
        _compare([run(result(rate("m", [5.0, 100.0, 2000.0])))], [run(result(rate("m", [0.25, 5.0, 100.0])))])
    )
    assert metric.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("unit", [Unit.COUNT, Unit.RATIO])
def test_counts_and_shares_of_single_runs_are_no_verdict(unit: Unit) -> None:
    one, ten = ([run(result(rate("retransmits", [value], unit=unit, better=Better.LOWER)))] for value in (1.0, 10.0))
    metric = _only(_compare(one, ten))
    assert metric.p_value is None
    assert metric.verdict is Verdict.INCONCLUSIVE


def test_one_run_against_many_is_judged_by_the_rank_it_takes_among_them() -> None:
    rng = np.random.default_rng(4)
    few = _only(_compare(runs_of({"m": noisy(rng, 20)}), runs_of({"m": [50.0]})))
    assert few.replication is Replication.RUNS
    assert few.p_value == pytest.approx(2 / 21)
    assert few.verdict is Verdict.INCONCLUSIVE
    assert few.ratio is not None
    assert few.ratio.interval is None
    assert _only(_compare(runs_of({"m": noisy(rng, 40)}), runs_of({"m": [50.0]}))).verdict is Verdict.WORSE


def test_a_change_is_harder_to_call_among_many_metrics() -> None:
    rng = np.random.default_rng(5)
    names = [f"m{i}" for i in range(30)]

    def runs(center: float, size: int) -> list[RunResult]:
        return runs_of({name: noisy(rng, size, center=center if name == "m0" else 100) for name in names})

    few, enough = _compare(runs(100, 4), runs(200, 4)), _compare(runs(100, 7), runs(200, 7))
    assert few.metrics[0].p_value == pytest.approx(2 / math.comb(8, 4))
    assert few.metrics[0].verdict is Verdict.INCONCLUSIVE
    assert Caveat.FEW_RUNS in few.metrics[0].caveats
    assert enough.metrics[0].verdict is Verdict.BETTER
    assert all(m.verdict not in OPPOSITE for m in enough.metrics[1:])


def test_false_alarms_over_all_metrics_stay_below_the_level() -> None:
    rng, trials, names = np.random.default_rng(6), 300, [f"m{i}" for i in range(6)]
    alarms = 0
    for _ in range(trials):
        sides = [runs_of({name: noisy(rng, 6) for name in names}) for _ in range(2)]
        alarms += any(m.verdict in OPPOSITE for m in _compare(*sides, margin=0.01).metrics)
    assert alarms / trials <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / trials)


def test_a_change_of_a_tenth_is_found_in_nineteen_of_twenty_at_the_recommended_number() -> None:
    rng, trials, names = np.random.default_rng(7), 200, ["a", "b", "c", "d"]
    pilot = _compare(*[runs_of({n: noisy(rng, 5, spread=0.06) for n in names}) for _ in range(2)], margin=0.1)
    runs = 5 + max(m.further_runs or 0 for m in pilot.metrics)
    found = 0
    for _ in range(trials):
        baseline = runs_of({n: noisy(rng, runs, spread=0.06) for n in names})
        candidate = runs_of({n: noisy(rng, runs, center=90 if n == "a" else 100, spread=0.06) for n in names})
        found += _compare(baseline, candidate, margin=0.1).metrics[0].verdict is Verdict.WORSE
    assert found / trials >= 0.95 - 2 * math.sqrt(0.05 * 0.95 / trials)


def test_a_longer_tail_is_told_beside_a_verdict_that_it_does_not_change() -> None:
    rng = np.random.default_rng(8)

    def runs(tail: float) -> list[RunResult]:
        body, spikes = rng.normal(1000, 10, (6, 980)), np.full((6, 20), 1000.0 * tail)
        return [run(result(latency("m", [np.concatenate(pair)]))) for pair in zip(body, spikes, strict=True)]

    metric = _only(_compare(runs(2), runs(6)))
    assert metric.verdict is Verdict.SAME
    ninety_ninth = next(tail for tail in metric.tails if tail.percentile == "p99")
    assert ninety_ninth.ratio == pytest.approx(3, rel=0.02)
    assert ninety_ninth.interval.low <= ninety_ninth.ratio <= ninety_ninth.interval.high


def test_a_percentile_without_samples_behind_it_is_not_compared() -> None:
    sides = [[run(result(latency("m", [np.full(200, 5.0)])))] for _ in range(2)]
    assert _only(_compare(*sides)).tails == ()


def test_doubts_of_either_side_come_along_once_each_with_the_number_of_runs() -> None:
    doubt = Flag(code=FlagCode.THROTTLED, reason="a CPU limit stopped this control group")
    flagged = run(result(rate("m", [1.0]), flags=(doubt,)))
    metric = _only(_compare([run(result(rate("m", [1.0])))], [flagged, run(result(rate("m", [1.1])))]))
    throttled = [each for each in metric.doubts if each.flag.code is FlagCode.THROTTLED]
    assert [(each.side, each.runs, each.flag.reason) for each in throttled] == [(Side.CANDIDATE, 1, doubt.reason)]
    assert {each.side for each in metric.doubts if each.flag.code is FlagCode.FEW_ROUNDS} == set(Side)


def test_a_regression_is_both_significant_and_beyond_the_asked_share() -> None:
    rng = np.random.default_rng(9)
    baseline = runs_of({"slightly": noisy(rng, 10), "much": noisy(rng, 10), "hidden": noisy(rng, 10, spread=0.5)})
    candidate = runs_of(
        {
            "slightly": noisy(rng, 10, center=92),
            "much": noisy(rng, 10, center=80),
            "hidden": noisy(rng, 10, center=80, spread=0.5),
        }
    )
    comparison = _compare(baseline, candidate)
    assert [m.verdict for m in comparison.metrics[:2]] == [Verdict.WORSE, Verdict.WORSE]
    assert [m.name for m in regressions(comparison, beyond=0.10)] == ["much"]
    assert [m.name for m in regressions(comparison, beyond=0.05)] == ["slightly", "much"]
    assert regressions(_compare(candidate, baseline), beyond=0.0) == ()


def test_any_worsening_of_zero_is_a_regression() -> None:
    zero, some = [runs_of({"loss": [v] * 6}, better=Better.LOWER) for v in (0.0, 0.001)]
    assert len(regressions(_compare(zero, some), beyond=0.5)) == 1


@pytest.mark.parametrize("rules", [{"margin": 0.0}, {"confidence": 1.0}, {"power": 0.0}, {"margin": float("nan")}])
def test_rules_that_make_no_sense_are_refused(rules: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="margin"):
        _compare(runs_of({"m": [1.0]}), runs_of({"m": [1.0]}), **rules)


def test_an_empty_side_a_repeated_run_and_a_negative_share_are_refused() -> None:
    (one,) = runs_of({"m": [1.0]})
    with pytest.raises(ValueError, match="candidate has no run"):
        _compare([one], [])
    with pytest.raises(ValueError, match=r"baseline holds run .* twice"):
        _compare([one, one], [one])
    with pytest.raises(ValueError, match="negative"):
        regressions(_compare([one], [one]), beyond=-0.1)


def test_a_comparison_uses_no_randomness_but_what_it_is_given() -> None:
    rng = np.random.default_rng(10)
    sides = [runs_of({"m": noisy(rng, 6)}) for _ in range(2)]
    assert _compare(*sides) == _compare(*sides)
