"""What is known about a cluster: raw, in memory only, and never shown.

A collector fills the record of its subject; `agent.wire.fields` has one field for each attribute (`nodes.count` is
`Facts.nodes.count`) that says how it is treated before it leaves. Numbers are exact and names are names, so neither a
log line nor an error may take anything from here: a record that is printed tells its kind and nothing else.

None is what is not known: the field is then absent. A subject that is None was not collected. Words are best those of
`agent.wire.vocabulary`; any other becomes `other` on the wire. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


class Raw:
    """The base of all facts: printing one tells its kind only."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}, not shown>"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ClusterFacts(Raw):
    """What the cluster is and where."""

    minor: int | None = None
    """The n of Kubernetes 1.n; None without a cluster."""
    distribution: str | None = None
    """A word of DISTRIBUTIONS."""
    provider: str | None = None
    """A word of PROVIDERS, `other` where the machines are nobody's cloud."""
    region_class: str | None = None
    """A word of REGION_CLASSES; the region itself stays with the collector."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class NodePool(Raw):
    """Nodes of one kind."""

    name: str
    """The pool's own, or what else tells its nodes apart (a machine type); it leaves as a keyed digest."""
    count: int
    cpu_cores: float
    """Of one node."""
    memory_gib: float
    """Of one node."""
    architecture: str | None = None
    """A word of ARCHITECTURES."""
    interruptible: bool | None = None
    """Whether the provider may take the nodes away (spot, preemptible)."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class NodesFacts(Raw):
    """The nodes taken together; capacity, not what is allocatable."""

    count: int | None = None
    cpu_cores: float | None = None
    """Of all nodes."""
    memory_gib: float | None = None
    """Of all nodes."""
    architectures: tuple[str, ...] | None = None
    container_runtimes: tuple[str, ...] | None = None
    multi_zone: bool | None = None
    """Whether the nodes are in more than one zone."""
    version_skew: int | None = None
    """By how many minor versions the oldest kubelet is behind the API server."""
    pools: tuple[NodePool, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class StorageClass(Raw):
    """One storage class."""

    name: str
    """It leaves as a keyed digest."""
    kind: str | None = None
    """A word of STORAGE_KINDS, by the provisioner."""
    default: bool | None = None
    waits_for_consumer: bool | None = None
    """Whether a volume is bound only when a pod wants it."""
    claims: int = 0
    """How many claims name it."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class WorkloadsFacts(Raw):
    """How many objects of each kind there are, in all namespaces, and how they ask for resources."""

    deployments: int | None = None
    statefulsets: int | None = None
    daemonsets: int | None = None
    jobs: int | None = None
    cronjobs: int | None = None
    pods: int | None = None
    """Neither succeeded nor failed."""
    namespaces: int | None = None
    services: int | None = None
    hpas: int | None = None
    volume_claims: int | None = None
    unbound_claims: int | None = None
    without_cpu_request_share: float | None = None
    """Of the containers of those pods, 0 to 1."""
    without_memory_request_share: float | None = None
    without_cpu_limit_share: float | None = None
    without_memory_limit_share: float | None = None
    autoscaled_share: float | None = None
    """Of the Deployments and StatefulSets, 0 to 1: those that a HorizontalPodAutoscaler names."""
    storage_classes: tuple[StorageClass, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class UsageFacts(Raw):
    """What is asked of the nodes and what they use, at one moment.

    The shares are of what is allocatable: the middle, the 90th percentile and the largest over the nodes. Requests may
    pass 1 on no node, use may.
    """

    cpu_requested_p50: float | None = None
    cpu_requested_p90: float | None = None
    cpu_requested_max: float | None = None
    cpu_used_p50: float | None = None
    cpu_used_p90: float | None = None
    cpu_used_max: float | None = None
    memory_requested_p50: float | None = None
    memory_requested_p90: float | None = None
    memory_requested_max: float | None = None
    memory_used_p50: float | None = None
    memory_used_p90: float | None = None
    memory_used_max: float | None = None
    cpu_headroom_cores: float | None = None
    """Allocatable and not requested, over all nodes."""
    memory_headroom_gib: float | None = None
    idle_nodes: int | None = None
    """Below a tenth of their CPU, as `jobs.utilization` counts them."""
    empty_nodes: int | None = None
    """With no pods but those that are on every node."""
    cpu_unused_share: float | None = None
    """Of what is requested, what is not used, 0 to 1."""
    memory_unused_share: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Cell(Raw):
    """One cell of Prism."""

    name: str
    """It leaves as a keyed digest."""
    type: str | None = None
    """A word of CELL_TYPES."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PlatformFacts(Raw):
    """Prism's cells and features, and what else is recognized from a catalogue."""

    cells: int | None = None
    cell_types: tuple[str, ...] | None = None
    features: tuple[str, ...] | None = None
    """Words of FEATURES."""
    observability: tuple[str, ...] | None = None
    """Words of OBSERVABILITY."""
    ebpf: tuple[str, ...] | None = None
    """Words of EBPF."""
    cell_rows: tuple[Cell, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PolicyShape(Raw):
    """What a network policy is like, without its name, selectors, addresses and ports."""

    direction: str
    """A word of POLICY_DIRECTIONS."""
    peers: str
    """A word of POLICY_PEERS."""
    ports: str
    """A word of POLICY_PORTS."""
    count: int
    """How many policies have this shape."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PoliciesFacts(Raw):
    """Network policies; of the address blocks in them only how many there are of each kind."""

    count: int | None = None
    default_deny_share: float | None = None
    """Of the namespaces, 0 to 1: those where a policy selects all pods and lets nobody in."""
    shapes: tuple[PolicyShape, ...] | None = None
    private_v4: int | None = None
    private_v6: int | None = None
    public_v4: int | None = None
    public_v6: int | None = None
    link_local_v4: int | None = None
    link_local_v6: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Distribution(Raw):
    """Samples in the buckets of `probes.measure.histogram` (γ = 1.02)."""

    counts: Mapping[int, int]
    """Index of a bucket -> how many samples fell into it."""
    zeros: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Benchmark(Raw):
    """One metric of a probe, where it was measured."""

    metric: str
    """A word of METRICS for the probe: its name without the path or the storage class."""
    median: float
    """Of the metric's summary, in its unit."""
    rounds: int
    doubts: tuple[str, ...] = ()
    """Words of DOUBTS: the codes of the metric's flags, never their reasons."""
    distribution: Distribution | None = None
    """None for a metric that has no samples."""
    path: str | None = None
    """A word of PATHS, for latency and throughput."""
    storage_kind: str | None = None
    """A word of STORAGE_KINDS, for storage."""
    storage_class: str | None = None
    """Its name, for a storage class; it leaves as a keyed digest, the same as in `WorkloadsFacts.storage_classes`."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class BenchmarksFacts(Raw):
    """What the probe Jobs measured; a probe that measured nothing is None."""

    profile: str | None = None
    """A word of PROFILES."""
    dns: tuple[Benchmark, ...] | None = None
    latency: tuple[Benchmark, ...] | None = None
    startup: tuple[Benchmark, ...] | None = None
    storage: tuple[Benchmark, ...] | None = None
    throughput: tuple[Benchmark, ...] | None = None
    utilization: tuple[Benchmark, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Facts(Raw):
    """Everything that one cycle found out."""

    cluster: ClusterFacts | None = None
    nodes: NodesFacts | None = None
    workloads: WorkloadsFacts | None = None
    usage: UsageFacts | None = None
    platform: PlatformFacts | None = None
    policies: PoliciesFacts | None = None
    benchmarks: BenchmarksFacts | None = None
    statuses: Mapping[str, str] = field(default_factory=dict)
    """Collector (a word of COLLECTORS) -> how it ended (a word of STATUSES); a collector without one was `off`."""
