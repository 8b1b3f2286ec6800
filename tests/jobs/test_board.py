import threading
import time
from dataclasses import replace
from typing import Any

import pytest

from jobs.board import ENDPOINT_READY, Board
from jobs.cluster import Arrival, Change, Gap
from jobs.errors import Stopped
from jobs.objects import Claim, Endpoint, EndpointSlice, Event, Meta, Object, Owner, Pod
from jobs.timeline import Milestone
from tests.jobs.factories import condition

POD = Pod(meta=Meta(name="probe-j-x", uid="pod", owners=(Owner(kind="Job", name="probe-j", uid="job"),)))
SCHEDULED = replace(POD, node="n", conditions=(condition("PodScheduled"),))


def arrival(record: Any, at_ns: int = 1, change: Change = Change.ADDED) -> Arrival[Any]:
    return Arrival(change=change, record=record, arrived_ns=at_ns)


def board(*items: tuple[type[Object], Arrival[Any] | Gap]) -> Board:
    made = Board("probe-")
    for kind, item in items:
        made.take(kind, item)
    return made


def test_a_pod_is_found_by_its_job_as_it_last_was_even_when_it_has_gone() -> None:
    made = board((Pod, arrival(POD)), (Pod, arrival(SCHEDULED, 2, Change.DELETED)))
    assert made.pod_of("probe-j") == SCHEDULED
    assert made.pod_gone("probe-j")


@pytest.mark.parametrize(("length_ns", "late"), [(9_000_000, False), (11_000_000, True)])
def test_the_first_news_after_a_gap_is_late_where_the_gap_was_long_enough_to_matter(
    length_ns: int, *, late: bool
) -> None:
    gap = Gap(began_ns=1_000, ended_ns=1_000 + length_ns, lost=False)
    made = board((Pod, arrival(POD)), (Pod, gap), (Pod, arrival(SCHEDULED, gap.ended_ns + 5, Change.MODIFIED)))
    startup = made.startup_of("probe-j")
    assert startup is not None
    assert startup.seen[Milestone.SCHEDULED].late is late


def test_a_pod_that_comes_to_be_long_after_a_gap_is_not_late() -> None:
    gap = Gap(began_ns=0, ended_ns=10**9, lost=True)
    startup = board((Pod, gap), (Pod, arrival(POD, 3 * 10**9))).startup_of("probe-j")
    assert startup is not None
    assert not startup.seen[Milestone.CREATED].late


def test_a_claim_is_bound_from_its_creation_to_its_binding_where_both_were_seen_in_time() -> None:
    claim = Claim(meta=Meta(name="probe-c"))
    bound = replace(claim, phase="Bound")
    seen = board((Claim, arrival(claim, 100)), (Claim, arrival(bound, 350, Change.MODIFIED)))
    assert seen.claim_bound_ns("probe-c") == 250
    gap = Gap(began_ns=200, ended_ns=10**9, lost=False)
    unseen = board((Claim, arrival(claim, 100)), (Claim, gap), (Claim, arrival(bound, 10**9 + 1, Change.MODIFIED)))
    assert unseen.claim_bound_ns("probe-c") is None


def test_a_service_is_ready_with_its_first_ready_endpoint() -> None:
    slices = [
        EndpointSlice(
            meta=Meta(name="s"), service="probe-s", endpoints=(Endpoint(addresses=("10.0.0.1",), ready=ready),)
        )
        for ready in (False, True, True)
    ]
    made = board(*((EndpointSlice, arrival(each, at_ns)) for at_ns, each in enumerate(slices, start=1)))
    assert made.told("probe-s") == {ENDPOINT_READY: 2}


def test_only_events_that_regard_the_run_are_kept_and_of_those_the_last() -> None:
    def event(name: str, number: int) -> Event:
        return Event(meta=Meta(name=str(number)), regarding_name=name, regarding_uid=name, note=str(number))

    made = board(*((Event, arrival(event(name, number))) for number in range(100) for name in ("probe-a", "other")))
    assert made.events_of("other") == ()
    kept = [each.note for each in made.events_of("probe-a")]
    assert kept[-1] == "99"
    assert len(kept) < 100


def test_waiting_ends_with_what_was_waited_for_when_it_comes() -> None:
    made = board()
    waiting = threading.Thread(target=lambda: found.append(made.wait(lambda: made.pod_of("probe-j"), seconds=30)))
    found: list[Pod | None] = []
    waiting.start()
    made.take(Pod, arrival(POD))
    waiting.join(20)
    assert found == [POD]


def test_waiting_in_vain_ends_in_time() -> None:
    assert board().wait(lambda: None, seconds=0.01) is None


def test_stopping_ends_every_waiting_now_and_later_with_the_first_reason() -> None:
    made, raised = board(), list[Stopped]()

    def wait() -> None:
        try:
            made.rest(60)
        except Stopped as error:
            raised.append(error)

    threads = [threading.Thread(target=wait) for _ in range(3)]
    for thread in threads:
        thread.start()
    made.stop(Stopped(15))
    made.stop(Stopped(2))
    for thread in threads:
        thread.join(20)
    assert [error.signal_number for error in raised] == [15, 15, 15]
    with pytest.raises(Stopped):
        made.rest(60)


class Stream:
    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


def test_stopping_closes_what_is_being_read_and_what_would_be_read_later() -> None:
    made, now, later = board(), Stream(), Stream()
    with made.reading(now):
        made.stop(Stopped(15))
        assert now.closed == 1
    with pytest.raises(Stopped), made.reading(later):
        pass
    assert later.closed == 1


def test_nobody_waits_on_the_processor() -> None:
    made = board()
    before = time.thread_time()
    made.rest(0.2)
    assert time.thread_time() - before < 0.1
