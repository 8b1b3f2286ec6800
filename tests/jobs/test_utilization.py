from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.objects import Meta, NodeUsage, Owner, Pod, PodUsage, Resources
from jobs.utilization import Snapshot, measure
from probes.measure.result import Metric
from probes.measure.stability import FlagCode
from tests.jobs.factories import GIB, node

NODES = [node("a"), node("b")]  # of four cores and 16 GiB each


def pod(name: str, cores: float, *, on: str = "a", owner: str = "ReplicaSet", **fields: Any) -> Pod:
    owners = (Owner(kind=owner, name="o", uid="o"),) if owner else ()
    requests = Resources(cpu_cores=cores, memory_bytes=cores * GIB)
    return Pod(
        meta=Meta(name=name, namespace="n", owners=owners), node=on, requests=requests, phase="Running", **fields
    )


def node_usage(name: str, cores: float) -> NodeUsage:
    return NodeUsage(meta=Meta(name=name), usage=Resources(cpu_cores=cores, memory_bytes=cores * GIB))


def pod_usage(name: str, cores: float) -> PodUsage:
    return PodUsage(meta=Meta(name=name, namespace="n"), usage=Resources(cpu_cores=cores, memory_bytes=cores * GIB))


def snapshot(*pods: Pod, **fields: Any) -> Snapshot:
    plain = {"nodes": NODES, "pods": pods, "node_usage": "not served", "pod_usage": "not served"}
    return Snapshot(**(plain | fields))


def metrics(given: Snapshot) -> dict[str, Metric]:
    return {metric.name: metric for metric in measure(given).metrics}


def values(given: Snapshot) -> dict[str, float]:
    return {name: metric.summary.median for name, metric in metrics(given).items()}


def test_requests_are_told_against_what_is_allocatable() -> None:
    found = values(snapshot(pod("p", 1.0), pod("q", 3.0, on="b")))
    assert found["cpu_requested"] == 4 / 8
    assert found["cpu_headroom"] == 4.0
    assert found["cpu_largest_headroom"] == 3.0
    assert found["memory_requested"] == 4 / 32


def test_each_node_has_its_share_and_the_fullest_its_distance_from_the_middle() -> None:
    found = metrics(snapshot(pod("p", 1.0), pod("q", 3.0, on="b")))
    assert found["cpu_requested_by_node"].rounds == (0.25, 0.75)
    assert found["cpu_requested_by_node"].flags == ()
    assert found["cpu_requested_unevenness"].summary.median == 0.25


def test_requests_are_told_by_kind_of_workload() -> None:
    found = values(
        snapshot(
            pod("p", 1.0),
            pod("q", 2.0, owner="DaemonSet"),
            pod("r", 0.5, owner="Node"),
            pod("s", 0.25, owner=""),
            pod("t", 0.25, owner="Workflow"),
        )
    )
    kinds = {name: share for name, share in found.items() if name.startswith("cpu_requested_")}
    assert kinds.items() >= {
        "cpu_requested_deployment": 1 / 8,
        "cpu_requested_daemon_set": 2 / 8,
        "cpu_requested_node": 0.5 / 8,
        "cpu_requested_no_owner": 0.25 / 8,
        "cpu_requested_other": 0.25 / 8,
    }.items()  # fmt: skip


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_pods_that_are_over_or_have_no_place_take_nothing(phase: str) -> None:
    over, unplaced = replace(pod("p", 1.0), phase=phase), pod("q", 1.0, on="")
    assert values(snapshot(over, unplaced))["cpu_requested"] == 0.0


def test_use_is_unavailable_with_its_reason_where_there_are_no_metrics() -> None:
    measurement = measure(snapshot(pod("p", 1.0)))
    assert not any("used" in metric.name for metric in measurement.metrics)
    assert measurement.facts["use"] == "unavailable: not served"


def test_use_is_told_against_what_is_allocatable() -> None:
    found = metrics(snapshot(pod("p", 1.0), node_usage=[node_usage("a", 2.0), node_usage("b", 0.0)]))
    assert found["cpu_used"].summary.median == 2 / 8
    assert found["cpu_used_by_node"].rounds == (0.0, 0.5)


def test_a_node_without_a_figure_of_its_use_counts_for_nothing() -> None:
    assert values(snapshot(node_usage=[node_usage("a", 2.0)]))["cpu_used"] == 2 / 4


def test_a_use_that_can_not_be_read_costs_its_own_object_and_is_flagged() -> None:
    unread = replace(node_usage("b", 0.0), usage=None), replace(pod_usage("q", 0.0), usage=None)
    given = snapshot(
        pod("p", 2.0), pod("q", 1.0), node_usage=[node_usage("a", 2.0), unread[0]],
        pod_usage=[pod_usage("p", 0.5), unread[1]],
    )  # fmt: skip
    assert (values(given)["cpu_used"], values(given)["cpu_unused"]) == (2 / 4, 1.5 / 2.0)
    [flag] = measure(given).flags
    assert flag.code is FlagCode.PARTIAL
    assert "what 2 nodes or pods use" in flag.reason
    assert measure(snapshot(pod("p", 2.0), node_usage=[node_usage("a", 2.0)])).flags == ()


def test_requests_in_vain_are_those_of_pods_whose_use_is_known_and_more_use_is_no_credit() -> None:
    pods = pod("p", 2.0), pod("q", 1.0, owner="StatefulSet"), pod("unknown", 1.0)
    found = values(snapshot(*pods, pod_usage=[pod_usage("p", 0.5), pod_usage("q", 3.0)]))
    assert found["cpu_unused"] == 1.5 / 3.0
    assert found["cpu_unused_deployment"] == 0.75
    assert found["cpu_unused_stateful_set"] == 0.0


def test_idle_and_empty_nodes_are_counted() -> None:
    pods = pod("p", 1.0), pod("agent", 0.1, on="b", owner="DaemonSet"), pod("static", 0.1, on="b", owner="Node")
    facts = measure(snapshot(*pods, node_usage=[node_usage("a", 2.0), node_usage("b", 0.2)])).facts
    assert (facts["idle_nodes"], facts["empty_nodes"]) == (1, 1)


def test_pods_that_request_nothing_are_counted() -> None:
    facts = measure(snapshot(pod("p", 0.0), pod("q", 1.0))).facts
    assert (facts["pods_without_cpu_request"], facts["pods_without_memory_request"]) == (1, 1)


@given(
    st.lists(st.tuples(st.floats(0, 4), st.sampled_from("ab"), st.sampled_from(["Job", "DaemonSet", ""])), max_size=20)
)
def test_what_is_requested_and_what_is_left_add_up(pods: list[tuple[float, str, str]]) -> None:
    made = [pod(f"p{number}", cores, on=where, owner=kind) for number, (cores, where, kind) in enumerate(pods)]
    found = values(snapshot(*made))
    assert found["cpu_requested"] * 8 + found["cpu_headroom"] == pytest.approx(8)
    kinds = [found.get(f"cpu_requested_{kind}", 0.0) for kind in ("job", "daemon_set", "no_owner")]
    assert sum(kinds) == pytest.approx(found["cpu_requested"])
