"""Distribution, provider and part of the world, by the evidence that each leaves."""

from pathlib import Path
from typing import Any

import pytest

from agent.collect import distributions, regions
from agent.collect.kinds import NODES
from agent.collect.shapes_nodes import Node
from agent.levels import DataType, Level
from agent.wire import vocabulary
from tests.agent.collect.served import Cluster, collected, recorded

RELEASED = "v1.36.2"
HOLDERS = {"labels", "annotations"}
EVIDENCE: dict[str, tuple[str, dict[str, Any]]] = {
    "eks": ("v1.31.2-eks-7f9249a", {}),
    "gke": ("v1.31.1-gke.2008000", {}),
    "k3s": ("v1.31.3+k3s1", {}),
    "rke2": ("v1.31.3+rke2r1", {}),
    "k0s": ("v1.31.3+k0s", {}),
    "aks": (RELEASED, {"labels": {"kubernetes.azure.com/cluster": "MC_rg_name_westeurope"}}),
    "openshift": ("v1.30.4+ad1a87e", {"labels": {"node.openshift.io/os_id": "rhcos"}}),
    "doks": (RELEASED, {"labels": {"doks.digitalocean.com/node-pool": "pool-x"}}),
    "lke": (RELEASED, {"labels": {"lke.linode.com/pool-id": "12345"}}),
    "oke": (RELEASED, {"labels": {"oke.oraclecloud.com/tenant_agent.version": "1.2"}}),
    "kind": (
        RELEASED,
        {
            "providerID": "kind://docker/kind/kind-control-plane",
            "annotations": {"kubeadm.alpha.kubernetes.io/cri-socket": "unix:///run/containerd/containerd.sock"},
        },
    ),
    "minikube": (
        RELEASED,
        {
            "labels": {"minikube.k8s.io/version": "v1.34.0"},
            "annotations": {"kubeadm.alpha.kubernetes.io/cri-socket": "unix:///var/run/cri-dockerd.sock"},
        },
    ),
    "microk8s": (RELEASED, {"labels": {"microk8s.io/cluster": "true"}}),
    "talos": (RELEASED, {"osImage": "Talos (v1.8.3)"}),
    "kubeadm": (RELEASED, {"annotations": {"kubeadm.alpha.kubernetes.io/cri-socket": "unix:///run/x.sock"}}),
    "other": (RELEASED, {}),
}


def node(**told: Any) -> dict[str, Any]:
    """A recorded node with other labels, annotations, providerID or osImage."""
    thing = recorded("nodes.json")[0]
    for key in HOLDERS & set(told):
        thing["metadata"].setdefault(key, {}).update(told[key])
    if "providerID" in told:
        thing["spec"]["providerID"] = told["providerID"]
    if "osImage" in told:
        thing["status"]["nodeInfo"]["osImage"] = told["osImage"]
    return thing


def decoded(**told: Any) -> Node:
    import json  # noqa: PLC0415 - here only

    return NODES.decode(json.dumps([node(**told)]).encode())[0]


@pytest.mark.parametrize("distribution", EVIDENCE)
def test_each_distribution_is_told_by_its_evidence(distribution: str, tmp_path: Path) -> None:
    version, told = EVIDENCE[distribution]
    cluster = Cluster()
    cluster.version, cluster.lists["/api/v1/nodes"] = version, [node(**told)]
    facts = collected(cluster, tmp_path, Level.MINIMAL, DataType.CLUSTER_INFO).cluster
    assert facts is not None
    assert facts.distribution == distribution
    assert facts.minor == int(version.split(".")[1])


def test_every_distribution_of_a_cluster_has_evidence() -> None:
    assert set(EVIDENCE) == {*vocabulary.DISTRIBUTIONS, "other"} - {"standalone"}


def test_a_mixed_cluster_is_what_most_of_it_is(tmp_path: Path) -> None:
    cluster = Cluster()
    talos, kind = node(osImage="Talos (v1.8.3)"), node(providerID="kind://docker/kind/kind-worker")
    cluster.lists["/api/v1/nodes"] = [talos, kind, kind]
    facts = collected(cluster, tmp_path, Level.MINIMAL, DataType.CLUSTER_INFO).cluster
    assert facts is not None
    assert facts.distribution == "kind"


@pytest.mark.parametrize(
    ("identifier", "provider"),
    [
        ("aws:///eu-west-1b/i-0abc", "aws"),
        ("gce://project/europe-west1-b/gke-x", "gcp"),
        ("azure:///subscriptions/0/resourceGroups/x", "azure"),
        ("digitalocean://123", "digitalocean"),
        ("linode://123", "linode"),
        ("hcloud://123", "hetzner"),
        ("oci://ocid1.instance.oc1.iad.x", "oracle"),
        ("ocid1.instance.oc1.iad.x", "oracle"),
        ("cn-hangzhou.i-bp1abc", "alibaba"),
        ("openstack:///0-1-2", "openstack"),
        ("vsphere://42", "vsphere"),
        ("ibm://acct///cluster/node", "ibm"),
        ("k3s://host", "other"),
        ("kind://docker/kind/x", "other"),
        ("", "other"),
    ],
)
def test_the_provider_is_told_by_the_scheme_that_its_controller_writes(identifier: str, provider: str) -> None:
    assert distributions.provider_of(decoded(providerID=identifier)) == provider
    assert provider in (*vocabulary.PROVIDERS, "other")


def test_a_managed_service_whose_nodes_say_nothing_is_its_owners() -> None:
    assert distributions.owner_of("gke") == "gcp"
    assert distributions.owner_of("talos") == "other"


@pytest.mark.parametrize("version", ["", "1.36", "v1.36.2", "v2.0.0", "v1.x", None, "v1.3600.1"])
def test_only_a_version_one_has_a_minor(version: str | None) -> None:
    assert distributions.minor_of(version) == (36 if version in ("1.36", "v1.36.2") else None)


@pytest.mark.parametrize(
    ("provider", "region", "part"),
    [
        ("aws", "eu-central-1", "europe"),
        ("aws", "ap-southeast-2", "oceania"),
        ("aws", "ap-southeast-1", "asia"),
        ("aws", "us-gov-west-1", "north_america"),
        ("gcp", "europe-west4", "europe"),
        ("gcp", "northamerica-northeast1", "north_america"),
        ("gcp", "southamerica-east1", "south_america"),
        ("azure", "westeurope", "europe"),
        ("azure", "southcentralus", "north_america"),
        ("azure", "southindia", "asia"),
        ("azure", "southafricanorth", "africa"),
        ("azure", "uaenorth", "middle_east"),
        ("digitalocean", "fra1", "europe"),
        ("linode", "ap-southeast", "oceania"),
        ("linode", "ap-south", "asia"),
        ("oracle", "uk-london-1", "europe"),
        ("oracle", "ap-sydney-1", "oceania"),
        ("hetzner", "fsn1", "europe"),
        ("alibaba", "cn-hangzhou", "asia"),
        ("ibm", "br-sao", "south_america"),
        ("aws", "canary-region-1", "other"),
        ("other", "eu-west-1", "other"),
        (None, "eu-west-1", "other"),
        ("vsphere", "rack-7", "other"),
    ],
)
def test_a_region_is_told_as_a_part_of_the_world_only_where_it_is_known(
    provider: str | None, region: str, part: str
) -> None:
    assert regions.class_of(provider, region) == part
    assert part in (*vocabulary.REGION_CLASSES, "other")


def test_the_region_comes_from_the_label_of_most_nodes(tmp_path: Path) -> None:
    cluster = Cluster()
    told = {"providerID": "aws:///x/i-0", "labels": {"topology.kubernetes.io/region": "eu-west-1"}}
    cluster.lists["/api/v1/nodes"] = [node(**told), node(**told), node(providerID="aws:///y/i-1")]
    facts = collected(cluster, tmp_path, Level.MINIMAL, DataType.CLUSTER_INFO).cluster
    assert facts is not None
    assert (facts.provider, facts.region_class) == ("aws", "europe")
