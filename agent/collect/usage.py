"""What is asked of the nodes and what they use, at one moment.

Level standard, `resource_usage`. Lists nodes, pods, and what metrics.k8s.io tells of both. Memory grows with the nodes
and not with the pods: what pods request and don't use is told from a sample (`sample`), which is all of them while they
are few.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from agent.collect import kinds
from agent.collect.collector import Collector, Findings, Lenient, Want
from agent.collect.quantities import GIB, Pair, pair, requested
from agent.collect.sample import Sample, common
from agent.collect.shapes import Amounts
from agent.collect.shapes_nodes import Node
from agent.collect.shapes_pods import ContainerUse, NodeUse, Pod, PodUse
from agent.levels import DataType, Level
from agent.wire.facts import UsageFacts

_FINISHED = frozenset({"Succeeded", "Failed"})
# As in `jobs.utilization`: what the system's own pods use on nodes of two cores.
_IDLE_SHARE = 0.1
# Owners of pods that run on every node, or that the node itself runs.
_EVERYWHERE = frozenset({"DaemonSet", "Node"})
# What is asked of a node without pods.
_NOBODY = (0.0, 0.0, 0.0)
_CPU, _MEMORY, _PODS = 0, 1, 2


class _OfNodes(Lenient):
    """An amount of each node."""

    def __init__(self) -> None:
        self.by_node: dict[str, Pair] = {}

    @property
    def is_empty(self) -> bool:
        """Whether no node could be read."""
        return not self.by_node

    def _note(self, node: str, amounts: Amounts) -> None:
        try:
            self.by_node[node] = pair(amounts)
        except ValueError:
            self.unreadable += 1


class Allocatable(_OfNodes):
    """What each node gives."""

    def add(self, nodes: Sequence[Node]) -> None:
        """Add some nodes."""
        for node in nodes:
            self._note(node.metadata.name, node.status.allocatable)


class Requests(Lenient):
    """What is requested of each node, and a sample of what pods request."""

    def __init__(self) -> None:
        self.by_node: dict[str, list[float]] = {}
        """Cores, bytes, and how many pods that are not on every node anyway."""
        self.sample: Sample[Pair] = Sample()

    def add(self, pods: Sequence[Pod]) -> None:
        """Add some pods; one that is finished or not yet on a node asks nothing of any."""
        by_node, sample = self.by_node, self.sample
        for pod in pods:
            spec = pod.spec
            node = spec.node_name
            if not node or pod.status.phase in _FINISHED:
                continue
            try:
                amounts = requested(spec)
            except ValueError:
                self.unreadable += 1
                continue
            sums = by_node.get(node)
            if sums is None:
                sums = by_node[node] = [0.0, 0.0, 0]
            sums[_CPU] += amounts[_CPU]
            sums[_MEMORY] += amounts[_MEMORY]
            meta = pod.metadata
            owners = meta.owner_references
            sums[_PODS] += not owners or owners[0].kind not in _EVERYWHERE
            place = hash((meta.namespace, meta.name))
            if place < sample.limit:
                sample.take(place, amounts)

    @property
    def is_empty(self) -> bool:
        """Whether no pod on a node could be read."""
        return not self.by_node


class Use(_OfNodes):
    """What each node uses."""

    def add(self, nodes: Sequence[NodeUse]) -> None:
        """Add some nodes."""
        for node in nodes:
            self._note(node.metadata.name, node.usage)


class UseOfPods(Lenient):
    """A sample of what pods use: of the same pods as the sample of requests, since both choose by name."""

    def __init__(self) -> None:
        self.sample: Sample[tuple[ContainerUse, ...]] = Sample()
        self._read = 0

    def add(self, pods: Sequence[PodUse]) -> None:
        """Add some pods."""
        sample = self.sample
        for pod in pods:
            place = hash((pod.metadata.namespace, pod.metadata.name))
            if place < sample.limit:
                sample.take(place, pod.containers or ())

    def beside(self, requests: Sample[Pair]) -> list[tuple[Pair, Pair]]:
        """Return what pods of both samples request, with what they use; only now are their amounts read."""
        pairs = []
        for asked, containers in common(requests, self.sample):
            if not containers:
                continue
            try:
                cores, sizes = zip(*(pair(each.usage) for each in containers), strict=True)
            except ValueError:
                self.unreadable += 1
                continue
            self._read += 1
            pairs.append((asked, (sum(cores), sum(sizes))))
        return pairs

    @property
    def is_empty(self) -> bool:
        """Whether no pod could be read."""
        return not self._read


ALLOCATABLE = Want(kind=kinds.NODES, start=Allocatable)
REQUESTS = Want(kind=kinds.PODS, start=Requests)
USE = Want(kind=kinds.NODE_USE, start=Use)
USE_OF_PODS = Want(kind=kinds.POD_USE, start=UseOfPods)


def _facts(findings: Findings) -> UsageFacts:
    allocatable = findings.tally(ALLOCATABLE)
    if allocatable is None:
        return UsageFacts()
    requests, use = findings.tally(REQUESTS), findings.tally(USE)
    facts: dict[str, Any] = {}
    if requests is not None:
        facts |= _requested(allocatable, requests)
    if use is not None:
        facts |= _shares("used", allocatable, use.by_node, where_unknown=None)
        facts["idle_nodes"] = sum(
            use.by_node[node][_CPU] < _IDLE_SHARE * amounts[_CPU]
            for node, amounts in allocatable.by_node.items()
            if node in use.by_node
        )
    pods = findings.tally(USE_OF_PODS)
    if requests is not None and pods is not None:
        facts |= _unused(pods.beside(requests.sample))
    return UsageFacts(**facts)


def _requested(allocatable: Allocatable, requests: Requests) -> dict[str, Any]:
    nodes = allocatable.by_node
    headroom = [
        sum(amounts[resource] - requests.by_node.get(node, _NOBODY)[resource] for node, amounts in nodes.items())
        for resource in (_CPU, _MEMORY)
    ]
    return {
        **_shares("requested", allocatable, requests.by_node, where_unknown=_NOBODY),
        # Pods that were listed after their node are not on it; less than nothing can't be left.
        "cpu_headroom_cores": max(0.0, headroom[_CPU]),
        "memory_headroom_gib": max(0.0, headroom[_MEMORY] / GIB),
        "empty_nodes": sum(not requests.by_node.get(node, _NOBODY)[_PODS] for node in nodes),
    }


def _shares(
    what: str, allocatable: Allocatable, amounts: dict[str, Any], *, where_unknown: Sequence[float] | None
) -> dict[str, float]:
    """Return the middle, the 90th percentile and the largest of the nodes' shares, for CPU and memory."""
    facts: dict[str, float] = {}
    for name, resource in (("cpu", _CPU), ("memory", _MEMORY)):
        shares = [
            known[resource] / given[resource]
            for node, given in allocatable.by_node.items()
            if given[resource] and (known := amounts.get(node, where_unknown)) is not None
        ]
        if shares:
            median, most, largest = np.percentile(shares, (50, 90, 100))
            facts |= {
                f"{name}_{what}_p50": float(median),
                f"{name}_{what}_p90": float(most),
                f"{name}_{what}_max": float(largest),
            }
    return facts


def _unused(pairs: Sequence[tuple[Pair, Pair]]) -> dict[str, float]:
    """Of what pods with a known use request, what they don't use; to use more is no credit (as `jobs.utilization`)."""
    facts: dict[str, float] = {}
    for name, resource in (("cpu", _CPU), ("memory", _MEMORY)):
        total = sum(asked[resource] for asked, _ in pairs)
        if total:
            unused = sum(max(0.0, asked[resource] - used[resource]) for asked, used in pairs)
            facts[f"{name}_unused_share"] = unused / total
    return facts


USAGE = Collector(
    name="usage",
    level=Level.STANDARD,
    data_type=DataType.RESOURCE_USAGE,
    wants=(ALLOCATABLE, REQUESTS, USE, USE_OF_PODS),
    facts=_facts,
)
