"""Nodes that do no work to speak of. Pure."""

from collections.abc import Iterator

from corrective_drift.recommendations.case import Candidate, Case, Rule, against_threshold, observed
from corrective_drift.recommendations.evidence import Reading, Series, paired
from corrective_drift.recommendations.finding import Abstention
from corrective_drift.recommendations.packing import ASSUMPTION, mean_load, removable, within_headroom
from corrective_drift.recommendations.ranges import Range
from corrective_drift.recommendations.trial import above

# One of ten nodes: fewer are what an upgrade or the loss of a node takes.
_LEAST_SHARE = 0.1
_LOADS = tuple(
    tuple(f"usage.{resource}_requested_{statistic}" for statistic in ("p50", "p90", "max"))
    for resource in ("cpu", "memory")
)
_ROOM = (("usage.cpu_headroom_cores", "nodes.cpu_cores"), ("usage.memory_headroom_gib", "nodes.memory_gib"))


def loads_of(case: Case) -> tuple[Range, ...] | None:
    """Return the mean requested shares of CPU and memory in the latest reports; None where one is not told."""
    loads = []
    for names, room in zip(_LOADS, _ROOM, strict=True):
        found = [each for each in map(case.evidence.latest, names) if each is not None]
        if len(found) < len(names):
            return None
        load = mean_load(*found)
        headroom, capacity = map(case.evidence.latest, room)
        loads.append(load if headroom is None or capacity is None else within_headroom(load, headroom, capacity))
    return tuple(loads)


def _judge(case: Case) -> Iterator[Candidate | Abstention]:
    nodes, loads = case.evidence.latest("nodes.count"), loads_of(case)
    series = _shares(case)
    if not series or nodes is None or loads is None:
        yield IDLE_NODES.abstains("no report has the nodes, their idle ones, and what is requested of them")
        return
    if not case.nodes_known:
        yield IDLE_NODES.abstains("1-4 nodes: whether there is more than one is not told apart")
        return
    idle = case.evidence.latest("usage.idle_nodes") or Range(0, 0)
    low, mid, high = (min(end, cap) for end, cap in zip(removable(nodes, *loads), _three(idle), strict=True))
    yield Candidate(
        subject="",
        trial=above(series, _LEAST_SHARE),
        # Idle but needed: what is requested of the others leaves no room for what runs on these.
        suspected=high >= 1,
        observed=observed("usage.idle_nodes of nodes.count", series, "of the nodes"),
        baseline=against_threshold(_LEAST_SHARE, "a tenth of the nodes, each using less than a tenth of its CPU"),
        savings=(
            case.prices.saving("unused", _three(idle), "nodes", "the nodes that were idle in the latest report"),
            case.prices.saving("realizable", (low, mid, high), "nodes", ASSUMPTION),
        ),
        action="drain and remove one idle node after the other, or let the cluster autoscaler or Karpenter "
        "consolidate them",
        risk="what was idle when the agent looked may be needed at other times: leave room for the peak, for the loss "
        "of a node and for upgrades",
        undo="add nodes of the same pool again; pods that wait are placed within minutes",
    )


def _shares(case: Case) -> Series:
    """Return the share of nodes that are idle, by day."""
    pairs = paired(case.evidence.field("usage.idle_nodes"), case.evidence.field("nodes.count"))
    return tuple(
        Reading(idle.day, Range(idle.value.low / nodes.value.high, min(1.0, idle.value.high / nodes.value.low)))
        for idle, nodes in pairs
        if nodes.value.low
    )


def _three(amount: Range) -> tuple[float, float, float]:
    high = amount.high if amount.high < float("inf") else amount.low
    return amount.low, amount.middle, high


IDLE_NODES = Rule(
    name="idle-nodes",
    version=1,
    title="Nodes that do no work to speak of",
    judge=_judge,
    needs=("usage.idle_nodes", "nodes.count", *_LOADS[0], *_LOADS[1], *_ROOM[0], *_ROOM[1]),
)
