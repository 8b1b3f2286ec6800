"""The one thread that writes: what waits when it is free goes into one transaction, and is answered after its commit.

A commit costs a flush of the disk, milliseconds, however much is in it; so the more arrives, the more share one. And
SQLite has one writer at a time anyway: who would wait for its lock waits here, in the order of arrival.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from queue import SimpleQueue
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from corrective_drift.errors import Unusable
from corrective_drift.inflate import MIB
from corrective_drift.ingest import Submission
from corrective_drift.log import Event, Log, tell_failure
from corrective_drift.metrics import Metrics
from corrective_drift.problems import Code, Problem
from corrective_drift.store.batches import Outcome, take
from corrective_drift.store.clusters import Contended
from corrective_drift.store.engine import writing

T = TypeVar("T")
# What one transaction holds at most: a commit beyond that takes long, and others wait.
_MOST_BYTES = 4 * MIB
# Of what waits: memory stays bounded where the store is slower than what arrives.
_MOST_WAITING_BYTES = 24 * MIB
_RETRY_AFTER_SECONDS = 5
# Two services that register the same cluster at once meet once, not again.
_TRIES = 3


@dataclass(slots=True)
class _Job:
    work: Callable[[Connection], Any] | Submission
    answer: "asyncio.Future[Any]"
    bytes: int = field(init=False)

    def __post_init__(self) -> None:
        self.bytes = self.work.bytes if isinstance(self.work, Submission) else 0


class Writer:
    """Owns all writing of one process."""

    def __init__(self, engine: Engine, *, today: Callable[[], date], metrics: Metrics, log: Log) -> None:
        self._engine, self._today, self._metrics, self._log = engine, today, metrics, log
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._waiting = self._waiting_bytes = 0
        metrics.waiting.set_function(lambda: self._waiting)
        self._lock = threading.Lock()
        self._failing = False
        # Not a daemon: what was taken is written before the process ends.
        self._thread = threading.Thread(target=self._work, name="writer")

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, and end."""
        self._jobs.put(None)
        self._thread.join()

    @property
    def is_alive(self) -> bool:
        """Whether it works."""
        return self._thread.is_alive()

    async def take(self, submission: Submission) -> Outcome:
        """Store a request; return what to answer. Raises Problem where it can't be now."""
        outcome: Outcome = await self._enqueue(submission)
        return outcome

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Do other work in a transaction of its own. Raises Problem where it can't be now, and what the work raises."""
        done: T = await self._enqueue(work)
        return done

    def _enqueue(self, work: Callable[[Connection], Any] | Submission) -> "asyncio.Future[Any]":
        job = _Job(work, asyncio.get_running_loop().create_future())
        with self._lock:
            if self._waiting_bytes + job.bytes > _MOST_WAITING_BYTES:
                raise _unavailable("more is waiting already than can be written soon")
            self._waiting += 1
            self._waiting_bytes += job.bytes
        self._jobs.put(job)
        return job.answer

    def _work(self) -> None:
        following: _Job | None = None
        while (job := following or self._jobs.get()) is not None:
            following = None
            group = [job]
            if isinstance(job.work, Submission):
                following, stopping = self._gather(group)
                if stopping:
                    self._jobs.put(None)
            self._carry_out(group)
            with self._lock:
                self._waiting -= len(group)
                self._waiting_bytes -= sum(each.bytes for each in group)

    def _gather(self, group: list[_Job]) -> tuple[_Job | None, bool]:
        """Add the submissions that wait already; return the first job that doesn't fit, and whether to stop then."""
        size = group[0].bytes
        while not self._jobs.empty():
            job = self._jobs.get()
            if job is None:
                return None, True
            size += job.bytes
            if not isinstance(job.work, Submission) or size > _MOST_BYTES:
                return job, False
            group.append(job)
        return None, False

    def _carry_out(self, group: Sequence[_Job]) -> None:
        begun = time.perf_counter()
        try:
            answers = self._transaction(group)
        except Problem as problem:
            _fail(group, problem)
        except Unusable:
            self._tell(failing=True)
            _fail(group, _unavailable("the database can't be used"))
        except Exception as error:  # noqa: BLE001 - whatever it is, the thread must live, and who waits be answered
            self._settle_singly(group, error)
        else:
            self._tell(failing=False)
            self._metrics.commit_seconds.observe(time.perf_counter() - begun)
            self._metrics.commit_requests.observe(len(group))
            _answer(group, answers)

    def _transaction(self, group: Sequence[_Job]) -> list[Any]:
        for _ in range(_TRIES):
            try:
                with writing(self._engine) as connection:
                    if not isinstance(group[0].work, Submission):
                        return [group[0].work(connection)]
                    return list(take(connection, [each.work for each in group], self._today()))  # type: ignore[misc]  # all are alike
            except Contended:
                continue
        raise _unavailable("another service writes the same")

    def _settle_singly(self, group: Sequence[_Job], error: Exception) -> None:
        """Carry out one after the other, so that the one which can't be stored fails alone."""
        if len(group) > 1:
            for job in group:
                self._carry_out([job])
            return
        tell_failure(self._log, error)
        _fail(group, Problem(Code.FAILED, "the request could not be stored"))

    def _tell(self, *, failing: bool) -> None:
        """Say it once, when it begins and when it ends."""
        if failing:
            self._metrics.store_failures.inc()
        if failing is not self._failing:
            self._log.say(Event.STORE_FAILED if failing else Event.STORE_RECOVERED)
        self._failing = failing


def _fail(group: Sequence[_Job], problem: Problem) -> None:
    _answer(group, [problem] * len(group))


def _answer(group: Sequence[_Job], answers: Sequence[Any]) -> None:
    """Wake up who waits, all at once: waking the event loop costs more than answering."""

    def set_results() -> None:
        for job, answer in zip(group, answers, strict=True):
            if job.answer.done():
                continue  # whoever waited has been cancelled
            if isinstance(answer, Problem) and not isinstance(job.work, Submission):
                job.answer.set_exception(answer)
            else:
                job.answer.set_result(answer)

    # Who stopped the loop waits for nothing any more.
    with suppress(RuntimeError):
        group[0].answer.get_loop().call_soon_threadsafe(set_results)


def _unavailable(detail: str) -> Problem:
    return Problem(Code.UNAVAILABLE, detail, retry_after_seconds=_RETRY_AFTER_SECONDS)
