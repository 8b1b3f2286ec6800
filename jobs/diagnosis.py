"""Why a pod doesn't come up or didn't end well, in words that say what to do. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from jobs.objects import Container, Event, Job, Pod, condition

# The kubelet tries to pull again and again, and these are what trying again does not mend. The words are those of
# containerd, CRI-O and registries; `no such host` is Go's word for a resolver's answer that there is no such name.
_HOPELESS = (
    "no such host",
    "not found",
    "manifest unknown",
    "denied",
    "unauthorized",
    "no match for platform",
    "x509",
    "invalid reference",
)
_PULLING = frozenset({"ErrImagePull", "ImagePullBackOff", "RegistryUnavailable", "SignatureValidationFailed"})
_LONGEST = 300
# What the sender of events puts in front once it has told much the same ten times.
_COMBINED = "(combined from similar events): "


class Cause(StrEnum):
    """What keeps other pods from starting, too."""

    IMAGE = "image"
    """It can't be had, wherever it is asked for."""
    QUOTA = "quota"
    """Of the namespace."""
    NODE = "node"
    """That a pod is for."""
    OWN = "own"
    """Nothing that others need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What is wrong."""

    reason: str
    """One line: the fact, and what to do."""
    final: bool
    """Whether waiting longer is in vain."""
    cause: Cause = Cause.OWN


def of(job: Job | None, pod: Pod | None, events: Sequence[Event]) -> Diagnosis | None:
    """Return what is wrong with a Job of one pod, None where all is well so far; `events` are those of both."""
    if pod is not None:
        found = _of_pod(pod, [each for each in events if each.regarding_uid == pod.meta.uid])
        if found is not None:
            return found
    if job is not None:
        found = next(_of_job(job, pod, [each for each in events if each.regarding_uid == job.meta.uid]), None)
        if found is not None:
            return found
    # Last, because a Job that fails deletes its pod itself.
    if pod is not None and pod.meta.deleted_at is not None:
        return _final("the pod was deleted while it was needed: did somebody remove it, its Job or its namespace?")
    return None


def _of_pod(pod: Pod, events: Sequence[Event]) -> Diagnosis | None:
    # Why a container was ended from outside, as by an eviction, comes with the pod's phase, up to two seconds later.
    is_over = pod.phase in {"Succeeded", "Failed"}
    objections = (
        _ended_by_others(pod),
        *(_of_container(each, is_over=is_over) for each in pod.containers if pod.meta.deleted_at is None),
        _unschedulable(pod),
        _unmountable(pod, events),
    )
    return next((each for each in objections if each is not None), None)


def _ended_by_others(pod: Pod) -> Diagnosis | None:
    disruption = condition(pod.conditions, "DisruptionTarget")
    ready = condition(pod.conditions, "Ready", "False")
    if pod.reason == "Evicted":
        reason = (
            f"the pod was evicted: {_short(pod.message).rstrip('.')}; give the node room, or ask for less with --size"
        )
    elif disruption is not None and pod.phase != "Succeeded":
        why = _short(disruption.message) or disruption.reason
        reason = f"the cluster ended the pod ({disruption.reason}): {why}; run again when the node is back"
    elif pod.reason == "NodeLost" or pod.phase == "Unknown":
        reason = "the node of the pod is lost: nothing was heard of it any more; run again when it is back"
    elif pod.reason == "DeadlineExceeded":
        reason = "the pod ran into its deadline and was ended: is something that it waits for not responding?"
    elif pod.reason and pod.phase == "Failed":
        reason = f"the node refused the pod ({pod.reason}): {_short(pod.message)}"
    elif ready is not None and ready.reason == "NodeNotReady":
        reason = "the pod's node is not ready: its kubelet is not heard of"
        return Diagnosis(reason=reason, final=False, cause=Cause.NODE)
    else:
        return None
    return _final(reason)


def _of_container(container: Container, *, is_over: bool) -> Diagnosis | None:
    if container.state == "waiting":
        return _of_waiting(container)
    if container.state != "terminated" or not container.exit_code:
        return None
    if container.reason == "OOMKilled":
        return _final(
            "the container exceeded its memory limit and was killed (OOMKilled): for storage a smaller --size may do"
        )
    if container.reason == "ContainerStatusUnknown":
        return _final("the pod was ended before its container had started, or its node lost track of it")
    if container.exit_code == 137:
        reason = "the container was killed (exit code 137) and no reason was told: was the node short of memory?"
    else:
        reason = f"the container ended with exit code {container.exit_code} ({container.reason}): see its log"
    return Diagnosis(reason=reason, final=is_over)


def _of_waiting(container: Container) -> Diagnosis | None:
    why = _short(container.message) or container.reason
    if container.reason in _PULLING:
        final = any(word in container.message.lower() for word in _HOPELESS)
        advice = "is the name right, and does the registry want a pull secret (--pull-secret)?"
        return Diagnosis(reason=f"the image can't be pulled: {why}; {advice}", final=final, cause=Cause.IMAGE)
    if container.reason in {"InvalidImageName", "ErrImageNeverPull", "ImageInspectError"}:
        return _final(f"the image can't be used ({container.reason}): {why}; give another --image")
    if container.reason in {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}:
        advice = "an image that must run as root is not allowed here, and one that has no numeric user can't be judged"
        return _final(f"the container can't be started ({container.reason}): {why}; {advice}")
    return None


def _unschedulable(pod: Pod) -> Diagnosis | None:
    scheduled = condition(pod.conditions, "PodScheduled", "False")
    if scheduled is None:
        return None
    if scheduled.reason == "SchedulingGated":
        return Diagnosis(reason="something in the cluster holds the pod back from the scheduler (a gate)", final=False)
    # Not final: an autoscaler may bring a node, and a provisioner a volume.
    reason = f"no node takes the pod: {_short(scheduled.message)}"
    return Diagnosis(reason=reason, final=False, cause=Cause.NODE)


def _unmountable(pod: Pod, events: Sequence[Event]) -> Diagnosis | None:
    if pod.phase != "Pending" or not pod.node:
        return None
    reasons = {"FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox"}
    told = next((each for each in reversed(events) if each.reason in reasons), None)
    return None if told is None else Diagnosis(reason=f"the pod can't be set up: {_short(told.note)}", final=False)


def _of_job(job: Job, pod: Pod | None, events: Sequence[Event]) -> Iterator[Diagnosis]:
    failed = condition(job.conditions, "Failed") or condition(job.conditions, "FailureTarget")
    refused = next((each for each in reversed(events) if each.reason == "FailedCreate"), None)
    if pod is None and refused is not None:
        yield _refused(refused.note)
    if failed is not None and failed.reason == "DeadlineExceeded":
        yield _final("the Job ran into its deadline: was its pod never started, or is something not responding?")
    elif failed is not None:
        yield _final(f"the Job failed ({failed.reason}): {_short(failed.message)}")


def _refused(note: str) -> Diagnosis:
    """What admission says of a Job's pod; the Job itself was admitted, and its controller goes on trying."""
    note = note.removeprefix(_COMBINED)
    if "exceeded quota" in note:
        reason = f"the namespace's quota has no room: {_short(note)}"
        return Diagnosis(reason=reason, final=False, cause=Cause.QUOTA)
    if "violates PodSecurity" in note:
        return _final(f"Pod Security refuses the pod: {_short(note)}; choose another --namespace")
    if "maximum" in note or "minimum" in note:
        return _final(f"the namespace's LimitRange refuses the pod: {_short(note)}; choose another --namespace")
    if " is invalid: " in note:
        advice = "do a LimitRange's defaults contradict what probes ask for? Choose another --namespace"
        return _final(f"the pod is refused: {_short(note)}; {advice}")
    return Diagnosis(reason=f"the pod is refused: {_short(note)}", final="forbidden" in note)


def _final(reason: str) -> Diagnosis:
    return Diagnosis(reason=reason, final=True)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."
