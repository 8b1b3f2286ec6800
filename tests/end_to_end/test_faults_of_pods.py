"""Pods that fail, on nodes that run them as processes: what the user is told, and that nothing is left.

All runs share a cluster and go side by side, each with one fault: most of their time they wait.
"""

import subprocess
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from jobs.site import RUN, STEP
from probes.measure.result import Status
from tests.end_to_end.lab import ON_ONE_NODE, Ran, new_id, run
from tests.standin.faults import PodFault
from tests.standin.standin import StandIn, pods_reason

pytestmark = pytest.mark.skipif(pods_reason() is not None, reason=str(pods_reason()))
Runs = Mapping[str, "Future[Ran]"]


def one_pod(cluster: StandIn, fault: PodFault) -> Ran:
    """Run with one pod, whom the fault befalls, and one probe that needs none."""
    run_id = new_id()
    cluster.faults.befall(fault, labels=f"{RUN}={run_id}")
    # What never starts is given up after this; for all others it is no limit.
    start_seconds = 2.0 if fault is PodFault.NEVER_SCHEDULED else 60.0
    return run(cluster, "utilization", "dns", run_id=run_id, start_seconds=start_seconds, wanted=ON_ONE_NODE)


def one_of_two(cluster: StandIn) -> Ran:
    run_id = new_id()
    cluster.faults.befall(PodFault.EVICTED, labels=f"{RUN}={run_id},{STEP}=dns-1")
    return run(cluster, "dns", run_id=run_id)


@pytest.fixture(scope="module")
def runs() -> Iterator[Runs]:
    with StandIn() as cluster, ThreadPoolExecutor(len(PodFault) + 1) as pool:
        with_faults = {fault.name: pool.submit(one_pod, cluster, fault) for fault in PodFault}
        yield with_faults | {"ONE_OF_TWO": pool.submit(one_of_two, cluster)}


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("NEVER_SCHEDULED", "no node takes the pod: 0/2 nodes are available: 2 Insufficient cpu. (after 2 s)"),
        ("NO_IMAGE", "the image can't be pulled: rpc error: code = NotFound"),
        ("OUT_OF_MEMORY", "exceeded its memory limit and was killed (OOMKilled)"),
        ("EVICTED", "the pod was evicted: The node was low on resource: memory."),
    ],
)
def test_a_pod_that_fails_is_why_its_probe_is_unavailable_and_the_others_results_are_kept(
    runs: Runs, fault: str, told: str
) -> None:
    ran = runs[fault].result()
    assert (ran.result("dns").status, ran.outcome.problem) == (Status.UNAVAILABLE, None)
    assert told in (ran.result("dns").reason or "")
    assert ran.result("utilization").status is Status.MEASURED


@pytest.mark.parametrize(
    ("fault", "told"), [("LOG_CUT", "it was cut or rotated"), ("LOG_LOST", "the log could not be read")]
)
def test_a_log_that_is_cut_or_lost_costs_the_histograms_alone_and_that_is_told(
    runs: Runs, fault: str, told: str
) -> None:
    ran = runs[fault].result()
    found = ran.result("dns")
    assert found.status is Status.MEASURED
    assert told in ran.doubts("dns")
    assert "without histograms" in ran.doubts("dns")
    assert found.metrics
    assert all(metric.summary.count for metric in found.metrics)
    assert all(metric.histogram is None for metric in found.metrics)


def test_one_pod_of_two_that_fails_is_a_doubt_about_what_the_other_measured(runs: Runs) -> None:
    ran = runs["ONE_OF_TWO"].result()
    assert (ran.result("dns").status, ran.result("dns").facts["pods"]) == (Status.MEASURED, 1)
    assert "1 of 2 pods brought nothing: the pod was evicted" in ran.doubts("dns")


@pytest.mark.parametrize("name", [*(fault.name for fault in PodFault), "ONE_OF_TWO"])
def test_no_object_and_no_process_is_left_of_a_run_whose_pods_fail(runs: Runs, name: str) -> None:
    ran = runs[name].result()
    assert (ran.objects, ran.processes) == ([], [])
    assert (ran.outcome.leftovers, ran.outcome.cleanup_problem) == ((), None)


def test_the_command_shows_what_was_measured_and_why_the_rest_was_not(
    probe: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    with StandIn(nodes=1) as cluster:
        cluster.faults.befall(PodFault.OUT_OF_MEMORY)
        command = ("run", "utilization", "dns", "--target", "cluster", "--no-history")
        shown = probe(*command, env={"KUBECONFIG": str(cluster.kubeconfig)})
    assert shown.returncode == 3
    assert "exceeded its memory limit and was killed (OOMKilled)" in " ".join(shown.stdout.split())
    assert "CPU in use of what is allocatable" in shown.stdout


def test_the_command_says_what_a_pod_is_still_waited_for_though_nobody_looks_at_a_terminal(
    probe: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    with StandIn(nodes=1) as cluster:
        cluster.faults.befall(PodFault.NEVER_SCHEDULED)
        command = ("run", "dns", "--target", "cluster", "--no-history", "--start-within", "5s")
        shown = probe(*command, env={"KUBECONFIG": str(cluster.kubeconfig)})
    assert shown.returncode == 3
    assert shown.stderr.count("still waiting: ") == 1
    assert "still waiting: dns-1: no node takes the pod: 0/1 nodes are available: 1 Insufficient cpu." in shown.stderr
