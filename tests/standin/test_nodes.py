"""Pods on the stand-in's nodes: real processes, in the order and with the words of a real cluster."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.standin.container import expanded
from tests.standin.faults import PodFault
from tests.standin.lab import (
    SPACE,
    job,
    log_of,
    pod_of,
    pod_spec,
    run,
    start,
    wait_for_job,
    wait_for_phase,
    wait_until,
)
from tests.standin.resources import EVENTS, JOBS, PODS, Json
from tests.standin.standin import StandIn, pods_reason

pytestmark = pytest.mark.skipif(pods_reason() is not None, reason=str(pods_reason()))


@pytest.fixture(scope="module")
def shared() -> Iterator[StandIn]:
    with StandIn() as started:
        yield started


@pytest.fixture
def cluster() -> Iterator[StandIn]:
    with StandIn() as started:
        yield started


def python(name: str, script: str) -> tuple[str, str, str]:
    return (name, "-c", script)


def terminated(pod: Json) -> Json:
    state: Json = pod["status"]["containerStatuses"][0]["state"]["terminated"]
    return state


def test_conditions_come_in_the_recorded_order(shared: StandIn) -> None:
    before = shared.store.version
    start(shared, job("order", pod_spec("true")))
    assert wait_for_job(shared, "order") == ("Complete", "CompletionsReached")
    steps = []
    for write in shared.store.writes_since(PODS, before):
        met = {each["type"] for each in write.thing["status"].get("conditions", []) if each["status"] == "True"}
        steps.append((write.thing["status"]["phase"], sorted(met)))
    order = list(dict.fromkeys((phase, tuple(met)) for phase, met in steps))
    scheduled, sandboxed = ("Initialized", "PodScheduled"), ("Initialized", "PodReadyToStartContainers", "PodScheduled")
    assert order == [
        ("Pending", ()),
        ("Pending", ("PodScheduled",)),
        ("Pending", scheduled),
        ("Pending", sandboxed),
        ("Running", ("ContainersReady", "Initialized", "PodReadyToStartContainers", "PodScheduled", "Ready")),
        ("Running", sandboxed),
        ("Succeeded", scheduled),
    ]


def test_a_container_has_its_command_environment_and_directory(shared: StandIn) -> None:
    script = "import os; print(os.getcwd(), os.environ['GREETING'], os.environ['POD_IP'], os.getpid(), len(os.environ))"
    environment = [
        {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "GREETING", "value": "hello-$(POD_IP)"},
    ]
    container = {"env": environment, "workingDir": "/usr"}
    pod = run(shared, "facts", *python("python3", script), container=container)
    directory, greeting, ip, pid, _ = log_of(shared, pod).split()
    assert (directory, greeting, ip, pid) == ("/usr", f"hello-{ip}", pod["status"]["podIP"], "1")


def test_the_environment_of_whoever_runs_the_stand_in_stays_outside(
    shared: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_HOST", "1")
    pod = run(shared, "sealed", "env")
    assert "SECRET_OF_THE_HOST" not in log_of(shared, pod)


def test_the_termination_message_is_read_from_its_file(shared: StandIn) -> None:
    pod = run(shared, "message", "sh", "-c", "echo -n short form > /dev/termination-log; exit 3")
    assert terminated(pod) | {"startedAt": "", "finishedAt": ""} == {
        "exitCode": 3,
        "reason": "Error",
        "message": "short form",
        "startedAt": "",
        "finishedAt": "",
    }
    assert wait_for_job(shared, "message") == ("Failed", "BackoffLimitExceeded")


def test_a_read_only_root_is_read_only_and_scratch_is_not(shared: StandIn) -> None:
    script = "touch /scratch/yes && echo written; touch /no || echo refused; touch /usr/no || echo refused"
    restricted = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {
        "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
        "securityContext": restricted | {"readOnlyRootFilesystem": True},
    }
    volumes = [{"name": "scratch", "emptyDir": {}}]
    pod = run(shared, "read-only", "sh", "-c", script, container=container, volumes=volumes)
    assert [line for line in log_of(shared, pod).splitlines() if "touch" not in line] == [
        "written",
        "refused",
        "refused",
    ]


def test_a_container_has_no_capabilities(shared: StandIn) -> None:
    pod = run(shared, "powerless", "sh", "-c", "grep -E 'Cap(Eff|Prm|Bnd)|NoNewPrivs' /proc/self/status")
    values = dict(line.split(":\t") for line in log_of(shared, pod).splitlines())
    assert values == {"CapPrm": "0" * 16, "CapEff": "0" * 16, "CapBnd": "0" * 16, "NoNewPrivs": "1"}


def test_a_command_that_is_not_there_fails(shared: StandIn) -> None:
    assert terminated(run(shared, "nothing", "no-such-command"))["exitCode"] == 128


def test_the_true_moments_lie_before_what_is_told_of_them(shared: StandIn) -> None:
    before = shared.store.version
    pod = run(shared, "truth", "sleep", "0.1")
    moments = shared.moments(pod["metadata"]["uid"])
    told = {
        write.thing["status"]["phase"]: write.stored_ns
        for write in reversed(shared.store.writes_since(PODS, before))
        if write.thing["metadata"]["uid"] == pod["metadata"]["uid"]
    }
    assert moments.sandbox_ns < moments.started_ns < told["Running"] < moments.ended_ns < told["Succeeded"]
    assert moments.ended_ns - moments.started_ns >= 0.1e9


def test_an_image_is_pulled_once(cluster: StandIn) -> None:
    for name in ("cold", "warm"):
        pinned = {"nodeSelector": {"kubernetes.io/hostname": "node1"}}
        run(cluster, name, "true", **pinned)
        wait_for_job(cluster, name)
    told = {
        name: {event["reason"] for event in cluster.store.all(EVENTS) if event["regarding"]["name"].startswith(name)}
        for name in ("cold", "warm")
    }
    assert "Pulling" in told["cold"]
    assert "Pulling" not in told["warm"]


def test_readiness_waits_for_the_port(shared: StandIn) -> None:
    script = (
        "import os, socket, time; time.sleep(0.3); "
        "s = socket.create_server((os.environ['POD_IP'], 9000)); time.sleep(60)"
    )
    container = {
        "readinessProbe": {"tcpSocket": {"port": 9000}},
        "env": [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
    }
    spec = pod_spec(*python("python3", script), container=container, terminationGracePeriodSeconds=0)
    start(shared, job("server", spec))

    def ready() -> Json | None:
        pod = pod_of(shared, "server")
        return (
            pod
            if pod and any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))
            else None
        )

    pod = wait_until(shared, ready)
    moments = shared.moments(pod["metadata"]["uid"])
    assert moments.ready_ns - moments.started_ns >= 0.3e9
    shared.store.delete(JOBS, "server", SPACE)
    wait_until(shared, lambda: pod_of(shared, "server") is None)


def test_a_deleted_pod_is_told_to_end_and_killed_after_its_grace(shared: StandIn) -> None:
    script = (
        "import signal, time; signal.signal(15, lambda *_: print('asked')); print('up'); time.sleep(60); time.sleep(60)"
    )
    spec = pod_spec(*python("python3", script), terminationGracePeriodSeconds=1)
    start(shared, job("stubborn", spec))
    pod = wait_for_phase(shared, "stubborn", "Running")
    wait_until(shared, lambda: "up" in log_of(shared, pod))
    log = shared.nodes[0].worker(pod["metadata"]["uid"]) or shared.nodes[1].worker(pod["metadata"]["uid"])
    shared.store.delete(PODS, pod["metadata"]["name"], SPACE)
    wait_until(shared, lambda: pod_of(shared, "stubborn") is None)
    assert log is not None
    assert log.log("probe") == (b"up\nasked\n", True)


def test_deleting_a_job_leaves_neither_pod_nor_process(shared: StandIn) -> None:
    marker = "86399.125"
    start(shared, job("gone", pod_spec("sleep", marker, terminationGracePeriodSeconds=1)))
    wait_for_phase(shared, "gone", "Running")
    assert processes_with(marker)
    shared.store.delete(JOBS, "gone", SPACE)
    wait_until(shared, lambda: pod_of(shared, "gone") is None)
    assert not processes_with(marker)


def processes_with(word: str) -> list[psutil.Process]:
    return [each for each in psutil.process_iter(["cmdline"]) if word in (each.info["cmdline"] or ())]


def test_the_end_of_the_stand_in_is_the_end_of_all_it_started() -> None:
    marker = "86399.250"
    with StandIn() as cluster:
        start(cluster, job("left", pod_spec("sh", "-c", f"setsid sleep {marker} & sleep {marker}")))
        wait_for_phase(cluster, "left", "Running")
        wait_until(cluster, lambda: len(processes_with(marker)) == 2)
        directory = cluster.directory
    assert not processes_with(marker)
    assert not directory.exists()


@pytest.mark.parametrize(
    ("fault", "exit_code", "reason", "of_pod"),
    [
        (PodFault.OUT_OF_MEMORY, 137, "OOMKilled", None),
        (PodFault.EVICTED, 137, "Error", "Evicted"),
    ],
)
def test_a_pod_that_is_killed_tells_why(
    cluster: StandIn, fault: PodFault, exit_code: int, reason: str, of_pod: str | None
) -> None:
    cluster.faults.befall(fault, labels="run=killed")
    pod = run(cluster, "killed", "sleep", "60")
    assert (terminated(pod)["exitCode"], terminated(pod)["reason"]) == (exit_code, reason)
    assert pod["status"].get("reason") == of_pod
    assert wait_for_job(cluster, "killed") == ("Failed", "BackoffLimitExceeded")


def test_an_image_that_is_missing_backs_off(cluster: StandIn) -> None:
    cluster.faults.befall(PodFault.NO_IMAGE)
    start(cluster, job("imageless", pod_spec("true"), activeDeadlineSeconds=1))

    def waiting() -> bool:
        pod = pod_of(cluster, "imageless")
        statuses = pod["status"].get("containerStatuses", []) if pod else []
        return bool(statuses) and statuses[0]["state"].get("waiting", {}).get("reason") == "ImagePullBackOff"

    assert wait_until(cluster, waiting)
    assert wait_for_job(cluster, "imageless") == ("Failed", "DeadlineExceeded")


def test_a_lost_node_falls_silent(cluster: StandIn) -> None:
    start(cluster, job("stranded", pod_spec("sleep", "0.5")))
    pod = wait_for_phase(cluster, "stranded", "Running")
    next(node for node in cluster.nodes if node.name == pod["spec"]["nodeName"]).lose()
    time.sleep(1)
    assert wait_for_phase(cluster, "stranded", "Running")
    cluster.store.delete(PODS, pod["metadata"]["name"], SPACE, grace_seconds=0)
    wait_until(cluster, lambda: pod_of(cluster, "stranded") is None)


def test_references_in_commands_are_expanded_as_the_kubelet_does() -> None:
    assert expanded("$(A)-$$(A)-$(B)-$A", {"A": "1"}) == "1-$(A)-$(B)-$A"


def test_a_stand_in_that_was_killed_leaves_no_process_and_its_files_to_the_next(tmp_path: Path) -> None:
    marker = "86399.375"
    script = f"""
import os, signal
from tests.standin.lab import job, pod_spec, start, wait_for_phase
from tests.standin.status import is_ready
from tests.standin.standin import StandIn
with StandIn() as cluster:
    start(cluster, job("left", pod_spec("sh", "-c", "setsid sleep {marker} & sleep {marker}")))
    wait_for_phase(cluster, "left", "Running")
    print(cluster.directory, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    process = psutil.Popen([sys.executable, "-c", script], stdout=-1, cwd=Path(__file__).parents[2], text=True)
    left, _ = process.communicate(timeout=60)
    ends_at = time.monotonic() + 10
    while processes_with(marker) and time.monotonic() < ends_at:
        time.sleep(0.05)
    assert not processes_with(marker)
    with StandIn(nodes=0):
        assert not Path(left.strip()).exists()
