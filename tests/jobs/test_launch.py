import os
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from agent.cli.cluster_run import _remarks
from jobs import launch, perform
from jobs.cluster import Change, Manifest
from jobs.errors import AlreadyThere, InvalidRequest, TryAgain, Unavailable
from jobs.guard import Limits
from jobs.launch import Outcome
from jobs.objects import (
    Claim,
    ConfigMap,
    Endpoint,
    EndpointSlice,
    Event,
    Job,
    Meta,
    Pod,
    Service,
)
from jobs.plan import Plan, plan
from jobs.site import SERVER, STEP
from jobs.step import PodStartup, Step
from probes import frame
from probes.measure.result import ProbeResult, Status
from probes.measure.stability import FlagCode
from probes.probe import Profile
from tests.jobs.factories import SECONDS, condition, container, node, nodes, request, site, storage_class
from tests.jobs.memory import Memory, labelled
from tests.jobs.test_collect import log, result, samples

RESULT = result(samples([1.0, 2.0, 3.0]))
Play = Callable[[Memory, Pod, Manifest], None]


def planned(*probes: str, count: int = 1, **fields: Any) -> Plan:
    return plan(request(*probes, **fields), nodes=nodes(count), classes=[storage_class("fast")], seconds=SECONDS)


def run(memory: Memory, made: Plan, **options: Any) -> Outcome:
    limits = options.pop("limits", Limits())
    return launch.run(memory, made, site(owner=None), limits, **({"start_seconds": 5.0} | options))


def only(outcome: Outcome) -> ProbeResult:
    (found,) = outcome.results
    return found


def is_server(manifest: Manifest) -> bool:
    return SERVER in manifest["spec"]["template"]["metadata"]["labels"]


def well(memory: Memory, pod: Pod, manifest: Manifest) -> None:
    """Servers become ready; probes run and tell their result."""
    running = memory.run(pod)
    if not is_server(manifest):
        memory.end(running, log=log(RESULT))


def badly(**fields: Any) -> Play:
    """Pods that are scheduled, and then are like this."""

    def play(memory: Memory, pod: Pod, _manifest: Manifest) -> None:
        memory.update(pod, **({"node": "n000"} | fields))

    return play


@pytest.mark.parametrize("probe", ["dns", "storage", "latency", "throughput"])
def test_every_pod_of_a_probe_brings_its_result_and_nothing_is_left(probe: str) -> None:
    memory = Memory(play=well)
    made = planned(probe, count=2)
    outcome = run(memory, made)
    found = only(outcome)
    assert (found.probe, found.status, found.facts["pods"]) == (probe, Status.MEASURED, len(made.steps))
    assert outcome.problem is None
    assert outcome.leftovers == ()
    assert labelled(memory) == []


def test_everything_belongs_to_the_runs_config_map_and_that_to_what_expires() -> None:
    memory = Memory(play=well)
    run(memory, planned("latency", count=2))
    expiry, owner, *others = memory.created
    assert (expiry["spec"]["completions"], owner["kind"]) == (0, "ConfigMap")
    assert owner["metadata"]["ownerReferences"][0]["kind"] == "Job"
    assert {each["metadata"]["ownerReferences"][0]["kind"] for each in others} == {"ConfigMap"}


def test_a_server_is_ready_before_its_client_is_created_and_the_client_knows_its_address() -> None:
    memory = Memory(play=well)
    run(memory, planned("latency"))
    clients = [each for each in memory.created if each["kind"] == "Job" and each["spec"].get("completions") is None]
    texts = [
        each["spec"]["template"]["spec"]["containers"][0]["command"][-1] for each in clients if not is_server(each)
    ]
    assert any('"server":"10.0.0.1"' in text for text in texts)
    assert any('"server":"10.96.0.1"' in text for text in texts)


@pytest.mark.parametrize(
    ("play", "words"),
    [
        (
            badly(containers=(container("waiting", reason="ErrImagePull", message="x: not found"),)),
            "image can't be pulled",
        ),
        (badly(phase="Failed", reason="Evicted", message="low on memory"), "low on memory"),
        (badly(containers=(container("terminated", reason="OOMKilled", exit_code=137),)), "exceeded its memory limit"),
        (badly(phase="Unknown"), "node of the pod is lost"),
    ],
)
def test_what_went_wrong_with_a_pod_is_why_its_probe_is_unavailable(play: Play, words: str) -> None:
    memory = Memory(play=play)
    found = only(run(memory, planned("dns")))
    assert found.status is Status.UNAVAILABLE
    assert words in (found.reason or "")
    assert labelled(memory) == []


def test_a_pod_that_is_never_scheduled_is_given_up_with_the_schedulers_words() -> None:
    unscheduled = badly(
        node="", conditions=(condition("PodScheduled", "False", reason="Unschedulable", message="0/2 nodes"),)
    )
    found = only(run(Memory(play=unscheduled), planned("dns"), start_seconds=0.2))
    assert "0/2 nodes (after 0 s)" in (found.reason or "")


def test_a_pod_that_admission_refuses_is_told_by_the_jobs_event() -> None:
    def refuse(job: Meta, manifest: Manifest) -> None:
        event = Event(
            meta=Meta(name="e", namespace="lab"),
            reason="FailedCreate",
            note='pods "x" is forbidden: violates PodSecurity',
            regarding_name=job.name,
            regarding_uid=job.uid,
        )
        memory.put(event, Change.ADDED)

    memory = Memory()
    memory._start = refuse  # type: ignore[method-assign]
    assert "Pod Security refuses" in (only(run(memory, planned("dns"))).reason or "")


@pytest.mark.parametrize(
    ("error", "words"), [(InvalidRequest("bad manifest"), "bad manifest"), (Unavailable("forbidden"), "forbidden")]
)
def test_a_refused_job_costs_its_own_step_alone(error: Exception, words: str) -> None:
    memory = Memory(play=well)
    memory.refuse = lambda each: error if "dns-1" in each["metadata"]["name"] else None  # type: ignore[assignment,return-value]
    found = only(run(memory, planned("dns", count=2)))
    assert found.status is Status.MEASURED
    assert any(words in flag.reason for flag in found.flags)


def test_a_creation_whose_answer_was_lost_is_found_again() -> None:
    memory, lost = Memory(play=well), set[str]()
    create = memory.create

    def losing(manifest: Manifest, *, dry_run: bool = False) -> Any:
        answer = create(manifest, dry_run=dry_run)
        if manifest["metadata"]["name"] not in lost:
            lost.add(manifest["metadata"]["name"])
            raise TryAgain("the connection broke", retry_after_seconds=0.01)
        return answer

    memory.create = losing  # type: ignore[method-assign]
    assert only(run(memory, planned("dns"))).status is Status.MEASURED
    assert labelled(memory) == []


def test_an_object_of_somebody_else_by_the_same_name_is_left_alone() -> None:
    foreign = ConfigMap(meta=Meta(name="probe-abc123-run", namespace="lab"))
    memory = Memory(foreign, play=well)
    with pytest.raises(AlreadyThere):
        run(memory, planned("dns"))
    assert memory.names(ConfigMap) == ["probe-abc123-run"]
    assert memory.names(Job) == []


def test_a_job_of_somebody_else_by_the_same_name_is_left_alone() -> None:
    memory = Memory(Job(meta=Meta(name="probe-abc123-dns-1", namespace="lab")), play=well)
    found = only(run(memory, planned("dns")))
    assert "exists" in (found.reason or "")
    assert memory.names(Job) == ["probe-abc123-dns-1"]


def test_a_log_that_cannot_be_read_leaves_the_termination_message() -> None:
    def play(memory: Memory, pod: Pod, _manifest: Manifest) -> None:
        memory.end(memory.run(pod), message=frame.write_short(RESULT))
        memory.logs.clear()

    memory = Memory(play=play)
    found = only(run(memory, planned("dns")))
    assert found.status is Status.MEASURED
    assert any("termination message" in flag.reason for flag in found.flags)


def test_a_watch_that_fails_for_good_ends_the_run_with_its_reason() -> None:
    memory = Memory(
        play=lambda each, _pod, _manifest: each.break_off(Pod, Unavailable("the permission was taken away"))
    )
    outcome = run(memory, planned("dns", count=3))
    assert "permission was taken away" in (only(outcome).reason or "")
    assert labelled(memory) == []


def test_a_run_beyond_its_time_window_ends_with_what_there_is() -> None:
    def endless(memory: Memory, pod: Pod, _manifest: Manifest) -> None:
        memory.run(pod)

    memory = Memory(play=endless)
    outcome = run(memory, planned("dns", count=2), limits=Limits(seconds=0.3))
    assert "time window" in str(outcome.problem)
    assert labelled(memory) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_run_after_its_clean_up_and_keeps_what_had_finished(number: signal.Signals) -> None:
    def play(memory: Memory, pod: Pod, manifest: Manifest) -> None:
        if pod.meta.labels[STEP] == "dns-1":
            well(memory, pod, manifest)
        else:
            memory.run(pod)
            os.kill(os.getpid(), number)

    memory = Memory(play=play)
    before = signal.getsignal(number)
    outcome = run(memory, planned("dns", count=2))
    assert outcome.stopped_by_signal == number
    assert only(outcome).facts["pods"] == 1
    assert any("stopped before 1 of 2 steps had ended" in flag.reason for flag in only(outcome).flags)
    assert labelled(memory) == []
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("kind", ["Job", "ConfigMap"])
def test_a_signal_while_what_owns_everything_is_created_leaves_nothing(kind: str) -> None:
    def tell(manifest: Manifest) -> None:
        if manifest["kind"] == kind and manifest["metadata"]["labels"][STEP] in {"expiry", "run"}:
            os.kill(os.getpid(), signal.SIGTERM)

    memory = Memory(play=well)
    memory.refuse = tell
    assert run(memory, planned("dns")).stopped_by_signal == signal.SIGTERM
    assert labelled(memory) == []


def test_a_bug_in_one_step_does_not_cost_the_others_their_results() -> None:
    memory = Memory(play=well)
    read_log = memory.read_log

    def failing(pod: str, **arguments: Any) -> bytes:
        if "dns-1" in pod:
            raise ZeroDivisionError
        return read_log(pod, **arguments)

    memory.read_log = failing  # type: ignore[method-assign]
    found = only(run(memory, planned("dns", count=2)))
    assert found.facts["pods"] == 1
    assert any("please report" in flag.reason for flag in found.flags)


def test_progress_tells_of_each_steps_begin_and_end() -> None:
    told: list[tuple[str, bool]] = []
    made = planned("dns", count=2)

    def progress(step: Step, /, *, ended: bool) -> None:
        told.append((step.name, ended))

    run(Memory(play=well), made, on_progress=progress)
    assert sorted(told) == sorted((step.name, ended) for step in made.steps for ended in (False, True))


def test_in_another_thread_signals_are_left_alone() -> None:
    outcomes: list[Outcome] = []
    thread = threading.Thread(target=lambda: outcomes.append(run(Memory(play=well), planned("dns"))))
    before = signal.getsignal(signal.SIGINT)
    thread.start()
    assert signal.getsignal(signal.SIGINT) == before
    thread.join(60)
    assert only(outcomes[0]).status is Status.MEASURED


def startup_play(memory: Memory, pod: Pod, manifest: Manifest) -> None:
    """Backends of Services become ready endpoints, which their clients then reach."""
    running = memory.run(pod)
    labels = manifest["spec"]["template"]["metadata"]["labels"]
    if pod.meta.name.endswith("-client-x"):
        memory.say(running, frame.REACHING)
    elif SERVER in labels:
        service = labels[SERVER]
        endpoints = (Endpoint(addresses=("10.0.0.1",), ready=True),)
        memory.put(
            EndpointSlice(meta=Meta(name=f"{service}-s", namespace="lab"), service=service, endpoints=endpoints),
            Change.ADDED,
        )
        client = memory.read(Pod, f"{service}-client-x")
        for label in ("name", "address"):
            memory.say(client, frame.write_reached(label, 3))


def test_startup_times_pods_in_waves_and_fresh_services() -> None:
    memory = Memory(play=startup_play)
    made = planned("startup", count=2, startup_pods=4, startup_rate_per_second=200.0)
    found = only(run(memory, made))
    assert found.status is Status.MEASURED, found.reason
    metrics = {metric.name: metric for metric in found.metrics}
    assert metrics["pod_startup"].summary.count == 4
    assert metrics["pod_startup"].conditions["image"] == "present"
    assert {"service_endpoint", "service_startup_by_name", "service_startup_by_address"} <= set(metrics)
    assert len(metrics["service_endpoint"].rounds) == found.facts["services"] == 3
    assert memory.names(Service) == []
    assert labelled(memory) == []


def flagged(found: ProbeResult) -> str:
    return " ".join(flag.reason for flag in found.flags if flag.code is FlagCode.PARTIAL)


@pytest.mark.parametrize(
    ("refused", "pods", "services"), [("service-startup-3", 40, 2), ("pod-startup-2-5", 20, 6)], ids=["service", "pod"]
)
def test_a_later_failure_keeps_the_earlier_repetitions_of_its_step(refused: str, pods: int, services: int) -> None:
    memory = Memory(play=startup_play)
    memory.refuse = lambda each: Unavailable("forbidden") if each["metadata"]["name"].endswith(refused) else None
    made = planned("startup", count=2, profile=Profile.STANDARD, startup_rate_per_second=2000.0)
    steps = tuple(replace(step, waves=2) if isinstance(step, PodStartup) else step for step in made.steps)
    found = only(run(memory, replace(made, steps=steps)))
    assert (found.facts["pods"], found.facts["services"]) == (pods, services)
    assert "forbidden" in flagged(found)
    assert labelled(memory) == []


def test_a_later_wave_that_never_came_up_counts_with_the_time_it_was_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def play(memory: Memory, pod: Pod, manifest: Manifest) -> None:
        if "pod-startup-2" not in pod.meta.name:
            startup_play(memory, pod, manifest)

    monkeypatch.setattr(perform, "_STARTUP_SECONDS", 1.0)
    made = planned("startup", count=2, startup_pods=2, startup_rate_per_second=2000.0)
    steps = tuple(replace(step, waves=3) for step in made.steps if isinstance(step, PodStartup))
    found = only(run(Memory(play=play), replace(made, steps=steps)))
    startup = next(metric for metric in found.metrics if metric.name.startswith("pod_startup"))
    assert (startup.summary.count, len(startup.rounds)) == (4, 2)
    assert startup.rounds[1] >= 1e9
    assert "none of 2 pods became ready" in flagged(found)


def test_a_first_wave_that_never_came_up_is_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(perform, "_STARTUP_SECONDS", 0.2)
    made = planned("startup", startup_pods=2, startup_rate_per_second=2000.0)
    steps = tuple(step for step in made.steps if isinstance(step, PodStartup))
    found = only(run(Memory(), replace(made, steps=steps)))
    assert found.status is Status.UNAVAILABLE
    assert "none of 2 pods became ready" in (found.reason or "")


def test_a_backend_is_created_only_when_its_client_tries_already() -> None:
    memory = Memory(play=startup_play)
    run(memory, planned("startup", startup_pods=1))
    order = [each["metadata"]["name"] for each in memory.created if "service-startup-1" in each["metadata"]["name"]]
    assert [name.removeprefix("probe-abc123-service-startup-1") for name in order] == ["", "-client", ""]


def test_utilization_is_looked_at_without_a_single_pod() -> None:
    memory = Memory(node("a"))
    outcome = run(memory, plan(request("utilization"), nodes=[node("a")], classes=[], seconds=SECONDS))
    assert only(outcome).status is Status.MEASURED
    assert [each["kind"] for each in memory.created] == ["Job", "ConfigMap"]


def test_what_a_class_retains_is_told_by_its_class_and_volume_and_other_classes_leave_nothing() -> None:
    def play(memory: Memory, pod: Pod, manifest: Manifest) -> None:
        claim = memory.objects.get((Claim, pod.meta.name.removesuffix("-x")))
        if isinstance(claim, Claim):
            memory.put(replace(claim, phase="Bound", volume=f"pv-of-{claim.meta.name}"), Change.MODIFIED)
        well(memory, pod, manifest)

    classes = [storage_class("fast"), storage_class("kept", reclaim_policy="Retain")]
    wanted = request("storage", storage_classes=("fast", "kept"))
    outcome = run(Memory(play=play), plan(wanted, nodes=nodes(1), classes=classes, seconds=SECONDS))
    assert outcome.retained == (launch.Retained(storage_class="kept", volume="pv-of-probe-abc123-storage-class-2"),)
    assert _remarks(outcome, site())[0].startswith(
        "the storage class kept retains volumes: the PersistentVolume pv-of-"
    )
