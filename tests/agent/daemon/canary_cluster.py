"""An API server whose every object carries marked names wherever a name, a label or an address can stand."""

import json
from collections.abc import Iterable
from typing import Any

from tests.agent.privacy.canaries import CANARIES
from tests.standin.list_server import Answer, Query, status

_GROUPS = ("apps", "autoscaling", "batch", "networking.k8s.io", "storage.k8s.io", "metrics.k8s.io", "prism.io",
           "crd.projectcalico.org")  # fmt: skip
_LABELS = (
    "topology.kubernetes.io/region", "topology.kubernetes.io/zone", "node.kubernetes.io/instance-type",
    "eks.amazonaws.com/nodegroup", "cloud.google.com/gke-nodepool", "kubernetes.azure.com/cluster",
    "minikube.k8s.io/version", "app.kubernetes.io/name", "k8s-app", "prism.io/component", "prism.io/cell-type",
    "cell.prism-platform.io/type",
)  # fmt: skip
_AMOUNTS = {"cpu": "4", "memory": "16Gi"}


def answer(path: str, _query: Query) -> Answer:
    """Answer as an API server full of canaries would: what it forbids and what fails names them as well."""
    match path.strip("/").split("/"):
        case ["version"]:
            return _told({"gitVersion": f"v1.34.1+{CANARIES[0]}", "major": "1", "minor": "34"})
        case ["apis"]:
            return _told({"groups": [{"name": name} for name in (*_GROUPS, *CANARIES)]})
        case [*_, "horizontalpodautoscalers"]:
            return status(403, "Forbidden", f'User "{CANARIES[0]}" cannot list resource in API group "{CANARIES[1]}"')
        case [*_, "statefulsets"]:
            return status(500, "InternalError", f"etcd at {CANARIES[12]} is on fire: {CANARIES[7]}")
        case _:
            return _told({"metadata": {"resourceVersion": "1"}, "items": [thing(each) for each in CANARIES]})


def items(names: Iterable[str]) -> Answer:
    """Answer a list of objects of these names."""
    return _told({"metadata": {"resourceVersion": "1"}, "items": [thing(name) for name in names]})


def thing(mark: str) -> dict[str, Any]:
    """An object that could be of any kind; every text in it is `mark`, except where only a word tells what it is."""
    containers = [
        {"name": mark, "image": mark, "resources": {"requests": _AMOUNTS, "limits": _AMOUNTS}, "usage": _AMOUNTS,
         "env": [{"name": mark, "value": mark}]},
    ]  # fmt: skip
    rule = {
        "from": [{"ipBlock": {"cidr": mark}}, {"podSelector": {"matchLabels": {mark: mark}}}],
        "to": [{"ipBlock": {"cidr": "203.0.113.197/32", "except": [mark]}}],
        "ports": [{"port": mark}],
    }
    return {
        "metadata": {
            "name": mark,
            "namespace": mark,
            "uid": mark,
            "labels": dict.fromkeys((*_LABELS, mark), mark),
            "annotations": {mark: mark, "storageclass.kubernetes.io/is-default-class": mark},
            "ownerReferences": [{"kind": mark, "name": mark}],
        },
        "spec": {
            "nodeName": mark,
            "providerID": mark,
            "containers": containers,
            "template": {"metadata": {"labels": {mark: mark}}, "spec": {"containers": containers}},
            "scaleTargetRef": {"kind": "Deployment", "name": mark},
            "storageClassName": mark,
            "podSelector": {"matchLabels": {mark: mark}},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [rule],
            "egress": [rule],
            "cellType": mark,
        },
        "status": {
            "phase": mark,
            "capacity": _AMOUNTS,
            "allocatable": _AMOUNTS,
            "addresses": [{"type": "Hostname", "address": mark}],
            "nodeInfo": dict.fromkeys(
                ("architecture", "kubeletVersion", "containerRuntimeVersion", "osImage", "machineID"), mark
            ),
        },
        "provisioner": mark,
        "volumeBindingMode": mark,
        "usage": _AMOUNTS,
        "containers": containers,
    }


def _told(content: dict[str, Any]) -> Answer:
    return Answer(body=json.dumps(content).encode())
