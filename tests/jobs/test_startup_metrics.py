from collections.abc import Mapping

import pytest

from jobs.startup_metrics import ServiceStart, Wave, objective, pod_metrics, pull_metric, service_metrics
from jobs.timeline import Image, Milestone, Moment, Pull, Startup
from probes.measure.result import Metric
from probes.measure.stability import FlagCode

SECOND = 1_000_000_000


def startup(name: str, *seconds: float, node: str = "a") -> Startup:
    """A pod created at zero, whose further milestones came at these seconds."""
    times = dict(zip(Milestone, (0.0, *seconds), strict=False))
    seen = {each: Moment(at_ns=round(at * SECOND)) for each, at in times.items()}
    return Startup(name=name, uid=name, node=node, seen=seen)


def wave(*startups: Startup, gave_up: float = 60.0) -> Wave:
    return Wave(startups=startups, gave_up_ns=round(gave_up * SECOND))


def metrics(
    *waves: Wave, pulls: Mapping[str, Pull] | None = None, warm: frozenset[str] = frozenset("a")
) -> dict[str, Metric]:
    found = pod_metrics(waves, pulls or {}, warm_nodes=warm, rate_per_second=5.0)
    return {metric.name: metric for metric in found}


def test_each_stage_has_a_metric_and_each_wave_a_round() -> None:
    found = metrics(wave(startup("p", 0.1, 0.5, 0.75, 1.0)), wave(startup("q", 0.1, 0.5, 0.75, 2.0)))
    assert set(found) == {"pod_startup", "pod_scheduling", "pod_sandbox", "pod_start"}
    assert found["pod_startup"].rounds == (1.0 * SECOND, 2.0 * SECOND)
    assert found["pod_sandbox"].rounds == pytest.approx([0.4 * SECOND] * 2)


def test_warm_and_cold_and_unknown_images_are_apart() -> None:
    pulls = {"cold": Pull(image=Image.COLD, seconds=3.0), "warm": Pull(image=Image.WARM)}
    pods = [startup(name, 0.1, 0.2, 0.3, 1.0, node="b") for name in ("cold", "warm", "unknown")]
    found = metrics(wave(*pods), pulls=pulls)
    counts = {name: metric.summary.count for name, metric in found.items() if name.startswith("pod_startup")}
    assert counts == {"pod_startup": 1, "pod_startup_cold": 1, "pod_startup_image_unknown": 1}


def test_a_node_that_has_run_the_image_is_warm_without_being_told() -> None:
    assert "pod_startup" in metrics(wave(startup("p", 0.1, 0.2, 0.3, 1.0, node="b")), warm=frozenset("b"))


def test_a_pod_that_never_became_ready_counts_with_the_time_it_was_waited_for_and_is_told() -> None:
    found = metrics(wave(startup("p", 0.1, 0.2, 0.3, 1.0), startup("q", 0.1, 0.2)))["pod_startup"]
    assert found.summary.maximum == 60.0 * SECOND
    flag = next(flag for flag in found.flags if flag.code is FlagCode.FAILURES)
    assert flag.reason.startswith("1 of 2 pods")


def test_a_pod_that_was_never_scheduled_is_not_left_out_of_what_is_looked_at() -> None:
    found = metrics(wave(startup("p", 0.1, 0.2, 0.3, 1.0), startup("q", node="")))
    assert found["pod_startup"].summary.count == 2


def test_what_was_not_seen_apart_is_in_no_stage() -> None:
    pod = startup("p", 0.1, 0.5, 0.5, 1.0)
    seen = {**pod.seen, Milestone.SANDBOX: Moment(at_ns=SECOND // 2, apart=False)}
    found = metrics(wave(Startup(name="p", uid="p", node="a", seen=seen)))
    assert set(found) == {"pod_startup", "pod_scheduling"}


def test_pulls_are_told_by_the_kubelets_own_time() -> None:
    (metric,) = pull_metric([Pull(image=Image.COLD, seconds=2.0), Pull(image=Image.WARM)])
    assert metric.summary.maximum == 2.0 * SECOND
    assert pull_metric([Pull(image=Image.WARM)]) == ()


def service(*, endpoint: float | None = 2.0, name: float | None = 2.5, address: float | None = 2.25) -> ServiceStart:
    def ns(seconds: float | None) -> int | None:
        return None if seconds is None else round(seconds * SECOND)

    return ServiceStart(
        backend_created_ns=SECOND,
        endpoint_ready_ns=ns(endpoint),
        reached_ns={"name": ns(name), "address": ns(address)},
        gave_up_ns=61 * SECOND,
    )


def test_a_service_is_timed_until_its_endpoint_and_until_it_answers_by_name_and_by_address() -> None:
    found = {metric.name: metric.rounds for metric in service_metrics([service(), service()])}
    assert found == {
        "service_endpoint": (1.0 * SECOND,) * 2,
        "service_startup_by_address": (1.25 * SECOND,) * 2,
        "service_startup_by_name": (1.5 * SECOND,) * 2,
        "service_propagation_by_address": (0.25 * SECOND,) * 2,
        "service_propagation_by_name": (0.5 * SECOND,) * 2,
    }


def test_an_answer_before_the_news_of_the_endpoint_took_no_time_to_spread() -> None:
    found = {metric.name: metric.rounds for metric in service_metrics([service(address=1.9)])}
    assert found["service_propagation_by_address"] == (0.0,)


def test_a_service_that_was_never_reached_counts_with_the_time_waited() -> None:
    found = {metric.name: metric for metric in service_metrics([service(), service(name=None)])}
    assert found["service_startup_by_name"].summary.maximum == 60.0 * SECOND
    assert FlagCode.FAILURES in {flag.code for flag in found["service_startup_by_name"].flags}
    assert FlagCode.FAILURES not in {flag.code for flag in found["service_startup_by_address"].flags}


@pytest.mark.parametrize(("seconds", "uncertain"), [(0.0099, True), (0.0101, False)])
def test_a_stage_shorter_than_what_arrivals_are_exact_to_is_uncertain(*, seconds: float, uncertain: bool) -> None:
    found = metrics(wave(startup("p", seconds, 0.5, 0.75, 1.0)))
    assert (FlagCode.CLOCK_UNCERTAIN in {flag.code for flag in found["pod_scheduling"].flags}) is uncertain
    assert FlagCode.CLOCK_UNCERTAIN not in {flag.code for flag in found["pod_startup"].flags}


def test_an_answer_is_no_more_exact_than_the_interval_of_the_clients_attempts() -> None:
    found = {metric.name: metric for metric in service_metrics([service(name=2.029, address=2.031)])}
    flags = {name: {flag.code for flag in metric.flags} for name, metric in found.items()}
    assert FlagCode.CLOCK_UNCERTAIN in flags["service_propagation_by_name"]
    assert FlagCode.CLOCK_UNCERTAIN not in flags["service_propagation_by_address"]


@pytest.mark.parametrize(("seconds", "kept"), [(4.9, True), (5.2, False)])
def test_the_objective_is_judged_by_the_p99_of_warm_pods_where_there_are_enough(*, seconds: float, kept: bool) -> None:
    pods = [startup(f"p{number}", 0.1, 0.2, 0.3, seconds) for number in range(299)]
    assert objective(list(metrics(wave(*pods)).values()))["objective_kept"] is kept
    assert "objective_kept" not in objective(list(metrics(wave(*pods[:298])).values()))
