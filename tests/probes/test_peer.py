import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress

import psutil
import pytest

from probes import echo, peer
from probes.echo import Endpoint, Status
from probes.errors import Unavailable

HELLO = echo.pack_hello(64)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with peer.answering("127.0.0.1", 0) as real_port:
        yield real_port


def endpoint(port: int) -> Endpoint:
    return Endpoint(family=socket.AF_INET, socket_address=("127.0.0.1", port))


def answer_to(port: int, data: bytes) -> bytes:
    """What comes back until the peer closes."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as connection:
        received = b""
        # A peer that closes on unread bytes resets the connection, which each of these may be the first to learn.
        with suppress(OSError):
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65_536):
                received += part
        return received


def works(port: int) -> bool:
    with echo.connected(endpoint(port), 3) as connection:
        connection.sendall(b"abc")
        view = memoryview(bytearray(3))
        echo.receive(connection, view)
        return bytes(view) == b"abc"


def test_messages_come_back_however_they_are_cut(port: int) -> None:
    message = os.urandom(1024)
    with echo.connected(endpoint(port), len(message)) as connection:
        for start in range(0, len(message), 100):
            connection.sendall(message[start : start + 100])
        view = memoryview(bytearray(len(message)))
        echo.receive(connection, view)
        assert view == message


def test_pipelined_messages_come_back_in_order(port: int) -> None:
    with echo.connected(endpoint(port), 4) as connection:
        connection.sendall(b"".join(n.to_bytes(4) for n in range(100)))
        view = memoryview(bytearray(400))
        echo.receive(connection, view)
        assert [int.from_bytes(view[i : i + 4]) for i in range(0, 400, 4)] == list(range(100))


@pytest.mark.parametrize("rubbish", [b"", b"x", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".ljust(200), bytes(64), HELLO[:63]])
def test_rubbish_gets_no_answer_and_does_no_harm(port: int, rubbish: bytes) -> None:
    assert answer_to(port, rubbish) == b""
    assert works(port)


def test_more_rubbish_at_once_than_the_crew_is_large_does_no_harm(port: int) -> None:
    for _ in range(3 * peer.MAXIMUM_CONNECTIONS):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(os.urandom(100))
    assert works(port)


def test_another_version_is_told_ours(port: int) -> None:
    answer = answer_to(port, echo.pack_hello(64, version=echo.VERSION + 1))
    assert echo.unpack_hello(answer) == (echo.VERSION, Status.OTHER_VERSION, 64)


@pytest.mark.parametrize("size", [0, echo.MAXIMUM_MESSAGE_BYTES + 1, 2**32 - 1])
def test_a_size_beyond_the_limit_is_refused(port: int, size: int) -> None:
    answer = echo.unpack_hello(answer_to(port, echo.pack_hello(size)))
    assert answer is not None
    assert answer.status == Status.SIZE_REFUSED


def test_who_is_silent_for_too_long_is_hung_up_on() -> None:
    with (
        peer.answering("127.0.0.1", 0, idle_seconds=1) as own_port,
        echo.connected(endpoint(own_port), 64) as connection,
    ):
        assert connection.recv(1) == b""


def test_a_connection_beyond_the_limit_waits_until_one_is_free(port: int) -> None:
    with ExitStack() as others:
        for _ in range(peer.MAXIMUM_CONNECTIONS):
            others.enter_context(echo.connected(endpoint(port), 64))
        late = others.enter_context(socket.create_connection(("127.0.0.1", port)))
        late.sendall(HELLO)
        late.settimeout(0.2)
        with pytest.raises(TimeoutError):
            late.recv(1)
        others.pop_all().close()
    assert works(port)


def test_every_address_means_both_families() -> None:
    with peer.answering(None, 0) as own_port:
        assert works(own_port)
        if socket.has_dualstack_ipv6():
            six = Endpoint(family=socket.AF_INET6, socket_address=("::1", own_port, 0, 0))
            with echo.connected(six, 64):
                pass


def test_a_taken_port_is_unavailable_and_says_what_to_do(port: int) -> None:
    with pytest.raises(Unavailable, match=f"port {port} is taken: choose another"), peer.answering("127.0.0.1", port):
        pass


def test_an_address_of_another_machine_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="choose another address"), peer.answering("192.0.2.1", 0):
        pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_serving_in_order_and_frees_the_port(number: signal.Signals) -> None:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=peer.serve, args=(None, 0), kwargs={"on_listening": sender.send})
    child.start()
    assert child.pid is not None
    own_port = receiver.recv()
    with echo.connected(endpoint(own_port), 64) as connection:
        os.kill(child.pid, number)
        child.join(20)
        assert child.exitcode == 0
        assert connection.recv(1) == b""
    receiver.close()
    sender.close()
    with peer.answering("127.0.0.1", own_port):
        assert works(own_port)


def test_leaving_the_block_ends_the_loopback_server() -> None:
    with peer.loopback() as local:
        assert works(local.port)
    with pytest.raises(ConnectionRefusedError), echo.connected(local, 64):
        pass


def test_the_loopback_server_stays_on_the_cpu_it_was_given() -> None:
    cpu = max(os.sched_getaffinity(0))
    with peer.loopback(cpu):
        (server,) = [child for child in psutil.Process().children() if child.cpu_affinity() == [cpu]]
        assert server.is_running()


def test_kill_9_of_its_starter_takes_the_loopback_server_along() -> None:
    script = (
        "from probes import peer\nimport time\nwith peer.loopback() as e: print(e.port, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        own_port = int(starter.stdout.readline())
        assert works(own_port)
        starter.kill()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", own_port)).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.05)
    pytest.fail("the server outlived its starter")
