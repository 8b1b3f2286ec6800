"""Collecting from a cluster over HTTPS: what each subject says, and what one that fails costs."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.collect.gather import COLLECTORS, gather
from agent.levels import DataType, Level
from agent.wire.facts import Facts, Raw
from agent.wire.vocabulary import COLLECTORS as NAMES
from tests.agent.collect.served import Cluster, collected, scanning
from tests.standin.list_server import Answer, status

NODES, PODS, CLAIMS = "/api/v1/nodes", "/api/v1/pods", "/api/v1/persistentvolumeclaims"
USE_OF_NODES, USE_OF_PODS = "/apis/metrics.k8s.io/v1beta1/nodes", "/apis/metrics.k8s.io/v1beta1/pods"
FORBIDDEN = status(403, "Forbidden", 'nodes is forbidden: User "x" cannot list resource "nodes" in API group ""')
SUBJECTS = ("cluster", "nodes", "workloads", "usage", "platform", "policies")


def values(record: Raw | None) -> dict[str, object]:
    """The facts of a record that are known."""
    assert record is None or dataclasses.is_dataclass(record)
    if record is None:
        return {}
    named = {each.name: getattr(record, each.name) for each in dataclasses.fields(record)}
    return {name: value for name, value in named.items() if value is not None}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    return collected(Cluster(), tmp_path_factory.mktemp("whole"))


def test_a_recorded_cluster_is_collected_whole(whole: Facts) -> None:
    assert set(whole.statuses.values()) == {"ok"}
    assert set(whole.statuses) == set(SUBJECTS)
    assert whole.cluster is not None
    assert (whole.cluster.minor, whole.cluster.distribution, whole.cluster.provider) == (36, "other", "other")
    assert whole.nodes is not None
    assert (whole.nodes.count, whole.nodes.cpu_cores, whole.nodes.multi_zone) == (2, 4.0, True)
    assert whole.workloads is not None
    assert (whole.workloads.deployments, whole.workloads.pods, whole.workloads.jobs) == (3, 3, 0)
    # One of three containers asks for nothing; one has a limit.
    assert whole.workloads.without_cpu_request_share == pytest.approx(1 / 3)
    assert whole.workloads.without_memory_limit_share == pytest.approx(2 / 3)
    assert whole.usage is not None
    assert whole.usage.cpu_used_max == pytest.approx(0.126150208 / 2)
    assert whole.platform is not None
    assert whole.platform.observability == ("metrics_server",)


def test_each_list_is_asked_for_once(tmp_path: Path) -> None:
    with scanning(Cluster(), tmp_path) as (scan, server):
        gather(scan, level=Level.DETAILED, data_types=tuple(DataType))
        paths = [request.partition("?")[0] for request in server.requests]
    assert sorted(paths) == sorted(set(paths))


def test_at_the_minimal_level_only_version_and_nodes_are_read(tmp_path: Path) -> None:
    with scanning(Cluster(), tmp_path) as (scan, server):
        facts = gather(scan, level=Level.MINIMAL, data_types=tuple(DataType))
        assert server.requests == ["/version", "/api/v1/nodes?limit=500"]
    assert set(facts.statuses) == {"cluster", "nodes"}


def test_what_was_not_consented_to_is_not_read(tmp_path: Path) -> None:
    with scanning(Cluster(), tmp_path) as (scan, server):
        facts = gather(scan, level=Level.DETAILED, data_types=[DataType.NETWORK_POLICIES])
        read = {request.partition("?")[0] for request in server.requests}
    assert read == {"/apis/networking.k8s.io/v1/networkpolicies", "/api/v1/namespaces"}
    assert facts.workloads is None


# What each list alone costs, when it can't be read: facts by subject. The others are exactly as without.
COSTS = {
    CLAIMS: {"workloads": {"volume_claims", "unbound_claims"}},
    "/apis/apps/v1/daemonsets": {
        "workloads": {"daemonsets"},
        "platform": {"observability", "ebpf", "features"},
    },
    "/apis/batch/v1/cronjobs": {"workloads": {"cronjobs"}},
    "/apis/networking.k8s.io/v1/networkpolicies": {"policies": None},
    USE_OF_PODS: {"usage": {"cpu_unused_share", "memory_unused_share"}},
    "/apis": {"platform": {"observability", "ebpf", "features"}},
    "/version": {"cluster": {"minor", "distribution"}, "nodes": {"version_skew"}},
}


@pytest.mark.parametrize("path", COSTS)
def test_a_list_that_is_refused_costs_what_needs_it_and_nothing_else(path: str, whole: Facts, tmp_path: Path) -> None:
    cluster = Cluster()
    cluster.answers[path] = FORBIDDEN
    facts = collected(cluster, tmp_path)
    for subject in SUBJECTS:
        before, after = values(getattr(whole, subject)), values(getattr(facts, subject))
        lost = COSTS[path].get(subject, set())  # type: ignore[attr-defined]
        assert set(before) - set(after) == (set(before) if lost is None else lost)
        unchanged = {"storage_classes", "pools"}  # rows of records, which compare by value as well
        assert {name: before[name] for name in after if name not in unchanged} == {
            name: value for name, value in after.items() if name not in unchanged
        }
        assert facts.statuses[subject] == ("forbidden" if subject in COSTS[path] else "ok")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (FORBIDDEN, "forbidden"),
        (status(404), "missing_api"),
        (Answer(body=b'{"metadata":{},"items":[{"meta'), "failed"),
        (Answer(body=b"", sent_bytes=0, hangs=True), "timeout"),
    ],
    ids=["refused", "not-served", "cut-off", "silent"],
)
def test_the_status_says_what_stood_against_it(answer: Answer, told: str, tmp_path: Path) -> None:
    cluster = Cluster()
    cluster.answers[USE_OF_NODES] = answer
    facts = collected(cluster, tmp_path, Level.STANDARD, DataType.RESOURCE_USAGE)
    assert facts.statuses == {"usage": told}
    assert facts.usage is not None
    assert facts.usage.cpu_used_max is None
    assert facts.usage.cpu_requested_max is not None


def test_an_api_that_discovery_does_not_name_is_not_asked_for(tmp_path: Path) -> None:
    cluster = Cluster()
    cluster.groups.remove("metrics.k8s.io")
    with scanning(cluster, tmp_path) as (scan, server):
        facts = gather(scan, level=Level.STANDARD, data_types=tuple(DataType))
        assert not [request for request in server.requests if "metrics" in request]
    assert facts.statuses["usage"] == "missing_api"


def unreadable_pod(cluster: Cluster, number: int) -> None:
    cluster.lists[PODS][number]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "canary"}}


def unreadable_use(cluster: Cluster, number: int) -> None:
    cluster.lists[USE_OF_PODS][number]["containers"][0]["usage"]["memory"] = "canary"


def unreadable_node_use(cluster: Cluster, number: int) -> None:
    cluster.lists[USE_OF_NODES][number]["usage"]["cpu"] = "canary"


def unreadable_node(cluster: Cluster, number: int) -> None:
    cluster.lists[NODES][number]["status"]["capacity"]["cpu"] = "canary"
    cluster.lists[NODES][number]["status"]["allocatable"]["cpu"] = "canary"


@pytest.fixture
def cluster() -> Cluster:
    """The recorded one, whose pods are all among those that metrics.k8s.io tells of."""
    made = Cluster()
    made.lists[USE_OF_PODS] = [
        {"metadata": {name: pod["metadata"][name] for name in ("name", "namespace")},
         "containers": [{"name": "c", "usage": {"cpu": "1m", "memory": "1Mi"}}]}
        for pod in made.lists[PODS]
    ]  # fmt: skip
    return made


@pytest.mark.parametrize("spoil", [unreadable_pod, unreadable_use, unreadable_node_use, unreadable_node])
def test_an_amount_that_is_none_costs_its_object_alone_and_is_counted(
    spoil: Callable[[Cluster, int], None], cluster: Cluster, tmp_path: Path
) -> None:
    before = collected(cluster, tmp_path)
    spoil(cluster, 0)
    left_out: dict[str, int] = {}
    with scanning(cluster, tmp_path) as (scan, _):
        facts = gather(scan, level=Level.DETAILED, data_types=tuple(DataType), on_unreadable=left_out.__setitem__)
    assert set(facts.statuses.values()) == {"ok"}
    assert left_out == ({"usage": 1, "nodes": 1} if spoil is unreadable_node else {"usage": 1})
    assert {
        name for name in SUBJECTS if values(getattr(facts, name)).keys() != values(getattr(before, name)).keys()
    } == set()
    assert facts.nodes is not None
    assert facts.nodes.count == 2


@pytest.mark.parametrize(
    ("spoil", "path", "lost"),
    [
        (unreadable_pod, PODS, "cpu_requested_p50"),
        (unreadable_use, USE_OF_PODS, "cpu_unused_share"),
        (unreadable_node_use, USE_OF_NODES, "cpu_used_p50"),
    ],
)
def test_a_list_without_any_amount_that_can_be_read_has_failed(
    spoil: Callable[[Cluster, int], None], path: str, lost: str, cluster: Cluster, tmp_path: Path
) -> None:
    for number in range(len(cluster.lists[path])):
        spoil(cluster, number)
    facts = collected(cluster, tmp_path)
    assert facts.statuses["usage"] == "failed"
    assert facts.usage is not None
    assert getattr(facts.usage, lost) is None
    assert facts.statuses["workloads"] == "ok"


def test_custom_resources_come_in_another_order_and_are_read(tmp_path: Path) -> None:
    cluster = Cluster()
    cluster.groups.append("prism.io")
    cluster.answers["/apis/prism.io/v1alpha1/cells"] = Answer(
        body=b'{"apiVersion":"prism.io/v1alpha1","items":[{"apiVersion":"prism.io/v1alpha1","kind":"Cell",'
        b'"metadata":{"name":"c1"},"spec":{"cellType":"data"}}],"kind":"CellList","metadata":{"continue":""}}\n'
    )
    facts = collected(cluster, tmp_path, Level.STANDARD, DataType.PLATFORM_FEATURES)
    assert facts.platform is not None
    assert (facts.platform.cells, facts.platform.cell_types) == (1, ("data",))


def test_collectors_have_the_names_and_kinds_that_the_rest_of_the_agent_knows() -> None:
    assert [each.name for each in COLLECTORS] == list(SUBJECTS)
    assert set(SUBJECTS) < set(NAMES)
    listed = {plural for each in COLLECTORS for _, plural in each.reads(Level.DETAILED)}
    # Nothing that may hold a secret or a person's data is listed by anybody.
    assert not listed & {"secrets", "configmaps", "events", "serviceaccounts"}


def test_nothing_that_is_printed_shows_a_fact(whole: Facts) -> None:
    assert repr(whole) == "<Facts, not shown>"
    assert repr(whole.nodes) == "<NodesFacts, not shown>"
