"""What is known of a run's objects, kept up to date by watches and waited for by steps.

One thread a watch writes, one thread a step waits for a condition on it; nobody polls. Of each pod the latest record
and its startup are kept, of events the last few that regard an object of ours: some KiB a pod.
"""

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from jobs.cluster import Arrival, Change, Gap
from jobs.errors import JobsError
from jobs.objects import Claim, EndpointSlice, Event, Job, Object, Pod
from jobs.timeline import ARRIVAL_RESOLUTION_NS, Pull, Startup, follow, pull_told

ENDPOINT_READY = "endpoint ready"
"""What is told of a Service when its first endpoint is seen ready."""
_MOST_EVENTS = 20
# What happened in a gap arrives in a burst right after it.
_CATCHING_UP_NS = 1_000_000_000
T = TypeVar("T")


class Closeable(Protocol):
    """What a thread may be reading from."""

    def close(self) -> None:
        """End it, from any thread."""


class Board:
    """The state of a run, whose objects' names begin with `prefix`; every method may be called from any thread."""

    def __init__(self, prefix: str, *, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._prefix = prefix
        self.clock_ns = clock_ns
        self._changed = threading.Condition()
        self._stopped: JobsError | None = None
        self._open: set[Closeable] = set()
        self._pods: dict[str, Pod] = {}
        self._gone: set[str] = set()
        self._startups: dict[str, Startup] = {}
        self._jobs: dict[str, Job] = {}
        self._events: dict[str, deque[Event]] = defaultdict(lambda: deque(maxlen=_MOST_EVENTS))
        self._pulls: dict[str, Pull] = {}
        self._told: dict[str, dict[str, int]] = defaultdict(dict)
        self._claim_ns: dict[str, dict[str, int]] = defaultdict(dict)
        self._volumes: dict[str, str] = {}
        self._late_until_ns: dict[type[Object], int] = {}

    def take(self, kind: type[Object], item: Arrival[Object] | Gap) -> None:
        """Take in what a watch of `kind` brought, and wake whoever waits."""
        with self._changed:
            if isinstance(item, Gap):
                self._after_gap(kind, item)
            else:
                self._take(item)
            self._changed.notify_all()

    def stop(self, reason: JobsError) -> None:
        """Make every waiting, now and later, raise `reason`, and end what is being read; the first reason counts."""
        with self._changed:
            self._stopped = self._stopped or reason
            streams = list(self._open)
            self._changed.notify_all()
        for stream in streams:
            stream.close()

    @contextmanager
    def reading(self, stream: Closeable) -> Iterator[None]:
        """Have `stream` closed by `stop`, and at the end of the block. Raises what `stop` was given."""
        with self._changed:
            if self._stopped is not None:
                stream.close()
                raise self._stopped
            self._open.add(stream)
        try:
            yield
        finally:
            with self._changed:
                self._open.discard(stream)
            stream.close()

    def wait(self, look: Callable[[], T | None], *, seconds: float) -> T | None:
        """Return what `look` finds as soon as it finds something, None after so long. Raises what `stop` was given.

        `look` is called with the board locked, first at once and then after every change; it may call this board.
        """
        deadline_ns = self.clock_ns() + int(seconds * 1e9)
        with self._changed:
            while True:
                if self._stopped is not None:
                    raise self._stopped
                found = look()
                left = (deadline_ns - self.clock_ns()) / 1e9
                if found is not None or left <= 0:
                    return found
                self._changed.wait(left)

    def rest(self, seconds: float) -> None:
        """Do nothing for so long. Raises what `stop` was given."""
        self.wait(lambda: None, seconds=seconds)

    def job(self, name: str) -> Job | None:
        """Return the Job of this name."""
        with self._changed:
            return self._jobs.get(name)

    def pod_of(self, job: str) -> Pod | None:
        """Return the pod of a Job as it last was, even if it has gone since."""
        with self._changed:
            return self._pods.get(job)

    def pod_gone(self, job: str) -> bool:
        """Tell whether the pod of a Job was there and is no more."""
        with self._changed:
            return job in self._gone

    def startup_of(self, job: str) -> Startup | None:
        """Return how the pod of a Job came up."""
        with self._changed:
            return self._startups.get(job)

    def startups(self) -> tuple[Startup, ...]:
        """Return how all pods came up."""
        with self._changed:
            return tuple(self._startups.values())

    def pulls(self) -> dict[str, Pull]:
        """Return what is known about images, by the pods' uids."""
        with self._changed:
            return dict(self._pulls)

    def events_of(self, *uids: str) -> tuple[Event, ...]:
        """Return the last events that regard these objects."""
        with self._changed:
            return tuple(event for uid in uids for event in self._events.get(uid, ()))

    def tell(self, service: str, what: str, at_ns: int) -> None:
        """Note when something was first true of a Service."""
        with self._changed:
            self._told[service].setdefault(what, at_ns)
            self._changed.notify_all()

    def told(self, service: str) -> dict[str, int]:
        """Return what was told of a Service, and when."""
        with self._changed:
            return dict(self._told.get(service, {}))

    def claim_bound_ns(self, claim: str) -> int | None:
        """Return how long a claim took from its creation until it was bound, as far as both were seen."""
        with self._changed:
            seen = self._claim_ns.get(claim, {})
            return seen["Bound"] - seen["created"] if {"created", "Bound"} <= seen.keys() else None

    def volume_of(self, claim: str) -> str | None:
        """Return the name of the volume that a claim was bound to, None where none was seen."""
        with self._changed:
            return self._volumes.get(claim)

    def _after_gap(self, kind: type[Object], gap: Gap) -> None:
        # A gap shorter than what arrivals are exact to is none.
        if gap.ended_ns - gap.began_ns > ARRIVAL_RESOLUTION_NS:
            self._late_until_ns[kind] = gap.ended_ns + _CATCHING_UP_NS

    def _take(self, arrival: Arrival[Object]) -> None:
        record = arrival.record
        match record:
            case Pod():
                self._take_pod(record, Arrival(change=arrival.change, record=record, arrived_ns=arrival.arrived_ns))
            case Job():
                self._jobs[record.meta.name] = record
            case Event():
                self._take_event(record)
            case EndpointSlice():
                if any(endpoint.ready for endpoint in record.endpoints):
                    self.tell(record.service, ENDPOINT_READY, arrival.arrived_ns)
            case Claim():
                self._take_claim(record, arrival)

    def _take_pod(self, pod: Pod, arrival: Arrival[Pod]) -> None:
        job = next((owner.name for owner in pod.meta.owners if owner.kind == "Job"), pod.meta.name)
        if arrival.change is Change.DELETED:
            self._gone.add(job)
        self._pods[job] = pod
        self._startups[job] = follow(self._startups.get(job), arrival, late=self._is_late(Pod, arrival))

    def _take_claim(self, claim: Claim, arrival: Arrival[Object]) -> None:
        if claim.phase == "Bound":
            self._volumes[claim.meta.name] = claim.volume
        # What comes late, or without its beginning, is left out: then there is no difference to tell.
        if not self._is_late(Claim, arrival):
            seen = self._claim_ns[claim.meta.name]
            if arrival.change is Change.ADDED:
                seen.setdefault("created", arrival.arrived_ns)
            seen.setdefault(claim.phase, arrival.arrived_ns)

    def _is_late(self, kind: type[Object], arrival: Arrival[Object]) -> bool:
        return arrival.change is Change.LISTED or arrival.arrived_ns < self._late_until_ns.get(kind, 0)

    def _take_event(self, event: Event) -> None:
        if not event.regarding_name.startswith(self._prefix):
            return
        self._events[event.regarding_uid].append(event)
        pull = pull_told(event)
        if pull is not None:
            self._pulls[event.regarding_uid] = pull
