"""What the catalogue recognizes, and what it leaves unknown."""

from pathlib import Path
from typing import Any

import pytest

from agent.collect import catalogue
from agent.collect.recognition import Recognition, repository_of
from agent.levels import DataType, Level
from agent.wire import vocabulary
from agent.wire.facts import PlatformFacts
from tests.agent.collect.served import Cluster, collected

PARTS = {
    "observability": (catalogue.OBSERVABILITY, set(vocabulary.OBSERVABILITY)),
    # Calico's eBPF is told by its configuration.
    "ebpf": (catalogue.EBPF, set(vocabulary.EBPF) - {"calico_ebpf"}),
    "features": (catalogue.FEATURES, set(vocabulary.FEATURES)),
}


def workload(image: str = "registry.internal/canary:1", **labels: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "canary", "labels": labels},
        "spec": {"template": {"spec": {"containers": [{"image": image}]}}},
    }


def platform(tmp_path: Path, cluster: Cluster) -> PlatformFacts:
    facts = collected(cluster, tmp_path, Level.STANDARD, DataType.PLATFORM_FEATURES)
    assert facts.statuses == {"platform": "ok"}
    assert facts.platform is not None
    return facts.platform


@pytest.mark.parametrize("part", PARTS)
def test_every_word_has_signs_and_every_sign_one_word(part: str) -> None:
    signs, words = PARTS[part]
    assert {sign.word for sign in signs} == words
    assert len(signs) == len(words)
    for what in ("images", "apps", "groups", "components"):
        values = [value for sign in signs for value in getattr(sign, what)]
        assert len(values) == len(set(values))
    assert all(sign.images or sign.apps or sign.groups or sign.components for sign in signs)


@pytest.mark.parametrize(
    ("image", "word"),
    [
        ("grafana/loki:3.2.0", "loki"),
        ("docker.io/grafana/loki", "loki"),
        ("registry.internal:5000/mirror/grafana/loki@sha256:c0ffee", "loki"),
        ("registry.internal:5000/mirror/grafana/loki:1@sha256:c0ffee", "loki"),
        ("evilgrafana/loki", None),
        ("team/loki-canary:1", None),
        ("", None),
    ],
)
def test_an_image_is_known_by_the_end_of_its_repository(image: str, word: str | None) -> None:
    assert Recognition(catalogue.OBSERVABILITY).of_image(image) == word


def test_a_port_is_no_tag() -> None:
    assert repository_of("host:5000/a/b:1.2@sha256:00") == "host:5000/a/b"
    assert repository_of("host:5000/a/b") == "host:5000/a/b"


def test_images_labels_and_groups_tell_what_there_is(tmp_path: Path) -> None:
    cluster = Cluster()
    cluster.lists["/apis/apps/v1/daemonsets"] = [
        workload("quay.io/cilium/cilium:v1.16.3"),
        workload("quay.io/prometheus/node-exporter:v1.8.2"),
    ]
    cluster.lists["/apis/apps/v1/statefulsets"] = [workload(**{"app.kubernetes.io/name": "prometheus"})]
    cluster.lists["/apis/apps/v1/deployments"] = [
        workload(**{"prism.io/component": "service-mesh"}),
        workload(**{"app.kubernetes.io/name": "telemetry-agent"}),
        workload(),
    ]
    cluster.groups += ["opentelemetry.io", "apiextensions.crossplane.io", "canary.example.org"]
    found = platform(tmp_path, cluster)
    assert found.observability == ("node_exporter", "opentelemetry", "prometheus")
    assert found.ebpf == ("cilium",)
    assert found.features == ("crossplane", "service_mesh", "telemetry_agent")


def test_calico_uses_ebpf_where_it_is_told_to(tmp_path: Path) -> None:
    cluster = Cluster()
    cluster.groups.append("crd.projectcalico.org")
    cluster.lists["/apis/crd.projectcalico.org/v1/felixconfigurations"] = [
        {"metadata": {"name": "node.canary"}, "spec": {}},
        {"metadata": {"name": "default"}, "spec": {"bpfEnabled": True}},
    ]
    assert platform(tmp_path, cluster).ebpf == ("calico_ebpf",)


def test_labelled_namespaces_are_cells(tmp_path: Path) -> None:
    cluster = Cluster()
    cluster.lists["/api/v1/namespaces"] += [
        {"metadata": {"name": "logic-cell", "labels": {"prism.io/cell-type": "logic"}}},
        {"metadata": {"name": "data-cell", "labels": {"cell.prism-platform.io/type": "data"}}},
    ]
    found = platform(tmp_path, cluster)
    assert (found.cells, found.cell_types) == (2, ("data", "logic"))
    assert found.cell_rows is not None
    assert [(row.name, row.type) for row in found.cell_rows] == [("logic-cell", "logic"), ("data-cell", "data")]


def test_cells_that_are_objects_are_not_counted_again_as_namespaces(tmp_path: Path) -> None:
    cluster = Cluster()
    cluster.groups.append("prism.io")
    cluster.lists["/apis/prism.io/v1alpha1/cells"] = [
        {"metadata": {"name": "a"}, "spec": {"cellType": "ml"}},
        {"metadata": {"name": "b"}, "spec": {"cellType": None}},
    ]
    cluster.lists["/api/v1/namespaces"].append({"metadata": {"name": "a", "labels": {"prism.io/cell-type": "ml"}}})
    found = platform(tmp_path, cluster)
    assert (found.cells, found.cell_types) == (2, ("ml",))
