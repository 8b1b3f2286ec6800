"""Every kind that a collector lists or counts, and where the API serves it."""

from typing import TypeVar

from agent.collect import shapes_nodes, shapes_platform, shapes_pods, shapes_policies, shapes_workloads
from agent.kube.scan import Kind
from agent.kube.wire import Wire
from jobs.objects import Api

W = TypeVar("W", bound=Wire)


class Uncounted(Wire):
    """An object of which nothing is read."""


def _kind(place: str, kind: str, shape: type[W], *, namespaced: bool = True, small: bool = True) -> Kind[W]:
    *group, version, plural = place.split("/")
    api = Api(group="".join(group), version=version, kind=kind, plural=plural, namespaced=namespaced)
    return Kind(api=api, shape=shape, small=small)


# Nodes carry the names of their images, so that thousands of them are as large as tens of thousands of pods.
NODES = _kind("v1/nodes", "Node", shapes_nodes.Node, namespaced=False, small=False)
PODS = _kind("v1/pods", "Pod", shapes_pods.Pod, small=False)
NODE_USE = _kind("metrics.k8s.io/v1beta1/nodes", "NodeMetrics", shapes_pods.NodeUse, namespaced=False)
# metrics-server knows no pages: whatever is asked for, it writes one answer.
POD_USE = _kind("metrics.k8s.io/v1beta1/pods", "PodMetrics", shapes_pods.PodUse)

DEPLOYMENTS = _kind("apps/v1/deployments", "Deployment", shapes_workloads.Workload)
STATEFUL_SETS = _kind("apps/v1/statefulsets", "StatefulSet", shapes_workloads.Workload)
DAEMON_SETS = _kind("apps/v1/daemonsets", "DaemonSet", shapes_workloads.Workload)
AUTOSCALERS = _kind("autoscaling/v2/horizontalpodautoscalers", "HorizontalPodAutoscaler", shapes_workloads.Autoscaler)
STORAGE_CLASSES = _kind("storage.k8s.io/v1/storageclasses", "StorageClass", shapes_workloads.Class, namespaced=False)
CLAIMS = _kind("v1/persistentvolumeclaims", "PersistentVolumeClaim", shapes_workloads.Claim)
JOBS = _kind("batch/v1/jobs", "Job", Uncounted)
CRON_JOBS = _kind("batch/v1/cronjobs", "CronJob", Uncounted)
SERVICES = _kind("v1/services", "Service", Uncounted)

NAMESPACES = _kind("v1/namespaces", "Namespace", shapes_platform.Namespace, namespaced=False)
CELLS = _kind("prism.io/v1alpha1/cells", "Cell", shapes_platform.Cell)
FELIX = _kind(
    "crd.projectcalico.org/v1/felixconfigurations", "FelixConfiguration", shapes_platform.Felix, namespaced=False
)
POLICIES = _kind("networking.k8s.io/v1/networkpolicies", "NetworkPolicy", shapes_policies.Policy)
