"""Look-ups of a name in a process of their own: getaddrinfo(3) can't be interrupted, a process can be killed."""

import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from probes.errors import ToolFailed
from probes.process import die_with_parent

# The name is bytes: of text Python would load its IDNA tables within the first look-up. Flags and families are those of
# a client that connects by name, to IPv4 and IPv6 alike.
PROGRAM = """
import socket, sys, time
name, count, pause_seconds = sys.stdin.readline().split()
print(flush=True)
for _ in range(int(count)):
    error_number = 0
    start = time.perf_counter_ns()
    try:
        socket.getaddrinfo(name.encode(), 80, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        error_number = error.errno
    except OSError:
        error_number = socket.EAI_SYSTEM
    print(time.perf_counter_ns() - start, error_number, flush=True)
    time.sleep(float(pause_seconds))
"""
_START_SECONDS = 10.0
# Answers that make all look-ups take this many times as long as their pauses end them.
_SLOWEST = 2.0


class Outcome(StrEnum):
    """What became of a look-up, by the error codes of getaddrinfo(3)."""

    FOUND = "found"
    UNKNOWN_NAME = "unknown_name"
    NO_ADDRESS = "no_address"
    NO_ANSWER = "no_answer"
    SERVER_FAILURE = "server_failure"
    OTHER = "other"
    TIMEOUT = "timeout"
    """Given up by us at the deadline."""


_OUTCOMES = {
    0: Outcome.FOUND,
    socket.EAI_NONAME: Outcome.UNKNOWN_NAME,
    socket.EAI_NODATA: Outcome.NO_ADDRESS,
    # No server answered in the resolver's own time, or all said that they can't now.
    socket.EAI_AGAIN: Outcome.NO_ANSWER,
    socket.EAI_FAIL: Outcome.SERVER_FAILURE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """One look-up."""

    duration_ns: float
    """Until the answer or the error; of a timeout the deadline, which is a lower bound."""
    outcome: Outcome


def look_up(
    name: str, *, count: int, pause_seconds: float, deadline_seconds: float, program: str = PROGRAM
) -> list[Lookup]:
    """Look `name` (ASCII) up in a fresh process, `count` ≥ 2 times with pauses of `pause_seconds`.

    Slow answers end it early, after two at least; a look-up that takes `deadline_seconds` is a timeout and the last.
    Raises ToolFailed where the process does not start or dies. `program` speaks the protocol of PROGRAM.
    """
    lookups: list[Lookup] = []
    with _process(program, f"{name} {count} {pause_seconds}\n") as output:
        _wait_for_start(output)
        end = time.monotonic() + _SLOWEST * count * pause_seconds
        while len(lookups) < 2 or (len(lookups) < count and time.monotonic() < end):
            try:
                lookups.append(_parse(output.line(pause_seconds * bool(lookups) + deadline_seconds)))
            except TimeoutError:
                return [*lookups, Lookup(duration_ns=deadline_seconds * 1e9, outcome=Outcome.TIMEOUT)]
            except EOFError as error:
                raise ToolFailed("the process for look-ups ended without an answer: was it killed?") from error
    return lookups


class _Output:
    """Lines of a pipe, each within a deadline."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._pending = b""
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)

    def line(self, deadline_seconds: float) -> bytes:
        """Return the next line. Raises TimeoutError where it is late and EOFError where there is none."""
        while b"\n" not in self._pending:
            if not self._poll.poll(deadline_seconds * 1e3):
                raise TimeoutError
            chunk = os.read(self._descriptor, 65536)
            if not chunk:
                raise EOFError
            self._pending += chunk
        line, _, self._pending = self._pending.partition(b"\n")
        return line


@contextmanager
def _process(program: str, text: str) -> Iterator[_Output]:
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        preexec_fn=partial(die_with_parent, os.getpid()),  # noqa: PLW1509  nothing in it takes a lock
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(BrokenPipeError):
            process.stdin.write(text.encode("ascii"))
        yield _Output(process.stdout.fileno())
    finally:
        process.kill()
        with process:
            pass


def _wait_for_start(output: _Output) -> None:
    try:
        output.line(_START_SECONDS)
    except (TimeoutError, EOFError) as error:
        raise ToolFailed(f"the process for look-ups did not start: does {sys.executable} work?") from error


def _parse(line: bytes) -> Lookup:
    duration_ns, error_number = map(int, line.split())
    return Lookup(duration_ns=float(duration_ns), outcome=_OUTCOMES.get(error_number, Outcome.OTHER))
