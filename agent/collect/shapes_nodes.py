"""What of a node is read: what is no attribute here is skipped unread.

Labels are read by an allow-list, too: there is an attribute for each label that something is recognized by.
"""

from msgspec import field

from agent.collect.shapes import NOTHING, Amounts
from agent.kube.wire import Wire


class NodeLabels(Wire):
    """What tells a node's distribution, place and pool."""

    region: str = field(default="", name="topology.kubernetes.io/region")
    old_region: str = field(default="", name="failure-domain.beta.kubernetes.io/region")
    zone: str = field(default="", name="topology.kubernetes.io/zone")
    instance_type: str = field(default="", name="node.kubernetes.io/instance-type")
    eks_pool: str = field(default="", name="eks.amazonaws.com/nodegroup")
    eks_capacity: str = field(default="", name="eks.amazonaws.com/capacityType")
    eks_compute: str = field(default="", name="eks.amazonaws.com/compute-type")
    gke_pool: str = field(default="", name="cloud.google.com/gke-nodepool")
    gke_spot: str = field(default="", name="cloud.google.com/gke-spot")
    gke_preemptible: str = field(default="", name="cloud.google.com/gke-preemptible")
    aks_cluster: str = field(default="", name="kubernetes.azure.com/cluster")
    aks_pool: str = field(default="", name="kubernetes.azure.com/agentpool")
    aks_priority: str = field(default="", name="kubernetes.azure.com/scalesetpriority")
    doks_pool: str = field(default="", name="doks.digitalocean.com/node-pool")
    lke_pool: str = field(default="", name="lke.linode.com/pool-id")
    oke_subnet: str = field(default="", name="oke.oraclecloud.com/node.info.private_subnet")
    oke_agent: str = field(default="", name="oke.oraclecloud.com/tenant_agent.version")
    openshift_os: str = field(default="", name="node.openshift.io/os_id")
    k0s_role: str = field(default="", name="node.k0sproject.io/role")
    microk8s: str = field(default="", name="microk8s.io/cluster")
    minikube: str = field(default="", name="minikube.k8s.io/version")
    karpenter_pool: str = field(default="", name="karpenter.sh/nodepool")
    karpenter_capacity: str = field(default="", name="karpenter.sh/capacity-type")


class NodeAnnotations(Wire):
    """What kubeadm leaves on each of its nodes."""

    kubeadm_socket: str = field(default="", name="kubeadm.alpha.kubernetes.io/cri-socket")


class NodeMeta(Wire):
    """`metadata` of a node."""

    name: str = ""
    labels: NodeLabels = field(default_factory=NodeLabels)
    annotations: NodeAnnotations = field(default_factory=NodeAnnotations)


class NodeSpec(Wire):
    """`spec` of a node."""

    provider_id: str = field(default="", name="providerID")


class NodeInfo(Wire):
    """`status.nodeInfo`."""

    architecture: str = ""
    kubelet_version: str = ""
    container_runtime_version: str = ""
    os_image: str = ""


class NodeStatus(Wire):
    """`status` of a node."""

    capacity: Amounts = NOTHING
    allocatable: Amounts = NOTHING
    node_info: NodeInfo = field(default_factory=NodeInfo)


class Node(Wire):
    """A node."""

    metadata: NodeMeta = field(default_factory=NodeMeta)
    spec: NodeSpec = field(default_factory=NodeSpec)
    status: NodeStatus = field(default_factory=NodeStatus)
