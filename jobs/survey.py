"""Looks at a cluster before and while a run plans, guards and observes; changes nothing."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from jobs.cluster import Cluster, R, Version
from jobs.errors import Missing, Unavailable
from jobs.guard import Situation
from jobs.objects import ConfigMap, Namespace, Node, NodeUsage, Pod, PodUsage, StorageClass
from jobs.plan import Request, options_for
from jobs.quotas import Quota
from jobs.site import ALL_RUNS, RUN, has_expired
from jobs.utilization import Snapshot
from probes.measure.result import Facts
from probes.runner import prepare


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What planning and guarding need to know."""

    version: Version
    nodes: Sequence[Node]
    classes: Sequence[StorageClass]
    situation: Situation

    @property
    def environment(self) -> Facts:
        """Facts about the cluster for a result: no name of a node, and no address."""
        nodes = self.nodes
        return {
            "kubernetes_version": self.version.git_version,
            "nodes": len(nodes),
            "zones": len({node.zone for node in nodes if node.zone}),
            "architectures": _all(node.architecture for node in nodes),
            "instance_types": _all(node.instance_type for node in nodes),
            "kubelet_versions": _all(node.kubelet_version for node in nodes),
            "container_runtimes": _all(node.container_runtime for node in nodes),
            "kernels": _all(node.kernel_version for node in nodes),
        }


def survey(cluster: Cluster, namespace: str, *, now: datetime) -> Survey:
    """Look. Raises Unavailable where nodes can't be listed: without them nothing can be planned.

    `now` counts where the server does not tell its time: its stamps say how long something has waited by its clock.
    """
    nodes = cluster.list_all(Node).items
    version = cluster.version()
    now = version.server_time or now
    return Survey(
        version=version,
        nodes=nodes,
        classes=_optional(cluster, StorageClass),
        situation=Situation(
            nodes=nodes,
            pending=[
                pod for pod in _optional(cluster, Pod, fields="status.phase=Pending") if RUN not in pod.meta.labels
            ],
            now=now,
            namespace_phase=_phase(cluster, namespace),
            quotas=_optional(cluster, Quota, namespace=namespace),
            other_runs=_other_runs(cluster, namespace, now),
        ),
    )


def snapshot(cluster: Cluster) -> Snapshot:
    """Return what the API tells of use and requests. Raises Unavailable where pods or nodes can't be listed."""
    return Snapshot(
        nodes=cluster.list_all(Node).items,
        pods=cluster.list_all(Pod).items,
        node_usage=_or_reason(cluster, NodeUsage),
        pod_usage=_or_reason(cluster, PodUsage),
    )


def planned_seconds(request: Request) -> dict[str, float]:
    """Return how long each probe will take in its pod. Raises the probes' InvalidRequest for options they refuse."""
    return {
        name: prepare(name, request.profile, dict(options_for(request, name))).plan.seconds for name in request.probes
    }


def _optional(cluster: Cluster, kind: type[R], *, namespace: str | None = None, fields: str = "") -> tuple[R, ...]:
    """What may not be looked at counts as not there: the creation of a Job will tell more."""
    with suppress(Unavailable):
        return cluster.list_all(kind, namespace=namespace, fields=fields).items
    return ()


def _or_reason(cluster: Cluster, kind: type[R]) -> tuple[R, ...] | str:
    try:
        return cluster.list_all(kind).items
    except Unavailable as error:
        return str(error)


def _phase(cluster: Cluster, namespace: str) -> str:
    try:
        return cluster.read(Namespace, namespace).phase
    except Missing as error:
        raise Unavailable(f"there is no namespace {namespace!r}: create it, or choose another") from error
    except Unavailable:
        # Not everybody who may create Jobs may look at namespaces; the creation will tell.
        return "Active"


def _other_runs(cluster: Cluster, namespace: str, now: datetime) -> frozenset[str]:
    for where in (None, namespace):
        with suppress(Unavailable):
            owners = cluster.list_all(ConfigMap, namespace=where, labels=ALL_RUNS).items
            return frozenset(each.meta.labels.get(RUN, "") for each in owners if not has_expired(each.meta.labels, now))
    return frozenset()


def _all(values: Iterable[str]) -> str:
    return ", ".join(sorted({value for value in values if value}))
