"""metrics.k8s.io, from what the nodes of the stand-in say they use."""

from tests.standin.resources import NODE_METRICS, NODES, PODS, Json, Resource
from tests.standin.store import Store, now_text


class Metrics:
    """Fixed, plausible figures: what is measured elsewhere is not this server's business."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def items(self, resource: Resource, namespace: str) -> list[Json]:
        if resource is NODE_METRICS:
            usage = {"usage": {"cpu": "126150208n", "memory": "1125064Ki"}}
            return [_item(node, usage) for node in self._store.all(NODES)]
        return [
            _item(pod, {"containers": [_container(each) for each in pod["spec"]["containers"]]})
            for pod in self._store.all(PODS, namespace or None)
            if pod["status"]["phase"] == "Running"
        ]


def _container(container: Json) -> Json:
    return {"name": container["name"], "usage": {"cpu": "691734n", "memory": "11092Ki"}}


def _item(thing: Json, what: Json) -> Json:
    kept = {key: value for key, value in thing["metadata"].items() if key in ("name", "namespace", "labels")}
    stamps = {"metadata": kept | {"creationTimestamp": now_text()}, "timestamp": now_text(), "window": "15.004s"}
    return stamps | what
