"""Whether a run would find what it needs in a cluster, and what to do where it would not. Pure: `jobs.examine` asks."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from jobs import admission, image, permissions
from jobs.admission import Trial
from jobs.classes import NO_PROVISIONER, RETAINS
from jobs.cluster import Version
from jobs.finding import Finding, State
from jobs.guard import Refusal
from jobs.objects import Node, NodeImages, NodeUsage, Object, Pod, Resources, StorageClass
from jobs.permissions import Answered
from jobs.pod import MEASURING
from jobs.quotas import LimitRange
from jobs.site import RUN, has_expired
from jobs.topology import Wanted, suitable

_LOOK = "see permissions, or mend what it says"


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What was seen and heard. Text in place of a sequence says why it could not be looked at."""

    version: Version
    namespace: str
    namespace_phase: str | None = "Active"
    """Empty where there is no such namespace; None where it could not be looked at."""
    permissions: Sequence[Answered] = ()
    trials: Sequence[Trial] = ()
    nodes: Sequence[Node] | str = ()
    pods: Sequence[Pod] | str = ()
    """Of all namespaces."""
    node_images: Sequence[NodeImages] | str = ()
    classes: Sequence[StorageClass] | str = ()
    limit_ranges: Sequence[LimitRange] | str = ()
    node_usage: Sequence[NodeUsage] | str = ()
    left: Sequence[Object] | str = ()
    """What any run has created and is still there."""
    left_where: str = "any namespace"
    """Where that could be looked for."""
    refusals: Sequence[Refusal] | None = ()
    """What the guard has against a run now; None where it could not be asked."""
    now: datetime
    image: str
    storage_classes: Sequence[str] = ()
    """The ones asked for; all, where empty."""
    wanted: Wanted = field(default_factory=lambda: Wanted(labels={}))


def judge(seen: Examination) -> tuple[Finding, ...]:
    """Return what was found out, subject by subject."""
    return (
        _finding("cluster", State.READY, f"Kubernetes {seen.version.git_version}"),
        _namespace(seen),
        *permissions.findings(seen.permissions, seen.namespace),
        *admission.findings(seen.trials),
        *_limit_ranges(seen.limit_ranges),
        *_nodes(seen),
        *_classes(seen),
        _usage(seen.node_usage),
        *_image(seen),
        *_left(seen),
        *_guard(seen.refusals),
    )


def _namespace(seen: Examination) -> Finding:
    name = seen.namespace
    if seen.namespace_phase == "":
        remedy = "create it, or choose another with --namespace"
        return _finding("namespace", State.MISSING, f"there is no namespace {name!r}", remedy)
    if seen.namespace_phase is not None and seen.namespace_phase != "Active":
        found = f"{name} is {seen.namespace_phase.lower()}"
        return _finding("namespace", State.MISSING, found, "choose another with --namespace")
    # Whoever may not look at it may still have tried an object there.
    if seen.namespace_phase is None and not any(trial.is_admitted for trial in seen.trials):
        return _finding("namespace", State.WARNING, f"whether {name} takes new objects is not known", _LOOK)
    return _finding("namespace", State.READY, f"{name} takes new objects")


def _limit_ranges(limit_ranges: Sequence[LimitRange] | str) -> Iterator[Finding]:
    """A CPU limit that a LimitRange gives to every container stops a probe in the middle of what it measures."""
    if isinstance(limit_ranges, str):
        yield _finding(
            "limits", State.WARNING, f"whether a LimitRange imposes a CPU limit is not known: {limit_ranges}"
        )
        return
    limiting = [
        (each.meta.name, cores)
        for each in limit_ranges
        for line in each.limits
        # Where there is a most and no default, the server takes the most as the default.
        if line.type == "Container" and (cores := line.default.get("cpu", line.maximum.get("cpu"))) is not None
    ]
    for name, cores in limiting:
        found = f"the LimitRange {name} gives every container a CPU limit of {cores:g}, which makes tails long"
        remedy = "choose a --namespace without one; medians can be relied on, a p99 and beyond can't"
        yield _finding("limits", State.WARNING, found, remedy)
    if not limiting:
        yield _finding("limits", State.READY, "no LimitRange imposes a CPU limit")


def _nodes(seen: Examination) -> Iterator[Finding]:
    if isinstance(seen.nodes, str):
        yield _finding("nodes", State.MISSING, seen.nodes, "without them nothing can be planned: see permissions")
        return
    found = suitable(seen.nodes, seen.wanted)
    others = "; ".join(f"{name} {reason}" for name, reason in list(found.others.items())[:5])
    if not found.nodes:
        remedy = "mend a node, tolerate a taint, or wait"
        yield _finding("nodes", State.MISSING, f"no node can be probed: {others or 'there are none'}", remedy)
        return
    text = f"{len(found.nodes)} of {len(seen.nodes)} can be probed" + (f"; left out: {others}" if others else "")
    yield _finding("nodes", State.READY, text)
    chosen = [node for node in seen.nodes if node.meta.name in found.nodes]
    if not isinstance(seen.pods, str):
        yield from _room(chosen, seen.pods)
    if len(chosen) == 1:
        remedy = "add or tolerate another; latency and throughput are those within one node otherwise"
        yield _finding("nodes", State.WARNING, "with a single one, no path between nodes can be measured", remedy)
    architectures = sorted({node.architecture for node in chosen})
    if len(architectures) > 1:
        found_mixture = f"they are of several architectures: {', '.join(architectures)}"
        remedy = "have an image that is built for each, or choose among the nodes by a label"
        yield _finding("nodes", State.WARNING, found_mixture, remedy)


def _room(nodes: Sequence[Node], pods: Sequence[Pod]) -> Iterator[Finding]:
    """The scheduler goes by what pods request, not by what they use."""
    full = [why for node in nodes if (why := _lacking(node, pods)) is not None]
    if full:
        remedy = "wait until others are done; what needs these nodes is unavailable otherwise"
        state = State.WARNING if len(full) < len(nodes) else State.MISSING
        yield _finding("nodes", state, f"no room for a probe: {'; '.join(full[:5])}", remedy)


def _lacking(node: Node, pods: Sequence[Pod]) -> str | None:
    there = [pod.requests for pod in pods if pod.node == node.meta.name and pod.phase not in {"Succeeded", "Failed"}]
    has: Resources = node.allocatable
    free = {
        "cores": (has.cpu_cores - sum(each.cpu_cores for each in there), MEASURING.cpu_cores),
        "MiB of memory": (
            (has.memory_bytes - sum(each.memory_bytes for each in there)) / 2**20,
            MEASURING.memory_bytes / 2**20,
        ),
        "places for pods": (has.pods - len(there), 1.0),
    }
    short = [f"{left:.2g} of {needed:g} {unit}" for unit, (left, needed) in free.items() if left < needed]
    return f"{node.meta.name} has {', '.join(short)} unrequested" if short else None


def _classes(seen: Examination) -> Iterator[Finding]:
    if isinstance(seen.classes, str):
        yield _finding("storage", State.WARNING, f"storage classes are not known: {seen.classes}", _LOOK)
        return
    known = {each.meta.name: each for each in seen.classes}
    for name in seen.storage_classes:
        if name not in known:
            there = ", ".join(sorted(known)) or "none"
            yield _finding("storage", State.MISSING, f"there is no class {name!r}", f"choose of these: {there}")
    chosen = [each for each in seen.classes if not seen.storage_classes or each.meta.name in seen.storage_classes]
    if not known:
        remedy = "install a provisioner to have volumes measured, too"
        yield _finding("storage", State.WARNING, "no storage class: the nodes' own disks alone are measured", remedy)
    for each in chosen:
        yield _class(each, seen.storage_classes)


def _class(storage_class: StorageClass, named: Sequence[str]) -> Finding:
    default = ", the default" if storage_class.is_default else ""
    binding = "bound at once" if storage_class.binding_mode == "Immediate" else "bound where the first pod goes"
    found = f"{storage_class.meta.name}{default}: by {storage_class.provisioner}, {binding}"
    if storage_class.provisioner == NO_PROVISIONER:
        remedy = "measure such a volume by a claim of its own; the class is left out otherwise"
        return _finding("storage", State.WARNING, f"{found}: nobody provisions its volumes", remedy)
    if storage_class.reclaim_policy == RETAINS:
        if storage_class.meta.name in named:
            remedy = "delete the volume and its disk after each run, or leave the class out"
            return _finding(
                "storage", State.WARNING, f"{found}: it retains volumes, so a run leaves one behind", remedy
            )
        remedy = "name it with --storage-class to have it measured, and delete the volume and its disk afterwards"
        return _finding("storage", State.WARNING, f"{found}: it retains volumes, and is left out for that", remedy)
    return _finding("storage", State.READY, found)


def _usage(node_usage: Sequence[NodeUsage] | str) -> Finding:
    if isinstance(node_usage, str):
        lacks_permission = node_usage.startswith("no permission")
        remedy = _LOOK if lacks_permission else "install metrics-server to compare requests with use"
        return _finding("metrics", State.WARNING, node_usage, remedy)
    if not node_usage:
        remedy = "metrics-server takes a minute to begin; then look at its log"
        return _finding("metrics", State.WARNING, "metrics.k8s.io is there and tells of no node", remedy)
    return _finding("metrics", State.READY, f"metrics.k8s.io tells of {len(node_usage)} nodes")


def _image(seen: Examination) -> Iterator[Finding]:
    nodes = () if isinstance(seen.nodes, str) else suitable(seen.nodes, seen.wanted).nodes
    if nodes:
        yield image.finding(seen.image, seen.node_images, nodes)


def _left(seen: Examination) -> Iterator[Finding]:
    if isinstance(seen.left, str):
        yield _finding("leftovers", State.WARNING, f"what earlier runs left is not known: {seen.left}", _LOOK)
        return
    over: Counter[str] = Counter()
    current: Counter[str] = Counter()
    for record in seen.left:
        (current if has_expired(record.meta.labels, seen.now) is False else over)[
            record.meta.labels.get(RUN, "unknown")
        ] += 1
    if over:
        found = f"{over.total()} objects of runs that are over: {', '.join(sorted(over))}"
        yield _finding("leftovers", State.WARNING, found, "`probe cleanup` removes them")
    if current:
        found = f"{current.total()} objects of runs that may be under way: {', '.join(sorted(current))}"
        remedy = "wait for their end; if they were killed, the cluster removes them when their time is over"
        yield _finding("leftovers", State.WARNING, found, remedy)
    if not over and not current:
        yield _finding("leftovers", State.READY, f"no run has left anything in {seen.left_where}")


def _guard(refusals: Sequence[Refusal] | None) -> Iterator[Finding]:
    if refusals is None:
        found = "it was not asked, since nothing can be planned"
        yield _finding("guard", State.WARNING, found, "mend what is missing first")
        return
    for each in refusals:
        wait = "wait until it passes" if each.passes else "ask for less"
        remedy = f"{wait}, or overrule it: --override {each.override}" if each.override else "see what it says"
        state = State.MISSING if each.override is None else State.WARNING
        yield _finding("guard", state, f"a run would be refused now: {each.fact}", remedy)
    if not refusals:
        yield _finding("guard", State.READY, "nothing speaks against a run now")


def _finding(subject: str, state: State, found: str, remedy: str | None = None) -> Finding:
    return Finding(subject=subject, state=state, found=found, remedy=remedy)
