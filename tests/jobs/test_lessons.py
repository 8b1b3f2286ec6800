"""What keeps many pods from starting is waited for once, told while it is, and told once in the result."""

import time
from dataclasses import replace
from typing import Any

import pytest

from jobs.board import Board
from jobs.cluster import Arrival, Change, Manifest
from jobs.errors import Unavailable
from jobs.guard import Limits
from jobs.hands import Hands
from jobs.launch import run
from jobs.objects import Container, Event, Meta, Owner, Pod
from jobs.outcome import Done, Watched, results
from jobs.perform import start_pods
from jobs.plan import plan
from jobs.step import PodStartup
from jobs.watching import watched
from probes.measure.result import ProbeResult, Status
from tests.jobs.factories import SECONDS, condition, container, nodes, request, site
from tests.jobs.memory import Memory, labelled

QUOTA = (
    'Error creating: pods "{}-q2x7w" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1'
)
AGAIN = "since an earlier pod had waited for the same in vain"


def unpulled(port: int = 40001) -> Container:
    return container("waiting", reason="ErrImagePull", message=f"dial tcp 10.0.0.9:{port}: i/o timeout")


def told_of(memory: Memory, *, steps: int, start_seconds: float = 0.5) -> tuple[ProbeResult, list[str]]:
    """The result of a run of one step on each of so many nodes, and what was told meanwhile."""
    told: list[str] = []
    made = plan(request("dns", nodes_limit=steps), nodes=nodes(steps), classes=[], seconds=SECONDS)
    outcome = run(memory, made, site(owner=None), Limits(), start_seconds=start_seconds, on_trouble=told.append)
    assert labelled(memory) == []
    return outcome.results[0], told


def refusing(memory: Memory) -> None:
    """Have a quota refuse each pod."""

    def refuse(job: Meta, _manifest: Manifest) -> None:
        event = Event(
            meta=Meta(name=f"e-{job.name}", namespace="lab"),
            reason="FailedCreate",
            note=QUOTA.format(job.name),
            regarding_name=job.name,
            regarding_uid=job.uid,
        )
        memory.put(event, Change.ADDED)

    memory._start = refuse  # type: ignore[method-assign]


def test_twenty_pods_that_a_quota_refuses_are_one_reason_and_one_long_wait() -> None:
    memory = Memory()
    refusing(memory)
    found, told = told_of(memory, steps=20)
    assert found.status is Status.UNAVAILABLE
    assert (found.reason or "").startswith("20 times: the namespace's quota has no room")
    assert (found.reason or "").endswith("(after 0 s)")
    # The others were given up before they were waited for so long that it would have been told.
    assert [line.partition(":")[0] for line in told] == ["dns-1"]


def hands(start_seconds: float = 0.5) -> Hands:
    return Hands(Memory(), site(), Board(site().name("")), start_seconds=start_seconds)


def put(board: Board, job: str, **fields: Any) -> Meta:
    """Tell the board of a Job's pod."""
    meta = Meta(name=f"{job}-x", namespace="lab", uid=f"{job}-pod", owners=(Owner(kind="Job", name=job, uid=job),))
    board.take(Pod, Arrival(change=Change.ADDED, record=Pod(meta=meta, **fields), arrived_ns=time.monotonic_ns()))
    return Meta(name=job, namespace="lab", uid=job)


def failure(of: Hands, job: Meta, node: str) -> str:
    with pytest.raises(Unavailable) as caught:
        of.ready_pod(job, node=node)
    return str(caught.value)


def test_an_image_that_a_node_could_not_get_is_not_waited_for_there_again_and_less_elsewhere() -> None:
    of = hands()
    jobs = [put(of.board, f"probe-a-{name}", containers=(unpulled(40000 + name),)) for name in range(3)]
    assert failure(of, jobs[0], "a").endswith("(after 0 s)")
    assert failure(of, jobs[1], "a").endswith("(not tried again: this node could not get it before)")
    assert AGAIN in failure(of, jobs[2], "b")


def test_what_a_node_lacks_is_no_reason_to_give_up_on_another() -> None:
    of = hands()
    unplaced = {"conditions": (condition("PodScheduled", "False", reason="Unschedulable", message="0/2 nodes"),)}
    jobs = [put(of.board, f"probe-a-{name}", **unplaced) for name in range(3)]
    assert failure(of, jobs[0], "a").endswith("(after 0 s)")
    assert AGAIN in failure(of, jobs[1], "a")
    assert failure(of, jobs[2], "b").endswith("(after 0 s)")


def test_a_pod_that_nothing_is_wrong_with_has_its_full_time_after_others_had_theirs_in_vain() -> None:
    of = hands()
    failure(of, put(of.board, "probe-a-1", containers=(unpulled(),)), "a")
    assert failure(of, put(of.board, "probe-a-2"), "b") == "its pod did not start, and nobody told why (after 0 s)"


def test_why_a_pod_is_waited_for_is_told_once_a_reason_whatever_ports_it_names() -> None:
    def play(memory: Memory, pod: Pod, _manifest: Manifest) -> None:
        for number in range(20):
            memory.update(pod, node="n000", containers=(unpulled(40000 + number),))
            time.sleep(0.05)

    _, told = told_of(Memory(play=play), steps=1, start_seconds=2.0)
    assert len(told) == 1
    assert told[0].startswith("dns-1: the image can't be pulled: dial tcp 10.0.0.9:")


def test_a_wave_of_pods_that_never_start_is_unavailable_with_the_reason_and_not_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("jobs.perform._STARTUP_SECONDS", 0.5)

    def play(memory: Memory, pod: Pod, _manifest: Manifest) -> None:
        memory.update(pod, node="n000", containers=(unpulled(),))

    made = plan(request("startup", startup_pods=3, startup_rate_per_second=100.0), nodes=nodes(1), classes=[],
                seconds=SECONDS)  # fmt: skip
    outcome = run(Memory(play=play), made, site(owner=None), Limits(), start_seconds=0.5)
    assert outcome.results[0].status is Status.UNAVAILABLE
    assert "none of 3 pods became ready: 3 times: the image can't be pulled" in (outcome.results[0].reason or "")


def test_waves_end_with_the_first_of_which_a_quota_keeps_pods_from_starting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.perform._STARTUP_SECONDS", 0.5)
    memory = Memory(play=lambda each, pod, _manifest: each.run(pod) and None)
    start = memory._start
    refusing(memory)
    refuse = memory._start

    def start_but_second(job: Meta, made: Manifest) -> None:
        (refuse if job.name.endswith("-2") else start)(job, made)

    memory._start = start_but_second  # type: ignore[method-assign]
    made = plan(request("startup", startup_rate_per_second=100.0), nodes=nodes(1), classes=[], seconds=SECONDS)
    step = next(each for each in made.steps if isinstance(each, PodStartup))
    of = Hands(memory, site(), Board(site().name("")))
    with watched(memory, of.site, of.board):
        waves, problem = start_pods(replace(step, waves=3, pods=2), of)
    assert problem is None
    assert [len(wave.startups) for wave in waves] == [1]
    assert "quota has no room" in (waves[0].problem or "")
    done = Done(step=step, begin=0.0, end=1.0, waves=waves)
    (found,) = results(made, [done], Watched(startups=(), pulls={}, begin=0.0))
    assert any("some pods did not start: the namespace's quota" in flag.reason for flag in found.flags)
