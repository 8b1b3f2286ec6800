"""What a cluster's nodes are asked for and what they use: headroom, unevenness, idle nodes, requests in vain. Pure.

Requests are what the scheduler reckons with and what is paid for; use is what metrics.k8s.io tells, an average over
some 15 s by the kubelets' own windows. One look is one moment: it says nothing of other hours.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from jobs.objects import Node, NodeUsage, Pod, PodUsage, Resources
from probes.measure.metric import Description, from_rates
from probes.measure.result import Better, Facts, Metric
from probes.measure.stability import Flag, FlagCode
from probes.measure.units import Unit
from probes.probe import Measurement

# A node below this share of its CPU does no work to speak of: what the system's own pods use on nodes of two cores.
_IDLE_SHARE = 0.1
_KINDS = {"ReplicaSet": "deployment", "StatefulSet": "stateful_set", "DaemonSet": "daemon_set", "Job": "job"}
_FINISHED = frozenset({"Succeeded", "Failed"})
_RESOURCES: Mapping[str, tuple[str, Callable[[Resources], float], Unit]] = {
    "cpu": ("CPU", lambda resources: resources.cpu_cores, Unit.COUNT),
    "memory": ("memory", lambda resources: resources.memory_bytes, Unit.BYTES),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What the API told at one moment."""

    nodes: Sequence[Node]
    pods: Sequence[Pod]
    """Of all namespaces."""
    node_usage: Sequence[NodeUsage] | str
    """A text where there is none: why."""
    pod_usage: Sequence[PodUsage] | str


def measure(snapshot: Snapshot) -> Measurement:
    """Return the metrics and facts of the snapshot; what metrics.k8s.io would tell is absent without it."""
    placed = [pod for pod in snapshot.pods if pod.node and pod.phase not in _FINISHED]
    metrics: list[Metric] = []
    facts: Facts = {"nodes": len(snapshot.nodes), "pods": len(placed)}
    node_usage, pod_usage = _known(snapshot.node_usage), _known(snapshot.pod_usage)
    for name in _RESOURCES:
        metrics += _requested(name, snapshot.nodes, placed)
        if not isinstance(snapshot.node_usage, str):
            metrics += _used(name, snapshot.nodes, node_usage)
        if not isinstance(snapshot.pod_usage, str):
            metrics += _in_vain(name, placed, pod_usage)
    if isinstance(snapshot.node_usage, str):
        facts["use"] = f"unavailable: {snapshot.node_usage}"
    else:
        facts |= _idle(snapshot.nodes, placed, node_usage)
    facts["pods_without_cpu_request"] = sum(pod.requests.cpu_cores == 0 for pod in placed)
    facts["pods_without_memory_request"] = sum(pod.requests.memory_bytes == 0 for pod in placed)
    return Measurement(metrics=tuple(metrics), facts=facts, flags=_left_out(snapshot))


def _known(usage: Sequence[NodeUsage] | Sequence[PodUsage] | str) -> dict[tuple[str, str], Resources]:
    """Return what each node or pod uses whose amounts could be read, by namespace and name."""
    if isinstance(usage, str):
        return {}
    return {(each.meta.namespace, each.meta.name): each.usage for each in usage if each.usage is not None}


def _left_out(snapshot: Snapshot) -> tuple[Flag, ...]:
    told = [usage for usage in (snapshot.node_usage, snapshot.pod_usage) if not isinstance(usage, str)]
    count = sum(each.usage is None for usage in told for each in usage)
    reason = f"what {count} nodes or pods use can't be read in what metrics.k8s.io tells: they are left out"
    return (Flag(code=FlagCode.PARTIAL, reason=reason),) if count else ()


def _requested(name: str, nodes: Sequence[Node], pods: Sequence[Pod]) -> list[Metric]:
    title, amount, unit = _RESOURCES[name]
    by_node: dict[str, float] = defaultdict(float)
    by_kind: dict[str, float] = defaultdict(float)
    for pod in pods:
        by_node[pod.node] += amount(pod.requests)
        by_kind[_kind(pod)] += amount(pod.requests)
    allocatable = {node.meta.name: amount(node.allocatable) for node in nodes}
    total = sum(allocatable.values())
    shares = [by_node[node] / capacity for node, capacity in allocatable.items() if capacity]
    if not total:
        return []
    headroom = [capacity - by_node[node] for node, capacity in allocatable.items()]
    return [
        _one(f"{name}_requested", f"{title} requested of what is allocatable", sum(by_node.values()) / total),
        _one(f"{name}_headroom", f"{title} that nobody requested", sum(headroom), unit),
        # The largest pod that still fits somewhere, if nothing else stands in its way.
        _one(f"{name}_largest_headroom", f"{title} that nobody requested, on the freest node", max(headroom), unit),
        *_each_node(f"{name}_requested", f"{title} requested", shares),
        *(
            _one(f"{name}_requested_{kind}", f"{title} requested by pods of {_spoken(kind)}", value / total)
            for kind, value in sorted(by_kind.items())
        ),
    ]


def _used(name: str, nodes: Sequence[Node], usage: Mapping[tuple[str, str], Resources]) -> list[Metric]:
    title, amount, _ = _RESOURCES[name]
    used = {node: amount(resources) for (_, node), resources in usage.items()}
    known = {node.meta.name: amount(node.allocatable) for node in nodes if node.meta.name in used}
    total = sum(known.values())
    if not total:
        return []
    shares = [used[node] / capacity for node, capacity in known.items() if capacity]
    return [
        _one(f"{name}_used", f"{title} in use of what is allocatable", sum(used[node] for node in known) / total),
        *_each_node(f"{name}_used", f"{title} in use", shares),
    ]


def _in_vain(name: str, pods: Sequence[Pod], usage: Mapping[tuple[str, str], Resources]) -> list[Metric]:
    """What pods request and don't use, of what those with a known use request; to use more is no credit."""
    title, amount, _ = _RESOURCES[name]
    used = {pod: amount(resources) for pod, resources in usage.items()}
    requested: dict[str, float] = defaultdict(float)
    unused: dict[str, float] = defaultdict(float)
    for pod in pods:
        key = (pod.meta.namespace, pod.meta.name)
        if key in used:
            requested[_kind(pod)] += amount(pod.requests)
            unused[_kind(pod)] += max(0.0, amount(pod.requests) - used[key])
    total = sum(requested.values())
    if not total:
        return []
    return [
        _one(f"{name}_unused", f"{title} requested and not used, of what is requested", sum(unused.values()) / total),
        *(
            _one(
                f"{name}_unused_{kind}",
                f"{title} requested and not used by pods of {_spoken(kind)}",
                unused[kind] / value,
            )
            for kind, value in sorted(requested.items())
            if value
        ),
    ]


def _idle(nodes: Sequence[Node], pods: Sequence[Pod], usage: Mapping[tuple[str, str], Resources]) -> Facts:
    """Nodes that could go: with little in use, and with no pods but those that are on every node."""
    used = {node: resources.cpu_cores for (_, node), resources in usage.items()}
    working = {pod.node for pod in pods if _kind(pod) not in {"daemon_set", "node"}}
    barely = [
        node.meta.name
        for node in nodes
        if node.meta.name in used and used[node.meta.name] < _IDLE_SHARE * node.allocatable.cpu_cores
    ]
    return {"idle_nodes": len(barely), "empty_nodes": sum(node.meta.name not in working for node in nodes)}


def _kind(pod: Pod) -> str:
    owner = pod.meta.owners[0].kind if pod.meta.owners else ""
    if owner == "Node":
        # The kubelet's own, which the API only mirrors.
        return "node"
    return _KINDS.get(owner, "other" if owner else "no_owner")


def _spoken(kind: str) -> str:
    return {"no_owner": "no owner", "other": "other owners", "node": "the node itself"}.get(
        kind, kind.replace("_", " ")
    )


def _one(name: str, title: str, value: float, unit: Unit = Unit.RATIO) -> Metric:
    return from_rates(_described(name, title, unit), [value])


def _each_node(name: str, title: str, shares: Sequence[float]) -> list[Metric]:
    """The shares of all nodes in ascending order, and how far the fullest is above the middle.

    That is no order of time, so that what rounds give to doubt about their course is nothing here.
    """
    if not shares:
        return []
    nodes = from_rates(_described(f"{name}_by_node", f"{title}, each node's share", Unit.RATIO), sorted(shares))
    unevenness = max(shares) - float(np.median(shares))
    return [
        nodes.model_copy(update={"flags": ()}),
        _one(f"{name}_unevenness", f"{title}, the fullest node above the median", unevenness),
    ]


def _described(name: str, title: str, unit: Unit) -> Description:
    return Description(name=name, title=title, unit=unit, better=Better.NEITHER, conditions={"source": "api"})
