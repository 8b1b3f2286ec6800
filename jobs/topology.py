"""Which nodes can be probed, and why not the others; which of them, and which pairs, stand for all. Pure."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from jobs.objects import Node, Taint, condition

# Pods without a toleration are kept away by these; PreferNoSchedule only advises the scheduler.
_REPELLING = frozenset({"NoSchedule", "NoExecute"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a node must be like."""

    labels: Mapping[str, str]
    """All of these."""
    tolerated_taints: frozenset[str] = frozenset()
    """Keys of taints that probe pods will tolerate, because the user asked for it."""
    architectures: frozenset[str] = frozenset()
    """What the image is built for; empty where that is not known, and then any will do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suitability:
    """The nodes that can be probed, by name in their order, and why the others can't."""

    nodes: tuple[str, ...]
    others: Mapping[str, str]
    """Node -> reason, in a few words."""


def suitable(nodes: Sequence[Node], wanted: Wanted) -> Suitability:
    """Tell the nodes that can be probed from those that can't."""
    reasons = {node.meta.name: next(_objections(node, wanted), None) for node in nodes}
    return Suitability(
        nodes=tuple(sorted(name for name, reason in reasons.items() if reason is None)),
        others={name: reason for name, reason in sorted(reasons.items()) if reason is not None},
    )


def sample(nodes: Sequence[str], limit: int, *, seed: str) -> tuple[str, ...]:
    """Return all nodes, or `limit` of them in an order that the seed decides; at least one where there is one."""
    return tuple(nodes) if len(nodes) <= limit else _shuffled(nodes, seed)[: max(1, limit)]


def ordered_pairs(nodes: Sequence[str], limit: int, *, seed: str) -> tuple[tuple[str, str], ...]:
    """Return the ordered pairs (client, server) of different nodes: all of them, or a sample that covers each node.

    The sample goes round a ring, in an order that the seed decides, so that each node is once a client and once a
    server; where even that exceeds the limit, every second pair of the ring still covers each node. It is never fewer:
    a node that no pair covers could be the one that is wrong.
    """
    if len(nodes) * (len(nodes) - 1) <= limit:
        return tuple((client, server) for client in nodes for server in nodes if client != server)
    ring = _shuffled(nodes, seed)
    around = [(node, ring[(place + 1) % len(ring)]) for place, node in enumerate(ring)]
    return tuple(around if len(around) <= limit else around[::2])


def _objections(node: Node, wanted: Wanted) -> Iterator[str]:
    for key, value in wanted.labels.items():
        if node.meta.labels.get(key) != value:
            yield f"has no label {key}={value}"
    if node.operating_system != "linux":
        yield f"runs {node.operating_system}"
    if wanted.architectures and node.architecture not in wanted.architectures:
        yield f"is {node.architecture}, and the image is built for {', '.join(sorted(wanted.architectures))}"
    if condition(node.conditions, "Ready") is None:
        yield "is not ready"
    if node.unschedulable:
        yield "is cordoned"
    for taint in node.taints:
        if _repels(taint, wanted):
            yield f"has the taint {taint.key}:{taint.effect}; to tolerate it, ask for it by its key"


def _repels(taint: Taint, wanted: Wanted) -> bool:
    return taint.effect in _REPELLING and taint.key not in wanted.tolerated_taints


def _shuffled(nodes: Sequence[str], seed: str) -> tuple[str, ...]:
    """Order by a hash: the same for one seed on every machine, and independent of how nodes are named."""
    return tuple(sorted(nodes, key=lambda name: hashlib.sha256(f"{seed}/{name}".encode()).digest()))
