"""The one place where the steps meet: collect, merge, anonymize, outbox, send; and probes, history, drift.

Each task is a method and reads like that line. It runs in a process of its own and returns what it tells. What reads
clusters or measures is imported when that may be done: it is heavy, and importing urllib3 already opens a socket.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from agent.daemon.consent_changes import limits, record_grant
from agent.daemon.sending import client_under, delivery_of, everything
from agent.daemon.switches import asked, consent_in_force, stop_now
from agent.daemon.tasks import Ending, Task, TaskReport
from agent.daemon.telling import tell_collected, tell_flushed
from agent.delivery import audit_events
from agent.delivery.answers import Action
from agent.delivery.audit import Trail
from agent.delivery.outbox import Outbox, opened
from agent.delivery.outbox_rows import Limits, LossReason
from agent.delivery.service_calls import ServiceCalls
from agent.errors import AgentError, Dropped, NotAllowed
from agent.levels import DataType, Level
from agent.log import Event, Log
from agent.privacy.anonymize import anonymize
from agent.privacy.consent import ConsentRecord, read_consent
from agent.privacy.install_secret import prepare_keys
from agent.privacy.outgoing import Outgoing
from agent.privacy.stops import Stop
from agent.results.baseline_store import refresh
from agent.settings import Settings
from agent.state import State
from jobs.errors import JobsError, Refused, Stopped
from probes.errors import Interrupted, ProbeError

if TYPE_CHECKING:
    from probes.measure.drift import Finding
    from probes.measure.result import RunResult


class Cycle:
    """The steps, with what they work on."""

    def __init__(
        self, settings: Settings, log: Log, *, at_once: bool = False, stopping: Callable[[], bool] = lambda: False
    ) -> None:
        """`at_once` sends what is there without waiting for more; `stopping` ends a flush after a request."""
        self._settings = settings
        self._telemetry = settings.configuration.telemetry
        self._state = State(settings.state_directory)
        self._trail = Trail(self._state.audit)
        self._log = log
        self._at_once = at_once
        self._stopping = stopping

    def perform(self, task: Task) -> TaskReport:
        """Carry a task out. What can go wrong in known ways is an ending; a fault is raised."""
        steps = {
            Task.START: self.start,
            Task.CHECK: self.check,
            Task.REPORT: self.report,
            Task.PROBE: self.probe,
            Task.SEND: self.send,
        }
        try:
            return steps[task]()
        except (_Paused, AgentError, JobsError, ProbeError) as error:
            return self._ended_by(error)

    def start(self) -> TaskReport:
        """Put the state in order; only the process whose daemon holds the lock may repair it."""
        self._state.prepare()
        with opened(self._state.outbox, self._limits(), repair=self._set_outbox_aside) as outbox:
            self._forget_old(outbox)
        wanted = asked(self._settings.configuration)
        self._trail.append(audit_events.Started(level=wanted.level, schema_digest=wanted.schema_digest))
        record = consent_in_force(self._settings, self._state)
        if record is not None and record != read_consent(self._state.consent):
            days = self._telemetry.local_retention_days
            record_grant(self._state, record, bound_at_start=True, retention_days=days)
        return replace(self.check(), findings=self._known_drift())

    def check(self) -> TaskReport:
        """See whether anything stands against working."""
        with opened(self._state.outbox, self._limits()) as outbox:
            self._consented(outbox)
        return TaskReport(ending=Ending.DONE)

    def report(self) -> TaskReport:
        """Collect, merge, anonymize, and put into the outbox."""
        with opened(self._state.outbox, self._limits()) as outbox:
            self._forget_old(outbox)
            consent = self._consented(outbox)
            if not self._may_benchmark():
                return self._reported(outbox, consent, None)
            from agent.daemon.keeping import history, mark_reported, unreported  # noqa: PLC0415  see above

            with history(self._state.history, self._history_set_aside) as kept:
                new = unreported(kept, since=consent.granted_at)
                told = self._reported(outbox, consent, None if new is None else new[1])
                if new is not None:
                    mark_reported(kept, new[0])
            return told

    def _reported(self, outbox: Outbox, consent: ConsentRecord, run: "RunResult | None") -> TaskReport:
        from agent.daemon.sources import collected  # noqa: PLC0415  see above

        keys, now, begin = prepare_keys(self._state.secret), datetime.now(UTC), time.monotonic()
        unreadable: dict[str, int] = {}
        facts = collected(self._settings, on_unreadable=unreadable.__setitem__)
        if run is not None:
            from agent.results.merge import merge  # noqa: PLC0415  the same

            facts = merge(facts, run, pseudonym=keys.kept_names)
        tell_collected(self._log, facts.statuses, unreadable, time.monotonic() - begin)
        records = anonymize(
            facts,
            level=self._telemetry.privacy_level,
            data_types=self._telemetry.collection_rules.data_types,
            keys=keys,
            day=now.date(),
            chance=random.SystemRandom().random,
        )
        if run is not None:
            # A crash before the run is marked must not have it counted twice.
            records = tuple(replace(each, once=f"run/{run.run_id}") for each in records)
        # Once more: somebody may have revoked while the cluster was read.
        self._consented(outbox)
        self._audit_collected(records, consent)
        outbox.put(records, consent_digest=consent.digest)
        self._log.say(Event.QUEUED, documents=len(records), bytes=sum(len(each.body) for each in records))
        statuses = dict(facts.statuses)
        return TaskReport(ending=Ending.DONE, queued=len(records), statuses=statuses, unreadable=unreadable)

    def probe(self) -> TaskReport:
        """Launch probes, keep what they measured, and look at what the history shows now."""
        with opened(self._state.outbox, self._limits()) as outbox:
            self._consented(outbox)
        if not self._may_benchmark():
            raise _Paused(Stop.NOT_CONSENTED_TO)
        from agent.daemon.measuring import probed  # noqa: PLC0415  see above
        from probes.measure.result import Status  # noqa: PLC0415  the same

        begin = time.monotonic()
        self._log.say(Event.PROBES_STARTED)
        run = probed(self._settings)
        measured = sum(each.status is Status.MEASURED for each in run.results)
        unavailable = len(run.results) - measured
        seconds = time.monotonic() - begin
        self._log.say(Event.PROBES_ENDED, seconds=seconds, measured=measured, unavailable=unavailable)
        found = self.keep(run)
        return TaskReport(ending=Ending.DONE, measured=measured, unavailable=unavailable, findings=_counted(found))

    def keep(self, run: "RunResult") -> "Sequence[Finding]":
        """Keep what was measured for the next report, and return what the history shows now."""
        from agent.daemon.keeping import findings, history  # noqa: PLC0415  see above
        from agent.daemon.measuring import tell_cluster  # noqa: PLC0415  the same
        from agent.daemon.unnamed import unnamed  # noqa: PLC0415  the same

        with history(self._state.history, self._history_set_aside) as kept:
            kept.keep(unnamed(run, prepare_keys(self._state.secret).kept_names))
            found = findings(kept)
        if found:
            self._log.say(Event.DRIFT_FOUND, findings=len(found))
            tell_cluster(self._settings, found)
        return found

    def send(self) -> TaskReport:
        """Send what is due, and fetch the baselines where the service is at work and theirs are old."""
        with opened(self._state.outbox, self._limits()) as outbox:
            consent = self._consented(outbox)
            client = client_under(self._settings, self._state, outbox, consent)
            delivery = delivery_of(self._settings, outbox, client, self._trail, consent)
            try:
                if self._at_once:
                    outbox.seal(everything(self._telemetry), audit_head=str(self._trail.head()))
                flushed = delivery.flush(stopping=self._stopping)
            except NotAllowed:
                # Somebody has revoked between two requests; where it was granted anew, what follows is sent next time.
                self._consented(outbox)
                return TaskReport(ending=Ending.DONE)
            service = outbox.service()
            tell_flushed(self._log, flushed, failures=service.failures)
            if flushed.last is not None and flushed.last.action is Action.DONE and not self._stopping():
                refresh(self._state.baselines, ServiceCalls(client).baselines, datetime.now(UTC))
            stop = stop_now(self._settings, self._state, service.halt)
        last = flushed.last
        return TaskReport(
            ending=Ending.DONE if stop is None else Ending.PAUSED,
            stop=None if stop is None else stop.value,
            sent=dict(Counter(each.action.value for each in flushed.attempts)),
            documents_sent=sum(each.documents for each in flushed.attempts if each.action is Action.DONE),
            dropped={"lost": flushed.lost_documents} if flushed.lost_documents else {},
            refusal=last.status if last is not None and last.action is Action.PAUSE else None,
        )

    def _consented(self, outbox: Outbox) -> ConsentRecord:
        """Return the consent in force. Raises _Paused where anything stands against working."""
        stop = stop_now(self._settings, self._state, outbox.service().halt)
        consent = consent_in_force(self._settings, self._state)
        if stop is Stop.CONSENT_REVOKED:
            # Whoever revoked has done so already, unless a crash came between.
            outbox.purge(LossReason.CONSENT)
        if stop is not None or consent is None:
            raise _Paused(stop or Stop.CONSENT_MISSING)
        return consent

    def _may_benchmark(self) -> bool:
        wanted = asked(self._settings.configuration)
        return wanted.level is Level.DETAILED and DataType.BENCHMARKS in wanted.data_types

    def _ended_by(self, error: Exception) -> TaskReport:
        """Return what an error means for the task; those of the cluster may name its objects, and are not repeated."""
        match error:
            case _Paused(stop=stop):
                return TaskReport(ending=Ending.PAUSED, stop=stop)
            case Dropped():
                self._trail.append(audit_events.Withheld(cause=audit_events.Cause.NOT_ANONYMIZED))
                self._log.say(Event.REPORT_DROPPED)
                return TaskReport(ending=Ending.DROPPED, dropped={"not_anonymized": 1}, problem=str(error))
            case AgentError():
                return TaskReport(ending=Ending.UNUSABLE, problem=str(error))
            case Interrupted() | Stopped():
                return TaskReport(ending=Ending.INTERRUPTED)
            case Refused():
                self._log.say(Event.PROBES_REFUSED)
                ending, problem = Ending.REFUSED, "the guard refuses to probe the cluster now"
            case _:
                ending, problem = Ending.UNAVAILABLE, f"the cluster can't be used ({type(error).__name__})"
        return TaskReport(ending=ending, problem=f"{problem}: `probe doctor --target cluster` says why")

    def _audit_collected(self, records: Sequence[Outgoing], consent: ConsentRecord) -> None:
        self._trail.append(
            audit_events.Collected(
                level=self._telemetry.privacy_level,
                data_types=tuple(sorted(self._telemetry.collection_rules.data_types)),
                consent=consent.digest,
                schema_digest=consent.schema_digest,
                documents=len(records),
                bytes=sum(len(each.body) for each in records),
            )
        )

    def _forget_old(self, outbox: Outbox) -> None:
        """Keep to the retention, whether the agent works or is paused."""
        outbox.drop_old()
        self._trail.rotate(timedelta(days=self._telemetry.local_retention_days))

    def _known_drift(self) -> dict[str, int]:
        """What the history shows, after a restart; where there is none it isn't begun for that."""
        if not self._state.history.exists():
            return {}
        from agent.daemon.keeping import findings, history  # noqa: PLC0415  see above

        with history(self._state.history, self._history_set_aside) as kept:
            return _counted(findings(kept))

    def _limits(self) -> Limits:
        return limits(self._telemetry.local_retention_days)

    def _set_outbox_aside(self, _renamed: Path) -> None:
        self._trail.append(audit_events.SetAside(file=audit_events.File.OUTBOX))
        self._log.say(Event.OUTBOX_SET_ASIDE)

    def _history_set_aside(self, _what: str) -> None:
        self._trail.append(audit_events.SetAside(file=audit_events.File.HISTORY))


def _counted(found: "Sequence[Finding]") -> dict[str, int]:
    return dict(Counter(finding.kind.value for finding in found))


class _Paused(Exception):
    """Something stands against working."""

    def __init__(self, stop: Stop) -> None:
        super().__init__(stop.value)
        self.stop = stop
