"""`probe doctor --target cluster` against a real API server on loopback, and nodes that run pods."""

import json
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from tests.standin.api import allow_all
from tests.standin.faults import PodFault
from tests.standin.problem import Problem
from tests.standin.resources import (
    CLAIMS,
    CONFIG_MAPS,
    JOBS,
    LIMIT_RANGES,
    NAMESPACES,
    NODES,
    PODS,
    QUOTAS,
    SERVICES,
    STORAGE_CLASSES,
    Json,
    Resource,
)
from tests.standin.standin import StandIn, pods_reason

SPACE = "probe-lab"
IMAGE = "registry.example/probe:1"
OURS = {"app.kubernetes.io/managed-by": "prism-telemetry-agent", "prism-telemetry-agent/run": "old"}
Ran = subprocess.CompletedProcess[str]
Doctor = Callable[..., Ran]


@pytest.fixture(scope="module")
def cluster() -> Iterator[StandIn]:
    with StandIn() as started:
        yield started


@pytest.fixture
def doctor(cluster: StandIn, probe: Any) -> Doctor:
    def run(*arguments: str) -> Ran:
        ran: Ran = probe(
            "doctor", "--target", "cluster", "--image", IMAGE, *arguments, env={"KUBECONFIG": str(cluster.kubeconfig)}
        )
        return ran

    return run


@pytest.fixture
def having(cluster: StandIn) -> Iterator[Callable[[Resource, Json], None]]:
    """Put objects into the cluster for the length of a test."""
    made: list[tuple[Resource, Json]] = []

    def put(resource: Resource, thing: Json) -> None:
        if resource.namespaced:
            thing["metadata"].setdefault("namespace", SPACE)
        made.append((resource, cluster.store.create(resource, thing)))

    yield put
    for resource, thing in made:
        cluster.store.delete(resource, thing["metadata"]["name"], thing["metadata"].get("namespace", ""))


@pytest.fixture
def permitting(cluster: StandIn) -> Iterator[Callable[[Any], None]]:
    """Set the rule by which permissions are given, for the length of a test."""

    def set_rule(rule: Any) -> None:
        cluster.api.rule = rule

    yield set_rule
    cluster.api.rule = allow_all


def found(ran: Ran, subject: str, state: str) -> list[Any]:
    """The findings of one subject in one state."""
    return [each for each in json.loads(ran.stdout) if (each["subject"], each["state"]) == (subject, state)]


def examined(doctor: Doctor, *arguments: str) -> Ran:
    return doctor("--format", "json", *arguments)


def left_in(cluster: StandIn) -> list[str]:
    """Whatever any run has left."""
    return [
        f"{resource.kind} {thing['metadata']['name']}"
        for resource in (CONFIG_MAPS, JOBS, SERVICES, CLAIMS, PODS)
        for thing in cluster.store.all(resource)
        if "app.kubernetes.io/managed-by" in (thing["metadata"].get("labels") or {})
    ]


def test_a_cluster_that_has_everything_is_ready_and_stays_as_it_was(cluster: StandIn, doctor: Doctor) -> None:
    version = cluster.store.version
    ran = examined(doctor)
    assert ran.returncode == 0, ran.stdout
    states = {each["subject"]: each["state"] for each in json.loads(ran.stdout)}
    assert states.pop("image") == "warning"
    assert set(states) == {
        *("cluster", "namespace", "permissions", "admission", "limits", "nodes"),
        *("storage", "metrics", "leftovers", "guard"),
    }
    assert set(states.values()) == {"ready"}
    assert cluster.store.version == version


def test_the_table_says_what_it_comes_to(doctor: Doctor) -> None:
    ran = doctor()
    assert ran.returncode == 0
    assert ran.stdout.rstrip().endswith("All that a run needs is here, with 1 warning.")
    assert ran.stderr == ""


def test_a_necessary_permission_that_is_lacking_fails_with_what_grants_it(doctor: Doctor, permitting: Any) -> None:
    permitting(lambda verb, resource, *_: (verb, resource) != ("create", JOBS))
    ran = examined(doctor)
    assert ran.returncode == 3
    (lacking,) = found(ran, "permissions", "missing")
    assert "may not create jobs.batch in namespace probe-lab" in lacking["found"]
    assert "verbs: [create]" in lacking["remedy"]
    assert "permission to create jobs" in found(ran, "admission", "warning")[0]["found"]


def test_a_welcome_permission_that_is_lacking_is_a_warning(doctor: Doctor, permitting: Any) -> None:
    permitting(lambda verb, resource, *_: (verb, resource) != ("create", SERVICES))
    ran = examined(doctor)
    assert ran.returncode == 0
    (lacking,) = found(ran, "permissions", "warning")
    assert "measure through Services" in lacking["found"]


def test_whoever_may_not_create_pods_is_told_that_their_admission_is_not_known(doctor: Doctor, permitting: Any) -> None:
    permitting(lambda verb, resource, *_: (verb, resource) != ("create", PODS))
    ran = examined(doctor)
    assert ran.returncode == 0
    assert found(ran, "permissions", "ready")
    (unknown,) = found(ran, "admission", "warning")
    assert "the permission to create pods, which a run itself can do without" in unknown["found"]


def test_without_the_permission_to_list_nodes_all_else_is_still_told(doctor: Doctor, permitting: Any) -> None:
    permitting(lambda verb, resource, *_: (verb, resource) != ("list", NODES))
    ran = examined(doctor)
    assert ran.returncode == 3
    assert found(ran, "nodes", "missing")
    assert found(ran, "storage", "ready")
    assert not found(ran, "guard", "ready")


def rule_of(printed: str) -> Callable[[str, Resource, str, str], bool]:
    """What the printed roles permit, as the authorizer reads them."""
    roles = list(yaml.safe_load_all(printed))

    def permits(verb: str, resource: Resource, namespace: str, subresource: str) -> bool:
        plural = resource.plural + (f"/{subresource}" if subresource else "")
        return any(
            resource.group in rule["apiGroups"] and plural in rule["resources"] and verb in rule["verbs"]
            for role in roles
            for rule in role["rules"]
            if role["kind"] == "ClusterRole" or role["metadata"]["namespace"] == namespace
        )

    return permits


def test_the_printed_roles_leave_no_permission_lacking(doctor: Doctor, permitting: Any) -> None:
    printed = doctor("--print-rbac")
    assert printed.returncode == 0
    permitting(rule_of(printed.stdout))
    ran = examined(doctor)
    assert len(found(ran, "permissions", "ready")) == 1
    assert not found(ran, "permissions", "warning")


@pytest.mark.skipif(pods_reason() is not None, reason=str(pods_reason()))
def test_the_printed_roles_are_enough_for_a_run(cluster: StandIn, doctor: Doctor, probe: Any, permitting: Any) -> None:
    permitting(rule_of(doctor("--print-rbac").stdout))
    arguments = ("run", "dns", "--target", "cluster", "--image", IMAGE, "--max-nodes", "1")
    ran = probe(*arguments, env={"KUBECONFIG": str(cluster.kubeconfig)})
    assert "permission" not in ran.stderr
    assert ran.returncode == 0, ran.stderr
    assert left_in(cluster) == []


def test_a_quota_without_room_is_told_in_its_own_words(doctor: Doctor, having: Any) -> None:
    having(QUOTAS, {"metadata": {"name": "small"}, "spec": {"hard": {"requests.memory": "200Mi"}}, "status": {}})
    ran = examined(doctor)
    assert ran.returncode == 3
    assert any("the quota refuses the Pods of" in each["found"] for each in found(ran, "admission", "missing"))
    assert all("exceeded quota: small" in each["found"] for each in found(ran, "admission", "missing"))


def limit_range(**line: Any) -> Json:
    return {"metadata": {"name": "limits"}, "spec": {"limits": [{"type": "Container", **line}]}}


def test_a_limit_range_that_refuses_the_pods_is_missing_room(doctor: Doctor, having: Any) -> None:
    having(LIMIT_RANGES, limit_range(max={"memory": "512Mi"}))
    ran = examined(doctor)
    assert ran.returncode == 3
    (refused,) = found(ran, "admission", "missing")
    assert "the LimitRange refuses" in refused["found"]
    assert "maximum memory usage per Container is 512Mi" in refused["found"]


def test_a_limit_range_that_limits_cpu_is_a_warning_though_pods_are_admitted(doctor: Doctor, having: Any) -> None:
    having(LIMIT_RANGES, limit_range(default={"cpu": "500m"}))
    ran = examined(doctor)
    assert ran.returncode == 0
    assert not found(ran, "admission", "missing")
    assert "a CPU limit of 0.5" in found(ran, "limits", "warning")[0]["found"]


def test_a_class_that_was_asked_for_and_is_not_there_is_missing(doctor: Doctor) -> None:
    ran = examined(doctor, "--storage-class", "fast")
    assert ran.returncode == 3
    (missing,) = found(ran, "storage", "missing")
    assert "immediate, standard" in missing["remedy"]
    assert found(ran, "admission", "ready")


def test_a_class_that_retains_its_volumes_is_a_warning(doctor: Doctor, having: Any) -> None:
    kept = {"metadata": {"name": "kept"}, "provisioner": "standin/kept", "reclaimPolicy": "Retain"}
    having(STORAGE_CLASSES, kept)
    (warned,) = found(examined(doctor), "storage", "warning")
    assert "kept" in warned["found"]


def test_metrics_that_are_away_are_a_warning(cluster: StandIn, doctor: Doctor) -> None:
    cluster.faults.metrics_problem = Problem(503, "ServiceUnavailable", "no endpoints")
    try:
        (warned,) = found(examined(doctor), "metrics", "warning")
    finally:
        cluster.faults.metrics_problem = None
    assert "metrics-server is installed and doesn't answer" in warned["found"]


def test_a_namespace_that_there_is_not_is_missing(doctor: Doctor) -> None:
    ran = examined(doctor, "--namespace", "nowhere")
    assert ran.returncode == 3
    assert "there is no namespace 'nowhere'" in found(ran, "namespace", "missing")[0]["found"]


def test_a_namespace_that_is_being_deleted_is_missing(doctor: Doctor, having: Any) -> None:
    having(NAMESPACES, {"metadata": {"name": "going"}, "spec": {}, "status": {"phase": "Terminating"}})
    ran = examined(doctor, "--namespace", "going")
    assert ran.returncode == 3
    assert "terminating" in found(ran, "namespace", "missing")[0]["found"]


def test_what_a_run_that_is_over_has_left_is_told(doctor: Doctor, having: Any) -> None:
    having(CONFIG_MAPS, {"metadata": {"name": "probe-old-run", "labels": OURS}})
    (warned,) = found(examined(doctor), "leftovers", "warning")
    assert "1 objects of runs that are over: old" in warned["found"]
    assert "probe cleanup" in warned["remedy"]


def test_an_image_that_all_nodes_tell_of_is_ready(cluster: StandIn, doctor: Doctor) -> None:
    def with_image(node: Json) -> None:
        node["status"]["images"] = [{"names": [IMAGE], "sizeBytes": 1}]

    def without_image(node: Json) -> None:
        del node["status"]["images"]

    try:
        for node in cluster.nodes:
            cluster.store.update(NODES, node.name, "", with_image)
        assert found(examined(doctor), "image", "ready")
    finally:
        for node in cluster.nodes:
            cluster.store.update(NODES, node.name, "", without_image)


def test_a_node_that_is_kept_free_is_what_the_guard_minds(cluster: StandIn, doctor: Doctor) -> None:
    cluster.store.update(NODES, "node2", "", lambda node: node["spec"].update(unschedulable=True))
    try:
        ran = examined(doctor)
    finally:
        cluster.store.update(NODES, "node2", "", lambda node: node["spec"].update(unschedulable=False))
    assert ran.returncode == 0
    assert "--override cordoned" in found(ran, "guard", "warning")[0]["remedy"]


@pytest.mark.skipif(pods_reason() is not None, reason=str(pods_reason()))
def test_a_pod_that_starts_proves_the_image_and_is_removed(cluster: StandIn, doctor: Doctor) -> None:
    ran = examined(doctor, "--start-pod")
    assert ran.returncode == 0, ran.stdout
    assert f"a pod of {IMAGE} was ready on node" in found(ran, "pod", "ready")[0]["found"]
    assert not found(ran, "image", "warning")
    assert left_in(cluster) == []


@pytest.mark.skipif(pods_reason() is not None, reason=str(pods_reason()))
def test_an_image_that_no_node_can_pull_is_missing_and_its_pod_is_removed(cluster: StandIn, doctor: Doctor) -> None:
    cluster.faults.befall(PodFault.NO_IMAGE, labels="prism-telemetry-agent/step=doctor", times=1)
    ran = examined(doctor, "--start-pod", "--start-within", "20s")
    assert ran.returncode == 3
    assert "the image can't be pulled" in found(ran, "pod", "missing")[0]["found"]
    assert left_in(cluster) == []


def test_an_api_server_that_is_not_there_is_missing(probe: Any, tmp_path: Any) -> None:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:9"}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps(config))
    ran = probe("doctor", "--target", "cluster", "--format", "json", env={"KUBECONFIG": str(kubeconfig)})
    assert ran.returncode == 3, ran.stderr
    assert [each["subject"] for each in json.loads(ran.stdout)] == ["cluster"]


def test_a_context_that_there_is_not_is_wrong_usage(doctor: Doctor) -> None:
    ran = doctor("--context", "elsewhere")
    assert ran.returncode == 2
    assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    ["--start-pod", "--print-rbac", "--target cluster --path .", "--target local --image x"],
)
def test_an_option_of_the_other_target_is_wrong_usage(probe: Any, arguments: str) -> None:
    ran = probe("doctor", *arguments.split())
    assert ran.returncode == 2
    assert ran.stderr.count("\n") == 1
