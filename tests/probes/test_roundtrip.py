import ast
import gc
import inspect
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import numpy as np
import pytest

from probes import echo, latency, peer, roundtrip
from probes.echo import Endpoint

SIZE = 64


@contextmanager
def peer_that(before_answer: Callable[[int], None]) -> Iterator[Endpoint]:
    """A peer for one connection that calls `before_answer(n)` ahead of its n-th answer."""

    def work() -> None:
        with suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                connection.recv(echo.HELLO_BYTES, socket.MSG_WAITALL)
                connection.sendall(echo.pack_hello(SIZE))
                answered = 0
                while message := connection.recv(SIZE, socket.MSG_WAITALL):
                    before_answer(answered)
                    connection.sendall(message)
                    answered += 1

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield Endpoint(family=socket.AF_INET, socket_address=listener.getsockname())
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def stall_once(number: int) -> None:
    if number == 100:
        time.sleep(0.2)


def hang_up(number: int) -> None:
    if number == 10:
        raise ConnectionAbortedError


def test_an_open_loop_shows_a_stall_in_every_request_that_was_due_in_it() -> None:
    rate = 500
    with peer_that(stall_once) as endpoint, echo.connected(endpoint, SIZE) as connection:
        samples = roundtrip.open_loop(connection, SIZE, 400, rate_per_second=rate)
    # Due in the first 180 ms of the stall, these waited for the 20 ms that were left, or longer.
    affected = int((samples.latencies_ns >= 20e6).sum())
    assert affected >= 0.9 * rate * 0.18
    assert np.percentile(samples.latencies_ns, 99) >= 150e6
    assert samples.failures == 0


def test_a_closed_loop_hides_the_same_stall_in_one_request() -> None:
    with peer_that(stall_once) as endpoint, echo.connected(endpoint, SIZE) as connection:
        samples = roundtrip.closed_loop(connection, SIZE, 400)
    assert int((samples.latencies_ns >= 180e6).sum()) == 1
    assert np.percentile(samples.latencies_ns, 99) < 150e6


def test_open_loop_latencies_are_in_the_order_of_the_slots() -> None:
    with peer_that(stall_once) as endpoint, echo.connected(endpoint, SIZE) as connection:
        waits = roundtrip.open_loop(connection, SIZE, 150, rate_per_second=500).latencies_ns
    # On a busy machine a later one may wait even longer; none before has waited for as long as the stall.
    assert int(np.flatnonzero(waits >= 200e6)[0]) == 100


def test_slots_missed_by_this_side_are_counted_and_their_wait_is_kept() -> None:
    with peer.loopback() as endpoint, echo.connected(endpoint, SIZE) as connection:
        samples = roundtrip.open_loop(connection, SIZE, 2000, rate_per_second=10_000_000)
    assert samples.missed > 1000
    assert samples.latencies_ns.size == 2000
    # Every slot was meant for the first 0.2 ms, and the last one waited for 1999 others, none of which takes less than
    # half a microsecond; counted from when it was sent it would have taken tens of microseconds.
    assert samples.latencies_ns[-1] > 800_000


def test_a_request_larger_than_the_buffers_is_sent_in_parts() -> None:
    size = echo.MAXIMUM_MESSAGE_BYTES
    with peer.loopback() as endpoint, echo.connected(endpoint, size) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        samples = roundtrip.open_loop(connection, size, 50, rate_per_second=100_000)
    assert samples.failures == 0
    assert samples.latencies_ns.size == 50


@contextmanager
def silent_after(answers: int) -> Iterator[Endpoint]:
    """A peer that answers so often and then no more."""
    over = threading.Event()

    def go_silent(number: int) -> None:
        if number == answers:
            over.wait(20)

    with peer_that(go_silent) as endpoint:
        try:
            yield endpoint
        finally:
            over.set()


def test_requests_without_an_answer_stay_in_the_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(echo, "TIMEOUT_SECONDS", 1)
    with silent_after(30) as endpoint, echo.connected(endpoint, SIZE) as connection:
        opened = roundtrip.open_loop(connection, SIZE, 40, rate_per_second=1000)
    assert opened.failures == 10
    assert (opened.latencies_ns[30:] >= 1e9).all()


def test_a_closed_loop_ends_at_a_timeout_and_keeps_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(echo, "TIMEOUT_SECONDS", 1)
    with silent_after(30) as endpoint, echo.connected(endpoint, SIZE) as connection:
        closed = roundtrip.closed_loop(connection, SIZE, 40)
    assert (closed.failures, closed.latencies_ns.size) == (1, 31)
    assert closed.latencies_ns[-1] >= 1e9


@pytest.mark.parametrize(
    "loop",
    [
        lambda connection: roundtrip.closed_loop(connection, SIZE, 40),
        lambda connection: roundtrip.open_loop(connection, SIZE, 40, rate_per_second=1000),
    ],
)
def test_a_peer_that_hangs_up_is_an_error(loop: Callable[[socket.socket], object]) -> None:
    with (
        peer_that(hang_up) as endpoint,
        echo.connected(endpoint, SIZE) as connection,
        pytest.raises(ConnectionError),
    ):
        loop(connection)


def test_a_connection_with_a_request_takes_longer_than_the_connection_alone() -> None:
    with peer.loopback() as endpoint:
        connects, exchanges = roundtrip.connect_loop(endpoint, 50)
    assert (exchanges.latencies_ns > connects.latencies_ns).all()
    assert connects.latencies_ns.size == 50


def test_a_connection_that_is_never_answered_counts_with_its_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(echo, "TIMEOUT_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        endpoint = Endpoint(family=socket.AF_INET, socket_address=deaf.getsockname())
        connects, exchanges = roundtrip.connect_loop(endpoint, 5)
    assert (connects.failures, exchanges.failures) == (0, 1)
    assert exchanges.latencies_ns.size == 1
    assert exchanges.latencies_ns[0] >= 1e9


def test_connections_leave_no_port_waiting() -> None:
    with peer.loopback() as endpoint:
        roundtrip.connect_loop(endpoint, 50)
        with open("/proc/net/tcp", encoding="ascii") as table:  # noqa: PTH123  /proc is read as a stream
            waiting = [line for line in table if f":{endpoint.port:04X} " in line and " 06 " in line]
    assert waiting == []


def test_the_collector_is_back_after_the_timed_part_even_after_an_error() -> None:
    enabled_within = []

    @roundtrip.undisturbed()
    def fail() -> None:
        enabled_within.append(gc.isenabled())
        raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        fail()
    assert enabled_within == [False]
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_pinning_ends_with_its_block() -> None:
    before = os.sched_getaffinity(0)
    with roundtrip.pinned(min(before)):
        assert os.sched_getaffinity(0) == {min(before)}
    assert os.sched_getaffinity(0) == before


@pytest.mark.parametrize("module", [echo, latency, peer, roundtrip])
def test_no_wall_clock_is_read_so_that_setting_it_back_changes_nothing(module: object) -> None:
    tree = ast.parse(inspect.getsource(module))  # type: ignore[arg-type]
    imported = {
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    } | {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    clocks = {name for name in imported if name.partition(".")[0] in {"time", "datetime"}}
    assert clocks <= {"time.perf_counter_ns"}


def test_the_clock_s_own_cost_is_far_below_what_is_measured() -> None:
    assert 0 < roundtrip.clock_call_ns() < 10_000
