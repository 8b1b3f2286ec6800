"""Each kind of object, as far as we keep it, in the API's own shape; `agent.kube.records` flattens it.

An attribute is here because a record of `jobs.objects` is made of it.
"""

from datetime import datetime

from msgspec import field

from agent.kube.wire import ObjectWire, Wire


class ConditionWire(Wire):
    """A condition, of pods, nodes and Jobs alike."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    last_transition_time: datetime | None = None


class RequirementsWire(Wire):
    """`resources` of a container; quantities are text."""

    requests: dict[str, str] | None = None


class ContainerSpecWire(Wire):
    """A container as it was asked for."""

    resources: RequirementsWire = field(default_factory=RequirementsWire)
    restart_policy: str = ""


class PodSpecWire(Wire):
    """`spec` of a pod."""

    node_name: str = ""
    containers: tuple[ContainerSpecWire, ...] = ()
    init_containers: list[ContainerSpecWire] | None = None
    overhead: dict[str, str] | None = None


class ContainerStateWire(Wire):
    """Details of one of the three states."""

    reason: str = ""
    message: str = ""
    exit_code: int | None = None
    started_at: datetime | None = None


class ContainerStatesWire(Wire):
    """At most one is there; with none a container is waiting."""

    waiting: ContainerStateWire | None = None
    running: ContainerStateWire | None = None
    terminated: ContainerStateWire | None = None


class ContainerStatusWire(Wire):
    """A container as it is."""

    name: str
    state: ContainerStatesWire = field(default_factory=ContainerStatesWire)


class PodStatusWire(Wire):
    """`status` of a pod."""

    phase: str = "Pending"
    reason: str = ""
    message: str = ""
    pod_ip: str = field(default="", name="podIP")
    conditions: list[ConditionWire] | None = None
    container_statuses: list[ContainerStatusWire] | None = None


class PodWire(ObjectWire):
    """A pod."""

    spec: PodSpecWire = field(default_factory=PodSpecWire)
    status: PodStatusWire = field(default_factory=PodStatusWire)


class TaintWire(Wire):
    """A node's taint."""

    key: str
    effect: str
    value: str = ""


class NodeSpecWire(Wire):
    """`spec` of a node."""

    taints: list[TaintWire] | None = None
    unschedulable: bool = False


class NodeInfoWire(Wire):
    """`status.nodeInfo`."""

    architecture: str = ""
    operating_system: str = "linux"
    kubelet_version: str = ""
    container_runtime_version: str = ""
    kernel_version: str = ""


class NodeStatusWire(Wire):
    """`status` of a node."""

    allocatable: dict[str, str] | None = None
    conditions: list[ConditionWire] | None = None
    node_info: NodeInfoWire = field(default_factory=NodeInfoWire)


class NodeWire(ObjectWire):
    """A node."""

    spec: NodeSpecWire = field(default_factory=NodeSpecWire)
    status: NodeStatusWire = field(default_factory=NodeStatusWire)


class ImageWire(Wire):
    """An image that a node has."""

    names: list[str] | None = None


class ImagesWire(Wire):
    """`status` of a node, of which only the images matter."""

    images: list[ImageWire] | None = None


class NodeImagesWire(ObjectWire):
    """A node, of which only the images matter."""

    status: ImagesWire = field(default_factory=ImagesWire)


class JobStatusWire(Wire):
    """`status` of a Job."""

    conditions: list[ConditionWire] | None = None


class JobWire(ObjectWire):
    """A Job."""

    status: JobStatusWire = field(default_factory=JobStatusWire)


class PhaseWire(Wire):
    """A `status` of which only the phase matters."""

    phase: str = ""


class NamespaceWire(ObjectWire):
    """A namespace."""

    status: PhaseWire = field(default_factory=PhaseWire)


class ServiceSpecWire(Wire):
    """`spec` of a Service."""

    cluster_ip: str = field(default="", name="clusterIP")


class ServiceWire(ObjectWire):
    """A Service."""

    spec: ServiceSpecWire = field(default_factory=ServiceSpecWire)


class EndpointConditionsWire(Wire):
    """`conditions` of an endpoint."""

    ready: bool | None = None


class EndpointWire(Wire):
    """An address behind a Service."""

    addresses: tuple[str, ...] = ()
    conditions: EndpointConditionsWire = field(default_factory=EndpointConditionsWire)
    node_name: str | None = None


class EndpointSliceWire(ObjectWire):
    """Some of a Service's addresses."""

    endpoints: list[EndpointWire] | None = None


class StorageClassWire(ObjectWire):
    """A class of storage."""

    provisioner: str = ""
    volume_binding_mode: str = "Immediate"
    reclaim_policy: str = "Delete"


class ClaimSpecWire(Wire):
    """`spec` of a claim."""

    volume_name: str = ""


class ClaimStatusWire(Wire):
    """`status` of a claim."""

    phase: str = "Pending"


class ClaimWire(ObjectWire):
    """A PersistentVolumeClaim."""

    spec: ClaimSpecWire = field(default_factory=ClaimSpecWire)
    status: ClaimStatusWire = field(default_factory=ClaimStatusWire)


class RegardingWire(Wire):
    """The object that an event is about."""

    kind: str = ""
    name: str = ""
    uid: str = ""


class EventObjectWire(ObjectWire):
    """An event of events.k8s.io."""

    type: str = "Normal"
    reason: str = ""
    note: str = ""
    regarding: RegardingWire = field(default_factory=RegardingWire)


class NodeUsageWire(ObjectWire):
    """NodeMetrics."""

    usage: dict[str, str] | None = None


class ContainerUsageWire(Wire):
    """A container of PodMetrics."""

    usage: dict[str, str] | None = None


class PodUsageWire(ObjectWire):
    """PodMetrics."""

    containers: list[ContainerUsageWire] | None = None
