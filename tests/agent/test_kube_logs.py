"""Logs of real containers, and a client that runs in a pod itself."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.kube import Kube, connect
from jobs.errors import Missing, TryAgain
from tests.standin.faults import PodFault
from tests.standin.lab import SPACE, job, pod_of, pod_spec, start, wait_for_phase, wait_until
from tests.standin.resources import CLAIMS, Json
from tests.standin.standin import StandIn, pods_reason

pytestmark = pytest.mark.skipif(pods_reason() is not None, reason=str(pods_reason()))


@pytest.fixture(scope="module")
def cluster() -> Iterator[StandIn]:
    with StandIn() as started:
        yield started


@pytest.fixture
def kube(cluster: StandIn) -> Kube:
    return connect(kubeconfig=str(cluster.kubeconfig))


def ended(cluster: StandIn, name: str, *command: str) -> str:
    """Run a pod to its end; return its name."""
    start(cluster, job(name, pod_spec(*command)))
    return str(wait_for_phase(cluster, name, "Succeeded", "Failed")["metadata"]["name"])


def read(kube: Kube, pod: str, *, limit_bytes: int = 10**7, tail_lines: int = 10**6) -> bytes:
    return kube.read_log(pod, namespace=SPACE, container="probe", limit_bytes=limit_bytes, tail_lines=tail_lines)


def test_a_log_comes_back_whole_or_as_much_of_its_end_as_is_wanted(cluster: StandIn, kube: Kube) -> None:
    pod = ended(cluster, "talks", "seq", "100000")
    whole = b"".join(b"%d\n" % number for number in range(1, 100001))
    assert read(kube, pod) == whole
    assert read(kube, pod, tail_lines=2) == b"99999\n100000\n"
    assert read(kube, pod, tail_lines=2, limit_bytes=7) == b"99999\n1"


def test_a_log_that_is_cut_is_only_shorter(cluster: StandIn, kube: Kube) -> None:
    cluster.faults.befall(PodFault.LOG_CUT, labels="run=cut")
    pod = ended(cluster, "cut", "seq", "10")
    assert read(kube, pod) == b"1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n"[:10]


def test_a_log_that_cannot_be_read_ends_in_try_again(cluster: StandIn, kube: Kube) -> None:
    cluster.faults.befall(PodFault.LOG_LOST, labels="run=lost")
    pod = ended(cluster, "lost", "true")
    with pytest.raises(TryAgain, match="pods/log"):
        read(kube, pod)


def test_there_is_no_log_of_what_never_started(cluster: StandIn, kube: Kube) -> None:
    cluster.faults.befall(PodFault.NO_IMAGE, labels="run=imageless")
    start(cluster, job("imageless", pod_spec("true")))
    pod = wait_until(cluster, lambda: pod_of(cluster, "imageless"))["metadata"]["name"]
    with pytest.raises(Missing, match="waiting to start"):
        read(kube, pod)
    with pytest.raises(TryAgain, match="waiting to start"):
        kube.follow_log(pod, namespace=SPACE, container="probe")
    with pytest.raises(Missing):
        read(kube, "no-such-pod")


def running(cluster: StandIn, name: str, script: str) -> str:
    start(cluster, job(name, pod_spec("sh", "-c", script, terminationGracePeriodSeconds=0)))
    return str(wait_for_phase(cluster, name, "Running", "Succeeded")["metadata"]["name"])


def test_a_log_is_followed_line_by_line_as_it_is_written(cluster: StandIn, kube: Kube) -> None:
    pod = running(cluster, "slowly", "echo one; sleep 0.5; echo two; printf three")
    lines = list(kube.follow_log(pod, namespace=SPACE, container="probe"))
    assert [line.text for line in lines] == [b"one", b"two", b"three"]
    assert lines[1].arrived_ns - lines[0].arrived_ns > 0.2e9


def test_following_ends_when_it_is_closed(cluster: StandIn, kube: Kube) -> None:
    pod = running(cluster, "endless", "echo one; sleep 60")
    follow = kube.follow_log(pod, namespace=SPACE, container="probe")
    lines = iter(follow)
    assert next(lines).text == b"one"
    follow.close()
    assert list(lines) == []
    follow.close()


def test_a_stream_that_breaks_ends_as_if_the_container_had_ended(cluster: StandIn, kube: Kube) -> None:
    pod = running(cluster, "breaks", "echo one; sleep 60")
    lines = iter(kube.follow_log(pod, namespace=SPACE, container="probe"))
    assert next(lines).text == b"one"
    cluster.faults.cut_watches()
    assert list(lines) == []


def claim(name: str) -> Json:
    size = {"requests": {"storage": "1Mi"}}
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": "immediate", "resources": size}
    return {"metadata": {"name": name, "namespace": SPACE}, "spec": spec}


def test_in_a_pod_its_own_account_is_enough(cluster: StandIn) -> None:
    admitted, _ = cluster.api.admission.admit(CLAIMS, SPACE, claim("account"))
    cluster.store.create(CLAIMS, admitted)
    wait_until(cluster, lambda: cluster.store.get(CLAIMS, "account", SPACE)["status"]["phase"] == "Bound")
    # Mounted like the kubelet's projected volume: a token, the authority, the namespace.
    config = json.loads(cluster.kubeconfig.read_text())
    account = cluster.volume("account", SPACE)
    shutil.copy(config["clusters"][0]["cluster"]["certificate-authority"], account / "ca.crt")
    (account / "token").write_text(config["users"][1]["user"]["token"])
    (account / "namespace").write_text("of-the-pod")
    host, port = cluster.server.server_address[:2]
    container = {
        "env": [
            {"name": "KUBERNETES_SERVICE_HOST", "value": str(host)},
            {"name": "KUBERNETES_SERVICE_PORT", "value": str(port)},
            {"name": "HOME", "value": "/nowhere"},
        ],
        "volumeMounts": [{"name": "account", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}],
    }
    script = "from agent.kube import connect; kube = connect(); print(kube.namespace, kube.version().git_version)"
    volumes = [{"name": "account", "persistentVolumeClaim": {"claimName": "account"}}]
    start(cluster, job("inside", pod_spec(sys.executable, "-c", script, container=container, volumes=volumes)))
    pod = wait_for_phase(cluster, "inside", "Succeeded", "Failed")
    log, _ = cluster.api.read_log(pod, "probe")
    assert log.decode().split() == ["of-the-pod", "v1.36.2"], log.decode()


def test_outside_of_any_cluster_one_line_says_what_to_set(cluster: StandIn) -> None:
    script = (
        "from agent.kube import connect\ntry: connect()\nexcept Exception as error: print(type(error).__name__, error)"
    )
    container = {"env": [{"name": "HOME", "value": "/nowhere"}]}
    start(cluster, job("outside", pod_spec(sys.executable, "-c", script, container=container)))
    pod = wait_for_phase(cluster, "outside", "Succeeded", "Failed")
    log, _ = cluster.api.read_log(pod, "probe")
    assert log.decode().startswith("Unavailable no cluster:")
    assert log.decode().count("\n") == 1
    assert "KUBECONFIG" in log.decode()
    assert Path("/nowhere").exists() is False
