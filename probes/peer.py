"""The answering side of the latency probe: echoes messages over TCP, and nothing else.

A fixed crew of threads waits in accept(2) on one socket: no thread is started while a connection is being timed, and
the crew's size is the limit on connections at once. All of them block, as the client does; an idle thread holds no
interpreter lock.
"""

import errno
import gc
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection

from probes import echo
from probes.echo import HELLO_BYTES, MAXIMUM_MESSAGE_BYTES, Endpoint, Status
from probes.errors import ProbeError, Unavailable
from probes.process import die_with_parent

MAXIMUM_CONNECTIONS = 16
# Rounds of up to a minute lie between two messages of one connection; nobody who measures is silent for longer.
IDLE_SECONDS = 90
_START_SECONDS = 20.0
_STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})


def serve(
    host: str | None, port: int, *, on_listening: Callable[[int], None], idle_seconds: int = IDLE_SECONDS
) -> None:
    """Answer at `host` (None: every address, IPv4 and IPv6) until SIGTERM or SIGINT. Call it in the main thread.

    Port 0 takes a free one; `on_listening` is told the real port. Raises Unavailable where it can't listen.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    try:
        with answering(host, port, idle_seconds=idle_seconds) as real_port:
            # What was imported is never garbage; without it a collection has nothing to walk through.
            gc.freeze()
            on_listening(real_port)
            signal.sigwait(_STOP_SIGNALS)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def answering(host: str | None, port: int, *, idle_seconds: int = IDLE_SECONDS) -> Iterator[int]:
    """Answer in threads of this process while the block runs; yield the port. Raises Unavailable."""
    with _listen(host, port) as listener:
        crew = _Crew(listener, idle_seconds)
        try:
            yield listener.getsockname()[1]
        finally:
            crew.dismiss()


@contextmanager
def loopback(cpu: int | None = None) -> Iterator[Endpoint]:
    """Run a peer on 127.0.0.1 in a process of its own, on one CPU if given. Raises Unavailable if it doesn't start."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_serve_loopback, args=(os.getpid(), sender, cpu))
    child.start()
    try:
        sender.close()
        with receiver:
            port = _await_port(receiver)
        yield Endpoint(family=socket.AF_INET, socket_address=("127.0.0.1", port))
    finally:
        child.kill()
        child.join()


def _await_port(receiver: Connection) -> int:
    if not receiver.poll(_START_SECONDS):
        raise Unavailable(
            f"the loopback server did not start within {_START_SECONDS:.0f} s: is the machine overloaded?"
        )
    try:
        answer: int | ProbeError = receiver.recv()
    except EOFError as error:
        raise Unavailable("the loopback server ended before it listened: was it killed?") from error
    if isinstance(answer, ProbeError):
        raise answer
    return answer


def _serve_loopback(parent_pid: int, sender: Connection, cpu: int | None) -> None:
    die_with_parent(parent_pid)
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})
    try:
        serve("127.0.0.1", 0, on_listening=sender.send)
    except ProbeError as error:
        sender.send(error)


def _listen(host: str | None, port: int) -> socket.socket:
    dual = host is None and socket.has_dualstack_ipv6()
    try:
        if host is None:
            family, address = (socket.AF_INET6 if dual else socket.AF_INET), ("", port)
        else:
            family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]  # type: ignore[assignment]
        # Accepted sockets inherit these options; SO_REUSEADDR is create_server's own.
        listener = socket.create_server(address, family=family, dualstack_ipv6=dual, backlog=128)
    except socket.gaierror as error:
        raise Unavailable(f"the address {host!r} to listen on is unknown: give one of this machine's") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Unavailable(
                f"port {port} is taken: choose another with --port, or stop what listens there"
            ) from error
        raise Unavailable(f"can't listen on port {port} ({error.strerror}): choose another address or port") from error
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    echo.set_timeout(listener, socket.SO_SNDTIMEO, echo.TIMEOUT_SECONDS)
    return listener


class _Crew:
    """The threads that answer, and the connections they hold."""

    def __init__(self, listener: socket.socket, idle_seconds: int) -> None:
        self._listener = listener
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._dismissed = False
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(MAXIMUM_CONNECTIONS)]
        for thread in self._threads:
            thread.start()

    def dismiss(self) -> None:
        """Wake every thread by shutting down what it waits for, and see them all end."""
        with self._lock:
            self._dismissed = True
            for connection in (self._listener, *self._open):
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        buffer = memoryview(bytearray(MAXIMUM_MESSAGE_BYTES))
        while not self._dismissed:
            # A connection that went wrong ends, not the crew. A dismissed crew's accept fails, too.
            with suppress(OSError), self._accepted() as connection:
                self._answer(connection, buffer)

    @contextmanager
    def _accepted(self) -> Iterator[socket.socket]:
        connection, _ = self._listener.accept()
        with connection:
            with self._lock:
                if self._dismissed:
                    raise ConnectionAbortedError("stopping")
                self._open.add(connection)
            try:
                yield connection
            finally:
                with self._lock:
                    self._open.discard(connection)

    def _answer(self, connection: socket.socket, buffer: memoryview) -> None:
        """Greet and echo until the client closes, is silent for too long, or says something wrong (OSError)."""
        echo.set_timeout(connection, socket.SO_RCVTIMEO, echo.TIMEOUT_SECONDS)
        echo.receive(connection, buffer[:HELLO_BYTES])
        hello = echo.unpack_hello(buffer[:HELLO_BYTES])
        if hello is None:
            return
        status = Status.OK
        if hello.version != echo.VERSION:
            status = Status.OTHER_VERSION
        elif not 1 <= hello.message_bytes <= MAXIMUM_MESSAGE_BYTES:
            status = Status.SIZE_REFUSED
        connection.sendall(echo.pack_hello(hello.message_bytes, status=status))
        if status is not Status.OK:
            return
        echo.set_timeout(connection, socket.SO_RCVTIMEO, self._idle_seconds)
        message = buffer[: hello.message_bytes]
        while True:
            echo.receive(connection, message)
            connection.sendall(message)
