"""The nodes taken together, and their pools.

Level minimal (the pools: detailed), `cluster_info`. Reads nodes and the server's version.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from agent.collect.collector import Collector, Findings, Lenient, Want
from agent.collect.distributions import minor_of
from agent.collect.kinds import NODES
from agent.collect.quantities import GIB, number
from agent.collect.shapes_nodes import Node, NodeLabels
from agent.levels import DataType, Level
from agent.wire.facts import NodePool, NodesFacts

# A document has room for 16 pools; where there are more kinds of nodes than these, later ones count as one.
_MOST_POOLS = 256
# More zones than two tell nothing more; names of architectures and runtimes are bounded the same way.
_MOST_WORDS = 16


@dataclass(slots=True)
class _Pool:
    count: int = 0
    memory_bytes: float = 0.0


_PoolKey = tuple[str, str, float, bool | None]


class Capacity(Lenient):
    """Sums over all nodes."""

    def __init__(self) -> None:
        self.count = 0
        self.cpu_cores = 0.0
        self.memory_bytes = 0.0
        self.architectures: set[str] = set()
        self.runtimes: set[str] = set()
        self.zones: set[str] = set()
        self.oldest_minor: int | None = None
        self._pools: dict[_PoolKey, _Pool] = {}

    def add(self, nodes: Sequence[Node]) -> None:
        """Add some nodes."""
        for node in nodes:
            info, capacity = node.status.node_info, node.status.capacity
            self.count += 1
            _note(self.architectures, info.architecture)
            _note(self.runtimes, info.container_runtime_version.partition("://")[0])
            _note(self.zones, node.metadata.labels.zone)
            minor = minor_of(info.kubelet_version)
            if minor is not None:
                self.oldest_minor = minor if self.oldest_minor is None else min(minor, self.oldest_minor)
            try:
                cores, memory = number(capacity.cpu), number(capacity.memory)
            except ValueError:
                self.unreadable += 1
                continue
            self.cpu_cores += cores
            self.memory_bytes += memory
            self._add_to_pool(node, cores, memory)

    @property
    def is_empty(self) -> bool:
        """Whether no node could be read."""
        return not self._pools

    def _add_to_pool(self, node: Node, cores: float, memory: float) -> None:
        labels = node.metadata.labels
        key = (_pool_name(labels), node.status.node_info.architecture, cores, _interruptible(labels))
        if key not in self._pools and len(self._pools) >= _MOST_POOLS:
            return
        pool = self._pools.setdefault(key, _Pool())
        pool.count += 1
        pool.memory_bytes += memory

    @property
    def pools(self) -> tuple[NodePool, ...]:
        """The kinds of nodes, the largest first. Memory is the mean: equal machines differ by what firmware takes."""
        return tuple(
            NodePool(
                name=name,
                count=pool.count,
                cpu_cores=cores,
                memory_gib=pool.memory_bytes / pool.count / GIB,
                architecture=architecture or None,
                interruptible=interruptible,
            )
            for (name, architecture, cores, interruptible), pool in sorted(
                self._pools.items(), key=lambda item: -item[1].count
            )
        )


def _note(words: set[str], word: str) -> None:
    if word and len(words) < _MOST_WORDS:
        words.add(word)


def _pool_name(labels: NodeLabels) -> str:
    return (
        labels.eks_pool
        or labels.gke_pool
        or labels.aks_pool
        or labels.doks_pool
        or labels.lke_pool
        or labels.karpenter_pool
        or labels.instance_type
    )


def _interruptible(labels: NodeLabels) -> bool | None:
    """Whether the provider may take the node away; None where nothing says so."""
    capacities = (labels.eks_capacity, labels.karpenter_capacity, labels.aks_priority)
    if any(capacity.lower() == "spot" for capacity in capacities) or "true" in (
        labels.gke_spot,
        labels.gke_preemptible,
    ):
        return True
    told = any(capacities) or labels.gke_pool or labels.aks_pool
    return False if told else None


CAPACITY = Want(kind=NODES, start=Capacity)


def _facts(findings: Findings) -> NodesFacts:
    capacity = findings.tally(CAPACITY)
    if capacity is None:
        return NodesFacts()
    server, oldest = minor_of(findings.version), capacity.oldest_minor
    return NodesFacts(
        count=capacity.count,
        cpu_cores=capacity.cpu_cores,
        memory_gib=capacity.memory_bytes / GIB,
        architectures=tuple(sorted(capacity.architectures)),
        container_runtimes=tuple(sorted(capacity.runtimes)),
        multi_zone=len(capacity.zones) > 1 if capacity.zones else None,
        version_skew=None if server is None or oldest is None else max(0, server - oldest),
        pools=capacity.pools,
    )


NODES_COLLECTOR = Collector(
    name="nodes",
    level=Level.MINIMAL,
    data_type=DataType.CLUSTER_INFO,
    wants=(CAPACITY,),
    version=True,
    facts=_facts,
)
