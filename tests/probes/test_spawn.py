import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from probes import spawn
from probes.errors import ToolFailed, Unavailable


def test_a_program_is_executed_before_its_first_byte_arrives() -> None:
    exec_ns, first_byte_ns = spawn.start_program(spawn.native_program())
    assert 0 < exec_ns < first_byte_ns


def test_the_interpreter_reads_the_same_clock_as_we_do() -> None:
    assert 0 < spawn.start_interpreter() < 10e9


def test_a_service_answers_later_than_its_interpreter_starts() -> None:
    # In turns, since what else the machine does changes; the fastest has met the least of it.
    starts = [(spawn.start_interpreter(), spawn.start_service()) for _ in range(5)]
    interpreters, services = zip(*starts, strict=True)
    assert min(services) > min(interpreters)


def open_descriptors() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def test_nothing_is_left_after_any_start() -> None:
    descriptors, children = open_descriptors(), psutil.Process().children()
    spawn.start_program(spawn.native_program())
    spawn.start_interpreter()
    spawn.start_service()
    assert open_descriptors() == descriptors
    assert psutil.Process().children() == children


def test_a_program_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="No such file"):
        spawn.start_program(str(tmp_path / "echo"))


def test_no_echo_on_the_path_is_unavailable_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="coreutils"):
        spawn.native_program()


def test_a_program_that_says_nothing_is_a_failed_tool_and_no_time() -> None:
    with pytest.raises(ToolFailed, match="without doing anything"):
        spawn.start_program("/bin/true")
    with pytest.raises(ToolFailed, match="without doing anything"):
        spawn.start_interpreter("raise SystemExit")


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("import time; time.sleep(3600)", "did not answer within 0.5 s"),
        ("raise SystemExit", "ended before it answered"),
        ("import socket; socket.socket(fileno=0).accept()[0].recv(1)", "without an answer"),
    ],
)
def test_a_service_that_does_not_answer_is_a_failed_tool_and_killed(program: str, reason: str) -> None:
    before = psutil.Process().children()  # other tests leave the one that multiprocessing keeps for itself
    with pytest.raises(ToolFailed, match=reason):
        spawn.start_service(program, deadline_seconds=0.5 if "sleep" in program else 20)
    assert psutil.Process().children() == before


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None, reason="only root may have a network of its own"
)
def test_a_machine_without_a_loopback_that_is_up_is_unavailable_and_the_reason_is_told() -> None:
    script = (
        "from probes import spawn\n"
        "from probes.errors import ToolFailed, Unavailable\n"
        "try:\n"
        "    spawn.start_service()\n"
        "except Unavailable as error:\n"
        "    print(isinstance(error, ToolFailed), error)\n"
    )
    command = ("unshare", "--net", sys.executable, "-c", script)
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    assert told.startswith("False 127.0.0.1 can't be used (Network is unreachable)")


def test_a_service_ends_when_whoever_started_it_is_killed() -> None:
    # The starter hangs with a service that nobody asks anything.
    script = (
        "import socket, time\n"
        "from probes import spawn\n"
        "listener = socket.create_server(('127.0.0.1', 0))\n"
        "with spawn._spawned((*spawn._PYTHON, spawn._SERVICE), stdin=listener.fileno()) as child:\n"
        "    print(child.pid, flush=True)\n"
        "    time.sleep(3600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        service = psutil.Process(int(starter.stdout.readline()))
        starter.send_signal(signal.SIGKILL)
    _, alive = psutil.wait_procs([service], timeout=5)
    assert alive == []
