"""What we keep of a cluster's objects: slim frozen records, so that thousands of pods fit in a few MiB.

Quantities are numbers (cores, bytes), times are aware datetimes with the API's resolution of one second, what the
server left out is None, empty or zero as noted. The reader of the API fills them in; nothing else of an answer is kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """Where the API serves a kind of object."""

    group: str
    """Empty for the core group."""
    version: str
    kind: str
    plural: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """As manifests write it."""
        return f"{self.group}/{self.version}" if self.group else self.version


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A line of `ownerReferences`."""

    kind: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """What all objects have."""

    name: str
    namespace: str = ""
    """Empty for what belongs to the whole cluster."""
    uid: str = ""
    resource_version: str = ""
    created_at: datetime | None = None
    deleted_at: datetime | None = None
    """When its deletion was asked for; finalizers may hold it a while longer."""
    labels: Mapping[str, str] = field(default_factory=dict)
    owners: tuple[Owner, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """The base of all records that are listed and watched."""

    api: ClassVar[Api]
    meta: Meta


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One of an object's conditions."""

    type: str
    status: str
    """`True`, `False` or `Unknown`."""
    reason: str = ""
    message: str = ""
    changed_at: datetime | None = None


def condition(conditions: Sequence[Condition], type_: str, status: str = "True") -> Condition | None:
    """Return the condition of a type where it has this status, None where it has another or is not there."""
    return next((each for each in conditions if each.type == type_ and each.status == status), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Amounts of the resources that matter here; zero where nothing is stated."""

    cpu_cores: float = 0.0
    memory_bytes: float = 0.0
    pods: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Taint:
    """A node's mark that keeps pods away."""

    key: str
    effect: str
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node(Object):
    """A machine of the cluster."""

    api: ClassVar = Api(group="", version="v1", kind="Node", plural="nodes", namespaced=False)
    allocatable: Resources = field(default_factory=Resources)
    conditions: tuple[Condition, ...] = ()
    taints: tuple[Taint, ...] = ()
    unschedulable: bool = False
    architecture: str = ""
    """As in `amd64` and `arm64`."""
    operating_system: str = "linux"
    kubelet_version: str = ""
    container_runtime: str = ""
    kernel_version: str = ""
    zone: str = ""
    """Label `topology.kubernetes.io/zone`; empty where there is none."""
    instance_type: str = ""
    """Label `node.kubernetes.io/instance-type`; empty where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeImages(Object):
    """A node again, of which only the images are kept: ten times as much as all else that is kept of it."""

    api: ClassVar = Node.api
    images: frozenset[str] = frozenset()
    """All names of the images that its kubelet tells of: at most its 50 largest, as kubelets are by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container's status within its pod; before the kubelet reports there is none."""

    name: str
    state: str
    """`waiting`, `running` or `terminated`."""
    reason: str = ""
    """Such as `ContainerCreating`, `ImagePullBackOff`, `OOMKilled`, `Completed`."""
    message: str = ""
    """Of a terminated container: its termination message, at most 4096 bytes."""
    exit_code: int | None = None
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod(Object):
    """A pod."""

    api: ClassVar = Api(group="", version="v1", kind="Pod", plural="pods")
    phase: str = "Pending"
    reason: str = ""
    """Such as `Evicted` or `NodeLost`; mostly empty."""
    message: str = ""
    node: str = ""
    """Empty until it is scheduled."""
    ip: str = ""
    conditions: tuple[Condition, ...] = ()
    containers: tuple[Container, ...] = ()
    requests: Resources = field(default_factory=Resources)
    """What the scheduler reckons with: the sum over containers, or the largest init container if that is more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(Object):
    """A Job."""

    api: ClassVar = Api(group="batch", version="v1", kind="Job", plural="jobs")
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigMap(Object):
    """A ConfigMap; only that it is there matters."""

    api: ClassVar = Api(group="", version="v1", kind="ConfigMap", plural="configmaps")


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace(Object):
    """A namespace."""

    api: ClassVar = Api(group="", version="v1", kind="Namespace", plural="namespaces", namespaced=False)
    phase: str = "Active"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service(Object):
    """A Service."""

    api: ClassVar = Api(group="", version="v1", kind="Service", plural="services")
    cluster_ip: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One address behind a Service."""

    addresses: tuple[str, ...]
    ready: bool
    """True also where the server leaves it open, as the API's documentation tells consumers to read it."""
    node: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSlice(Object):
    """Some of the addresses behind a Service."""

    api: ClassVar = Api(group="discovery.k8s.io", version="v1", kind="EndpointSlice", plural="endpointslices")
    service: str = ""
    """Label `kubernetes.io/service-name`."""
    endpoints: tuple[Endpoint, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageClass(Object):
    """A class of storage that claims can ask for."""

    api: ClassVar = Api(
        group="storage.k8s.io", version="v1", kind="StorageClass", plural="storageclasses", namespaced=False
    )
    provisioner: str = ""
    binding_mode: str = "Immediate"
    """`Immediate` or `WaitForFirstConsumer`."""
    reclaim_policy: str = "Delete"
    is_default: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim(Object):
    """A PersistentVolumeClaim."""

    api: ClassVar = Api(group="", version="v1", kind="PersistentVolumeClaim", plural="persistentvolumeclaims")
    phase: str = "Pending"
    volume: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Object):
    """What a component told about an object, read from events.k8s.io; under load the server drops some."""

    api: ClassVar = Api(group="events.k8s.io", version="v1", kind="Event", plural="events")
    type: str = "Normal"
    """`Normal` or `Warning`."""
    reason: str = ""
    note: str = ""
    regarding_kind: str = ""
    regarding_name: str = ""
    regarding_uid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeUsage(Object):
    """What a node uses, from metrics.k8s.io: an average over some 15 s."""

    api: ClassVar = Api(group="metrics.k8s.io", version="v1beta1", kind="NodeMetrics", plural="nodes", namespaced=False)
    usage: Resources | None = field(default_factory=Resources)
    """None where an amount can't be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodUsage(Object):
    """What a pod uses, from metrics.k8s.io: the sum over its containers."""

    api: ClassVar = Api(group="metrics.k8s.io", version="v1beta1", kind="PodMetrics", plural="pods")
    usage: Resources | None = field(default_factory=Resources)
    """None where an amount can't be read."""
