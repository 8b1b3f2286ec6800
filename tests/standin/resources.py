"""Which kinds of objects the stand-in serves, and where."""

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A kind of object, as discovery describes it."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    verbs: tuple[str, ...] = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """As messages name it, such as `jobs.batch`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


def _core(kind: str, plural: str, *, namespaced: bool = True) -> Resource:
    return Resource(group="", version="v1", kind=kind, plural=plural, namespaced=namespaced)


NAMESPACES = _core("Namespace", "namespaces", namespaced=False)
NODES = _core("Node", "nodes", namespaced=False)
PODS = _core("Pod", "pods")
SERVICES = _core("Service", "services")
CONFIG_MAPS = _core("ConfigMap", "configmaps")
CLAIMS = _core("PersistentVolumeClaim", "persistentvolumeclaims")
VOLUMES = _core("PersistentVolume", "persistentvolumes", namespaced=False)
QUOTAS = _core("ResourceQuota", "resourcequotas")
LIMIT_RANGES = _core("LimitRange", "limitranges")
SECRETS = _core("Secret", "secrets")
JOBS = Resource(group="batch", version="v1", kind="Job", plural="jobs")
DEPLOYMENTS = Resource(group="apps", version="v1", kind="Deployment", plural="deployments")
DAEMON_SETS = Resource(group="apps", version="v1", kind="DaemonSet", plural="daemonsets")
STATEFUL_SETS = Resource(group="apps", version="v1", kind="StatefulSet", plural="statefulsets")
EVENTS = Resource(group="events.k8s.io", version="v1", kind="Event", plural="events")
ENDPOINT_SLICES = Resource(group="discovery.k8s.io", version="v1", kind="EndpointSlice", plural="endpointslices")
STORAGE_CLASSES = Resource(
    group="storage.k8s.io", version="v1", kind="StorageClass", plural="storageclasses", namespaced=False
)
_MEASURED = ("get", "list")
NODE_METRICS = Resource(
    group="metrics.k8s.io", version="v1beta1", kind="NodeMetrics", plural="nodes", namespaced=False, verbs=_MEASURED
)
POD_METRICS = Resource(group="metrics.k8s.io", version="v1beta1", kind="PodMetrics", plural="pods", verbs=_MEASURED)
REVIEWS = Resource(
    group="authorization.k8s.io",
    version="v1",
    kind="SelfSubjectAccessReview",
    plural="selfsubjectaccessreviews",
    namespaced=False,
    verbs=("create",),
)

STORED = (
    *(NAMESPACES, NODES, PODS, SERVICES, CONFIG_MAPS, CLAIMS, VOLUMES, QUOTAS, LIMIT_RANGES, SECRETS),
    *(JOBS, DEPLOYMENTS, DAEMON_SETS, STATEFUL_SETS, EVENTS, ENDPOINT_SLICES, STORAGE_CLASSES),
)
SERVED = (*STORED, NODE_METRICS, POD_METRICS, REVIEWS)
BY_PATH = {(resource.group, resource.version, resource.plural): resource for resource in SERVED}
BY_KIND = {(resource.api_version, resource.kind): resource for resource in SERVED}
