"""The scheduler: filters nodes as the real one does, as far as our pods can ask, and takes the emptiest."""

from functools import lru_cache

from jobs import quantity
from tests.standin.events import tell
from tests.standin.faults import Faults, PodFault
from tests.standin.pace import Delays, Pace
from tests.standin.resources import CLAIMS, NODES, PODS, Json
from tests.standin.status import has_ended, set_condition
from tests.standin.store import Store
from tests.standin.volumes import SELECTED_NODE

_number = lru_cache(quantity.parse)
_COMPONENT = "default-scheduler"


class Scheduler:
    def __init__(self, store: Store, faults: Faults, pace: Pace) -> None:
        self._store = store
        self._faults = faults
        self._pace = pace
        self._taken: dict[str, dict[str, float]] = {}

    def reconcile(self, delays: Delays) -> None:
        self._count()
        for pod in self._store.all(PODS):
            if pod["spec"].get("nodeName") or has_ended(pod) or "deletionTimestamp" in pod["metadata"]:
                continue
            if delays.over(f"schedule/{pod['metadata']['uid']}", self._pace.scheduling):
                self._schedule(pod)

    def _schedule(self, pod: Json) -> None:
        nodes = self._store.all(NODES)
        reasons: dict[str, list[str]] = {}
        if self._faults.befalls(PodFault.NEVER_SCHEDULED, pod):
            reasons = {"Insufficient cpu": [node["metadata"]["name"] for node in nodes]}
        else:
            for node in nodes:
                if why := self._misfit(pod, node):
                    reasons.setdefault(why, []).append(node["metadata"]["name"])
        misfits = {name for names in reasons.values() for name in names}
        fitting = [node["metadata"]["name"] for node in nodes if node["metadata"]["name"] not in misfits]
        if not fitting:
            self._refuse(pod, len(nodes), reasons)
            return
        load = [self._load(name, "pods") for name in fitting]
        chosen = fitting[load.index(min(load))]
        if not self._volumes_are_bound(pod, chosen):
            return
        self._bind(pod, chosen)
        self._take(pod, chosen)

    def _bind(self, pod: Json, node: str) -> None:
        meta = pod["metadata"]

        def bound(after: Json) -> None:
            after["spec"]["nodeName"] = node
            set_condition(after, "PodScheduled", met=True)

        self._store.update(PODS, meta["name"], meta["namespace"], bound)
        note = f"Successfully assigned {meta['namespace']}/{meta['name']} to {node}"
        tell(self._store, pod, "Scheduled", note, component=_COMPONENT)

    def _refuse(self, pod: Json, nodes: int, reasons: dict[str, list[str]]) -> None:
        meta = pod["metadata"]
        counted = ", ".join(f"{len(names)} {why}" for why, names in sorted(reasons.items()))
        message = f"0/{nodes} nodes are available: {counted}."

        def unschedulable(after: Json) -> None:
            set_condition(after, "PodScheduled", met=False, reason="Unschedulable", message=message)

        before = self._store.version
        self._store.update(PODS, meta["name"], meta["namespace"], unschedulable)
        if self._store.version != before:
            tell(self._store, pod, "FailedScheduling", message, component=_COMPONENT, warning=True)

    def _misfit(self, pod: Json, node: Json) -> str:
        """Return why the node won't do, in the scheduler's words; empty where it will."""
        spec, labels = pod["spec"], node["metadata"]["labels"]
        if any(labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
            return "node(s) didn't match Pod's node affinity/selector"
        if not _affine(spec, node):
            return "node(s) didn't match Pod's node affinity/selector"
        for taint in node["spec"].get("taints") or ():
            if taint["effect"] != "PreferNoSchedule" and not _tolerated(taint, spec.get("tolerations") or ()):
                return f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"
        for kind in ("cpu", "memory"):
            free = _number(node["status"]["allocatable"][kind]) - self._load(node["metadata"]["name"], kind)
            if _asks(pod, kind) > free:
                return f"Insufficient {kind}"
        return ""

    def _count(self) -> None:
        """Add up what the pods of each node have asked for, and how many they are."""
        self._taken = {}
        for pod in self._store.all(PODS):
            if pod["spec"].get("nodeName") and not has_ended(pod):
                self._take(pod, pod["spec"]["nodeName"])

    def _take(self, pod: Json, node: str) -> None:
        taken = self._taken.setdefault(node, {"pods": 0.0, "cpu": 0.0, "memory": 0.0})
        taken["pods"] += 1
        for kind in ("cpu", "memory"):
            taken[kind] += _asks(pod, kind)

    def _load(self, node: str, kind: str) -> float:
        return self._taken.get(node, {}).get(kind, 0.0)

    def _volumes_are_bound(self, pod: Json, node: str) -> bool:
        """Whether all claims are bound; names the chosen node to those that wait for their first consumer."""
        bound = True
        for volume in pod["spec"].get("volumes") or ():
            if "persistentVolumeClaim" not in volume:
                continue
            name, namespace = volume["persistentVolumeClaim"]["claimName"], pod["metadata"]["namespace"]
            claim = self._store.find(CLAIMS, name, namespace)
            if claim is None or claim["status"]["phase"] != "Bound":
                bound = False
                self._store.update(CLAIMS, name, namespace, lambda after: _select(after, node))
        return bound


def _select(claim: Json, node: str) -> None:
    claim["metadata"].setdefault("annotations", {})[SELECTED_NODE] = node


def _asks(pod: Json, kind: str) -> float:
    containers = pod["spec"]["containers"]
    return sum(_number((each["resources"].get("requests") or {}).get(kind, "0")) for each in containers)


def _affine(spec: Json, node: Json) -> bool:
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    terms = (affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}).get("nodeSelectorTerms")
    return terms is None or any(_matches(term, node) for term in terms)


def _matches(term: Json, node: Json) -> bool:
    labels, name = node["metadata"]["labels"], {"metadata.name": node["metadata"]["name"]}
    by_label = [(labels, each) for each in term.get("matchExpressions") or ()]
    by_field = [(name, each) for each in term.get("matchFields") or ()]
    return all(_holds(each, values) for values, each in by_label + by_field)


def _holds(expression: Json, values: dict[str, str]) -> bool:
    value = values.get(expression["key"])
    match expression["operator"]:
        case "In":
            return value in expression["values"]
        case "NotIn":
            return value not in expression["values"]
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case other:
            raise NotImplementedError(other)


def _tolerated(taint: Json, tolerations: list[Json]) -> bool:
    return any(
        each.get("key") in (None, taint["key"])
        and each.get("effect") in (None, "", taint["effect"])
        and (each.get("operator") == "Exists" or each.get("value", "") == taint.get("value", ""))
        for each in tolerations
    )
