"""Carries a plan out: creates what owns everything, runs steps side by side, and always cleans up.

The calling thread only waits for steps and signals, so that a signal is never in the middle of anything; each step has
a thread of its own. Whatever ends a run (success, failure, a signal, the end of its time) leads to the same clean-up.
What ends the launcher itself (kill -9) is left to the cluster: see `jobs.manifest.expiry`.
"""

import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import FrameType
from typing import Protocol

from jobs import manifest, outcome, utilization
from jobs.board import Board
from jobs.cleanup import Leftover, remove_run
from jobs.cluster import Cluster
from jobs.errors import JobsError, Stopped, Unavailable
from jobs.guard import Limits
from jobs.hands import START_SECONDS, Hands
from jobs.outcome import Done
from jobs.perform import measure, start_pods, start_services
from jobs.plan import Plan
from jobs.site import Site
from jobs.step import Measure, Observe, PodStartup, ServiceStartup, Step, startable
from jobs.survey import snapshot
from jobs.watching import watched
from probes import environment
from probes.measure.result import ProbeResult
from probes.process import ending_signals

# On top of its time a run may need its last pods' end and the clean-up; then the cluster removes everything itself.
_EXPIRY_SLACK_SECONDS = 600


class Progress(Protocol):
    """Called in the launching thread when a step begins, and when it has ended."""

    def __call__(self, step: Step, /, *, ended: bool) -> None:
        """Tell."""


def _tell_nobody(_step: Step, /, *, ended: bool) -> None:
    """Be the progress of a run that nobody looks at."""
    del ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Retained:
    """A volume that outlives its claim, because its class wants it so."""

    storage_class: str
    volume: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run brought, whatever ended it."""

    results: tuple[ProbeResult, ...]
    """One of each probe of which a step has ended, in the order of the plan."""
    stopped_by_signal: int | None
    problem: JobsError | None
    """What ended the run before its time, beside a signal."""
    leftovers: tuple[Leftover, ...]
    """What could not be removed; the cluster will do it."""
    cleanup_problem: JobsError | None
    """Why it is not known whether everything was removed."""
    retained: tuple[Retained, ...]
    """What is left because the user named a class that retains volumes."""
    unwatched: tuple[str, ...]
    """What could not be watched, so that some times and reasons are lacking."""


@dataclass(slots=True)
class _State:
    waiting: list[Step]
    running: dict[str, Step] = field(default_factory=dict)
    done: list[Done] = field(default_factory=list)
    signal_number: int | None = None
    problem: JobsError | None = None
    leftovers: tuple[Leftover, ...] = ()
    cleanup_problem: JobsError | None = None
    unwatched: tuple[str, ...] = ()


_Message = Done | int
"""A step that has ended, or a signal's number."""


def expires_after(limits: Limits) -> int:
    """Return after how many seconds the cluster removes a run by itself."""
    return int(limits.seconds) + _EXPIRY_SLACK_SECONDS


def run(  # noqa: PLR0913  what to carry out, who is told of it, and how patiently: nothing of it makes a record
    cluster: Cluster,
    plan: Plan,
    site: Site,
    limits: Limits,
    *,
    on_progress: Progress = _tell_nobody,
    on_trouble: Callable[[str], None] = lambda _line: None,
    start_seconds: float = START_SECONDS,
) -> Outcome:
    """Carry the plan out and clean up; `site` has no owner yet. Raises JobsError where nothing could be begun.

    `on_trouble` is told in a line, in the thread of its step, why a pod is still waited for.
    In the main thread SIGINT, SIGTERM and SIGHUP end the run in order; elsewhere signals are the caller's.
    """
    messages: queue.SimpleQueue[_Message] = queue.SimpleQueue()
    state = _State(waiting=list(plan.steps))
    with _signals_to(messages):
        try:
            hands = Hands(
                cluster,
                with_owner(cluster, site, expires_after(limits)),
                Board(site.name("")),
                start_seconds=start_seconds,
                on_trouble=on_trouble,
            )
            seen = _watched_steps(plan, hands, limits, state, messages, on_progress)
        finally:
            _clean(cluster, site, state)
    return Outcome(
        results=outcome.results(plan, state.done, seen),
        stopped_by_signal=state.signal_number,
        problem=state.problem,
        leftovers=state.leftovers,
        cleanup_problem=state.cleanup_problem,
        retained=tuple(_retained(plan, hands)),
        unwatched=state.unwatched,
    )


def _retained(plan: Plan, hands: Hands) -> Iterator[Retained]:
    """Yield what our claims were bound to and doesn't go with them.

    It is left alone: to delete it takes a permission for the whole cluster, and would only hide the disk behind it.
    """
    for step in plan.steps:
        if isinstance(step, Measure) and step.volume is not None and step.volume.retained:
            volume = hands.board.volume_of(hands.site.name(step.name))
            if volume is not None:
                yield Retained(storage_class=step.volume.storage_class or "", volume=volume)


def _clean(cluster: Cluster, site: Site, state: _State) -> None:
    """Remove everything; that this fails must not cost the results."""
    try:
        state.leftovers = remove_run(cluster, site)
    except JobsError as error:
        state.cleanup_problem = error


def _watched_steps(
    plan: Plan,
    hands: Hands,
    limits: Limits,
    state: _State,
    messages: "queue.SimpleQueue[_Message]",
    on_progress: Progress,
) -> outcome.Watched:
    """Run all steps under watch; return what the watches told."""
    board = hands.board
    with watched(hands.cluster, hands.site, board) as unwatched:
        state.unwatched = unwatched
        begin = time.monotonic()
        try:
            _run_steps(plan, hands, limits, state, messages, on_progress)
        finally:
            # Ends the threads of steps that a fault of the caller has left.
            board.stop(Unavailable("the run has ended"))
        return outcome.Watched(startups=board.startups(), pulls=board.pulls(), begin=begin)


def with_owner(cluster: Cluster, site: Site, seconds: int) -> Site:
    """Create the Job that expires and the ConfigMap that owns; return the site with it. Raises JobsError."""
    hands = Hands(cluster, site, Board(site.name("")))
    expiry_job = hands.create(manifest.expiry(site, seconds=seconds))
    return replace(site, owner=hands.create(manifest.owner(site, expiry_job)))


def _run_steps(
    plan: Plan,
    hands: Hands,
    limits: Limits,
    state: _State,
    messages: "queue.SimpleQueue[_Message]",
    on_progress: Progress,
) -> None:
    """Run steps until all have ended, one that competes with another after it."""
    deadline = time.monotonic() + limits.seconds
    while state.waiting or state.running:
        while step := startable(state.waiting, state.running.values(), concurrent_jobs=limits.concurrent_jobs):
            state.waiting.remove(step)
            state.running[step.name] = step
            on_progress(step, ended=False)
            threading.Thread(target=_carry, args=(step, hands, plan, messages), name=step.name, daemon=True).start()
        match _next(messages, deadline if state.problem is None else None):
            case None:
                state.problem = Unavailable(f"the time window of {limits.seconds:.0f} s is spent (override: seconds)")
                _stop(state, hands.board, state.problem)
            case Done() as done:
                on_progress(state.running.pop(done.step.name), ended=True)
                state.done.append(done)
            case number:
                state.signal_number = state.signal_number or number
                _stop(state, hands.board, Stopped(number))


def _next(messages: "queue.SimpleQueue[_Message]", deadline: float | None) -> _Message | None:
    """Return the next message, None at the deadline. A signal's handler runs meanwhile and brings a message."""
    try:
        return messages.get(timeout=None if deadline is None else max(0.0, deadline - time.monotonic()))
    except queue.Empty:
        return None


def _stop(state: _State, board: Board, reason: JobsError) -> None:
    """Begin nothing more, and end what runs; its threads send their messages as always."""
    state.waiting.clear()
    board.stop(reason)


def _carry(step: Step, hands: Hands, plan: Plan, messages: "queue.SimpleQueue[_Message]") -> None:
    """Carry one step out; whatever happens, a message is sent."""
    begin = time.monotonic()
    done = Done(step=step, begin=begin, end=begin)
    try:
        done = _carried(step, hands, plan, done)
    except Stopped:
        done = replace(done, stopped=True)
    except JobsError as error:
        done = replace(done, problem=str(error))
    except Exception as error:  # noqa: BLE001  a bug in one step must not cost the others their results and the clean-up
        traceback.print_exc(file=sys.stderr)
        done = replace(done, problem=f"a fault of its own ({type(error).__name__}): please report the trace above")
    finally:
        messages.put(replace(done, end=time.monotonic()))


def _carried(step: Step, hands: Hands, plan: Plan, done: Done) -> Done:
    match step:
        case Measure():
            return replace(done, collected=measure(step, hands, plan.request.profile))
        case PodStartup() | ServiceStartup():
            return _timed(step, hands, done)
        case Observe():
            return replace(done, measurement=utilization.measure(snapshot(hands.cluster)))
        case _:
            raise TypeError(f"nobody knows how to carry out {type(step).__name__}")


def _timed(step: PodStartup | ServiceStartup, hands: Hands, done: Done) -> Done:
    """Carry out a step whose times are taken here, and see whether this machine let us take them in time."""
    before = environment.snapshot()
    if isinstance(step, PodStartup):
        waves, problem = start_pods(step, hands)
        done = replace(done, waves=waves, problem=problem)
    else:
        services, problem = start_services(step, hands)
        done = replace(done, services=services, problem=problem)
    return replace(done, doubts=environment.doubts(before, environment.snapshot()))


@contextmanager
def _signals_to(messages: "queue.SimpleQueue[_Message]") -> Iterator[None]:
    """Turn signals that end into messages; during the clean-up nobody reads them, which is how it stays whole."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def tell(number: int, _frame: FrameType | None) -> None:
        # Of all queues this one may be written to from a handler (its documentation: put() is reentrant).
        messages.put(number)

    before = {number: signal.signal(number, tell) for number in ending_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
