"""The resident process: waits, starts what is due as a child, answers for its health, and stops in order.

It imports nothing that collects, measures or sends, and reads no configuration: `telemetry-agent` has read it, and has
become this process (see `handover`). What is not known to be allowed is not done: until the first task has put
the state directory in order and found consent, nothing else is begun.
"""

import math
import os
import random
import selectors
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from agent.daemon.children import Child
from agent.daemon.handover import Resident, resident
from agent.daemon.health import Health, answering
from agent.daemon.metrics import Metrics
from agent.daemon.orphans import reap_orphans
from agent.daemon.rhythm import Rhythm
from agent.daemon.standing import Standing
from agent.daemon.tasks import Ending, Task, TaskReport
from agent.daemon.waking import wakeups
from agent.errors import AgentError, NotAllowed, StateUnusable
from agent.levels import Level
from agent.lock import held
from agent.log import Event, Log
from agent.privacy.stops import Stop
from agent.quiet import silence
from agent.state import State

# How soon it sees that somebody has changed the consent, or set the clock: each turn costs some 50 µs.
_TURN_SECONDS = 2.0
# A loop that has not turned for so long won't any more: nothing in it takes longer than a turn.
_STALLED_SECONDS = 300.0
# Ten are promised. Only a request that is under way takes any; one that takes longer will not come back in time.
_STOP_SECONDS = 5.0
# What can't be done now can't be done a moment later either; and hardly soon if it failed again and again.
_REST_SECONDS, _LONGEST_REST_SECONDS = 10.0, 320.0
# Nothing follows itself at once, whatever the outbox seems to ask for: a process costs a third of a second.
_BREATH_SECONDS = 1.0
# A report takes seconds, of a thousand nodes some more; probes end by themselves (their limit is two hours).
_DEADLINE_SECONDS = {Task.START: 120.0, Task.CHECK: 60.0, Task.REPORT: 900.0, Task.SEND: 1800.0, Task.PROBE: 3 * 3600.0}
# Nothing else is begun before these have ended: they tell whether it may be.
_FIRST = {Task.START, Task.CHECK}
# What `paused` says until they have.
_UNCHECKED = "unchecked"
_QUIET = {Ending.DONE, Ending.PAUSED, Ending.INTERRUPTED}


class Daemon:
    """The loop and what it knows."""

    def __init__(self, told: Resident, log: Log) -> None:
        self._told = told
        self._state = State(told.state_directory)
        self._log = log
        self._metrics = Metrics()
        self._standing = Standing(self._state, flush_interval=told.flush_interval)
        intervals = {Task.REPORT: told.reporting_interval} | ({Task.PROBE: told.probe_interval} if told.probes else {})
        windows = {Task.PROBE: told.window}
        self._rhythm = Rhythm(self._state.schedule, intervals, windows, chance=random.SystemRandom().random)
        self._children: dict[Task, Child] = {}
        self._rests_until: dict[Task, float] = {}
        self._failures: Counter[Task] = Counter()
        self._complaints: dict[Task, str | None] = {}
        self._paused: str | None = _UNCHECKED
        self._refusal: int | None = None
        self._must_check = False
        self._turned_at = time.monotonic()
        self._stopping = False

    def run(self) -> None:
        """Work until SIGTERM or SIGINT. Raises StateUnusable, Locked."""
        self._state.prepare()
        health = Health(metrics=self._metrics.text, stalled=self._is_stalled, unready=self._unready)
        with (
            wakeups() as signals,
            held(self._state.lock),
            answering(self._told.listen, health),
            selectors.DefaultSelector() as selector,
        ):
            selector.register(signals, selectors.EVENT_READ)
            self._rhythm.begin(datetime.now(UTC))
            self._log.say(Event.STARTED, level=Level(self._told.level))
            while not self._stopping:
                self._turn(selector)
                self._wait(selector, signals, self._seconds_to_wait())
            self._stop(selector, signals)
        self._log.say(Event.STOPPED, waiting=self._standing.waiting_documents())

    def _turn(self, selector: selectors.BaseSelector) -> None:
        """Do what is due."""
        self._turned_at = time.monotonic()
        reap_orphans({child.pid for child in self._children.values()})
        self._must_check |= self._standing.has_changed()
        self._must_check |= self._standing.look(self._metrics)
        for child in self._children.values():
            if child.seconds > _DEADLINE_SECONDS[child.task]:
                child.kill()
        for task in self._due():
            self._start(task, selector)

    def _due(self) -> Iterator[Task]:
        if self._paused == _UNCHECKED:
            # Alone: it may put a damaged file in the place of which another would go on writing.
            if not self._children:
                yield Task.START
            return
        if self._must_check and Task.CHECK not in self._children:
            self._must_check = False
            yield Task.CHECK
        if self._paused is not None or not self._children.keys().isdisjoint(_FIRST):
            return
        yield from self._rhythm.due(datetime.now(UTC))
        # What is being collected comes with the next turn.
        if Task.REPORT not in self._children and self._standing.seconds_until_due() == 0:
            yield Task.SEND

    def _start(self, task: Task, selector: selectors.BaseSelector) -> None:
        if task in self._children or time.monotonic() < self._rests_until.get(task, -math.inf):
            return
        try:
            self._rhythm.begun(task, datetime.now(UTC))
            child = Child(task, self._told.handed_over)
        except StateUnusable as error:
            self._note(task, TaskReport(ending=Ending.UNUSABLE, problem=str(error)))
            return
        except OSError as error:
            self._note(task, TaskReport(ending=Ending.FAILED, problem=f"can't start a process: {error.strerror}"))
            return
        self._children[task] = child
        selector.register(child.pidfd, selectors.EVENT_READ, child)

    def _wait(self, selector: selectors.BaseSelector, signals: int, seconds: float) -> None:
        """Sleep until a child ends, a signal comes, or the time is over."""
        for key, _ in selector.select(seconds):
            if key.fd == signals:
                os.read(signals, 64)
                self._stopping = True
            else:
                selector.unregister(key.fd)
                child: Child = key.data
                del self._children[child.task]
                self._note(child.task, child.report())

    def _note(self, task: Task, report: TaskReport) -> None:
        """Take in what a task has told."""
        if task is Task.REPORT and report.ending is Ending.UNAVAILABLE and not self._stopping:
            report = self._put_off(report)
        self._metrics.note(task, report, now_seconds=time.time())
        self._standing.expect_change()
        self._rests_until[task] = time.monotonic() + self._rest_seconds(task, report)
        if self._stopping:
            if task is Task.REPORT and report.ending is not Ending.DONE:
                with suppress(StateUnusable):
                    self._rhythm.take_back(task)
            return
        if report.sent:
            self._refusal = report.refusal
        self._note_pause(task, report)
        self._complain(task, report)

    def _put_off(self, report: TaskReport) -> TaskReport:
        """Have a report that found no cluster tried again within its interval, where there is time for that."""
        with suppress(StateUnusable):  # whatever is done next says so
            if self._rhythm.put_off(Task.REPORT, datetime.now(UTC)):
                return replace(report, ending=Ending.PUT_OFF)
        return report

    def _rest_seconds(self, task: Task, report: TaskReport) -> float:
        if report.ending not in _QUIET:
            self._failures[task] += 1
            return min(_REST_SECONDS * 2.0 ** (self._failures[task] - 1), _LONGEST_REST_SECONDS)
        del self._failures[task]
        # Somebody who changes consent twice is heard twice.
        return 0 if task is Task.CHECK else _BREATH_SECONDS

    def _note_pause(self, task: Task, report: TaskReport) -> None:
        """One line a change: an agent that is paused for a year must not say so every hour."""
        before = self._paused
        if report.ending is Ending.PAUSED:
            self._paused = report.stop
            # What ended it may have been seen while this one was under way: then nothing else would look again.
            self._must_check |= task not in _FIRST
        elif report.ending is Ending.DONE and task in _FIRST:
            # What was begun before the pause, and ends after it, knows nothing of it.
            self._paused = None
        elif task in _FIRST or report.ending is Ending.UNUSABLE:
            # Not known is not allowed.
            self._paused = _UNCHECKED
        self._metrics.note_pause(self._unready())
        if self._paused is not None and Task.PROBE in self._children:
            self._children[Task.PROBE].stop()
        if self._paused in {before, _UNCHECKED}:
            return
        if self._paused is not None:
            stop = Stop(self._paused)
            self._log.say(Event.PAUSED, reason=stop)
            self._log.complain(NotAllowed(stop.remedy))
        elif before == _UNCHECKED:
            self._log.say(Event.AT_WORK, level=Level(self._told.level))
        else:
            self._log.say(Event.RESUMED)

    def _complain(self, task: Task, report: TaskReport) -> None:
        """Say what went wrong, once for each thing that did."""
        if report.ending in _QUIET:
            self._complaints.pop(task, None)
            return
        if self._complaints.get(task, "") != report.problem:
            self._log.say(Event.TASK_FAILED, task=task, ending=report.ending)
            if report.problem is not None:
                self._log.complain(AgentError(report.problem))
        self._complaints[task] = report.problem

    def _stop(self, selector: selectors.BaseSelector, signals: int) -> None:
        self._log.say(Event.STOPPING)
        deadline = time.monotonic() + _STOP_SECONDS
        for child in self._children.values():
            child.stop()
        while self._children and (left := deadline - time.monotonic()) > 0:
            self._wait(selector, signals, left)
        for child in self._children.values():
            child.kill()
            self._note(child.task, child.report())

    def _seconds_to_wait(self) -> float:
        if self._paused is not None or self._children:
            return _TURN_SECONDS
        due = min(self._rhythm.seconds_until(datetime.now(UTC)), self._standing.seconds_until_due())
        return max(0.1, min(due, _TURN_SECONDS))

    def _unready(self) -> str | None:
        """Return why it is not at work, None where it is."""
        if self._paused is not None:
            return self._paused
        return None if self._refusal is None else "refused_by_service"

    def _is_stalled(self) -> bool:
        return time.monotonic() - self._turned_at > _STALLED_SECONDS


def main() -> int:
    """Be the daemon; the settings come through the descriptor that the argument names."""
    silence()
    with os.fdopen(int(sys.argv[1]), "rb") as handed_over:
        told = resident(handed_over.read())
    try:
        Daemon(told, Log("json" if told.log_format == "json" else "console")).run()
    except AgentError as error:
        sys.stderr.write(f"telemetry-agent: {error}\n")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
