"""libiperf through the package `iperf3`: each test in a fresh child process, within a deadline.

libiperf keeps its state in globals, writes to our standard output and may call exit(): none of that may reach the
process that measures. The package's own `run` is not used, because it collects the library's standard output in a pipe
that nobody reads before the test is over: beyond the pipe's 64 KiB the library blocks for ever. Here the output goes
nowhere, and the JSON is taken from the string that the library keeps.
"""

import ctypes
import ipaddress
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import psutil

from probes.errors import ToolFailed, Unavailable
from probes.iperf_report import Report, ServerAway, ServerBusy, parse
from probes.process import die_with_parent

DEFAULT_PORT = 5201
_LOOPBACK = "127.0.0.1"
_NOT_INSTALLED = "libiperf is not installed: apt-get install libiperf0"
# Start of a child, connection, exchange of parameters and results: all that a test takes besides its own duration.
_SLACK_SECONDS = 10.0
_CONNECT_SECONDS = 5.0
# A server frees itself within milliseconds of its last test; one that is busy for longer serves somebody else.
_BUSY_SECONDS = 10.0
_BUSY_PAUSE_SECONDS = 0.5
# Between two clients nobody listens for a moment, which on a loaded machine outlasts the start of our next child.
_AWAY_SECONDS = 1.0
_AWAY_PAUSE_SECONDS = 0.05
_START_SECONDS = 10.0
_POLL_SECONDS = 0.01
_PORT_ATTEMPTS = 5
# What a child's exit code tells its parent; libiperf itself exits with 0 or 1.
_EXIT_NOT_INSTALLED = 70
_EXIT_CANNOT_LISTEN = 71
_spawn = multiprocessing.get_context("spawn")


class PortTaken(Unavailable):
    """A server can't listen, most often because another process already does: choose another port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One test against an iperf3 server, which ends after `duration_seconds`, or sooner once `byte_count` has gone."""

    host: str
    port: int
    duration_seconds: int
    """libiperf knows whole seconds only; a shorter test is bounded by its bytes."""
    byte_count: int | None = None
    """Over all streams. Not together with `omit_seconds`: libiperf counts the omitted bytes of a reverse test."""
    omit_seconds: int = 0
    """What the beginning (TCP's slow start) takes before anything counts."""
    streams: int = 1
    reverse: bool = False
    """The server sends."""
    udp_bits_per_second: int | None = None
    """Send UDP at this rate; TCP, as fast as it goes, where None."""
    udp_payload_bytes: int = 0


def run_test(test: Settings, *, slack_seconds: float = _SLACK_SECONDS) -> Report:
    """Run one test in a child process; a busy server is asked again for ten seconds, one that is away for one.

    Raises Unavailable where libiperf is missing, and ToolFailed where the test fails or takes `slack_seconds` longer
    than it should.
    """
    deadline_seconds = test.duration_seconds + test.omit_seconds + slack_seconds
    begin = time.monotonic()
    while True:
        try:
            return parse(_ask(_client, test, deadline_seconds=deadline_seconds))
        except ServerBusy:
            if time.monotonic() >= begin + _BUSY_SECONDS:
                raise
            time.sleep(_BUSY_PAUSE_SECONDS)
        except ServerAway:
            if time.monotonic() >= begin + _AWAY_SECONDS:
                raise
            time.sleep(_AWAY_PAUSE_SECONDS)


def library_version() -> str:
    """Return the version of libiperf, such as `3.12`. Raises Unavailable where it is missing."""
    return _ask(_version, deadline_seconds=_SLACK_SECONDS)


def reach(host: str, port: int) -> bool:
    """Prove the path with a connection of its own, and tell whether it stays on this machine. Raises Unavailable.

    Behind a Kubernetes Service that was created a moment ago, the first SYN may be rejected, and libiperf then waits
    for ever. The server takes this connection for a client that left, and listens again.
    """
    try:
        with socket.create_connection((host, port), timeout=_CONNECT_SECONDS) as connection:
            local, peer = connection.getsockname()[0], connection.getpeername()[0]
    except (OSError, UnicodeError) as error:
        # The host is not named: reasons are part of a result. UnicodeError is what a name with an endless label raises.
        reason = getattr(error, "strerror", "no such name") or "no answer"
        raise Unavailable(
            f"no iperf3 server can be reached at the address given, port {port} ({reason}): "
            "run `probe serve` or `iperf3 -s` there, and check the address and the firewall"
        ) from error
    return bool(local == peer or ipaddress.ip_address(peer.partition("%")[0]).is_loopback)


@contextmanager
def serving(port: int, *, address: str | None = None) -> Iterator[BaseProcess]:
    """Run an iperf3 server in a child process while the block runs; `address` None means every address.

    It serves one test after another. Yields the process once it listens: it lives until the block ends, unless it is
    killed. Raises PortTaken, Unavailable where libiperf is missing, and ToolFailed where it doesn't begin to listen.
    """
    process = _spawn.Process(target=_server, args=(os.getpid(), port, address))
    process.start()
    try:
        _await_listening(process, port)
        yield process
    finally:
        process.kill()
        process.join()


@contextmanager
def loopback_server() -> Iterator[int]:
    """Run an iperf3 server on the loopback interface while the block runs; yields its port. Raises Unavailable.

    libiperf can't be asked for any free port: one is looked up first, and another if somebody takes it in between.
    """
    with ExitStack() as stack:
        for _ in range(_PORT_ATTEMPTS):
            port = _free_port()
            with suppress(PortTaken):
                stack.enter_context(serving(port, address=_LOOPBACK))
                break
        else:
            raise PortTaken(f"{_PORT_ATTEMPTS} free ports of {_LOOPBACK} were taken before a server could listen")
        yield port


def _free_port() -> int:
    with socket.create_server((_LOOPBACK, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _await_listening(process: BaseProcess, port: int) -> None:
    """Wait until `process` itself listens: a connection would be answered by whoever holds the port."""
    give_up = time.monotonic() + _START_SECONDS
    while time.monotonic() < give_up:
        if process.exitcode is not None:
            raise _reason_of_death(process, port)
        with suppress(psutil.NoSuchProcess):
            sockets = psutil.Process(process.pid).net_connections(kind="tcp")
            if any(each.status == psutil.CONN_LISTEN and each.laddr.port == port for each in sockets):
                return
        time.sleep(_POLL_SECONDS)
    raise ToolFailed(f"the iperf3 server did not begin to listen on port {port} within {_START_SECONDS:.0f} s")


def _reason_of_death(process: BaseProcess, port: int) -> Unavailable:
    match process.exitcode:
        case code if code == _EXIT_NOT_INSTALLED:
            return Unavailable(_NOT_INSTALLED)
        case code if code == _EXIT_CANNOT_LISTEN:
            return PortTaken(f"the iperf3 server can't listen on port {port}: is another process using it?")
        case code:
            return ToolFailed(f"the iperf3 server ended by itself (exit code {code}) instead of listening")


def _ask(target: Callable[..., None], *arguments: Settings, deadline_seconds: float) -> str:
    """Return what `target` sends from a child process."""
    receiver, sender = _spawn.Pipe(duplex=False)
    process = _spawn.Process(target=target, args=(os.getpid(), sender, *arguments))
    process.start()
    sender.close()
    try:
        with receiver:
            if not receiver.poll(deadline_seconds):
                raise ToolFailed(
                    f"libiperf brought no result within {deadline_seconds:.0f} s and was stopped: "
                    "is the other side an iperf3 server, and does the network carry the data?"
                )
            answer: str = receiver.recv()
            return answer
    except EOFError as error:
        process.join()
        if process.exitcode == _EXIT_NOT_INSTALLED:
            raise Unavailable(_NOT_INSTALLED) from error
        raise ToolFailed(f"libiperf ended its process (exit code {process.exitcode}) without a result") from error
    finally:
        process.kill()
        process.join()


def _version(parent_pid: int, sender: Connection) -> None:
    client, _ = _load(parent_pid, "Client")
    sender.send(client.iperf_version.removeprefix("iperf "))
    os._exit(0)


def _client(parent_pid: int, sender: Connection, test: Settings) -> None:
    client, handle = _load(parent_pid, "Client")
    client.server_hostname, client.port = test.host, test.port
    client.duration, client.omit = test.duration_seconds, test.omit_seconds
    client.num_streams, client.reverse = test.streams, test.reverse
    if test.udp_bits_per_second is not None:
        client.protocol = "udp"
        client.bandwidth, client.blksize = test.udp_bits_per_second, test.udp_payload_bytes
    if test.byte_count is not None:
        client.lib.iperf_set_test_bytes(handle, ctypes.c_uint64(test.byte_count))
    client.lib.iperf_run_client(handle)
    report = client.lib.iperf_get_test_json_output_string(handle)
    sender.send((report or b"").decode())
    # The package's destructor would end the test a second time, on a control socket that is closed by now.
    os._exit(0)


def _server(parent_pid: int, port: int, address: str | None) -> None:
    server, handle = _load(parent_pid, "Server")
    server.json_output = False
    server.port = port
    if address is not None:
        server.bind_address = address
    # -1 is a test that failed, which is its client's affair; -2 is a server that can't serve.
    while server.lib.iperf_run_server(handle) >= -1:
        server.lib.iperf_reset_test(handle)
    os._exit(_EXIT_CANNOT_LISTEN)


def _load(parent_pid: int, role: str) -> tuple[Any, ctypes.c_void_p]:
    """Make this process libiperf's own; return the package's object for `role`, and the library's handle behind it."""
    die_with_parent(parent_pid)
    # Python's handler would only set a flag, which nobody looks at while the library runs.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    import iperf3  # noqa: PLC0415  opens the library, which must happen in the child alone

    try:
        wrapper = getattr(iperf3, role)(verbose=False)
    except OSError:
        os._exit(_EXIT_NOT_INSTALLED)
    return wrapper, ctypes.c_void_p(wrapper._test)  # noqa: SLF001  the package's own run() is what we go round
