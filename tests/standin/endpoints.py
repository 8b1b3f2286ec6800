"""EndpointSlices: which pods stand behind a Service, and whether they are ready."""

from tests.standin.pace import Delays, Pace
from tests.standin.resources import ENDPOINT_SLICES, PODS, SERVICES, Json
from tests.standin.status import has_ended, is_ready
from tests.standin.store import Store

SERVICE_NAME = "kubernetes.io/service-name"


class EndpointController:
    def __init__(self, store: Store, pace: Pace) -> None:
        self._store = store
        self._pace = pace

    def reconcile(self, delays: Delays) -> None:
        for service in self._store.all(SERVICES):
            meta = service["metadata"]
            if "selector" not in service["spec"] or "deletionTimestamp" in meta:
                continue
            endpoints = self._endpoints(service)
            name = f"{meta['name']}-standin"
            if self._store.find(ENDPOINT_SLICES, name, meta["namespace"]) is None:
                self._store.create(ENDPOINT_SLICES, _slice(service, name))
            if delays.over(f"endpoints/{meta['uid']}/{endpoints}", self._pace.endpoints):
                self._store.update(
                    ENDPOINT_SLICES, name, meta["namespace"], lambda after, found=endpoints: _set(after, found)
                )

    def _endpoints(self, service: Json) -> list[Json]:
        return [
            {
                "addresses": [pod["status"]["podIP"]],
                "conditions": dict.fromkeys(("ready", "serving"), is_ready(pod)) | {"terminating": False},
                "targetRef": {"kind": "Pod", "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]},
                "nodeName": pod["spec"]["nodeName"],
            }
            for pod in self._store.all(PODS, service["metadata"]["namespace"])
            if pod["status"].get("podIP")
            and not has_ended(pod)
            and "deletionTimestamp" not in pod["metadata"]
            and service["spec"]["selector"].items() <= (pod["metadata"].get("labels") or {}).items()
        ]


def _set(endpoint_slice: Json, endpoints: list[Json]) -> None:
    # Go's nil slice is null, as recorded.
    endpoint_slice["endpoints"] = endpoints or None


def _slice(service: Json, name: str) -> Json:
    meta = service["metadata"]
    owner = {"apiVersion": "v1", "kind": "Service", "name": meta["name"], "uid": meta["uid"], "controller": True}
    labels = (meta.get("labels") or {}) | {SERVICE_NAME: meta["name"]}
    ports = [{"name": port.get("name", ""), "port": port["port"]} for port in service["spec"].get("ports") or ()]
    return {
        "metadata": {"name": name, "namespace": meta["namespace"], "labels": labels, "ownerReferences": [owner]},
        "addressType": "IPv4",
        "endpoints": None,
        "ports": ports,
    }
