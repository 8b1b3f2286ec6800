import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from probes.errors import ToolFailed, Unavailable
from probes.process import kill_tree, run_tool

PATIENCE_SECONDS = 20.0


def gone(pid: int) -> bool:
    """A zombie that nobody reaped yet runs no more."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def pids_in(path: Path, count: int) -> list[int]:
    assert eventually(lambda: path.exists() and len(path.read_text().split()) >= count), "the tree never started"
    return [int(word) for word in path.read_text().split()]


def test_output_larger_than_a_pipe_arrives_whole() -> None:
    script = "import sys; sys.stdout.write('o' * 3_000_000); sys.stderr.write('e' * 2_000_000)"
    completed = run_tool([sys.executable, "-c", script], deadline_seconds=60)
    assert completed.returncode == 0
    assert completed.stdout == "o" * 3_000_000
    assert completed.stderr == "e" * 2_000_000


def test_a_tool_runs_in_the_c_locale_without_standard_input() -> None:
    completed = run_tool(["sh", "-c", 'echo "$LC_ALL"; cat'], deadline_seconds=60)
    assert completed.stdout == "C\n"


def test_the_exit_code_and_the_killing_signal_are_told() -> None:
    assert run_tool(["sh", "-c", "exit 7"], deadline_seconds=60).returncode == 7
    assert run_tool(["sh", "-c", "kill -9 $$"], deadline_seconds=60).returncode == -signal.SIGKILL


def test_output_that_is_no_text_does_not_break_the_call() -> None:
    completed = run_tool(["printf", r"a\377b"], deadline_seconds=60)
    assert completed.stdout == "a\N{REPLACEMENT CHARACTER}b"


def test_a_descriptor_is_passed_on_and_no_other() -> None:
    reader, writer = os.pipe()
    try:
        completed = run_tool(["sh", "-c", f"echo here >/proc/self/fd/{writer}"], deadline_seconds=60, pass_fds=[writer])
        assert completed.returncode == 0
        assert os.read(reader, 16) == b"here\n"
        assert run_tool(["sh", "-c", f"echo here >/proc/self/fd/{writer}"], deadline_seconds=60).returncode != 0
    finally:
        os.close(reader)
        os.close(writer)


def test_a_missing_tool_is_unavailable_and_named() -> None:
    with pytest.raises(Unavailable, match="no-such-tool is not installed"):
        run_tool(["no-such-tool"], deadline_seconds=60)


def test_a_file_that_is_not_executable_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "tool").write_text("#!/bin/sh\n")
    with pytest.raises(Unavailable, match="can't be started: Permission denied"):
        run_tool([str(tmp_path / "tool")], deadline_seconds=60)


def test_the_deadline_kills_a_tree_that_ignores_sigterm(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    # The inner shell leaves its session, as fio's workers do; the outer keeps starting children after SIGTERM.
    script = f"""
        trap '' TERM
        setsid sh -c 'trap "" TERM; echo $$ >>{pids}; while :; do sleep 0.1; done' &
        echo $$ >>{pids}
        while :; do sleep 600 & echo $! >>{pids}; sleep 0.5; done
    """
    with pytest.raises(ToolFailed, match="sh did not end within 1 s and was killed"):
        run_tool(["sh", "-c", script], deadline_seconds=1)
    started = pids_in(pids, 3)
    assert eventually(lambda: all(gone(pid) for pid in started))


def test_a_deadline_leaves_no_descriptor_behind() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(ToolFailed):
        run_tool(["sleep", "600"], deadline_seconds=0.1)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_killing_a_process_that_is_gone_is_no_error() -> None:
    with subprocess.Popen(["true"]) as process:
        known = psutil.Process(process.pid)
        process.wait()
    kill_tree(known, grace_seconds=0.1)


def test_kill_nine_of_the_parent_takes_its_tool_with_it(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(f"""
                from probes.process import run_tool
                run_tool(["sh", "-c", "echo $$ >>{pids}; exec sleep 600"], deadline_seconds=600)
            """),
        ],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    try:
        (tool,) = pids_in(pids, 1)
        assert not gone(tool)
        parent.kill()
        parent.wait()
        assert eventually(lambda: gone(tool))
    finally:
        parent.kill()
        parent.wait()


def test_a_child_whose_parent_died_before_it_asked_ends_at_once() -> None:
    script = "from probes.process import die_with_parent; die_with_parent(1 << 22); print('alive')"
    completed = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        check=False,
    )
    assert completed.returncode == -signal.SIGKILL
    assert completed.stdout == b""
