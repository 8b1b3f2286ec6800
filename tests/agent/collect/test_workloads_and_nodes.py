"""Counts, shares, storage and pools of nodes; and a machine without a cluster."""

from pathlib import Path
from typing import Any

import pytest

from agent.collect import storage_kinds
from agent.collect.host import host_facts, provider_of
from agent.levels import DataType, Level
from agent.wire import vocabulary
from tests.agent.collect.served import Cluster, collected, recorded

Json = dict[str, Any]
HPAS, CLAIMS = "/apis/autoscaling/v2/horizontalpodautoscalers", "/api/v1/persistentvolumeclaims"


def autoscaler(namespace: str, kind: str, name: str) -> Json:
    return {"metadata": {"namespace": namespace}, "spec": {"scaleTargetRef": {"kind": kind, "name": name}}}


def claim(storage_class: str | None, phase: str) -> Json:
    return {"metadata": {}, "spec": {"storageClassName": storage_class}, "status": {"phase": phase}}


def test_a_workload_is_scaled_once_however_many_scale_it(tmp_path: Path) -> None:
    cluster = Cluster()
    cluster.lists[HPAS] = [
        autoscaler("a", "Deployment", "x"), autoscaler("a", "Deployment", "x"), autoscaler("b", "Rollout", "x"),
    ]  # fmt: skip
    facts = collected(cluster, tmp_path, Level.STANDARD, DataType.WORKLOAD_TYPES).workloads
    assert facts is not None
    assert facts.hpas == 3
    assert facts.autoscaled_share == pytest.approx(1 / 3)


def test_claims_are_counted_by_class(tmp_path: Path) -> None:
    cluster = Cluster()
    name = cluster.lists["/apis/storage.k8s.io/v1/storageclasses"][0]["metadata"]["name"]
    cluster.lists[CLAIMS] = [claim(name, "Bound"), claim(name, "Pending"), claim(None, "Bound")]
    facts = collected(cluster, tmp_path, Level.DETAILED, DataType.WORKLOAD_TYPES).workloads
    assert facts is not None
    assert (facts.volume_claims, facts.unbound_claims) == (3, 1)
    assert facts.storage_classes is not None
    assert {each.name: each.claims for each in facts.storage_classes}[name] == 2
    assert {each.kind for each in facts.storage_classes} == {"local_path"}


def test_storage_classes_are_not_read_below_the_detailed_level(tmp_path: Path) -> None:
    facts = collected(Cluster(), tmp_path, Level.STANDARD, DataType.WORKLOAD_TYPES).workloads
    assert facts is not None
    assert facts.storage_classes is None


@pytest.mark.parametrize(
    ("provisioner", "kind"),
    [
        ("ebs.csi.aws.com", "aws_ebs"),
        ("pd.csi.storage.gke.io", "gcp_pd"),
        ("rook-ceph.rbd.csi.ceph.com", "ceph_rbd"),
        ("cluster.local/nfs-subdir-external-provisioner", "nfs"),
        ("canary.example.org/storage", None),
        ("", None),
    ],
)
def test_storage_is_known_by_its_provisioner(provisioner: str, kind: str | None) -> None:
    assert storage_kinds.kind_of(provisioner) == kind


def test_every_kind_of_storage_is_a_word_that_may_be_told() -> None:
    words = {*storage_kinds._EXACT.values(), *storage_kinds._ENDINGS.values()}
    assert words <= set(vocabulary.STORAGE_KINDS)


def test_pools_are_nodes_of_one_name_and_size(tmp_path: Path) -> None:
    def node(pool: str, cpu: str, capacity: str = "ON_DEMAND") -> Json:
        thing = recorded("nodes.json")[0]
        thing["metadata"]["labels"] |= {"eks.amazonaws.com/nodegroup": pool, "eks.amazonaws.com/capacityType": capacity}
        thing["status"]["capacity"] |= {"cpu": cpu, "memory": "8Gi"}
        return thing

    cluster = Cluster()
    cluster.lists["/api/v1/nodes"] = [node("a", "4"), node("a", "4"), node("a", "8"), node("b", "4", "SPOT")]
    facts = collected(cluster, tmp_path, Level.DETAILED, DataType.CLUSTER_INFO).nodes
    assert facts is not None
    assert (facts.count, facts.cpu_cores, facts.memory_gib) == (4, 20.0, 32.0)
    assert facts.pools is not None
    assert [(each.name, each.count, each.cpu_cores, each.interruptible) for each in facts.pools] == [
        ("a", 2, 4.0, False),
        ("a", 1, 8.0, False),
        ("b", 1, 4.0, True),
    ]


def test_the_oldest_kubelet_tells_the_skew(tmp_path: Path) -> None:
    cluster = Cluster()
    cluster.lists["/api/v1/nodes"][0]["status"]["nodeInfo"]["kubeletVersion"] = "v1.33.9"
    facts = collected(cluster, tmp_path, Level.STANDARD, DataType.CLUSTER_INFO).nodes
    assert facts is not None
    assert facts.version_skew == 3


def test_a_machine_without_a_cluster_is_a_standalone_node() -> None:
    facts = host_facts(level=Level.DETAILED, data_types=tuple(DataType))
    assert facts.cluster is not None
    assert facts.cluster.distribution == "standalone"
    assert facts.cluster.provider in (*vocabulary.PROVIDERS, "other")
    assert facts.nodes is not None
    assert facts.nodes.count == 1
    assert (facts.nodes.cpu_cores or 0) >= 1
    assert facts.usage is not None
    assert 0 < (facts.usage.memory_used_max or 0) < 1
    assert facts.statuses["cluster"] == "ok"
    assert facts.statuses["policies"] == "missing_api"


def test_a_machine_tells_no_more_than_its_level_and_data_types() -> None:
    assert set(host_facts(level=Level.MINIMAL, data_types=tuple(DataType)).statuses) == {"cluster", "nodes"}
    facts = host_facts(level=Level.STANDARD, data_types=[DataType.RESOURCE_USAGE])
    assert facts.cluster is None
    assert facts.usage is not None


@pytest.mark.parametrize(
    ("model", "provider"), [("Amazon EC2 m7i.large", "aws"), ("Google Compute Engine", "gcp"), ("Acme X1", "other")]
)
def test_a_machine_is_a_clouds_by_its_firmware(model: str, provider: str) -> None:
    assert provider_of(model) == provider
