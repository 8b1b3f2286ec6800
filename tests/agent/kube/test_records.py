"""Reading what a real API server has said."""

import json
from pathlib import Path

import pytest

from agent.kube.records import READERS
from jobs import objects, quotas
from jobs.objects import EndpointSlice, Node, NodeUsage, Pod, PodUsage, Resources

RECORDED = Path(__file__).parent.with_name("recorded")


def test_every_kind_has_a_reader() -> None:
    named = [*vars(objects).values(), *vars(quotas).values()]
    kinds = {kind for kind in named if isinstance(kind, type) and issubclass(kind, objects.Object)}
    assert set(READERS) == kinds - {objects.Object}


def test_a_recorded_page_of_pods_is_read() -> None:
    pods, version, next_page = READERS[Pod].page((RECORDED / "pods-page-1.json").read_bytes())
    assert (len(pods), version) == (2, "3787")
    assert next_page.startswith("eyJ2")
    assert pods[0].node == "node2"
    assert pods[0].phase == "Failed"
    assert {condition.type for condition in pods[0].conditions} >= {
        "Ready",
        "PodScheduled",
        "PodReadyToStartContainers",
    }
    assert pods[0].containers[0].state == "terminated"


def test_recorded_metrics_are_numbers() -> None:
    nodes, _, _ = READERS[NodeUsage].page((RECORDED / "metrics-nodes.json").read_bytes())
    assert nodes[0].usage == Resources(cpu_cores=pytest.approx(0.126150208), memory_bytes=1125064 * 1024)
    pods, _, _ = READERS[PodUsage].page((RECORDED / "metrics-pods.json").read_bytes())
    assert len(pods) == 5
    assert all(pod.usage is not None and pod.usage.memory_bytes > 0 for pod in pods)


def test_endpoints_that_are_null_are_none_and_become_ready_in_time() -> None:
    lines = (RECORDED / "watch-endpointslices.jsonl").read_text().splitlines()
    slices = [READERS[EndpointSlice].one(json.dumps(json.loads(line)["event"]["object"]).encode()) for line in lines]
    assert [each.service for each in slices] == ["echo"] * 3
    assert [[endpoint.ready for endpoint in each.endpoints] for each in slices] == [[], [False], [True]]


def test_a_pod_requests_what_the_scheduler_reckons_with() -> None:
    def container(cpu: str, **more: str) -> dict[str, object]:
        return {"name": "c", "resources": {"requests": {"cpu": cpu}}, **more}

    spec = {
        "containers": [container("100m"), container("200m")],
        "initContainers": [container("50m", restartPolicy="Always"), container("1")],
        "overhead": {"cpu": "10m"},
    }
    pod = READERS[Pod].one(json.dumps({"metadata": {"name": "p"}, "spec": spec}).encode())
    assert pod.requests.cpu_cores == pytest.approx(1.06)
    del spec["initContainers"]
    pod = READERS[Pod].one(json.dumps({"metadata": {"name": "p"}, "spec": spec}).encode())
    assert pod.requests.cpu_cores == pytest.approx(0.31)


def test_a_use_that_is_no_quantity_costs_its_object_alone() -> None:
    page = json.loads((RECORDED / "metrics-pods.json").read_bytes())
    page["items"][0]["containers"][0]["usage"]["cpu"] = "much"
    first, *others = READERS[PodUsage].page(json.dumps(page).encode())[0]
    assert first.usage is None
    assert all(each.usage is not None for each in others)
    assert READERS[NodeUsage].one(b'{"metadata": {"name": "n"}, "usage": {"cpu": "much"}}').usage is None


def test_what_is_no_object_is_refused() -> None:
    with pytest.raises(ValueError, match="quantity"):
        READERS[Node].one(b'{"metadata": {"name": "n"}, "status": {"allocatable": {"cpu": "much"}}}')
