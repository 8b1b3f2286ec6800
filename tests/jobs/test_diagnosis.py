"""The messages are those that a Kubernetes 1.36 gave, shortened."""

from datetime import UTC, datetime
from typing import Any

import pytest

from jobs import diagnosis
from jobs.objects import Event, Job, Meta, Pod
from tests.jobs.factories import condition, container, pod

JOB = Job(meta=Meta(name="j", uid="job"))
NOT_FOUND = 'rpc error: code = NotFound desc = failed to pull and unpack image "docker.io/lab/nope:1": not found'
TOO_BIG = (
    "0/2 nodes are available: 2 Insufficient cpu. no new claims to deallocate, preemption: 0/2 nodes are available"
)
QUOTA = 'Error creating: pods "j-x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1'
SECURITY = 'Error creating: pods "j-x" is forbidden: violates PodSecurity "restricted:latest": privileged'
INVALID = (
    'Error creating: Pod "j-x" is invalid: spec.containers[0].resources.requests: Invalid value: "2Gi": must be less '
    "than or equal to ephemeral-storage limit of 64Mi"
)
RANGE = 'Error creating: pods "j-x" is forbidden: maximum memory usage per Container is 64Mi, but limit is 1Gi'


def event(reason: str, note: str, uid: str) -> Event:
    return Event(meta=Meta(name="e"), reason=reason, note=note, regarding_uid=uid)


def failed(reason: str) -> Job:
    return Job(meta=JOB.meta, conditions=(condition("Failed", reason=reason, message="in its own words"),))


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {"containers": (container("waiting", reason=reason, message=message),)}


def conditioned(*arguments: str, **fields: str) -> dict[str, Any]:
    return {"conditions": (condition(*arguments, **fields),)}


def ended(exit_code: int, reason: str) -> dict[str, Any]:
    return {"containers": (container("terminated", exit_code=exit_code, reason=reason),), "node": "n"}


@pytest.mark.parametrize(
    ("given", "words", "final"),
    [
        (waiting("ErrImagePull", NOT_FOUND), "image can't be pulled", True),
        (waiting("ImagePullBackOff", "Back-off pulling image: unauthorized"), "pull secret", True),
        (waiting("ErrImagePull", "dial tcp: lookup nope.example: no such host"), "no such host", True),
        (waiting("ErrImagePull", "dial tcp: i/o timeout"), "i/o timeout", False),
        (waiting("InvalidImageName", "couldn't parse image"), "another --image", True),
        (waiting("CreateContainerConfigError", "image will run as root"), "must run as root", True),
        (ended(137, "OOMKilled"), "exceeded its memory limit", True),
        (ended(137, "ContainerStatusUnknown"), "before its container had started", True),
        (ended(137, "Error"), "was killed (exit code 137)", False),
        (ended(137, "Error") | {"phase": "Failed"}, "was killed (exit code 137)", True),
        (ended(137, "Error") | {"phase": "Failed", "reason": "Evicted", "message": "low"}, "was evicted: low", True),
        (ended(3, "Error"), "exit code 3", False),
        (ended(3, "Error") | {"phase": "Failed"}, "exit code 3", True),
        ({"phase": "Failed", "reason": "Evicted", "message": "It was low on memory."}, "low on memory; give", True),
        ({"phase": "Failed", "reason": "NodeAffinity", "message": "no match"}, "refused the pod (NodeAffinity)", True),
        ({"phase": "Unknown"}, "node of the pod is lost", True),
        (conditioned("DisruptionTarget", reason="DeletionByTaintManager"), "DeletionByTaintManager", True),
        (conditioned("Ready", "False", reason="NodeNotReady"), "kubelet is not heard of", False),
        (conditioned("PodScheduled", "False", reason="Unschedulable", message=TOO_BIG), "2 Insufficient cpu", False),
        (conditioned("PodScheduled", "False", reason="SchedulingGated"), "holds the pod back", False),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_pod_is_said_in_words(given: dict[str, Any], words: str, final: bool) -> None:  # noqa: FBT001  a table's column
    found = diagnosis.of(JOB, pod("p", **given), ())
    assert found is not None
    assert words in found.reason
    assert found.final is final
    assert "\n" not in found.reason


def test_that_a_pod_was_deleted_is_why_it_was_killed_unless_its_job_had_failed() -> None:
    deleted = Pod(meta=Meta(name="p", deleted_at=datetime.now(UTC)), **ended(137, "Error"))
    for job, words in ((None, "was deleted"), (JOB, "was deleted"), (failed("DeadlineExceeded"), "deadline")):
        found = diagnosis.of(job, deleted, ())
        assert found is not None
        assert words in found.reason
        assert found.final


@pytest.mark.parametrize(
    ("job", "events", "words", "final"),
    [
        (JOB, [event("FailedCreate", QUOTA, "job")], "quota has no room", False),
        (JOB, [event("FailedCreate", SECURITY, "job")], "Pod Security refuses", True),
        (JOB, [event("FailedCreate", RANGE, "job")], "LimitRange refuses", True),
        (JOB, [event("FailedCreate", INVALID, "job")], "do a LimitRange's defaults contradict", True),
        (JOB, [event("FailedCreate", f"(combined from similar events): {QUOTA}", "job")], "no room: Error", False),
        (JOB, [event("FailedCreate", "Error creating: webhook is forbidden", "job")], "the pod is refused", True),
        (failed("DeadlineExceeded"), [], "ran into its deadline", True),
        (failed("PodFailurePolicy"), [], "in its own words", True),
    ],
)
def test_what_keeps_a_job_from_having_a_pod_is_said_in_words(
    *, job: Job, events: list[Event], words: str, final: bool
) -> None:
    found = diagnosis.of(job, None, events)
    assert found is not None
    assert words in found.reason
    assert found.final is final


def test_a_volume_that_is_not_mounted_is_told_by_the_latest_event_of_the_pod() -> None:
    events = [
        event("FailedMount", "first", "uid-p"),
        event("FailedAttachVolume", "latest", "uid-p"),
        event("FailedMount", "else", "x"),
    ]
    found = diagnosis.of(JOB, pod("p", node="n"), events)
    assert found is not None
    assert "latest" in found.reason
    assert not found.final


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"node": "n", **waiting("ContainerCreating")},
        {"node": "n", "phase": "Running", "containers": (container("running"),)},
        {"node": "n", "phase": "Succeeded", **ended(0, "Completed")},
    ],
)
def test_nothing_is_wrong_with_a_pod_on_its_way(given: dict[str, Any]) -> None:
    assert diagnosis.of(JOB, pod("p", **given), ()) is None


def test_nothing_is_known_of_what_is_not_there() -> None:
    assert diagnosis.of(None, None, ()) is None


def test_an_endless_message_is_cut() -> None:
    found = diagnosis.of(None, Pod(meta=Meta(name="p"), phase="Failed", reason="Evicted", message="word " * 1000), ())
    assert found is not None
    assert len(found.reason) < 500
