"""A small cluster of whole objects, served over HTTPS; tests change the objects, or what a path answers with."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agent.collect.gather import gather
from agent.kube.http import Transport
from agent.kube.login import log_in
from agent.kube.scan import KubeScan
from agent.levels import DataType, Level
from agent.wire.facts import Facts
from tests.standin.list_server import Answer, ListServer, Query, serving_lists, status

RECORDED = Path(__file__).parents[1] / "recorded"
Json = dict[str, Any]
_EMPTY = (
    "/apis/apps/v1/statefulsets", "/apis/apps/v1/daemonsets", "/apis/batch/v1/jobs", "/apis/batch/v1/cronjobs",
    "/apis/autoscaling/v2/horizontalpodautoscalers", "/apis/networking.k8s.io/v1/networkpolicies",
    "/api/v1/services", "/api/v1/persistentvolumeclaims",
)  # fmt: skip


def recorded(name: str) -> list[Json]:
    items: list[Json] = json.loads((RECORDED / name).read_text())["items"]
    return items


class Cluster:
    """The recorded cluster: `lists` is path -> objects, `answers` is path -> what is answered instead."""

    def __init__(self) -> None:
        self.version = "v1.36.2"
        self.groups = [group["name"] for group in json.loads((RECORDED / "api-groups.json").read_text())["groups"]]
        self.lists: dict[str, list[Json]] = {path: [] for path in _EMPTY} | {
            "/api/v1/nodes": recorded("nodes.json"),
            "/api/v1/pods": recorded("pods-of-deployments.json"),
            "/api/v1/namespaces": recorded("namespaces.json"),
            "/apis/apps/v1/deployments": recorded("deployments.json"),
            "/apis/storage.k8s.io/v1/storageclasses": recorded("storageclasses.json"),
            "/apis/metrics.k8s.io/v1beta1/nodes": recorded("metrics-nodes.json"),
            "/apis/metrics.k8s.io/v1beta1/pods": recorded("metrics-pods.json"),
        }
        self.answers: dict[str, Answer] = {}

    def answer(self, path: str, _: Query) -> Answer:
        if path in self.answers:
            return self.answers[path]
        if path == "/version":
            return Answer(body=json.dumps({"gitVersion": self.version}).encode())
        if path == "/apis":
            return Answer(body=json.dumps({"groups": [{"name": name} for name in self.groups]}).encode())
        if path not in self.lists:
            return status(404)
        body = {"kind": "List", "apiVersion": "v1", "metadata": {}, "items": self.lists[path]}
        return Answer(body=json.dumps(body, separators=(",", ":")).encode())


@contextmanager
def scanning(cluster: Cluster, directory: Path) -> Iterator[tuple[KubeScan, ListServer]]:
    with serving_lists(cluster.answer, directory) as (server, kubeconfig):
        yield KubeScan(Transport(log_in(kubeconfig=str(kubeconfig))), silence_seconds=1.0), server


def collected(cluster: Cluster, directory: Path, level: Level = Level.DETAILED, *data_types: DataType) -> Facts:
    with scanning(cluster, directory) as (scan, _):
        return gather(scan, level=level, data_types=data_types or tuple(DataType))
