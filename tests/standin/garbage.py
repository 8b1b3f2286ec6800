"""What the cluster deletes by itself: what has lost its owners, finished Jobs, namespaces, claims nobody uses."""

from tests.standin.job_controller import condition_of
from tests.standin.pace import Delays
from tests.standin.resources import CLAIMS, EVENTS, JOBS, NAMESPACES, PODS, VOLUMES, Json, Resource
from tests.standin.status import has_ended
from tests.standin.store import Store

_PROTECTION = "kubernetes.io/pvc-protection"


class Garbage:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._finished: dict[str, float] = {}

    def reconcile(self, delays: Delays) -> None:
        self._expire_jobs(delays)
        self._collect_orphans()
        self._empty_namespaces()
        self._release_claims()

    def _expire_jobs(self, delays: Delays) -> None:
        for job in self._store.all(JOBS):
            seconds = job["spec"].get("ttlSecondsAfterFinished")
            finished = condition_of(job, "Complete") or condition_of(job, "Failed")
            if seconds is None or not finished or "deletionTimestamp" in job["metadata"]:
                continue
            expires = self._finished.setdefault(job["metadata"]["uid"], delays.now()) + seconds
            if delays.now() >= expires:
                self._delete(JOBS, job)
            delays.next_due = min(delays.next_due, expires)

    def _collect_orphans(self) -> None:
        """Delete what has owners of which none is there any more; deleting a dependent may orphan more."""
        # Events have no owners, and are more than everything else together.
        things = [(resource, thing) for resource, thing in self._store.everything() if resource is not EVENTS]
        alive = {thing["metadata"]["uid"] for _, thing in things}
        for resource, thing in things:
            owners = thing["metadata"].get("ownerReferences") or ()
            lost = owners and all(owner["uid"] not in alive for owner in owners)
            if lost and "deletionTimestamp" not in thing["metadata"]:
                self._delete(resource, thing)

    def _empty_namespaces(self) -> None:
        for namespace in self._store.all(NAMESPACES):
            if "deletionTimestamp" not in namespace["metadata"]:
                continue
            name = namespace["metadata"]["name"]
            inside = [
                (resource, thing)
                for resource, thing in self._store.everything()
                if resource.namespaced and thing["metadata"].get("namespace") == name
            ]
            for resource, thing in inside:
                if "deletionTimestamp" not in thing["metadata"]:
                    self._delete(resource, thing)
            self._store.update(NAMESPACES, name, "", _terminated if not inside else _terminating)

    def _release_claims(self) -> None:
        used = {
            (pod["metadata"]["namespace"], volume["persistentVolumeClaim"]["claimName"])
            for pod in self._store.all(PODS)
            if not has_ended(pod)
            for volume in pod["spec"].get("volumes") or ()
            if "persistentVolumeClaim" in volume
        }
        for claim in self._store.all(CLAIMS):
            meta = claim["metadata"]
            if "deletionTimestamp" in meta and (meta["namespace"], meta["name"]) not in used:
                self._store.update(CLAIMS, meta["name"], meta["namespace"], _unprotected)
        claims = {claim["metadata"]["uid"] for claim in self._store.all(CLAIMS)}
        for volume in self._store.all(VOLUMES):
            if volume["spec"]["claimRef"]["uid"] not in claims:
                self._delete(VOLUMES, volume)

    def _delete(self, resource: Resource, thing: Json) -> None:
        meta = thing["metadata"]
        if self._store.find(resource, meta["name"], meta.get("namespace", "")) is not None:
            self._store.delete(resource, meta["name"], meta.get("namespace", ""))


def _terminating(namespace: Json) -> None:
    namespace["status"]["phase"] = "Terminating"


def _terminated(namespace: Json) -> None:
    namespace["spec"]["finalizers"] = []


def _unprotected(claim: Json) -> None:
    claim["metadata"]["finalizers"] = [each for each in claim["metadata"]["finalizers"] if each != _PROTECTION]
