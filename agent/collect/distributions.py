"""Which distribution and whose machines, by what a server and its nodes tell of themselves. Pure tables.

Each line is evidence that the distribution itself leaves, in its documentation or source: a suffix of the version (what
its builders append), the scheme of a node's providerID (what its cloud controller writes), a label that its installer
sets, the name of the operating system's image. Names of clusters, nodes or hosts are no evidence.
"""

import re
from collections.abc import Callable

from agent.collect.shapes_nodes import Node
from agent.wire.vocabulary import OTHER

_MINOR = re.compile(r"v?1\.(\d{1,3})\b")
_BY_VERSION: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("eks", re.compile(r"-eks-")),  # v1.31.2-eks-7f9249a
    ("gke", re.compile(r"-gke\.")),  # v1.31.1-gke.2008000
    ("k3s", re.compile(r"\+k3s\d")),  # v1.31.3+k3s1
    ("rke2", re.compile(r"\+rke2r\d")),  # v1.31.3+rke2r1
    ("k0s", re.compile(r"\+k0s")),  # v1.31.3+k0s
)
# The first that holds: what is specific before what others build on. kind and minikube install with kubeadm, and cloud
# controllers run with any distribution, so that a provider's scheme alone is no evidence of its managed service.
_BY_NODE: tuple[tuple[str, Callable[[Node], object]], ...] = (
    ("openshift", lambda node: node.metadata.labels.openshift_os),
    ("eks", lambda node: node.metadata.labels.eks_pool or node.metadata.labels.eks_compute),
    ("gke", lambda node: node.metadata.labels.gke_pool),
    ("aks", lambda node: node.metadata.labels.aks_cluster or node.metadata.labels.aks_pool),
    ("doks", lambda node: node.metadata.labels.doks_pool),
    ("lke", lambda node: node.metadata.labels.lke_pool),
    ("oke", lambda node: node.metadata.labels.oke_agent or node.metadata.labels.oke_subnet),
    ("kind", lambda node: node.spec.provider_id.startswith("kind://")),
    ("minikube", lambda node: node.metadata.labels.minikube),
    ("microk8s", lambda node: node.metadata.labels.microk8s),
    ("k3s", lambda node: node.spec.provider_id.startswith("k3s://")),
    ("rke2", lambda node: node.spec.provider_id.startswith("rke2://")),
    ("k0s", lambda node: node.metadata.labels.k0s_role),
    ("talos", lambda node: node.status.node_info.os_image.startswith("Talos")),
    ("kubeadm", lambda node: node.metadata.annotations.kubeadm_socket),
)
_SCHEMES = {
    "alicloud": "alibaba",
    "aws": "aws",
    "azure": "azure",
    "digitalocean": "digitalocean",
    "gce": "gcp",
    "hcloud": "hetzner",
    "ibm": "ibm",
    "ibmpowervs": "ibm",
    "linode": "linode",
    "oci": "oracle",
    "openstack": "openstack",
    "vsphere": "vsphere",
}
# Two write no scheme: Oracle's controller the machine's own identifier, Alibaba's the region and the machine.
_BARE = (("oracle", re.compile(r"ocid1\.instance\.")), ("alibaba", re.compile(r"[a-z]{2}-[a-z0-9-]+\.i-[a-z0-9]+$")))
_OWNERS = {"aks": "azure", "doks": "digitalocean", "eks": "aws", "gke": "gcp", "lke": "linode", "oke": "oracle"}
"""Whose machines a managed service runs on, where its nodes don't say so."""


def minor_of(version: str | None) -> int | None:
    """Return the n of `v1.n…`, None where it is none."""
    match = _MINOR.match(version or "")
    return int(match[1]) if match else None


def of_version(version: str) -> str | None:
    """Return the distribution that a version of Kubernetes names, None where it is as released."""
    return next((word for word, pattern in _BY_VERSION if pattern.search(version)), None)


def of_node(node: Node) -> str | None:
    """Return the distribution that a node tells of, None where it tells nothing."""
    named = next((word for word, holds in _BY_NODE if holds(node)), None)
    return named if named != "kubeadm" and named else of_version(node.status.node_info.kubelet_version) or named


def provider_of(node: Node) -> str:
    """Return whose machine a node is, `other` where it says nothing that is known."""
    identifier = node.spec.provider_id
    scheme, separator, _ = identifier.partition("://")
    if separator:
        return _SCHEMES.get(scheme, OTHER)
    return next((word for word, pattern in _BARE if pattern.match(identifier)), OTHER)


def owner_of(distribution: str | None) -> str:
    """Return whose machines a distribution runs on, `other` where it runs on anybody's."""
    return _OWNERS.get(distribution or "", OTHER)
