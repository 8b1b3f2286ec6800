"""More requested than is ever used. Pure.

Requests are advised down to what was needed at the worst, and a margin. For memory, which can't be had back from a
process that holds it, the floor is max(peak · 1.15, OOM · 1.25). Documents hold no peak but that of the moments at
which the agent looked, and no OOM kills: the peak is the largest of all days at the upper end of its range, and whoever
has seen OOM kills is told to stay above 1.25 of where they happened. For CPU the same margin is kept.
"""

import math
from collections.abc import Iterator

from corrective_drift.recommendations.case import Candidate, Case, Rule, against_threshold, observed
from corrective_drift.recommendations.evidence import Series
from corrective_drift.recommendations.finding import Abstention, Saving
from corrective_drift.recommendations.packing import ASSUMPTION, LEAST_ALLOCATABLE, removable
from corrective_drift.recommendations.ranges import Range
from corrective_drift.recommendations.rules.idle_nodes import loads_of
from corrective_drift.recommendations.rules.shares import RESOURCES
from corrective_drift.recommendations.trial import above

# A range of the field begins here, and less is the room that requests are meant to leave.
_LEAST_UNUSED = 0.5
_MARGIN = 1.15
_UNITS = {"cpu": "cores", "memory": "GiB"}
_RISKS = {
    "cpu": "what is used for moments between reports is not seen; too low a request slows pods where the node is busy",
    "memory": "what is used for moments between reports is not seen, and neither are OOM kills: never go below 1.25 "
    "times the limit under which one happened",
}


def _judge(case: Case) -> Iterator[Candidate | Abstention]:
    for resource, unit in _UNITS.items():
        name = f"usage.{resource}_unused_share"
        series = case.evidence.field(name)
        if not series:
            yield UNUSED_REQUESTS.abstains(f"no report has {name} (it needs metrics.k8s.io)", resource)
            continue
        keep = _kept(series)
        yield Candidate(
            subject=resource,
            trial=above(series, _LEAST_UNUSED),
            # On one day nearly everything was needed: there is nothing to give back.
            suspected=keep.high < 1,
            observed=observed(name, series, "of what is requested"),
            baseline=against_threshold(_LEAST_UNUSED, "half of what is requested"),
            savings=tuple(_savings(case, resource, unit, keep)),
            action=f"lower the {RESOURCES[resource]} requests of the largest workloads towards "
            f"{keep.high * 100:.0f} % of what they are now in all, each to its own peak times "
            f"{_MARGIN}, and look again after a week",
            risk=_RISKS[resource],
            undo="set the requests back; pods are replaced one after the other, as by any change",
        )


def _kept(series: Series) -> Range:
    """Return which share of the requests has to stay: what was used of it on the worst day, and a margin."""
    low = max(1 - each.value.high for each in series)
    high = max(1 - each.value.low for each in series)
    return Range(min(1.0, _MARGIN * low), min(1.0, _MARGIN * high))


def _savings(case: Case, resource: str, unit: str, keep: Range) -> Iterator[Saving]:
    requested = _requested(case, resource)
    if requested is not None:
        low, high = requested.low * (1 - keep.high), requested.high * (1 - keep.low)
        assumption = (
            f"the worst day of the window times {_MARGIN} stays requested; totals are known by ranges only, and of a "
            f"node's capacity at least {LEAST_ALLOCATABLE:.0%} can be requested"
        )
        yield case.prices.saving("unused", (low, (low + high) / 2, high), unit, assumption)
    nodes, loads = case.evidence.latest("nodes.count"), loads_of(case)
    if nodes is not None and loads is not None and case.nodes_known:
        reduced = [
            Range(load.low * keep.low, load.high * keep.high) if each == resource else load
            for each, load in zip(_UNITS, loads, strict=True)
        ]
        yield case.prices.saving("realizable", removable(nodes, *reduced), "nodes", ASSUMPTION)


def _requested(case: Case, resource: str) -> Range | None:
    """Return what is requested in all: what of the nodes' capacity can be requested, times the mean share."""
    total = case.evidence.latest({"cpu": "nodes.cpu_cores", "memory": "nodes.memory_gib"}[resource])
    loads = loads_of(case)
    if total is None or loads is None or math.isinf(total.high):
        return None
    load = loads[list(_UNITS).index(resource)]
    return Range(LEAST_ALLOCATABLE * total.low * load.low, total.high * load.high) if math.isfinite(load.high) else None


UNUSED_REQUESTS = Rule(
    name="unused-requests",
    version=1,
    title="Requests that are never used",
    judge=_judge,
    needs=("usage.cpu_unused_share", "usage.memory_unused_share"),
)
