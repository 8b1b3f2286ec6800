"""Long answers at the end of a connection: read slowly they arrive whole, and one that nobody reads keeps no place."""

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from corrective_drift import protocol

# More than the kernel takes off a server's hands: some megabytes at each end.
LENGTH = 32 << 20
LINGER_SECONDS = 0.6


async def answering(_scope: Scope, _receive: Receive, send: Send) -> None:
    length = str(LENGTH).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    await send({"type": "http.response.body", "body": bytes(LENGTH)})


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[uvicorn.Server]:
    """A server of long answers."""
    monkeypatch.setattr(protocol, "LINGER_SECONDS", LINGER_SECONDS)
    config = uvicorn.Config(
        answering, http=protocol.Bounded, loop="uvloop", ws="none", lifespan="off", log_config=None, port=0
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started)
        yield server
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def connection(server: uvicorn.Server) -> Iterator[socket.socket]:
    """A connection that has asked for a long answer, and for the end of the connection after it."""
    with socket.create_connection(server.servers[0].sockets[0].getsockname(), timeout=20) as one:
        one.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        until(lambda: bool(server.server_state.connections))
        yield one


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def read(connection: socket.socket, pause_seconds: float, most: int) -> int:
    """Return how many bytes came until the end, with `most` pauses on the way."""
    received = pauses = 0
    while part := connection.recv(1 << 20):
        received += len(part)
        if pauses < most and received > pauses * (LENGTH // most):
            pauses += 1
            time.sleep(pause_seconds)
    return received


def test_a_long_answer_to_a_slow_reader_is_not_cut_short(connection: socket.socket) -> None:
    assert read(connection, LINGER_SECONDS / 3, 8) > LENGTH


def test_an_answer_that_nobody_reads_ends_with_its_connection(
    server: uvicorn.Server, connection: socket.socket
) -> None:
    until(lambda: not server.server_state.connections)
    try:
        received = read(connection, 0, 1)
    except ConnectionResetError:
        received = 0
    assert received < LENGTH
