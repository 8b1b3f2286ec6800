"""An API server and connections that fail during a run: the user gets the results all the same, or is told why not.

Each run has a cluster of its own, and all go side by side: most of their time they wait.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from jobs.errors import AlreadyThere, Unavailable
from probes.measure.result import Status
from tests.end_to_end.lab import ON_ONE_NODE, Ran, mentioning, new_id, pod_in_phase, run
from tests.standin.lab import SPACE, wait_until
from tests.standin.problem import Problem, conflict, throttled
from tests.standin.resources import CONFIG_MAPS, JOBS, NAMESPACES
from tests.standin.standin import StandIn, pods_reason

pytestmark = pytest.mark.skipif(pods_reason() is not None, reason=str(pods_reason()))
Runs = Mapping[str, "Future[Ran]"]
ERROR = Problem(500, "InternalError", "etcdserver: request timed out")


def probed(cluster: StandIn, meanwhile: Callable[[str], object] = lambda _: None) -> Ran:
    """One pod, and a probe that needs none. `meanwhile` runs beside the launcher once the first step has begun."""
    threads: list[threading.Thread] = []

    def begin(run_id: str) -> None:
        threads.append(threading.Thread(target=meanwhile, args=(run_id,)))
        threads[0].start()

    ran = run(cluster, "utilization", "dns", wanted=ON_ONE_NODE, meanwhile=begin)
    threads[0].join()
    return ran


def conflicts(cluster: StandIn) -> Ran:
    """As of a quota that is being counted."""
    cluster.faults.answer(conflict(JOBS, "quota"), verb="create", resource="jobs", times=2)
    return probed(cluster)


def answers_are_lost(cluster: StandIn) -> Ran:
    """What was created is there already when the request is repeated: 409 AlreadyExists."""
    for resource, times in (("configmaps", 1), ("jobs", 2)):
        cluster.faults.lose_answers(verb="create", resource=resource, times=times)
    cluster.faults.lose_answers(verb="delete", times=2)
    return probed(cluster)


def history_is_forgotten(cluster: StandIn) -> Ran:
    """The watches have to begin anew with a list: 410 Gone."""

    def forget(run_id: str) -> None:
        pod_in_phase(cluster, f"{run_id}-dns", "Running")
        cluster.store.forget()
        cluster.faults.cut_watches()

    ran = probed(cluster, forget)
    # At the end of a run nobody lists these: the second time was because the watch could not go on.
    assert sum("/endpointslices?" in each and "watch=" not in each for each in cluster.server.requests) == 2
    return ran


def is_throttled(cluster: StandIn) -> Ran:
    for verb in ("create", "list", "watch", "delete"):
        cluster.faults.answer(throttled(1), verb=verb, times=2)
    return probed(cluster)


def is_in_trouble(cluster: StandIn) -> Ran:
    for verb in ("create", "list", "get", "watch", "delete"):
        cluster.faults.answer(ERROR, verb=verb, times=2)
    return probed(cluster)


def connections_are_dropped(cluster: StandIn) -> Ran:
    for verb in ("create", "list", "get", "watch", "delete"):
        cluster.faults.drop(verb=verb, times=2)
    stopped = threading.Event()

    def cut(_run_id: str) -> None:
        while not stopped.wait(0.3):
            cluster.faults.cut_watches()

    threading.Timer(5.0, stopped.set).start()
    return probed(cluster, cut)


def watches_are_slow(cluster: StandIn) -> Ran:
    cluster.faults.watch_delay_seconds = 0.3
    return probed(cluster)


def namespace_is_deleted(cluster: StandIn) -> Ran:
    def delete(run_id: str) -> None:
        pod = pod_in_phase(cluster, f"{run_id}-dns", "Running")
        wait_until(cluster, lambda: cluster.api.read_log(pod, "probe")[0])
        cluster.store.delete(NAMESPACES, SPACE, "")

    return probed(cluster, delete)


SURVIVED = (
    conflicts,
    answers_are_lost,
    history_is_forgotten,
    is_throttled,
    is_in_trouble,
    connections_are_dropped,
    watches_are_slow,
)


@pytest.fixture(scope="module")
def runs() -> Iterator[Runs]:
    scenarios = (*SURVIVED, namespace_is_deleted)

    def in_its_own_cluster(scenario: Callable[[StandIn], Ran]) -> Ran:
        with StandIn() as cluster:
            ran = scenario(cluster)
            assert cluster.faults.pending == 0
            return ran

    with ThreadPoolExecutor(len(scenarios)) as pool:
        yield {each.__name__: pool.submit(in_its_own_cluster, each) for each in scenarios}


@pytest.mark.parametrize("name", [each.__name__ for each in SURVIVED])
def test_a_fault_that_passes_costs_no_result(runs: Runs, name: str) -> None:
    ran = runs[name].result()
    assert ran.outcome.problem is None
    assert {each.probe: (each.status, each.reason) for each in ran.outcome.results} == {
        "utilization": (Status.MEASURED, None),
        "dns": (Status.MEASURED, None),
    }


def test_a_namespace_that_is_deleted_ends_the_run_and_is_why(runs: Runs) -> None:
    ran = runs["namespace_is_deleted"].result()
    assert ran.result("utilization").status is Status.MEASURED
    assert ran.result("dns").status is Status.UNAVAILABLE
    assert "the pod was deleted while it was needed" in (ran.result("dns").reason or "")


def test_a_namespace_that_is_going_takes_no_run() -> None:
    held = {"metadata": {"name": "held", "namespace": SPACE, "finalizers": ["example.com/never"]}}
    with StandIn() as cluster:
        cluster.store.create(CONFIG_MAPS, held)
        cluster.store.delete(NAMESPACES, SPACE, "")
        run_id = new_id()
        with pytest.raises(Unavailable, match="the namespace is being deleted"):
            run(cluster, "utilization", run_id=run_id)
        assert mentioning(cluster, run_id) == []


def test_what_bears_the_runs_name_and_is_somebody_elses_is_left_alone() -> None:
    run_id = new_id()
    with StandIn() as cluster:
        cluster.store.create(CONFIG_MAPS, {"metadata": {"name": f"probe-{run_id}-run", "namespace": SPACE}})
        with pytest.raises(AlreadyThere, match="it exists already"):
            run(cluster, "utilization", run_id=run_id)
        assert mentioning(cluster, run_id) == [f"ConfigMap probe-{run_id}-run"]


@pytest.mark.parametrize("name", [*(each.__name__ for each in SURVIVED), "namespace_is_deleted"])
def test_no_object_and_no_process_is_left_whatever_the_api_does(runs: Runs, name: str) -> None:
    ran = runs[name].result()
    assert (ran.objects, ran.processes) == ([], [])
    assert (ran.outcome.leftovers, ran.outcome.cleanup_problem) == ((), None)
