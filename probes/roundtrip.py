"""The timed loops: round trips one after another, round trips on a fixed schedule, and connections.

Time is the monotonic clock alone. What fails is kept: a request without an answer enters the distribution with the time
it had waited when it was given up, which is the least that its latency can have been.
"""

import gc
import os
import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter_ns

import numpy as np

from probes import echo
from probes.echo import HELLO_BYTES, Endpoint
from probes.measure.histogram import FloatArray

# A sleeping select wakes up to 50 µs late (timer slack, prctl(2)), and a halted virtual CPU takes tens of µs more.
_WAKE_EARLY_NS = 200_000
_LEAD_NS = 1_000_000
_RECEIVE_BYTES = 65_536
_CLOCK_CALLS, _CLOCK_TRIALS = 1_000, 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """One repetition of a loop."""

    latencies_ns: FloatArray
    """In the order sent, shape (requests,)."""
    failures: int = 0
    """How many of them were given up unanswered; their latencies are lower bounds."""
    missed: int = 0
    """How many were sent a whole interval or more after their slot, because this side was late."""


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keep the garbage collector out of the block, and what exists now out of later collections."""
    enabled = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if enabled:
            gc.enable()


@contextmanager
def pinned(cpu: int | None) -> Iterator[None]:
    """Keep this thread on one CPU while the block runs; None leaves it to the scheduler.

    On loopback the scheduler is free to put both sides onto one CPU or onto two, which differ by a factor of ten where
    waking an idle CPU is dear: the outcome would be a lottery. Two CPUs resemble a network, so it is always two.
    """
    before = os.sched_getaffinity(0)
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def clock_call_ns() -> float:
    """What reading the clock costs; each latency contains about one reading. The best of several trials counts."""

    def trial() -> float:
        start = perf_counter_ns()
        for _ in range(_CLOCK_CALLS):
            perf_counter_ns()
        return (perf_counter_ns() - start) / _CLOCK_CALLS

    return min(trial() for _ in range(_CLOCK_TRIALS))


def closed_loop(connection: socket.socket, message_bytes: int, count: int) -> Samples:
    """Time `count` round trips, each begun when the one before has ended. Ends early at a timeout. Raises OSError."""
    message = bytes(message_bytes)
    answer = memoryview(bytearray(message_bytes))
    latencies = [0] * count
    for index in range(count):
        start = perf_counter_ns()
        try:
            connection.sendall(message)
            echo.receive(connection, answer)
        except BlockingIOError:
            latencies[index] = perf_counter_ns() - start
            return Samples(latencies_ns=np.array(latencies[: index + 1], np.float64), failures=1)
        latencies[index] = perf_counter_ns() - start
    return Samples(latencies_ns=np.array(latencies, np.float64))


def open_loop(connection: socket.socket, message_bytes: int, count: int, *, rate_per_second: float) -> Samples:
    """Send `count` requests on a fixed schedule, whatever the answers do, and time each from its intended time.

    A closed loop stops asking while the server stalls, and so leaves out what others would have suffered ("coordinated
    omission", G. Tene, How NOT to Measure Latency). Here a late request, late through us or through a full buffer, has
    waited since its slot. Between the slots the loop sleeps in select, the last stretch before a slot it polls: one
    thread does both, because two would wait for each other's interpreter lock. Raises OSError.
    """
    connection.settimeout(0)
    interval_ns = 1e9 / rate_per_second
    message, buffer = bytes(message_bytes), bytearray(_RECEIVE_BYTES)
    unsent = memoryview(message)
    answered_ns = [0] * count
    sent = received = received_bytes = missed = 0
    start = perf_counter_ns() + _LEAD_NS
    deadline = start + count * interval_ns + echo.TIMEOUT_SECONDS * 1e9
    while received < count and (now := perf_counter_ns()) < deadline:
        due = start + sent * interval_ns if sent < count else deadline
        if now >= due:
            unsent = unsent[_send(connection, unsent) :]
            if not unsent:
                missed += now >= due + interval_ns
                sent += 1
                unsent = memoryview(message)
        readable, _, _ = select.select([connection], [], [], max(0.0, due - now - _WAKE_EARLY_NS) / 1e9)
        if readable:
            arrived = connection.recv_into(buffer)
            now = perf_counter_ns()
            if not arrived:
                raise ConnectionResetError("the other side closed the connection")
            received_bytes += arrived
            complete = min(sent, received_bytes // message_bytes)
            answered_ns[received:complete] = [now - start] * (complete - received)
            received = complete
    answered_ns[received:] = [perf_counter_ns() - start] * (count - received)
    latencies = np.array(answered_ns, np.float64) - np.arange(count) * interval_ns
    return Samples(latencies_ns=latencies, failures=count - received, missed=missed)


def _send(connection: socket.socket, data: memoryview) -> int:
    """Send what fits into the buffer, which may be nothing."""
    try:
        return connection.send(data)
    except BlockingIOError:
        return 0


def connect_loop(endpoint: Endpoint, count: int) -> tuple[Samples, Samples]:
    """Time `count` connections twice: until connected, and until the answer to a first request of 64 bytes.

    Both begin with connect(2). The answer also keeps the server's queue of unaccepted connections empty, which would
    drop what overflows it. Ends early at a timeout. Raises OSError, and Unavailable for a foreign server.
    """
    hello = echo.pack_hello(HELLO_BYTES)
    answer = memoryview(bytearray(HELLO_BYTES))
    connects: list[int] = []
    exchanges: list[int] = []
    connected_ns: int | None = None
    failures = 0
    while len(exchanges) < count and not failures:
        connected_ns = None
        with echo.open_socket(endpoint) as connection:
            start = perf_counter_ns()
            try:
                connection.connect(endpoint.socket_address)
                connected_ns = perf_counter_ns() - start
                connection.sendall(hello)
                echo.receive(connection, answer)
            except (BlockingIOError, TimeoutError):
                failures = 1
            exchange_ns = perf_counter_ns() - start
        connects.append(exchange_ns if connected_ns is None else connected_ns)
        exchanges.append(exchange_ns)
        if not failures:
            echo.check_answer(answer)
    return (
        Samples(latencies_ns=np.array(connects, np.float64), failures=int(connected_ns is None)),
        Samples(latencies_ns=np.array(exchanges, np.float64), failures=failures),
    )
