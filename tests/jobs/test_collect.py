import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.collect import Collected, collect, unavailable, with_search_path_cost
from jobs.merge import merged
from jobs.objects import Pod
from probes import frame
from probes.measure.histogram import Histogram
from probes.measure.metric import Description, from_rates, from_samples
from probes.measure.result import Better, Metric, ProbeResult, Status, Usage
from probes.measure.stability import Flag, FlagCode
from probes.measure.units import Unit
from tests.jobs.factories import container, pod


def samples(values: list[float], name: str = "rtt", **conditions: str) -> Metric:
    described = Description(
        name=name, title="round trip", unit=Unit.NANOSECONDS, better=Better.LOWER, conditions=dict(conditions)
    )
    return from_samples(described, [np.array(values)])


def rate(value: float, name: str = "rate") -> Metric:
    described = Description(
        name=name, title="rate", unit=Unit.BITS_PER_SECOND, better=Better.HIGHER, conditions={"streams": 1}
    )
    return from_rates(described, [value])


def result(*metrics: Metric, **facts: str) -> ProbeResult:
    return ProbeResult(
        probe="latency",
        status=Status.MEASURED,
        spec={"profile": "quick"},
        facts=dict(facts),
        metrics=metrics,
        usage=Usage(cpu_seconds=1.0, peak_memory_bytes=10),
        duration_seconds=2.0,
    )


def log(of: ProbeResult) -> bytes:
    return "\n".join(frame.write(of)).encode()


def with_message(of: ProbeResult) -> Pod:
    return pod("p", containers=(container("terminated", exit_code=0, message=frame.write_short(of)),))


RESULT = result(samples([1.0, 2.0, 3.0] * 2000))


def test_a_whole_log_is_the_result_whatever_else_is_there() -> None:
    assert collect("latency", log=b"x\n" + log(RESULT), pod=with_message(result()), trouble="late trouble") == RESULT


def test_a_probe_that_was_ended_is_explained_by_what_is_known_from_outside() -> None:
    ended = unavailable("latency", "stopped by signal 15")
    for found in (
        collect("latency", log=log(ended), pod=None, trouble="evicted"),
        collect("latency", log=None, pod=with_message(ended), trouble="evicted"),
    ):
        assert found.reason == "evicted; stopped by signal 15"


@pytest.mark.parametrize("kept", [None, b"", b"some lines\n", log(RESULT)[:100]])
def test_without_a_whole_log_the_termination_message_is_the_result_and_says_so(kept: bytes | None) -> None:
    found = collect("latency", log=kept, pod=with_message(RESULT), trouble=None)
    assert found.status is Status.MEASURED
    assert found.metrics[0].summary == RESULT.metrics[0].summary
    assert "termination message" in next(flag.reason for flag in found.flags if flag.code is FlagCode.PARTIAL)


@pytest.mark.parametrize(
    ("kept", "trouble", "words"),
    [
        (b"", "the pod was evicted", "the pod was evicted"),
        (b"", None, "ended without a result"),
        (None, "the node is lost", "the node is lost; the log could not be read"),
        (log(result(samples([1.0])))[:60], "OOMKilled", "OOMKilled; the log holds only a part of the result"),
    ],
)
def test_without_anything_the_result_is_unavailable_with_all_that_is_known(
    kept: bytes | None, trouble: str | None, words: str
) -> None:
    found = collect("latency", log=kept, pod=None, trouble=trouble)
    assert found.status is Status.UNAVAILABLE
    assert words in (found.reason or "")


def test_the_search_path_costs_what_a_final_dot_would_save_round_by_round() -> None:
    pair = [
        from_rates(
            Description(name=name, title=name, unit=Unit.NANOSECONDS, better=Better.LOWER, conditions={}), values
        )
        for name, values in (("name_2_cold", [30.0, 50.0]), ("name_3_cold", [10.0, 60.0]))
    ]
    found = {metric.name: metric for metric in with_search_path_cost(result(*pair)).metrics}
    assert found["search_path_cost_cold"].rounds == (20.0, -10.0)
    assert with_search_path_cost(result(pair[0])) == result(pair[0])


def collected(of: ProbeResult, **what: str) -> Collected:
    return Collected(result=of, what=what)


@given(st.lists(st.lists(st.floats(1, 1e6), min_size=1, max_size=400), min_size=2, max_size=6))
@settings(max_examples=40, deadline=None)
def test_percentiles_of_many_pods_are_those_of_all_their_samples(pods: list[list[float]]) -> None:
    found = merged("latency", [collected(result(samples(values)), path="same node") for values in pods])
    (metric,) = found.metrics
    everything = [value for values in pods for value in values]
    assert metric.histogram == Histogram.of(everything)
    assert metric.summary.count == len(everything)
    assert metric.summary.minimum == min(everything)
    assert metric.summary.maximum == max(everything)
    assert metric.summary.mean == pytest.approx(np.mean(everything))
    assert len(metric.rounds) == len(pods)
    for percentile in metric.summary.percentiles.values():
        assert min(everything) <= percentile.value <= max(everything)


def test_a_throttled_pod_among_good_ones_shows_in_the_tail_as_it_is() -> None:
    good, bad = [100.0] * 1000, [100_000.0] * 1000
    (metric,) = merged("latency", [collected(result(samples(each))) for each in (good, good, good, bad)]).metrics
    assert metric.summary.percentiles["p99"].value == pytest.approx(100_000.0, rel=0.01)
    assert metric.summary.median == pytest.approx(100.0, rel=0.01)


def test_rates_of_pods_are_rounds_and_have_no_percentiles() -> None:
    (metric,) = merged("throughput", [collected(result(rate(value))) for value in (1.0, 5.0, 3.0)]).metrics
    assert metric.rounds == (1.0, 5.0, 3.0)
    assert metric.summary.percentiles == {}


def test_paths_keep_metrics_of_their_own() -> None:
    parts = [
        collected(result(samples([float(number)])), path=path) for number, path in ((1, "same node"), (2, "service"))
    ]
    found = merged("latency", parts)
    assert {metric.name: metric.conditions for metric in found.metrics} == {
        "rtt_same_node": {"path": "same node"},
        "rtt_service": {"path": "service"},
    }
    assert [metric.title for metric in found.metrics] == ["round trip, same node", "round trip, service"]


def test_conditions_and_facts_that_differ_are_various_and_what_not_all_have_is_left_out() -> None:
    parts = [
        collected(result(samples([1.0], rate="100", transport="tcp"), kernel="6.1", extra="x")),
        collected(result(samples([2.0], rate="200", transport="tcp"), kernel="6.1")),
    ]
    found = merged("latency", parts)
    assert found.metrics[0].conditions == {"rate": "various", "transport": "tcp"}
    assert found.facts == {"kernel": "6.1", "pods": 2}


def test_what_pods_did_not_bring_is_told_with_their_reasons() -> None:
    parts = [collected(result(samples([1.0]))), collected(unavailable("latency", "evicted"), path="service")]
    found = merged("latency", parts)
    assert found.status is Status.MEASURED
    (flag,) = (flag for flag in found.flags if flag.code is FlagCode.PARTIAL)
    assert flag.reason == "1 of 2 pods brought nothing: service: evicted"


def test_where_no_pod_brought_anything_the_result_is_unavailable_with_the_reasons() -> None:
    reasons = ["a", "b", "b", "c", "d", "e"]
    found = merged("latency", [collected(unavailable("latency", reason)) for reason in reasons])
    assert (found.status, found.reason) == (Status.UNAVAILABLE, "a; 2 times: b; c; and 2 more")


def test_what_pods_cost_adds_up() -> None:
    found = merged("latency", [collected(result(samples([1.0]))) for _ in range(3)])
    assert found.usage == Usage(cpu_seconds=3.0, peak_memory_bytes=10)
    assert found.duration_seconds == 6.0


def test_each_doubt_of_pods_is_told_once_with_how_many_raised_it_and_statistics_are_judged_anew() -> None:
    doubt = Flag(code=FlagCode.MISSED_SLOTS, reason="1 % were late")
    metrics = [samples([float(value)]) for value in range(1, 8)]
    doubtful = [metric.model_copy(update={"flags": (*metric.flags, doubt)}) for metric in metrics[:3]]
    parts = [collected(result(metric)) for metric in (*doubtful, *metrics[3:])]
    (metric,) = merged("latency", parts).metrics
    reasons = {flag.code: flag.reason for flag in metric.flags}
    assert reasons[FlagCode.MISSED_SLOTS] == "in 3 of 7 pods, such as: 1 % were late"
    assert FlagCode.FEW_ROUNDS not in reasons
    assert reasons[FlagCode.FEW_SAMPLES].startswith("7 samples")


def test_pods_in_ascending_order_are_no_drift() -> None:
    parts = [collected(result(samples([float(value)]))) for value in range(1, 30)]
    (metric,) = merged("latency", parts).metrics
    assert not {flag.code for flag in metric.flags} & {FlagCode.DRIFT, FlagCode.WARM_UP, FlagCode.NOT_STEADY}


def test_a_lost_histogram_does_not_cost_the_others_theirs() -> None:
    short = frame.read_short(frame.write_short(result(samples([5.0]))))
    assert short is not None
    (metric,) = merged("latency", [collected(short), collected(result(samples([1.0, 2.0])))]).metrics
    assert metric.histogram == Histogram.of([1.0, 2.0])
