"""Requests and use: the same figures as those of the utilization probe, whatever the pods, and a fair sample."""

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.collect import kinds
from agent.collect.collector import Findings
from agent.collect.quantities import requested
from agent.collect.sample import Sample, common
from agent.collect.usage import ALLOCATABLE, REQUESTS, USAGE, USE, USE_OF_PODS
from agent.kube.records import READERS
from agent.wire.facts import UsageFacts
from jobs import objects
from jobs.utilization import Snapshot, measure

Json = dict[str, Any]
NODES = ("n1", "n2", "n3")
amounts = st.fixed_dictionaries(
    {},
    optional={
        "cpu": st.sampled_from(["0", "50m", "100m", "1", "1.5", "250000000n"]),
        "memory": st.sampled_from(["64Mi", "1Gi", "128974848", "1e8"]),
    },
)
containers = st.lists(
    st.builds(
        lambda a, again: {"resources": {"requests": a}, "restartPolicy": again},
        amounts,
        st.sampled_from(["", "Always"]),
    ),
    max_size=3,
)


def pod(number: int, spec: Json, phase: str = "Running", owner: str = "") -> Json:
    meta: Json = {"name": f"p{number}", "namespace": f"ns{number % 2}"}
    if owner:
        meta["ownerReferences"] = [{"kind": owner, "name": "o", "uid": "u"}]
    return {"metadata": meta, "spec": spec, "status": {"phase": phase}}


specs = st.fixed_dictionaries(
    {
        "nodeName": st.sampled_from(["", *NODES]),
        "containers": containers,
        "initContainers": containers,
        "overhead": amounts,
    }
)
pods = st.lists(
    st.builds(
        pod,
        st.integers(0, 10**6),
        specs,
        st.sampled_from(["Running", "Pending", "Succeeded", "Failed"]),
        st.sampled_from(["", "ReplicaSet", "DaemonSet", "Node"]),
    ),
    max_size=12,
    unique_by=lambda each: each["metadata"]["name"],
)


def node(name: str) -> Json:
    return {"metadata": {"name": name}, "status": {"allocatable": {"cpu": "4", "memory": "16Gi"}}}


def used(name: str, cpu: str) -> Json:
    return {"metadata": {"name": name}, "usage": {"cpu": cpu, "memory": "2Gi"}}


def used_by(thing: Json, cpu: str) -> Json:
    return {"metadata": thing["metadata"], "containers": [{"usage": {"cpu": cpu, "memory": "32Mi"}}]}


def facts_of(nodes: list[Json], things: list[Json], use: list[Json], pod_use: list[Json]) -> UsageFacts:
    tallies = {}
    for want, items in ((ALLOCATABLE, nodes), (REQUESTS, things), (USE, use), (USE_OF_PODS, pod_use)):
        tallies[want] = want.start()
        tallies[want].add(want.kind.decode(json.dumps(items).encode()))
    facts = USAGE.facts(Findings(tallies=tallies))
    assert isinstance(facts, UsageFacts)
    return facts


def read(kind: type[objects.Object], items: list[Json]) -> list[Any]:
    return [READERS[kind].one(json.dumps(item).encode()) for item in items]


@settings(max_examples=60)
@given(pods, st.sampled_from(["100m", "390m", "3"]))
def test_figures_are_those_of_the_utilization_probe(things: list[Json], cpu: str) -> None:
    nodes, use = [node(name) for name in NODES], [used(name, cpu) for name in NODES]
    pod_use = [used_by(thing, "60m") for thing in things]
    facts = facts_of(nodes, things, use, pod_use)
    snapshot = Snapshot(
        nodes=read(objects.Node, nodes),
        pods=read(objects.Pod, things),
        node_usage=read(objects.NodeUsage, use),
        pod_usage=read(objects.PodUsage, pod_use),
    )
    measured = measure(snapshot)
    told = {metric.name: metric.summary.median for metric in measured.metrics}
    assert facts.cpu_requested_p50 == pytest.approx(told["cpu_requested_by_node"])
    assert facts.cpu_requested_max == pytest.approx(told["cpu_requested_by_node"] + told["cpu_requested_unevenness"])
    assert facts.memory_requested_p50 == pytest.approx(told["memory_requested_by_node"])
    assert facts.cpu_headroom_cores == pytest.approx(max(0.0, told["cpu_headroom"]), abs=1e-9)
    assert facts.cpu_used_p50 == pytest.approx(told["cpu_used_by_node"])
    assert facts.cpu_unused_share == pytest.approx(told.get("cpu_unused"))
    assert facts.memory_unused_share == pytest.approx(told.get("memory_unused"))
    assert facts.idle_nodes == measured.facts["idle_nodes"]
    assert facts.empty_nodes == measured.facts["empty_nodes"]


@given(specs)
def test_a_pod_requests_what_the_scheduler_reckons_with(spec: Json) -> None:
    thing = pod(1, spec)
    whole = json.dumps([thing]).encode()
    expected = read(objects.Pod, [thing])[0].requests
    cores, memory = requested(kinds.PODS.decode(whole)[0].spec)
    assert cores == pytest.approx(expected.cpu_cores)
    assert memory == pytest.approx(expected.memory_bytes)


def test_without_pods_nodes_are_empty_and_nothing_is_requested() -> None:
    facts = facts_of([node("n1")], [], [], [])
    assert (facts.empty_nodes, facts.cpu_requested_max, facts.cpu_used_max) == (1, 0.0, None)


@given(st.integers(0, 200), st.integers(1, 50), st.integers(0))
def test_two_samples_of_the_same_things_choose_the_same_in_whatever_order_they_come(
    count: int, size: int, seed: int
) -> None:
    places = random.Random(seed).sample(range(-(2**61), 2**61), count)
    first: Sample[str] = Sample(size)
    second: Sample[float] = Sample(size)
    for place in places:
        if place < first.limit:
            first.take(place, f"{place}")
    for place in sorted(places, reverse=True):
        if place < second.limit:
            second.take(place, float(place))
    smallest = sorted(places)[:size]
    assert sorted(first.chosen) == sorted(second.chosen) == smallest
    assert len(list(common(first, second))) == len(smallest)


def test_a_sample_tells_the_share_of_all() -> None:
    """Of 20 000 pods of which half use all that they request, and half nothing, about half is unused."""
    spec = {"nodeName": "n1", "containers": [{"resources": {"requests": {"cpu": "100m"}}}]}
    things = [pod(n, spec) for n in range(20_000)]
    pod_use = [used_by(thing, "100m" if n % 2 else "0") for n, thing in enumerate(things)]
    facts = facts_of([node("n1")], things, [], pod_use)
    # Five standard errors of a share of 4 096.
    assert facts.cpu_unused_share == pytest.approx(0.5, abs=5 * 0.5 / 64)
