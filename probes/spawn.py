"""Starts processes and times what they do first, by CLOCK_MONOTONIC, which all processes of a machine share.

posix_spawn(3) is used as it is: it neither copies this process's page tables, as fork(2) does, nor runs code of ours in
the child. What it starts ends by itself when our end of its pipe closes, however we end.
"""

import os
import select
import shutil
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic_ns

from probes.errors import ToolFailed, Unavailable

# `-I -S`: neither environment variables, nor user's or site's packages, nor .pth files are part of what is timed.
_PYTHON = (sys.executable, "-I", "-S", "-c")
_STAMP = "import time; print(time.monotonic_ns())"
# Descriptor 0 is a listening socket; 1 is the pipe whose closing means that nobody is there any more. poll(2) reports
# that the reading end has closed without being asked for an event.
_SERVICE = """
import select, socket
listener = socket.socket(fileno=0)
poll = select.poll()
poll.register(0, select.POLLIN)
poll.register(1, 0)
if (0, select.POLLIN) in poll.poll():
    connection, _ = listener.accept()
    connection.sendall(connection.recv(1))
"""
_HOST = "127.0.0.1"
# Far more than any of these takes on a machine that is of use.
_DEADLINE_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Child:
    pid: int
    start_ns: int
    """Just before the spawn."""
    executed_ns: int
    """When posix_spawn returned: the child has left our memory for its own program."""
    output: int
    """The reading end of its standard output."""


def native_program() -> str:
    """Return the path of the small native program that is started: echo(1). Raises Unavailable."""
    path = shutil.which("echo")
    if path is None:
        raise Unavailable("the program echo is not on the PATH: install coreutils, or busybox")
    return path


def start_program(program: str) -> tuple[float, float]:
    """Start echo(1) at `program`; return the nanoseconds until exec(2), and until its first byte arrived here."""
    with _spawned((program, "x")) as child:
        _read(child.output)
        first_byte_ns = monotonic_ns()
    return float(child.executed_ns - child.start_ns), float(first_byte_ns - child.start_ns)


def start_interpreter(program: str = _STAMP) -> float:
    """Start Python; return the nanoseconds until its own first instruction read the clock."""
    with _spawned((*_PYTHON, program)) as child:
        return float(int(_read(child.output)) - child.start_ns)


def start_service(program: str = _SERVICE, deadline_seconds: float = _DEADLINE_SECONDS) -> float:
    """Start a TCP service; return the nanoseconds until its first answer.

    It inherits a socket that listens already, so that the request waits in the kernel's queue until the service takes
    it. A client that tried again and again instead would slow down the start that it measures. Raises ToolFailed where
    it does not answer, Unavailable where there is no loopback interface to ask it over.
    """
    with _listening() as listener:
        address = listener.getsockname()
        with _spawned((*_PYTHON, program), stdin=listener.fileno()) as child:
            # Only the service may hold it: were it to die, the kernel must tell the client, not keep it waiting.
            listener.close()
            _ask(address, deadline_seconds)
            return float(monotonic_ns() - child.start_ns)


def _listening() -> socket.socket:
    try:
        return socket.create_server((_HOST, 0))
    except OSError as error:
        raise _no_loopback(error) from error


def _no_loopback(error: OSError) -> Unavailable:
    return Unavailable(f"{_HOST} can't be used ({error.strerror}): is the loopback interface up?")


def _ask(address: tuple[str, int], deadline_seconds: float) -> None:
    try:
        with socket.create_connection(address, deadline_seconds) as client:
            client.sendall(b"?")
            if client.recv(1):
                return
    except TimeoutError as error:
        raise ToolFailed(
            f"a TCP service did not answer within {deadline_seconds:g} s: is the machine overloaded?"
        ) from error
    except ConnectionError as error:
        raise ToolFailed("a TCP service ended before it answered: was it killed?") from error
    except OSError as error:
        raise _no_loopback(error) from error
    raise ToolFailed("a TCP service closed the connection without an answer")


@contextmanager
def _spawned(command: tuple[str, ...], stdin: int | None = None) -> Iterator[_Child]:
    output, child_end = os.pipe()
    actions = [(os.POSIX_SPAWN_DUP2, child_end, 1)]
    if stdin is not None:
        actions.append((os.POSIX_SPAWN_DUP2, stdin, 0))
    try:
        try:
            start_ns = monotonic_ns()
            pid = os.posix_spawn(command[0], command, os.environ, file_actions=actions)
            executed_ns = monotonic_ns()
        except OSError as error:
            raise Unavailable(f"{command[0]} can't be started: {error.strerror}") from error
        finally:
            os.close(child_end)
        try:
            yield _Child(pid=pid, start_ns=start_ns, executed_ns=executed_ns, output=output)
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    finally:
        os.close(output)


def _read(descriptor: int) -> bytes:
    """The first bytes of a pipe. Raises ToolFailed where none arrive."""
    if not select.select([descriptor], [], [], _DEADLINE_SECONDS)[0]:
        raise ToolFailed(
            f"a process did nothing within {_DEADLINE_SECONDS:g} s of its start: is the machine overloaded?"
        )
    text = os.read(descriptor, 4096)
    if not text:
        raise ToolFailed("a process ended without doing anything: was it killed?")
    return text
