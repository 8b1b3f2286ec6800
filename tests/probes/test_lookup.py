"""Look-ups by the real library against name servers of our own: glibc is told their address within the process."""

import platform
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from probes import lookup, resolver
from probes.errors import ToolFailed
from probes.lookup import PROGRAM, Outcome, look_up

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc" or "dns" not in str(resolver.describe()["hosts_order"]),
    reason="name servers are set within glibc's own state, and used only where the hosts order has dns",
)

NO_ERROR, SERVER_FAILURE, UNKNOWN_NAME = 0, 2, 3
CODES = {b"unknown": UNKNOWN_NAME, b"broken": SERVER_FAILURE}


def asking(port: int) -> str:
    """The program, after it made 127.0.0.1:port the only name server (struct __res_state of <resolv.h>)."""
    return f"""
import ctypes, struct
libc = ctypes.CDLL(None)
libc.__res_init()
libc.__res_state.restype = ctypes.c_void_p
ctypes.memmove(libc.__res_state() + 16, struct.pack("=iH", 1, 2) + struct.pack(">HI", {port}, 0x7f000001), 12)
{PROGRAM}"""


def answer(query: bytes) -> bytes | None:
    """Answer by the first label: `silent` not at all, `found` with one address for IPv4; see CODES for others."""
    label = query[13 : 13 + query[12]]
    if label == b"silent":
        return None
    end = query.index(b"\0", 12) + 5
    (kind,) = struct.unpack(">H", query[end - 4 : end - 2])
    found = label == b"found" and kind == 1
    header = query[:2] + struct.pack(">HHHHH", 0x8180 | CODES.get(label, NO_ERROR), 1, found, 0, 0)
    record = b"\xc0\x0c" + struct.pack(">HHIH4s", 1, 1, 60, 4, b"\xc0\x00\x02\x01")
    return header + query[12:end] + record * found


@contextmanager
def name_server() -> Iterator[int]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(0.05)
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                try:
                    query, client = server.recvfrom(512)
                except TimeoutError:
                    continue
                if (reply := answer(query)) is not None:
                    server.sendto(reply, client)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            stop.set()
            thread.join()


@pytest.fixture(scope="module")
def program() -> Iterator[str]:
    with name_server() as port:
        yield asking(port)


def outcomes(name: str, program: str) -> list[Outcome]:
    found = look_up(name, count=3, pause_seconds=0.02, deadline_seconds=3, program=program)
    assert all(each.duration_ns > 0 for each in found)
    return [each.outcome for each in found]


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("found.example.", Outcome.FOUND),
        ("unknown.example.", Outcome.UNKNOWN_NAME),
        ("empty.example.", Outcome.NO_ADDRESS),
        ("broken.example.", Outcome.NO_ANSWER),
    ],
)
def test_each_answer_of_a_server_has_its_outcome(program: str, name: str, outcome: Outcome) -> None:
    assert set(outcomes(name, program)) == {outcome}


def test_a_server_that_never_answers_is_a_timeout_at_the_deadline_and_ends_the_look_ups(program: str) -> None:
    (only,) = look_up("silent.example.", count=9, pause_seconds=0.01, deadline_seconds=0.2, program=program)
    assert only.outcome is Outcome.TIMEOUT
    assert only.duration_ns == 0.2e9


def test_a_look_up_that_is_given_up_leaves_no_process(program: str) -> None:
    before = set(psutil.Process().children())
    look_up("silent.example.", count=2, pause_seconds=0.01, deadline_seconds=0.1, program=program)
    assert set(psutil.Process().children()) == before


def test_localhost_is_found_as_often_as_asked() -> None:
    found = look_up("localhost", count=5, pause_seconds=0.2, deadline_seconds=10)
    assert [each.outcome for each in found] == [Outcome.FOUND] * 5


SLOW = PROGRAM.replace("socket.getaddrinfo(", "time.sleep(0.2), socket.getaddrinfo(")


def test_slow_answers_end_it_early_but_never_before_the_second() -> None:
    assert len(look_up("localhost", count=100, pause_seconds=0.001, deadline_seconds=10, program=SLOW)) == 2


def test_a_process_that_dies_is_a_failed_tool_and_not_a_look_up() -> None:
    dying = PROGRAM.replace("error_number = 0", "import os; os.kill(os.getpid(), 9)")
    with pytest.raises(ToolFailed, match="ended without an answer"):
        look_up("localhost", count=2, pause_seconds=0.01, deadline_seconds=5, program=dying)


def test_a_process_that_does_not_start_is_a_failed_tool() -> None:
    with pytest.raises(ToolFailed, match="did not start"):
        look_up("localhost", count=2, pause_seconds=0.01, deadline_seconds=5, program="import nothing_of_this_name")


def test_an_error_that_has_no_outcome_of_its_own_is_none_of_the_others() -> None:
    assert lookup._parse(b"12 -4711") == lookup.Lookup(duration_ns=12.0, outcome=Outcome.OTHER)
