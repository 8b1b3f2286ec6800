"""A node of the stand-in: its object in the API, and a worker for each pod that is scheduled to it."""

import itertools
import threading
from dataclasses import replace

from tests.standin.pace import Delays
from tests.standin.pod_worker import Host, Moments, PodWorker
from tests.standin.resources import NODES, PODS, Json
from tests.standin.store import now_text

_CONDITIONS = {
    "MemoryPressure": ("False", "KubeletHasSufficientMemory"),
    "DiskPressure": ("False", "KubeletHasNoDiskPressure"),
    "PIDPressure": ("False", "KubeletHasSufficientPID"),
    "Ready": ("True", "KubeletReady"),
}


def node_object(name: str, *, zone: str, cpu: str = "8", memory: str = "16Gi") -> Json:
    """Return a node as its kubelet registers it."""
    amounts = {"cpu": cpu, "memory": memory, "ephemeral-storage": "100Gi", "pods": "250"}
    return {
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/os": "linux",
                "kubernetes.io/hostname": name,
                "topology.kubernetes.io/zone": zone,
            },
        },
        "spec": {},
        "status": {
            "capacity": amounts,
            "allocatable": amounts,
            "conditions": [
                {"type": kind, "status": value, "reason": reason, "lastTransitionTime": now_text()}
                for kind, (value, reason) in _CONDITIONS.items()
            ],
            "nodeInfo": {
                "architecture": "amd64",
                "operatingSystem": "linux",
                "kubeletVersion": "v1.36.2",
                "containerRuntimeVersion": "containerd://2.1.9",
                "kernelVersion": "6.18.44",
            },
        },
    }


class Node:
    """Runs the pods of one node. `address_prefix` is where they get theirs."""

    def __init__(self, host: Host, *, address_prefix: str) -> None:
        self.name = host.name
        self._host = host
        self._workers: dict[str, PodWorker] = {}
        self._addresses = (f"{address_prefix}.{number}" for number in itertools.count(1))
        self._lock = threading.Lock()

    def reconcile(self, delays: Delays) -> None:  # noqa: ARG002 - as all controllers
        for pod in self._host.store.all(PODS):
            uid = pod["metadata"]["uid"]
            if "deletionTimestamp" in pod["metadata"] and (doomed := self._workers.get(uid)):
                doomed.poke()
            if pod["spec"].get("nodeName") != self.name or uid in self._workers or self._host.lost.is_set():
                continue
            own = self._host.directory / uid
            own.mkdir()
            worker = PodWorker(replace(self._host, directory=own), pod, next(self._addresses))
            with self._lock:
                self._workers[uid] = worker
            worker.start()

    def worker(self, uid: str) -> PodWorker | None:
        with self._lock:
            return self._workers.get(uid)

    def moments(self, uid: str) -> Moments | None:
        """Return what truly happened to a pod and when; None where it never came here."""
        worker = self.worker(uid)
        return worker.moments if worker else None

    def lose(self) -> None:
        """Let the node fall silent: what runs goes on, and nobody hears of it; the API marks it as not ready."""
        self._host.lost.set()

        def unknown(after: Json) -> None:
            for condition in after["status"]["conditions"]:
                condition |= {"status": "Unknown", "reason": "NodeStatusUnknown", "lastTransitionTime": now_text()}
            after["spec"]["taints"] = [{"key": "node.kubernetes.io/unreachable", "effect": "NoSchedule"}]

        self._host.store.update(NODES, self.name, "", unknown)

    @property
    def is_lost(self) -> bool:
        return self._host.lost.is_set()

    def stop(self) -> None:
        self._host.stopping.set()
        with self._lock:
            workers = list(self._workers.values())
        for worker in workers:
            worker.poke()
        for worker in workers:
            worker.join()
