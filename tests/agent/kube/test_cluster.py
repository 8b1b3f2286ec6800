"""The client against a real HTTPS server on loopback, which a test tells what to answer."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pytest

from agent.kube.cluster import Kube, connect
from jobs.cluster import Arrival, Change
from jobs.errors import AlreadyThere, InvalidRequest, Missing, TryAgain, Unavailable
from jobs.objects import ConfigMap, Job, Namespace, Node, NodeUsage, Pod, PodUsage, StorageClass
from jobs.quotas import Quota
from tests.standin.api import allow_all, serve_all
from tests.standin.problem import Problem, conflict, throttled
from tests.standin.resources import CONFIG_MAPS, LIMIT_RANGES, NAMESPACES, QUOTAS, Resource
from tests.standin.standin import StandIn

SPACE = "probe-lab"
SERVER_ERROR = Problem(500, "InternalError", "etcdserver: request timed out")


@pytest.fixture(scope="module")
def cluster() -> Iterator[StandIn]:
    with StandIn() as started:
        yield started


@pytest.fixture
def kube(cluster: StandIn) -> Kube:
    cluster.server.requests.clear()
    return connect(kubeconfig=str(cluster.kubeconfig))


def config_map(name: str, **labels: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": SPACE, "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def pod(name: str, **security: Any) -> dict[str, Any]:
    restricted = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {"name": "probe", "image": "probe:1", "command": ["true"], "securityContext": restricted | security}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": SPACE},
        "spec": {
            "restartPolicy": "Never",
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [container],
        },
    }


def requests(cluster: StandIn, method: str) -> int:
    return sum(line.startswith(method) for line in cluster.server.requests)


def test_the_version_is_the_servers(kube: Kube) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    version = kube.version()
    assert version.git_version == "v1.36.2"
    assert version.server_time is not None
    assert before <= version.server_time <= datetime.now(UTC)


def test_the_namespace_is_that_of_the_context(kube: Kube) -> None:
    assert kube.namespace == SPACE


def test_objects_are_read_into_slim_records(kube: Kube) -> None:
    nodes = kube.list_all(Node).items
    assert [node.meta.name for node in nodes] == ["node1", "node2"]
    assert nodes[0].zone == "zone1"
    assert nodes[0].allocatable.memory_bytes == 16 * 2**30
    classes = {each.meta.name: each for each in kube.list_all(StorageClass).items}
    assert classes["standard"].is_default
    assert classes["immediate"].binding_mode == "Immediate"
    assert kube.read(Namespace, SPACE).phase == "Active"


def test_a_long_list_is_read_page_by_page(cluster: StandIn, kube: Kube) -> None:
    for number in range(1201):
        cluster.store.create(CONFIG_MAPS, config_map(f"page-{number:04}", paged="yes"))
    listing = kube.list_all(ConfigMap, namespace=SPACE, labels="paged=yes")
    assert [item.meta.name for item in listing.items] == [f"page-{number:04}" for number in range(1201)]
    assert int(listing.resource_version) == cluster.store.version
    assert requests(cluster, "GET /api/v1/namespaces/probe-lab/configmaps?") == 3


def test_a_list_that_is_forgotten_between_its_pages_is_begun_anew(cluster: StandIn, kube: Kube) -> None:
    for number in range(501):
        cluster.store.create(CONFIG_MAPS, config_map(f"again-{number:04}", again="yes"))
    asked = 0

    def forgets_before_the_second_page(verb: str, resource: Resource, namespace: str, subresource: str) -> bool:
        nonlocal asked
        asked += 1
        if asked == 2:
            cluster.store.create(CONFIG_MAPS, config_map("again-late", again="yes"))
            cluster.store.forget()
        return True

    cluster.api.rule = forgets_before_the_second_page
    try:
        assert len(kube.list_all(ConfigMap, namespace=SPACE, labels="again=yes").items) == 502
    finally:
        cluster.api.rule = allow_all
    assert asked == 4


def test_field_selectors_reach_the_server(kube: Kube) -> None:
    listing = kube.list_all(Namespace, fields="metadata.name=default")
    assert [item.meta.name for item in listing.items] == ["default"]


def test_what_is_created_can_be_read_and_is_gone_once_deleted(kube: Kube) -> None:
    created = kube.create(config_map("mine", a="b"))
    assert kube.read(ConfigMap, "mine", namespace=SPACE).meta == created.meta
    assert created.meta.labels == {"a": "b"}
    kube.delete(ConfigMap, "mine", namespace=SPACE)
    with pytest.raises(Missing, match='get configmaps "mine" in namespace probe-lab'):
        kube.read(ConfigMap, "mine", namespace=SPACE)
    with pytest.raises(Missing):
        kube.delete(ConfigMap, "mine", namespace=SPACE)


def test_a_name_that_is_taken_is_told_apart_from_a_conflict(cluster: StandIn, kube: Kube) -> None:
    kube.create(config_map("taken"))
    with pytest.raises(AlreadyThere):
        kube.create(config_map("taken"))
    cluster.faults.answer(conflict(CONFIG_MAPS, "x"), verb="create", times=4)
    with pytest.raises(TryAgain, match="same time"):
        kube.create(config_map("x"))


def test_a_dry_run_is_admitted_and_stores_nothing(kube: Kube) -> None:
    kube.create(config_map("dry"), dry_run=True)
    with pytest.raises(Missing):
        kube.read(ConfigMap, "dry", namespace=SPACE)
    with pytest.raises(InvalidRequest, match="runAsNonRoot"):
        kube.create(pod("refused") | {"spec": {"containers": [{"name": "c", "image": "i"}]}}, dry_run=True)


def test_the_servers_warnings_are_handed_on(cluster: StandIn, kube: Kube) -> None:
    warn = {"pod-security.kubernetes.io/warn": "restricted"}
    cluster.store.update(NAMESPACES, "default", "", lambda after: after["metadata"]["labels"].update(warn))
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "namespace": "default"}}
    created = kube.create(job | {"spec": {"template": template}}, dry_run=True)
    assert 'would violate PodSecurity "restricted:latest"' in created.warnings[0]


def test_a_refused_pod_is_explained_in_the_servers_words(kube: Kube) -> None:
    with pytest.raises(InvalidRequest, match=r"privileged.*must not set securityContext.privileged=true") as refused:
        kube.create(pod("privileged", privileged=True))
    assert "\n" not in str(refused.value)


def test_a_manifest_that_lacks_something_is_an_invalid_request(kube: Kube) -> None:
    with pytest.raises(InvalidRequest, match=r"spec.containers: Required value"):
        kube.create(pod("empty") | {"spec": {"containers": []}})
    with pytest.raises(InvalidRequest, match="unknown here"):
        kube.create({"apiVersion": "v9", "kind": "Nonsense"})


def test_an_exceeded_quota_is_something_the_cluster_lacks(cluster: StandIn, kube: Kube) -> None:
    quota = {"metadata": {"name": "tight", "namespace": SPACE}, "spec": {"hard": {"pods": "0"}}, "status": {}}
    cluster.store.create(QUOTAS, quota)
    try:
        with pytest.raises(Unavailable, match="exceeded quota: tight"):
            kube.create(pod("one-too-many"))
    finally:
        cluster.store.delete(QUOTAS, "tight", SPACE)


def test_the_scopes_of_a_quota_are_read_from_both_places(cluster: StandIn, kube: Kube) -> None:
    of_class = {"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}
    without_class = {"scopeName": "VolumeAttributesClass", "operator": "DoesNotExist"}
    spec = {"hard": {"pods": "9"}, "scopes": ["BestEffort"], "scopeSelector": {"matchExpressions": [of_class]}}
    other = {"hard": {"pods": "9"}, "scopeSelector": {"matchExpressions": [without_class]}}
    for name, each in (("scoped", spec), ("unscoped", other)):
        cluster.store.create(QUOTAS, {"metadata": {"name": name, "namespace": SPACE}, "spec": each, "status": {}})
    try:
        found = {quota.meta.name: quota.scopes for quota in kube.list_all(Quota, namespace=SPACE).items}
        assert found == {"scoped": {"BestEffort", "PriorityClass"}, "unscoped": frozenset()}
    finally:
        for name in ("scoped", "unscoped"):
            cluster.store.delete(QUOTAS, name, SPACE)


def test_a_limit_range_that_is_broken_is_an_invalid_request(cluster: StandIn, kube: Kube) -> None:
    limits = [{"type": "Container", "max": {"memory": "64Mi"}}]
    cluster.store.create(LIMIT_RANGES, {"metadata": {"name": "low", "namespace": SPACE}, "spec": {"limits": limits}})
    try:
        with pytest.raises(InvalidRequest, match="maximum memory usage per Container is 64Mi"):
            kube.create(pod("large"))
    finally:
        cluster.store.delete(LIMIT_RANGES, "low", SPACE)


def test_a_namespace_that_is_missing_or_going_is_named(cluster: StandIn, kube: Kube) -> None:
    stray = config_map("stray")
    stray["metadata"]["namespace"] = "nowhere"
    with pytest.raises(Unavailable, match="no such namespace"):
        kube.create(stray)
    going = {"metadata": {"name": "going", "finalizers": ["example.com/held"]}, "spec": {}, "status": {}}
    cluster.store.create(NAMESPACES, going)
    cluster.store.delete(NAMESPACES, "going", "")
    stray["metadata"]["namespace"] = "going"
    with pytest.raises(Unavailable, match="being deleted"):
        kube.create(stray)


@pytest.mark.parametrize("trouble", [SERVER_ERROR, throttled(0), Problem(503, "ServiceUnavailable", "down")])
def test_a_passing_trouble_is_overcome(cluster: StandIn, kube: Kube, trouble: Problem) -> None:
    cluster.faults.answer(trouble, verb="list", resource="nodes", times=2)
    assert len(kube.list_all(Node).items) == 2
    assert requests(cluster, "GET /api/v1/nodes") == 3


def test_a_dropped_connection_is_made_again(cluster: StandIn, kube: Kube) -> None:
    cluster.faults.drop(verb="create", resource="configmaps", times=2)
    kube.create(config_map("after-drops"))
    assert requests(cluster, "POST") == 3


def test_a_trouble_that_stays_ends_in_try_again(cluster: StandIn, kube: Kube) -> None:
    cluster.faults.answer(SERVER_ERROR, verb="list", resource="jobs", times=4)
    with pytest.raises(TryAgain, match=r"list jobs.batch: .*HTTP 500") as raised:
        kube.list_all(Job)
    assert "etcdserver" not in str(raised.value)
    assert requests(cluster, "GET /apis/batch") == 4


def test_a_throttled_call_waits_as_long_as_the_server_wishes(cluster: StandIn, kube: Kube) -> None:
    cluster.faults.answer(throttled(1), verb="list", resource="nodes")
    before = cluster.store.version
    kube.list_all(Node)
    assert requests(cluster, "GET /api/v1/nodes") == 2
    assert before <= cluster.store.version


def test_a_wish_too_long_to_wait_for_is_handed_to_the_caller(cluster: StandIn, kube: Kube) -> None:
    cluster.faults.answer(throttled(120), verb="list", resource="nodes")
    with pytest.raises(TryAgain, match="throttling") as raised:
        kube.list_all(Node)
    assert raised.value.retry_after_seconds == 120
    assert requests(cluster, "GET /api/v1/nodes") == 1


def test_a_lacking_permission_is_told_with_verb_resource_and_namespace(cluster: StandIn, kube: Kube) -> None:
    cluster.api.rule = lambda verb, *_: verb != "list"
    try:
        with pytest.raises(Unavailable, match=r"no permission to list jobs\.batch in namespace probe-lab: .*`list`"):
            kube.list_all(Job, namespace=SPACE)
    finally:
        cluster.api.rule = allow_all


def test_a_permission_for_the_whole_cluster_takes_a_cluster_role(cluster: StandIn, kube: Kube) -> None:
    cluster.api.rule = lambda verb, *_: verb != "list"
    try:
        with pytest.raises(
            Unavailable, match=r"list nodes at the cluster scope: ask for a ClusterRole that grants `list`"
        ):
            kube.list_all(Node)
    finally:
        cluster.api.rule = allow_all


def test_permissions_can_be_asked_for(cluster: StandIn, kube: Kube) -> None:
    cluster.api.rule = lambda verb, resource, namespace, subresource: (
        (verb, resource.plural, namespace, subresource)
        == (
            "get",
            "pods",
            SPACE,
            "log",
        )
    )
    try:
        assert kube.may("get", Pod, namespace=SPACE, subresource="log").allowed
        assert not kube.may("get", Pod, namespace=SPACE).allowed
        assert not kube.may("get", Pod, subresource="log").allowed
    finally:
        cluster.api.rule = allow_all


def test_metrics_are_read_where_they_are_served(kube: Kube) -> None:
    usages = kube.list_all(NodeUsage).items
    assert [usage.meta.name for usage in usages] == ["node1", "node2"]
    assert usages[0].usage.cpu_cores == pytest.approx(0.126150208)


def test_metrics_that_are_not_served_or_do_not_answer_are_unavailable(cluster: StandIn, kube: Kube) -> None:
    cluster.api.served = lambda resource: resource.group != "metrics.k8s.io"
    try:
        with pytest.raises(Unavailable, match=r"doesn't serve nodes.metrics.k8s.io"):
            kube.list_all(NodeUsage)
    finally:
        cluster.api.served = serve_all
    cluster.faults.answer(Problem(503, "ServiceUnavailable", "no endpoints"), resource="pods", times=1)
    with pytest.raises(Unavailable, match="metrics-server"):
        kube.list_all(PodUsage)


def test_a_server_that_talks_nonsense_is_unavailable(cluster: StandIn, kube: Kube) -> None:
    cluster.store.create(
        CONFIG_MAPS, config_map("odd") | {"metadata": {"name": "odd", "namespace": SPACE, "labels": 7}}
    )
    try:
        with pytest.raises(Unavailable, match="not in the API's format"):
            kube.read(ConfigMap, "odd", namespace=SPACE)
    finally:
        cluster.store.delete(CONFIG_MAPS, "odd", SPACE)


def test_deleting_an_owner_takes_with_it_what_it_owns(cluster: StandIn, kube: Kube) -> None:
    owner = kube.create(config_map("owner")).meta
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner.uid}
    owned = config_map("owned")
    owned["metadata"]["ownerReferences"] = [reference]
    kube.create(owned)
    watch = kube.watch(ConfigMap, since=str(cluster.store.version), namespace=SPACE)
    kube.delete(ConfigMap, "owner", namespace=SPACE)
    deleted = (each.record.meta.name for each in watch if isinstance(each, Arrival) and each.change is Change.DELETED)
    assert set(islice(deleted, 2)) == {"owner", "owned"}


def test_nothing_of_the_kubernetes_client_is_imported_before_a_cluster_is_asked_for() -> None:
    script = "import sys, agent.kube.cluster; print([name for name in sys.modules if name.startswith('kubernetes')])"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout.replace("'", '"')) == []
