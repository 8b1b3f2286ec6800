"""When a cluster must not be probed. Pure.

A refusal states a fact, and the name by which a user may overrule it. Some pass by themselves: it can be worth waiting.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobs import quantity
from jobs.needs import Needs, needs
from jobs.objects import Node, Pod, condition
from jobs.plan import Plan
from jobs.quotas import Quota
from jobs.step import Cost

_PRESSURES = ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable")
# The scheduler places a pod within a second where there is room, and pulling images takes some more: what is pending
# for longer lacks something, and a probe would take away more of it.
_PENDING = timedelta(seconds=60)
# Of a quota's scopes, those that our pods are in: they have requests, no deadline (their Jobs have) and no class.
_OUR_SCOPES = frozenset({"NotTerminating", "NotBestEffort"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a run may take from a cluster; each is overridden by its name."""

    concurrent_jobs: int = 32
    """A small part of what a node has room for (110 pods by default)."""
    cpu_seconds: float = 4 * 3600.0
    """Four hours of one core: a standard run of three nodes takes about as much."""
    written_bytes: float = 500e9
    """A thousandth of what an SSD of 1 TB endures in its life, by common data sheets."""
    seconds: float = 2 * 3600.0
    """From the first Job to the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What a cluster is like before a run."""

    nodes: Sequence[Node]
    pending: Sequence[Pod]
    """All pods in the phase Pending that are not ours."""
    now: datetime
    """By the server's clock, as well as it is known."""
    namespace_phase: str = "Active"
    quotas: Sequence[Quota] = ()
    """Of the namespace."""
    other_runs: Collection[str] = ()
    """Ids of runs that are under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A reason not to probe."""

    fact: str
    override: str | None
    """The name that overrules it; None where nothing does."""
    passes: bool = False
    """Whether it may pass by itself."""


def refusals(plan: Plan, situation: Situation, limits: Limits, *, overrides: Collection[str]) -> tuple[Refusal, ...]:
    """Return every reason not to carry the plan out now, but those overruled."""
    found = (
        *_condition_of_nodes(situation.nodes),
        *_condition_of_cluster(situation),
        *_beyond_limits(plan.cost, limits),
        *_beyond_quotas(needs(plan, concurrent_jobs=limits.concurrent_jobs), situation.quotas),
    )
    return tuple(each for each in found if each.override is None or each.override not in overrides)


def said(found: Sequence[Refusal]) -> str:
    """Return one line with every fact and how to overrule it."""
    return "this cluster must not be probed now: " + "; ".join(
        each.fact + (f" (override: {each.override})" if each.override else "") for each in found
    )


OVERRIDES = {
    "pressure": "nodes that are short of memory, disk or processes",
    "not-ready": "nodes that are not ready",
    "cordoned": "nodes that are cordoned, as for maintenance",
    "upgrading": "kubelets of several versions, as in the middle of an upgrade",
    "pending": "pods that wait for a place",
    "other-run": "another run under way",
    "quota": "quotas that the plan may exceed",
    "concurrent-jobs": "the limit of Jobs at once",
    "cpu-seconds": "the budget of CPU time",
    "written-bytes": "the budget of bytes written",
    "seconds": "the time window",
}
"""What can be overruled, by name."""


def _condition_of_nodes(nodes: Sequence[Node]) -> Iterator[Refusal]:
    for pressure in _PRESSURES:
        pressed = [node.meta.name for node in nodes if _has(node, pressure)]
        if pressed:
            yield Refusal(fact=f"{_some(pressed)} under {pressure}", override="pressure", passes=True)
    unready = [node.meta.name for node in nodes if not _has(node, "Ready")]
    if unready:
        yield Refusal(fact=f"{_some(unready)} not ready", override="not-ready", passes=True)
    cordoned = [node.meta.name for node in nodes if node.unschedulable]
    if cordoned:
        yield Refusal(fact=f"{_some(cordoned)} cordoned", override="cordoned", passes=True)
    versions = sorted({node.kubelet_version for node in nodes})
    if len(versions) > 1:
        fact = f"kubelets of versions {', '.join(versions)}: an upgrade seems under way"
        yield Refusal(fact=fact, override="upgrading", passes=True)


def _condition_of_cluster(situation: Situation) -> Iterator[Refusal]:
    if situation.namespace_phase != "Active":
        fact = f"the namespace is {situation.namespace_phase.lower()}: choose another with --namespace"
        yield Refusal(fact=fact, override=None)
    waiting = [
        f"{pod.meta.namespace}/{pod.meta.name}"
        for pod in situation.pending
        if pod.meta.created_at is not None and situation.now - pod.meta.created_at > _PENDING
    ]
    if waiting:
        fact = f"{_some(waiting, 'pod')} pending for more than {_PENDING.seconds} s"
        yield Refusal(fact=fact, override="pending", passes=True)
    if situation.other_runs:
        fact = f"another run is under way ({', '.join(sorted(situation.other_runs))})"
        yield Refusal(fact=fact, override="other-run", passes=True)


def _beyond_limits(cost: Cost, limits: Limits) -> Iterator[Refusal]:
    amounts: Mapping[str, tuple[float, float, str]] = {
        "concurrent-jobs": (cost.jobs, limits.concurrent_jobs, "Jobs at once"),
        "cpu-seconds": (cost.cpu_seconds, limits.cpu_seconds, "seconds of CPU time"),
        "written-bytes": (cost.written_bytes / 1e9, limits.written_bytes / 1e9, "GB written"),
        "seconds": (cost.seconds, limits.seconds, "seconds"),
    }
    for name, (planned, allowed, unit) in amounts.items():
        if planned > allowed:
            fact = f"the plan needs up to {planned:,.0f} {unit}, and {allowed:,.0f} are allowed"
            yield Refusal(fact=fact, override=name)


def _beyond_quotas(needed: Needs, quotas: Sequence[Quota]) -> Iterator[Refusal]:
    for quota in quotas:
        if not quota.scopes <= _OUR_SCOPES:
            continue
        for name, hard in quota.hard.items():
            # A quota that was lowered may have less than nothing left, which is no matter to who needs nothing of it.
            left = max(0.0, hard - quota.used.get(name, 0.0))
            if needed.get(name, 0.0) > left:
                leaves, takes = (_amount(name, each) for each in (left, needed[name]))
                fact = f"the quota {quota.meta.name} leaves {leaves} of {name}, and the plan takes up to {takes}"
                yield Refusal(fact=fact, override="quota", passes=True)


def _amount(name: str, amount: float) -> str:
    is_bytes = name.endswith(("memory", "storage"))
    return quantity.size(int(amount)) if is_bytes else f"{amount:g}"


def _has(node: Node, type_: str) -> bool:
    return condition(node.conditions, type_) is not None


def _some(names: Sequence[str], kind: str = "node") -> str:
    """Name up to three: `the nodes a, b, c and 4 more are`."""
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"the {kind} {shown} is" if len(names) == 1 else f"the {kind}s {shown} are"
