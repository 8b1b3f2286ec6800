"""Binds claims as an external provisioner does, and gives each a directory."""

import shutil
from pathlib import Path

from tests.standin.events import tell
from tests.standin.pace import Delays, Pace
from tests.standin.resources import CLAIMS, STORAGE_CLASSES, VOLUMES, Json
from tests.standin.store import Store

SELECTED_NODE = "volume.kubernetes.io/selected-node"


class Provisioner:
    """Serves every class but those of the provisioner `kubernetes.io/no-provisioner`."""

    def __init__(self, store: Store, directory: Path, pace: Pace) -> None:
        self._store = store
        self._directory = directory
        self._pace = pace

    def directory(self, claim: Json) -> Path:
        """Where the volume of a claim lies."""
        return self._directory / str(claim["metadata"]["uid"])

    def reconcile(self, delays: Delays) -> None:
        claims = self._store.all(CLAIMS)
        for claim in claims:
            if claim["status"]["phase"] == "Pending" and self._is_due(claim, delays):
                self._bind(claim)
        there = {str(claim["metadata"]["uid"]) for claim in claims}
        for left in self._directory.iterdir():
            if left.name not in there:
                shutil.rmtree(left, ignore_errors=True)

    def _is_due(self, claim: Json, delays: Delays) -> bool:
        storage_class = self._store.find(STORAGE_CLASSES, claim["spec"].get("storageClassName") or "")
        if storage_class is None or storage_class["provisioner"] == "kubernetes.io/no-provisioner":
            return False
        waits = storage_class.get("volumeBindingMode") == "WaitForFirstConsumer"
        if waits and SELECTED_NODE not in (claim["metadata"].get("annotations") or {}):
            return False
        return delays.over(f"provision/{claim['metadata']['uid']}", self._pace.provisioning)

    def _bind(self, claim: Json) -> None:
        meta, spec = claim["metadata"], claim["spec"]
        name = f"pvc-{meta['uid']}"
        self.directory(claim).mkdir(exist_ok=True)
        size = spec["resources"]["requests"]["storage"]
        reference = {"namespace": meta["namespace"], "name": meta["name"], "uid": meta["uid"]}
        volume = {
            "metadata": {"name": name},
            "spec": {
                "capacity": {"storage": size},
                "accessModes": spec["accessModes"],
                "claimRef": reference,
                "storageClassName": spec["storageClassName"],
                "persistentVolumeReclaimPolicy": "Delete",
            },
            "status": {"phase": "Bound"},
        }

        def bound(after: Json) -> None:
            after["spec"]["volumeName"] = name
            after["status"] = {"phase": "Bound", "accessModes": spec["accessModes"], "capacity": {"storage": size}}

        with self._store.changed:
            if self._store.find(VOLUMES, name) is None:
                self._store.create(VOLUMES, volume)
            self._store.update(CLAIMS, meta["name"], meta["namespace"], bound)
        note = f"Successfully provisioned volume {name}"
        tell(self._store, claim, "ProvisioningSucceeded", note, component="standin/local")
