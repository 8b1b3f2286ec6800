"""The arrivals are those of a recorded start of pods on Kubernetes 1.36; only what a startup is told from is kept."""

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from jobs.cluster import Arrival, Change
from jobs.objects import Event, Meta, Pod
from jobs.timeline import Image, Milestone, Startup, follow, pull_told
from tests.jobs.factories import condition, container, pod

CREATED, SCHEDULED, SANDBOX, STARTED, READY = Milestone
WAITING = container("waiting", reason="ContainerCreating")


def at(second: int) -> datetime:
    return datetime(2026, 11, 24, 0, 18, second, tzinfo=UTC)


def arrived(seconds: float, record: Pod, change: Change = Change.MODIFIED) -> Arrival[Pod]:
    return Arrival(change=change, record=record, arrived_ns=round(seconds * 1e9))


def followed(arrivals: Iterable[Arrival[Pod]], *, late: frozenset[int] = frozenset()) -> Startup:
    startup: Startup | None = None
    for number, each in enumerate(arrivals):
        startup = follow(startup, each, late=number in late)
    assert startup is not None
    return startup


def states() -> list[Pod]:
    """Of a pod with a readiness probe, whose sandbox and container were told apart."""
    meta = Meta(name="echo", uid="u", created_at=at(5))
    scheduled = condition("PodScheduled", changed_at=at(5))
    sandbox = condition("PodReadyToStartContainers", changed_at=at(6))
    running = container("running", started_at=at(6))
    return [
        Pod(meta=meta),
        Pod(meta=meta, node="node1", conditions=(scheduled,)),
        Pod(meta=meta, node="node1", conditions=(condition("Ready", "False"), scheduled), containers=(WAITING,)),
        Pod(meta=meta, node="node1", conditions=(sandbox, scheduled), containers=(WAITING,)),
        Pod(meta=meta, node="node1", conditions=(sandbox, scheduled), containers=(running,)),
        Pod(
            meta=meta,
            node="node1",
            conditions=(sandbox, scheduled, condition("Ready", changed_at=at(7))),
            containers=(running,),
        ),
    ]


TIMES = [0.305872, 0.307673, 0.343578, 1.059222, 1.180887, 1.94546]
ECHO = [arrived(TIMES[0], states()[0], Change.ADDED), *map(arrived, TIMES[1:], states()[1:])]


def test_each_milestone_is_when_its_first_news_arrived() -> None:
    seen = followed([*ECHO, arrived(2.949943, states()[-1])]).seen
    assert {each: moment.at_ns for each, moment in seen.items()} == {
        CREATED: 305_872_000,
        SCHEDULED: 307_673_000,
        SANDBOX: 1_059_222_000,
        STARTED: 1_180_887_000,
        READY: 1_945_460_000,
    }


def test_a_stage_lasts_from_one_arrival_to_the_other() -> None:
    startup = followed(ECHO)
    assert startup.between_ns(CREATED, READY) == 1_945_460_000 - 305_872_000
    assert startup.between_ns(SANDBOX, STARTED) == 1_180_887_000 - 1_059_222_000


def test_a_milestone_stays_reached_when_its_condition_goes_away() -> None:
    over = pod("echo", node="node1", phase="Failed", conditions=(condition("PodReadyToStartContainers", "False"),))
    assert followed([*ECHO, arrived(9.0, over)]).seen == followed(ECHO).seen


def test_what_was_told_in_one_update_was_not_reached_at_that_time() -> None:
    startup = followed([ECHO[0], ECHO[1], ECHO[5]])
    assert startup.between_ns(CREATED, SCHEDULED) is not None
    assert startup.between_ns(SCHEDULED, SANDBOX) is None
    assert startup.between_ns(SANDBOX, STARTED) is None
    assert startup.between_ns(CREATED, READY) == 1_945_460_000 - 305_872_000


def test_a_container_without_a_readiness_probe_is_ready_when_it_is_started() -> None:
    startup = followed([*ECHO[:4], ECHO[5]])
    assert startup.between_ns(SANDBOX, STARTED) == startup.between_ns(SANDBOX, READY) == 1_945_460_000 - 1_059_222_000


def test_what_arrives_after_a_gap_is_no_measurement_and_what_follows_it_is() -> None:
    startup = followed(ECHO, late=frozenset({3}))
    assert startup.seen[SANDBOX].late
    assert startup.between_ns(SCHEDULED, SANDBOX) is startup.between_ns(SANDBOX, STARTED) is None
    assert startup.between_ns(CREATED, READY) is not None


@pytest.mark.parametrize("change", [Change.LISTED, Change.MODIFIED])
def test_a_pod_first_heard_of_when_it_was_there_already_has_no_known_creation(change: Change) -> None:
    startup = followed([arrived(0.3, states()[0], change), *ECHO[1:]])
    assert startup.between_ns(CREATED, READY) is None
    assert startup.between_ns(SCHEDULED, READY) is not None


def test_a_pod_that_was_never_started_has_no_later_milestone() -> None:
    unlocated = container("terminated", reason="ContainerStatusUnknown", exit_code=137)
    lost = Pod(meta=Meta(name="echo", uid="u"), node="node1", phase="Failed", containers=(unlocated,))
    assert set(followed([*ECHO[:3], arrived(24.5, lost)]).seen) == {CREATED, SCHEDULED}


def test_stamps_of_whole_seconds_agree_with_arrivals_that_are_right() -> None:
    startup = followed(ECHO)
    assert startup.stamps[READY] == at(7)
    for first in Milestone:
        for last in Milestone:
            if first < last:
                assert startup.contradiction_seconds(first, last) == 0.0


def test_stamps_contradict_arrivals_that_are_too_far_apart() -> None:
    slow = followed([*ECHO[:5], arrived(6.305872, states()[5])])
    assert slow.contradiction_seconds(CREATED, READY) == pytest.approx(6.0 - 2.0 - 1.0)


@pytest.mark.parametrize(
    ("note", "image", "seconds"),
    [
        (
            'Container image "lab/python:latest" already present on machine and can be accessed by the pod',
            Image.WARM,
            None,
        ),
        ('Container image "lab/python:latest" already present on machine', Image.WARM, None),
        ('Successfully pulled image "a:1" in 2.5s (3.1s including waiting). Image size: 70000 bytes.', Image.COLD, 2.5),
        ('Successfully pulled image "a:1" in 850ms', Image.COLD, 0.85),
        ('Successfully pulled image "a:1" in a while', Image.COLD, None),
    ],
)
def test_the_kubelet_tells_whether_it_pulled_and_for_how_long(note: str, image: Image, seconds: float | None) -> None:
    told = pull_told(Event(meta=Meta(name="e"), reason="Pulled", note=note, regarding_kind="Pod"))
    assert told is not None
    assert (told.image, told.seconds) == (image, seconds)


def test_other_events_tell_nothing_of_images() -> None:
    assert pull_told(Event(meta=Meta(name="e"), reason="Pulling", note="Pulling image", regarding_kind="Pod")) is None
    assert pull_told(Event(meta=Meta(name="e"), reason="Pulled", note="?", regarding_kind="Pod")) is None
    assert (
        pull_told(Event(meta=Meta(name="e"), reason="Pulled", note="already present on machine", regarding_kind="Job"))
        is None
    )
