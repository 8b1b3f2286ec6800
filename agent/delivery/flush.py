"""One flush: from what waits in the outbox to receipts.

The order of writing is what makes a crash harmless. The trail says that a batch leaves before it leaves, and that it
arrived before the outbox forgets it: after a crash something may be said or sent twice, under the same id and with the
same bytes, but nothing is missing and nothing counts twice.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from agent.delivery.answers import Action, Failure, Reply, Verdict, judge
from agent.delivery.audit import Trail
from agent.delivery.audit_events import Delivered, Dropped, Failed, Halted, Refused, Sending
from agent.delivery.backoff import PAUSE_SECONDS, Backoff, wait_seconds
from agent.delivery.batch import Batch
from agent.delivery.outbox import Outbox
from agent.delivery.outbox_rows import Halt, LossReason
from agent.delivery.outbox_seal import Ripeness
from agent.delivery.send import Client

_HALTS = {Action.CONSENT: Halt.CONSENT_STALE, Action.STOP: Halt.GONE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """How one request ended."""

    action: Action
    status: int | None
    failure: Failure | None
    documents: int
    bytes: int


@dataclass(slots=True, kw_only=True)
class Flushed:
    """How a flush went, for the log, the metrics and the readiness."""

    attempts: list[Attempt] = field(default_factory=list)
    lost_documents: int = 0
    recovered: bool = False
    """Whether the first success after a failure was among them."""

    @property
    def last(self) -> Attempt | None:
        """What the service's state is judged by, None where there was nothing to send."""
        return self.attempts[-1] if self.attempts else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What a flush works with."""

    outbox: Outbox
    client: Client
    trail: Trail
    backoff: Backoff
    batch_size: int
    consent_digest: str
    """Of the consent in force: what was collected under another is dropped, never sent."""
    consented_at: datetime
    """The latest act that this consent knows of; what the service says came after it."""
    unix_seconds: Callable[[], float]
    rng: random.Random

    def flush(self, *, stopping: Callable[[], bool] = lambda: False) -> Flushed:
        """Seal what is ripe and send what is due until nothing is, the service is in trouble, or `stopping()`.

        To be called at least once in the flush interval. Raises NotAllowed where a stop stands against a request, and
        StateUnusable.
        """
        flushed = Flushed()
        self.outbox.purge(LossReason.CONSENT, keep_consent=self.consent_digest)
        ripeness = Ripeness(batch_size=self.batch_size, flush_interval_seconds=self.backoff.flush_interval_seconds)
        self.outbox.seal(ripeness, audit_head=str(self.trail.head()))
        while not stopping() and (batch := self.outbox.due()) is not None:
            attempt = self._try(batch, flushed)
            flushed.attempts.append(attempt)
            if attempt.action not in {Action.DONE, Action.BURY}:
                break
        flushed.lost_documents = self._tell_losses()
        return flushed

    def _try(self, batch: Batch, flushed: Flushed) -> Attempt:
        if batch.attempts == 0:
            self.trail.append(
                Sending(
                    batch=batch.batch_id,
                    level=batch.level,
                    documents=batch.documents,
                    bytes=len(batch.body),
                    sha256=batch.sha256,
                )
            )
        answer = self.client.send(batch)
        verdict = judge(answer, batch_id=batch.batch_id, documents=batch.documents, unix_seconds=self.unix_seconds())
        failing = self.outbox.service().failures
        self._follow(batch, answer, verdict, failing)
        if failing and verdict.action in {Action.DONE, Action.BURY}:
            flushed.recovered = True
        status, failure = _parts(answer)
        return Attempt(
            action=verdict.action, status=status, failure=failure, documents=batch.documents, bytes=len(batch.body)
        )

    def _follow(self, batch: Batch, answer: Reply | Failure, verdict: Verdict, failing: int) -> None:
        status, failure = _parts(answer)
        match verdict.action:
            case Action.DONE:
                assert verdict.receipt is not None
                receipt = verdict.receipt
                self.trail.append(Delivered(batch=batch.batch_id, receipt=receipt.receipt, accepted=receipt.accepted))
                self.outbox.done(batch, receipt)
            case Action.BURY:
                assert status is not None
                self.trail.append(Refused(batch=batch.batch_id, status=status))
                self.outbox.bury(batch, status=status)
            case Action.RETRY:
                if not failing:
                    self.trail.append(Failed(status=status, failure=failure))
                self.outbox.retry(
                    batch,
                    batch_wait_seconds=self._wait(batch.attempts + 1, verdict),
                    service_wait_seconds=self._wait(failing + 1, verdict),
                )
            case Action.PAUSE:
                if not failing:
                    self.trail.append(Failed(status=status, failure=failure))
                self.outbox.hold(max(PAUSE_SECONDS, verdict.retry_after_seconds))
            case Action.CONSENT | Action.STOP:
                halt = _HALTS[verdict.action]
                self.trail.append(Halted(halt=halt))
                self.outbox.stop(halt, after=(self.consented_at,))

    def _wait(self, failures: int, verdict: Verdict) -> float:
        return wait_seconds(
            failures,
            self.backoff,
            retry_after_seconds=verdict.retry_after_seconds,
            chance=self.rng.random(),
        )

    def _tell_losses(self) -> int:
        documents = 0
        for loss in self.outbox.losses():
            self.trail.append(Dropped(reason=loss.reason, documents=loss.documents, bytes=loss.bytes))
            self.outbox.told(loss)
            documents += loss.documents
        return documents


def _parts(answer: Reply | Failure) -> tuple[int | None, Failure | None]:
    return (None, answer) if isinstance(answer, Failure) else (answer.status, None)
