"""What the stand-in does by itself: Jobs and their time, claims and their volumes, pods and their places."""

from collections.abc import Iterator

import pytest

from tests.standin.lab import SPACE, job, log_of, pod_of, pod_spec, run, start, wait_for_job, wait_for_phase, wait_until
from tests.standin.resources import CLAIMS, JOBS, VOLUMES, Json
from tests.standin.standin import StandIn, pods_reason

pytestmark = pytest.mark.skipif(pods_reason() is not None, reason=str(pods_reason()))


@pytest.fixture(scope="module")
def cluster() -> Iterator[StandIn]:
    with StandIn() as started:
        yield started


def test_a_finished_job_is_removed_after_its_time_to_live(cluster: StandIn) -> None:
    start(cluster, job("brief", pod_spec("true"), ttlSecondsAfterFinished=1))
    wait_for_job(cluster, "brief")
    wait_until(cluster, lambda: cluster.store.find(JOBS, "brief", SPACE) is None)
    wait_until(cluster, lambda: pod_of(cluster, "brief") is None)


def test_time_passes_as_a_test_wishes(cluster: StandIn) -> None:
    start(cluster, job("lasting", pod_spec("true"), ttlSecondsAfterFinished=7200))
    endless = pod_spec("sleep", "3600", terminationGracePeriodSeconds=0)
    start(cluster, job("endless", endless, activeDeadlineSeconds=7200))
    wait_for_job(cluster, "lasting")
    wait_for_phase(cluster, "endless", "Running")
    cluster.let_pass(7100)
    start(cluster, job("meanwhile", pod_spec("true")))
    wait_for_job(cluster, "meanwhile")
    assert cluster.store.find(JOBS, "lasting", SPACE)
    cluster.let_pass(200)
    assert wait_for_job(cluster, "endless") == ("Failed", "DeadlineExceeded")
    wait_until(cluster, lambda: cluster.store.find(JOBS, "lasting", SPACE) is None)


def test_a_job_of_no_completions_is_complete_without_a_pod(cluster: StandIn) -> None:
    start(cluster, job("none", pod_spec("true"), completions=0, parallelism=0))
    assert wait_for_job(cluster, "none") == ("Complete", "CompletionsReached")
    assert pod_of(cluster, "none") is None


def test_a_job_past_its_deadline_fails_and_its_pod_is_deleted(cluster: StandIn) -> None:
    spec = pod_spec("sleep", "60", terminationGracePeriodSeconds=0)
    start(cluster, job("late", spec, activeDeadlineSeconds=1))
    assert wait_for_job(cluster, "late") == ("Failed", "DeadlineExceeded")
    wait_until(cluster, lambda: pod_of(cluster, "late") is None)


def claim(name: str, storage_class: str) -> Json:
    return {
        "metadata": {"name": name, "namespace": SPACE},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": storage_class,
            "resources": {"requests": {"storage": "64Mi"}},
        },
    }


def test_a_claim_of_a_waiting_class_is_bound_for_its_first_consumer_and_mounted(cluster: StandIn) -> None:
    admitted, _ = cluster.api.admission.admit(CLAIMS, SPACE, claim("waits", "standard"))
    cluster.store.create(CLAIMS, admitted)
    container = {"volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "waits"}}]
    assert cluster.store.get(CLAIMS, "waits", SPACE)["status"]["phase"] == "Pending"
    run(cluster, "consumer", "sh", "-c", "echo kept > /data/file", container=container, volumes=volumes)
    bound = cluster.store.get(CLAIMS, "waits", SPACE)
    assert bound["status"]["phase"] == "Bound"
    assert bound["metadata"]["annotations"]["volume.kubernetes.io/selected-node"].startswith("node")
    pod = run(cluster, "second", "cat", "/data/file", container=container, volumes=volumes)
    assert log_of(cluster, pod) == "kept\n"
    cluster.store.delete(CLAIMS, "waits", SPACE)
    wait_until(cluster, lambda: cluster.store.find(CLAIMS, "waits", SPACE) is None)
    wait_until(cluster, lambda: not cluster.store.all(VOLUMES))


def test_a_claim_of_an_immediate_class_is_bound_by_itself(cluster: StandIn) -> None:
    admitted, _ = cluster.api.admission.admit(CLAIMS, SPACE, claim("at-once", "immediate"))
    cluster.store.create(CLAIMS, admitted)
    wait_until(cluster, lambda: cluster.store.get(CLAIMS, "at-once", SPACE)["status"]["phase"] == "Bound")


def test_a_pod_that_fits_no_node_says_so(cluster: StandIn) -> None:
    spec = pod_spec("true", container={"resources": {"requests": {"cpu": "64"}}})
    start(cluster, job("large", spec))

    def refused() -> str | None:
        pod = pod_of(cluster, "large")
        conditions = pod["status"].get("conditions", []) if pod else []
        return conditions[0]["message"] if conditions else None

    assert wait_until(cluster, refused) == "0/2 nodes are available: 2 Insufficient cpu."
