"""How many objects of each kind there are, how containers ask for resources, and what storage there is.

Level standard (storage classes: detailed), `workload_types`. Lists pods, autoscalers and claims, counts the others.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from agent.collect import kinds
from agent.collect.collector import Collector, Counted, Findings, Want
from agent.collect.shapes_pods import Pod
from agent.collect.shapes_workloads import Autoscaler, Claim, Class
from agent.collect.storage_kinds import kind_of
from agent.levels import DataType, Level
from agent.wire.facts import StorageClass, WorkloadsFacts

_FINISHED = frozenset({"Succeeded", "Failed"})
# A document has room for 16 storage classes; claims of further ones are still counted as claims.
_MOST_CLASSES = 256


class Containers:
    """Pods that are not finished, and how their containers ask."""

    def __init__(self) -> None:
        self.pods = self.count = 0
        self.cpu_requests = self.memory_requests = self.cpu_limits = self.memory_limits = 0

    def add(self, pods: Sequence[Pod]) -> None:
        """Count some pods."""
        for pod in pods:
            if pod.status.phase in _FINISHED:
                continue
            self.pods += 1
            for container in pod.spec.containers:
                resources = container.resources
                self.count += 1
                # Each is a text, empty where nothing is asked for.
                self.cpu_requests += resources.requests.cpu != ""
                self.memory_requests += resources.requests.memory != ""
                self.cpu_limits += resources.limits.cpu != ""
                self.memory_limits += resources.limits.memory != ""

    def share_without(self, having: int) -> float | None:
        """Return the share of containers that are not among those `having` it, None without containers."""
        return 1 - having / self.count if self.count else None


class Targets:
    """How many autoscalers there are, and what they scale: kept as hashes, which tell no names."""

    def __init__(self) -> None:
        self.count = 0
        self._scaled: set[int] = set()

    def add(self, autoscalers: Sequence[Autoscaler]) -> None:
        """Count some autoscalers."""
        for autoscaler in autoscalers:
            target = autoscaler.spec.scale_target_ref
            self.count += 1
            if target.kind in ("Deployment", "StatefulSet"):
                self._scaled.add(hash((autoscaler.metadata.namespace, target.kind, target.name)))

    @property
    def scaled(self) -> int:
        """How many Deployments and StatefulSets are scaled; two autoscalers on one are a mistake, and one."""
        return len(self._scaled)


class Claims:
    """Claims, in all and by class."""

    def __init__(self) -> None:
        self.count = self.unbound = 0
        self.by_class: Counter[str] = Counter()

    def add(self, claims: Sequence[Claim]) -> None:
        """Count some claims."""
        for claim in claims:
            self.count += 1
            self.unbound += claim.status.phase != "Bound"
            name = claim.spec.storage_class_name or ""
            if name in self.by_class or len(self.by_class) < _MOST_CLASSES:
                self.by_class[name] += 1


class Classes:
    """The storage classes."""

    def __init__(self) -> None:
        self.classes: list[StorageClass] = []

    def add(self, classes: Sequence[Class]) -> None:
        """Add some classes."""
        for each in classes[: _MOST_CLASSES - len(self.classes)]:
            self.classes.append(
                StorageClass(
                    name=each.metadata.name,
                    kind=kind_of(each.provisioner),
                    default=each.metadata.annotations.is_default == "true",
                    waits_for_consumer=each.volume_binding_mode == "WaitForFirstConsumer",
                )
            )


CONTAINERS = Want(kind=kinds.PODS, start=Containers)
TARGETS = Want(kind=kinds.AUTOSCALERS, start=Targets)
CLAIMS = Want(kind=kinds.CLAIMS, start=Claims)
CLASSES = Want(kind=kinds.STORAGE_CLASSES, start=Classes, level=Level.DETAILED)
DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS, JOBS, CRON_JOBS, NAMESPACES, SERVICES = (
    Counted(kind=kind)
    for kind in (
        kinds.DEPLOYMENTS,
        kinds.STATEFUL_SETS,
        kinds.DAEMON_SETS,
        kinds.JOBS,
        kinds.CRON_JOBS,
        kinds.NAMESPACES,
        kinds.SERVICES,
    )
)


def _facts(findings: Findings) -> WorkloadsFacts:
    deployments, stateful_sets = findings.count(DEPLOYMENTS), findings.count(STATEFUL_SETS)
    targets, claims = findings.tally(TARGETS), findings.tally(CLAIMS)
    return WorkloadsFacts(
        deployments=deployments,
        statefulsets=stateful_sets,
        daemonsets=findings.count(DAEMON_SETS),
        jobs=findings.count(JOBS),
        cronjobs=findings.count(CRON_JOBS),
        namespaces=findings.count(NAMESPACES),
        services=findings.count(SERVICES),
        hpas=targets.count if targets else None,
        volume_claims=claims.count if claims else None,
        unbound_claims=claims.unbound if claims else None,
        autoscaled_share=_share_scaled(targets, deployments, stateful_sets),
        storage_classes=_classes(findings.tally(CLASSES), claims),
        **_of_containers(findings.tally(CONTAINERS)),
    )


def _of_containers(containers: Containers | None) -> dict[str, Any]:
    if containers is None:
        return {}
    return {
        "pods": containers.pods,
        "without_cpu_request_share": containers.share_without(containers.cpu_requests),
        "without_memory_request_share": containers.share_without(containers.memory_requests),
        "without_cpu_limit_share": containers.share_without(containers.cpu_limits),
        "without_memory_limit_share": containers.share_without(containers.memory_limits),
    }


def _share_scaled(targets: Targets | None, deployments: int | None, stateful_sets: int | None) -> float | None:
    if targets is None or deployments is None or stateful_sets is None:
        return None
    # What was deleted between the two readings may still be named by an autoscaler.
    return min(1.0, targets.scaled / (deployments + stateful_sets)) if deployments + stateful_sets else None


def _classes(classes: Classes | None, claims: Claims | None) -> tuple[StorageClass, ...] | None:
    if classes is None:
        return None
    counts: Counter[str] = claims.by_class if claims else Counter()
    return tuple(replace(each, claims=counts[each.name]) for each in classes.classes)


WORKLOADS = Collector(
    name="workloads",
    level=Level.STANDARD,
    data_type=DataType.WORKLOAD_TYPES,
    wants=(CONTAINERS, TARGETS, CLAIMS, CLASSES),
    counts=(DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS, JOBS, CRON_JOBS, NAMESPACES, SERVICES),
    facts=_facts,
)
