"""The pods that probe, such as Pod Security's level `restricted` admits. Pure.

Memory is limited, CPU is not: a CPU limit stops the measuring container for the rest of each 100 ms once its share is
used up, and turns a p99.9 of 0.2 ms into 50 ms (docs/measuring-storage.md has the figures).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jobs import quantity
from jobs.site import Site
from jobs.step import SCRATCH_PATH, VOLUME_PATH

_MIB = 2**20
CONTAINER = "probe"
SCRATCH_BYTES = 64 * _MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What a container asks for."""

    cpu_cores: float
    memory_bytes: int
    memory_limit_bytes: int


# A probe is two interpreters with numpy (60 MiB each, seen) and its tool; fio's report and the pages of its file count
# as well, the latter being given back on demand. A server is two without numpy. `sleep` needs next to nothing, and
# containerd starts no container below some 6 MiB.
MEASURING = Size(cpu_cores=0.25, memory_bytes=256 * _MIB, memory_limit_bytes=1024 * _MIB)
SERVING = Size(cpu_cores=0.1, memory_bytes=128 * _MIB, memory_limit_bytes=512 * _MIB)
SLEEPING = Size(cpu_cores=0.001, memory_bytes=16 * _MIB, memory_limit_bytes=32 * _MIB)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What one pod does."""

    command: Sequence[str]
    size: Size
    node: str | None = None
    claim: str | None = None
    """Mounted at VOLUME_PATH."""
    scratch_bytes: int = SCRATCH_BYTES
    ready_port: int | None = None
    """The pod is ready once this port accepts connections; at once where None."""
    environment: Mapping[str, str] = field(default_factory=dict)
    grace_seconds: int = 10


def pod_spec(site: Site, workload: Workload) -> dict[str, Any]:
    """Return the `spec` of a pod."""
    spec: dict[str, Any] = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        # Variables for each Service of the namespace: thousands of them can exceed what a program may be started with.
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": workload.grace_seconds,
        "securityContext": _pod_security(site),
        "nodeSelector": {"kubernetes.io/os": "linux", **site.node_labels},
        "containers": [_container(site, workload)],
        "volumes": _volumes(workload),
    }
    terms = _node_terms(site, workload)
    if terms:
        required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [terms]}}
        spec["affinity"] = {"nodeAffinity": required}
    if site.tolerated_taints:
        spec["tolerations"] = [{"key": key, "operator": "Exists"} for key in site.tolerated_taints]
    if site.pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in site.pull_secrets]
    return spec


def _pod_security(site: Site) -> dict[str, Any]:
    security: dict[str, Any] = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    if site.user is not None:
        # The group makes a fresh volume writable. Only where its root belongs to somebody else is all of it walked
        # through, which takes minutes on a full one.
        security |= {
            "runAsUser": site.user,
            "runAsGroup": site.user,
            "fsGroup": site.user,
            "fsGroupChangePolicy": "OnRootMismatch",
        }
    return security


def _container(site: Site, workload: Workload) -> dict[str, Any]:
    size = workload.size
    requests = {
        "cpu": quantity.cpu(size.cpu_cores),
        "memory": quantity.size(size.memory_bytes),
        "ephemeral-storage": quantity.size(workload.scratch_bytes),
    }
    environment = {"HOME": SCRATCH_PATH, "TMPDIR": SCRATCH_PATH, **workload.environment}
    container: dict[str, Any] = {
        "name": CONTAINER,
        "image": site.image,
        "imagePullPolicy": site.pull_policy,
        "command": list(workload.command),
        "workingDir": SCRATCH_PATH,
        "env": [
            {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            *({"name": name, "value": value} for name, value in environment.items()),
        ],
        "resources": {"requests": requests, "limits": {"memory": quantity.size(size.memory_limit_bytes)}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "scratch", "mountPath": SCRATCH_PATH}],
    }
    if workload.claim is not None:
        container["volumeMounts"].append({"name": "volume", "mountPath": VOLUME_PATH})
    if workload.ready_port is not None:
        # The shortest period there is; a second is the resolution of readiness by a probe.
        container["readinessProbe"] = {"tcpSocket": {"port": workload.ready_port}, "periodSeconds": 1}
    return container


def _volumes(workload: Workload) -> list[dict[str, Any]]:
    volumes: list[dict[str, Any]] = [
        {"name": "scratch", "emptyDir": {"sizeLimit": quantity.size(workload.scratch_bytes)}}
    ]
    if workload.claim is not None:
        volumes.append({"name": "volume", "persistentVolumeClaim": {"claimName": workload.claim}})
    return volumes


def _node_terms(site: Site, workload: Workload) -> dict[str, Any]:
    """A node is asked for by its name through the scheduler, which `nodeName` would go around."""
    terms: dict[str, Any] = {}
    if workload.node is not None:
        terms["matchFields"] = [{"key": "metadata.name", "operator": "In", "values": [workload.node]}]
    elif site.architectures:
        values = list(site.architectures)
        terms["matchExpressions"] = [{"key": "kubernetes.io/arch", "operator": "In", "values": values}]
    return terms
