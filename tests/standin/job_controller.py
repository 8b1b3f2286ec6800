"""The Job controller: a pod for each Job, counted once it has ended; deadlines; conditions in the recorded order."""

from tests.standin.admission import Admission
from tests.standin.events import tell
from tests.standin.pace import Delays, Pace
from tests.standin.problem import Problem
from tests.standin.resources import JOBS, PODS, Json
from tests.standin.status import has_ended
from tests.standin.store import Store, now_text

TRACKING = "batch.kubernetes.io/job-tracking"
_BACK_OFF_SECONDS = 1.0
_COMPONENT = "job-controller"


class JobController:
    def __init__(self, store: Store, admission: Admission, pace: Pace) -> None:
        self._store = store
        self._admission = admission
        self._pace = pace
        self._begun: dict[str, float] = {}
        self._created: set[str] = set()
        self._retry_at: dict[str, float] = {}
        self._seen: dict[str, tuple[tuple[str, ...], float]] = {}

    def reconcile(self, delays: Delays) -> None:
        owned: dict[str, list[Json]] = {}
        for pod in self._store.all(PODS):
            for owner in pod["metadata"].get("ownerReferences") or ():
                if owner["kind"] == "Job":
                    owned.setdefault(owner["uid"], []).append(pod)
        jobs = {job["metadata"]["uid"]: job for job in self._store.all(JOBS)}
        for uid, pods in owned.items():
            if uid not in jobs or "deletionTimestamp" in jobs[uid]["metadata"]:
                for pod in pods:
                    self._release(pod)
        for uid, job in jobs.items():
            if "deletionTimestamp" not in job["metadata"]:
                self._sync_if_needed(job, owned.get(uid, []), delays)

    def _sync_if_needed(self, job: Json, pods: list[Json], delays: Delays) -> None:
        """Look at a Job only when it or its pods have changed or something is due: hundreds may be there."""
        uid = job["metadata"]["uid"]
        versions = tuple(thing["metadata"]["resourceVersion"] for thing in (job, *pods))
        seen, due = self._seen.get(uid, ((), 0.0))
        if versions != seen or delays.now() >= due:
            others_due, delays.next_due = delays.next_due, float("inf")
            self._sync(job, pods, delays)
            due, delays.next_due = delays.next_due, min(others_due, delays.next_due)
            self._seen[uid] = versions, due
        delays.next_due = min(delays.next_due, due)

    def _sync(self, job: Json, pods: list[Json], delays: Delays) -> None:
        spec, uid = job["spec"], job["metadata"]["uid"]
        if condition_of(job, "Complete") or condition_of(job, "Failed"):
            for pod in filter(_is_over, pods):
                self._release(pod)
            return
        begun = self._begun.setdefault(uid, delays.now())
        if spec["completions"] == 0:
            self._conclude(job, "Complete", "CompletionsReached", "Reached expected number of succeeded pods")
            return
        self._count(job, pods, delays)
        job = self._store.get(JOBS, job["metadata"]["name"], job["metadata"]["namespace"])
        status = job["status"]
        active = [pod for pod in pods if not has_ended(pod)]
        if condition_of(job, "FailureTarget"):
            if not active:
                reason = condition_of(job, "FailureTarget")["reason"]
                self._conclude(job, "Failed", reason, condition_of(job, "FailureTarget")["message"])
        elif "activeDeadlineSeconds" in spec and self._is_late(begun, spec["activeDeadlineSeconds"], delays):
            self._doom(job, active, "DeadlineExceeded", "Job was active longer than specified deadline")
        elif status.get("succeeded", 0) >= spec["completions"]:
            self._conclude(job, "Complete", "CompletionsReached", "Reached expected number of succeeded pods")
        elif status.get("failed", 0) > spec["backoffLimit"]:
            self._doom(job, active, "BackoffLimitExceeded", "Job has reached the specified backoff limit")
        elif not pods and uid not in self._created:
            self._create_pod(job, delays)

    def _is_late(self, begun: float, seconds: float, delays: Delays) -> bool:
        delays.next_due = min(delays.next_due, begun + seconds)
        return delays.now() >= begun + seconds

    def _create_pod(self, job: Json, delays: Delays) -> None:
        meta, template = job["metadata"], job["spec"]["template"]
        uid = meta["uid"]
        if delays.now() < self._retry_at.get(uid, 0.0):
            delays.next_due = min(delays.next_due, self._retry_at[uid])
            return
        labels = {"batch.kubernetes.io/controller-uid": uid, "batch.kubernetes.io/job-name": meta["name"]}
        owner = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "name": meta["name"],
            "uid": uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }
        of_template = template.get("metadata") or {}
        pod = {
            "metadata": {
                "generateName": f"{meta['name']}-",
                "namespace": meta["namespace"],
                "labels": (of_template.get("labels") or {}) | labels | {"job-name": meta["name"]},
                "annotations": of_template.get("annotations") or {},
                "ownerReferences": [owner],
                "finalizers": [TRACKING],
            },
            "spec": template["spec"],
        }
        try:
            admitted, _ = self._admission.admit(PODS, meta["namespace"], pod)
        except Problem as problem:
            tell(self._store, job, "FailedCreate", f"Error creating: {problem}", component=_COMPONENT, warning=True)
            self._retry_at[uid] = delays.now() + _BACK_OFF_SECONDS
            delays.next_due = min(delays.next_due, self._retry_at[uid])
            return
        created = self._store.create(PODS, admitted)
        self._created.add(uid)
        tell(
            self._store,
            job,
            "SuccessfulCreate",
            f"Created pod: {created['metadata']['name']}",
            component=_COMPONENT,
        )

    def _count(self, job: Json, pods: list[Json], delays: Delays) -> None:
        """Write how many pods are active, ready, have succeeded and failed; let those go that are counted."""
        uid = job["metadata"]["uid"]
        ended = [pod for pod in pods if TRACKING in (pod["metadata"].get("finalizers") or ()) and _is_over(pod)]
        counted = [pod for pod in ended if delays.over(f"count/{pod['metadata']['uid']}", self._pace.job_sync)]
        good = sum(pod["status"]["phase"] == "Succeeded" for pod in counted)
        active = [pod for pod in pods if not _is_over(pod)]

        def write(after: Json) -> None:
            status = after["status"]
            status.setdefault("startTime", now_text())
            for key, value in (("active", len(active) or (0 if uid in self._created else 1)), ("terminating", 0)):
                status[key] = value
            status["ready"] = sum(
                any(
                    each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions", ())
                )
                for pod in active
            )
            status["succeeded"] = status.get("succeeded", 0) + good
            status["failed"] = status.get("failed", 0) + len(counted) - good

        self._store.update(JOBS, job["metadata"]["name"], job["metadata"]["namespace"], write)
        for pod in counted:
            self._release(pod)

    def _release(self, pod: Json) -> None:
        def without(after: Json) -> None:
            kept = [each for each in after["metadata"].get("finalizers") or () if each != TRACKING]
            after["metadata"]["finalizers"] = kept
            if not kept:
                del after["metadata"]["finalizers"]

        if TRACKING in (pod["metadata"].get("finalizers") or ()):
            self._store.update(PODS, pod["metadata"]["name"], pod["metadata"]["namespace"], without)

    def _doom(self, job: Json, active: list[Json], reason: str, message: str) -> None:
        """Mark the Job as bound to fail; it has failed once its pods have ended."""
        self._set_condition(job, "FailureTarget", reason, message)
        for pod in active:
            name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
            if self._store.find(PODS, name, namespace) is not None:
                self._store.delete(PODS, name, namespace)

    def _conclude(self, job: Json, kind: str, reason: str, message: str) -> None:
        if kind == "Complete":
            self._set_condition(job, "SuccessCriteriaMet", reason, message)
        self._set_condition(job, kind, reason, message)
        failed = kind == "Failed"
        words = message if failed else "Job completed"
        tell(self._store, job, reason if failed else "Completed", words, component=_COMPONENT, warning=failed)

    def _set_condition(self, job: Json, kind: str, reason: str, message: str) -> None:
        condition = {
            "type": kind,
            "status": "True",
            "lastProbeTime": now_text(),
            "lastTransitionTime": now_text(),
            "reason": reason,
            "message": message,
        }

        def add(after: Json) -> None:
            after["status"].setdefault("conditions", []).append(condition)
            after["status"]["active"] = 0
            if kind == "Complete":
                after["status"]["completionTime"] = now_text()

        self._store.update(JOBS, job["metadata"]["name"], job["metadata"]["namespace"], add)


def condition_of(job: Json, kind: str) -> Json:
    """Return the condition that is met, an empty one where none is."""
    return next((each for each in job["status"].get("conditions") or () if each["type"] == kind), {})


def _is_over(pod: Json) -> bool:
    """Whether a pod has ended; one that is being deleted counts as failed at once, for it may never tell its end."""
    return has_ended(pod) or "deletionTimestamp" in pod["metadata"]
