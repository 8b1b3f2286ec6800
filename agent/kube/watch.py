"""A watch that goes on: it resumes after lost connections, starts over where history is lost, and says so.

The protocol is that of the API's concepts page on efficient detection of changes: one JSON line an event, bookmarks
that carry nothing but a resource version, and an ERROR with code 410 when the version asked for is forgotten.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from agent.kube.errors import UNREADABLE, Ask, Gone, read_status, to_error
from agent.kube.http import LONGEST_PAUSE_SECONDS, Transport, pause_seconds
from agent.kube.records import READERS
from agent.kube.stream import LineStream
from agent.kube.wire import EventWire, ObjectWire
from jobs.cluster import Arrival, Change, Gap
from jobs.errors import TryAgain, Unavailable
from jobs.objects import Object

R = TypeVar("R", bound=Object)

# The server ends each watch by itself after this time; without our wish it would be after 30 to 60 minutes.
_SERVER_SECONDS = 300
_GRACE_SECONDS = 15.0
# Failures in a row without one line heard in between: pauses of 0.2 s and more add up to about half a minute.
_ATTEMPTS = 8
# A connection that ends sooner, and without a word, is a failure, however politely it ends.
_LASTING_NS = 1_000_000_000
_decode_event = msgspec.json.Decoder(EventWire).decode
_decode_meta = msgspec.json.Decoder(ObjectWire).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot(Generic[R]):
    """A listing, with the moment at which each page had been read."""

    records: list[tuple[R, int]]
    resource_version: str


class KubeWatch(Generic[R]):
    """Implements `jobs.cluster.Watch`: iterate in one thread, close from any."""

    def __init__(
        self,
        transport: Transport,
        kind: type[R],
        path: str,
        query: Mapping[str, Any],
        relist: Callable[[], Snapshot[R]],
        *,
        since: str,
    ) -> None:
        self._transport = transport
        self._ask = Ask.of("watch", kind.api)
        self._read = READERS[kind].one
        self._path = path
        self._query = dict(query) | {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": _SERVER_SECONDS,
        }
        self._relist = relist
        self._since = since
        self._closed = threading.Event()
        self._lines: LineStream | None = None
        self._alive_ns = 0
        """When a connection was last known to be alive; 0 until there was one."""
        self._heard_ns = 0
        """When something was last heard on one."""

    def close(self) -> None:
        """End the iteration: wakes up the thread that reads. Closing twice is fine."""
        self._closed.set()
        lines = self._lines
        if lines is not None:
            lines.close()

    def __iter__(self) -> Iterator[Arrival[R] | Gap]:
        """Iterate until closed. Raises Unavailable where it can't go on, TryAgain after many attempts in a row."""
        failures = 0
        while not self._closed.is_set():
            began_ns = time.monotonic_ns()
            problem = None
            try:
                yield from self._once()
            except TryAgain as error:
                problem = error
            lasted = time.monotonic_ns() - began_ns > _LASTING_NS
            if self._heard_ns > began_ns or (problem is None and lasted):
                failures = 0
                continue
            failures += 1
            # What was to be heard since then comes late, even if no connection was ever made before.
            self._alive_ns = self._alive_ns or began_ns
            if problem and failures >= _ATTEMPTS:
                raise problem
            # Whoever wants longer is asked again then: a watch that sleeps for days has ended, and nobody knows.
            wish_seconds = problem.retry_after_seconds if problem else None
            self._closed.wait(min(LONGEST_PAUSE_SECONDS, pause_seconds(failures, wish_seconds)))

    def _once(self) -> Iterator[Arrival[R] | Gap]:
        try:
            yield from self._connection()
        except Gone:
            yield from self._start_over()

    def _connection(self) -> Iterator[Arrival[R] | Gap]:
        """Yield what one connection brings. Raises Gone where history is lost, TryAgain where the connection was."""
        query = self._query | {"resourceVersion": self._since}
        response = self._transport.open_stream(self._ask, self._path, query, _SERVER_SECONDS + _GRACE_SECONDS)
        self._lines = lines = LineStream(response, self._ask)
        if self._closed.is_set():
            lines.close()
        opened_ns = time.monotonic_ns()
        gap = Gap(began_ns=self._alive_ns, ended_ns=opened_ns, lost=False) if self._alive_ns else None
        self._alive_ns = opened_ns
        for line, arrived_ns in lines:
            self._alive_ns = self._heard_ns = arrived_ns
            arrival = self._arrival(line, arrived_ns)
            # Not before the first line, which may be that history is lost.
            if gap:
                yield gap
                gap = None
            if arrival:
                yield arrival

    def _arrival(self, line: bytes, arrived_ns: int) -> Arrival[R] | None:
        try:
            event = _decode_event(line)
            if event.type == "ERROR":
                raise self._error(bytes(event.object))
            if event.type == "BOOKMARK":
                self._since = _decode_meta(event.object).metadata.resource_version
                return None
            record = self._read(bytes(event.object))
        except (*UNREADABLE, ValueError) as error:
            raise Unavailable(f"can't {self._ask}: what the server sends is not in the API's format") from error
        self._since = record.meta.resource_version
        return Arrival(change=Change(event.type), record=record, arrived_ns=arrived_ns)

    def _error(self, status: bytes) -> Exception:
        return to_error(self._ask, read_status(status).code, status)

    def _start_over(self) -> Iterator[Arrival[R] | Gap]:
        snapshot = self._relist()
        ended_ns = time.monotonic_ns()
        listed = len(snapshot.records)
        yield Gap(began_ns=self._alive_ns or ended_ns, ended_ns=ended_ns, lost=True, listed=listed)
        for record, arrived_ns in snapshot.records:
            yield Arrival(change=Change.LISTED, record=record, arrived_ns=arrived_ns)
        self._since = snapshot.resource_version
        self._alive_ns = ended_ns
