"""What is done in a cluster, step by step, and what each step needs to itself. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

VOLUME_PATH, SCRATCH_PATH = "/probe-volume", "/probe-scratch"
"""Where a pod finds the volume that it measures, and its own scratch space on the node."""


class Path(StrEnum):
    """The way from a client to its server."""

    SAME_NODE = "same node"
    SAME_ZONE = "same zone"
    """Between two nodes of one zone."""
    OTHER_ZONE = "other zone"
    """Between nodes of two zones."""
    OTHER_NODE = "other node"
    """Between two nodes, of which one at least has no zone on its label."""
    SERVICE = "service"
    """Through a Service's cluster IP; to another node where there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """Which resources a step uses, by name, such as `node/a`, `network`, `storage/standard`."""

    alone: frozenset[str] = frozenset()
    """Nobody else may use these meanwhile: the step measures them."""
    shared: frozenset[str] = frozenset()
    """Others may use these too, unless they measure them."""

    def compete(self, other: "Claims") -> bool:
        """Tell whether two steps would disturb one another."""
        return not (
            self.alone.isdisjoint(other.alone | other.shared) and other.alone.isdisjoint(self.alone | self.shared)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a step takes from the cluster, estimated from above where it depends on the hardware."""

    seconds: float
    """How long it lasts, without the start of its pods."""
    cpu_seconds: float
    written_bytes: float = 0.0
    jobs: int = 1
    """How many Jobs it has at once at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The base of all steps."""

    name: str
    """Of letters, digits and hyphens, unique within the run; names of objects are made of it."""
    claims: Claims
    cost: Cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """The volume that a storage probe measures."""

    storage_class: str | None = None
    """A new claim of this class."""
    existing_claim: str | None = None
    """A claim that the user named."""
    size_bytes: int
    """Of the claim; of the scratch space where it is the node's ephemeral storage, and both above are None."""
    retained: bool = False
    """Whether what is provisioned for the claim outlives it."""

    @property
    def scratch_bytes(self) -> int | None:
        """What of the node's ephemeral storage it takes; None where it is a claim's."""
        return self.size_bytes if self.storage_class is None and self.existing_claim is None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure(Step):
    """One probe in one pod, against a server in another where it has a path."""

    probe: str
    options: Mapping[str, str | list[str]] = field(default_factory=dict)
    node: str | None = None
    """Where the probe must run; None: wherever the scheduler puts it."""
    server_node: str | None = None
    path: Path | None = None
    volume: Volume | None = None
    what: Mapping[str, str] = field(default_factory=dict)
    """What tells results of one probe apart, such as `path` and `storage_class`; no name of a node or an address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodStartup(Step):
    """Waves of pods that do nothing, started at a stated rate."""

    waves: int
    pods: int
    """Of each wave."""
    rate_per_second: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStartup(Step):
    """A fresh Service and its backend, until a pod on another node reaches it, again and again."""

    repetitions: int
    node: str
    """Of the client."""
    server_node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Observe(Step):
    """Requests, allocatable and use as the API tells them; no pod."""


def startable(waiting: Sequence[Step], running: Collection[Step], *, concurrent_jobs: int) -> Step | None:
    """Return the first of `waiting` that competes with nothing that runs, nor with what waits before it.

    That a step may not overtake one that it competes with keeps a step that needs much from waiting for ever.
    """
    free_jobs = concurrent_jobs - sum(step.cost.jobs for step in running)
    ahead: list[Step] = list(running)
    for step in waiting:
        if not any(step.claims.compete(other.claims) for other in ahead):
            # One that exceeds the limit, which then was overruled, still runs, but on its own.
            if step.cost.jobs <= free_jobs or not running:
                return step
            # Nor may anything smaller take the places that become free.
            return None
        ahead.append(step)
    return None
