"""The runner: what it makes of a child that dies, and what is left after anything dies."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from probes.catalogue import CATALOGUE
from probes.errors import InvalidRequest
from probes.measure.result import PhaseKind, Status
from probes.probe import Profile
from probes.runner import prepare, run_probe


def descendants(pid: int) -> list[psutil.Process]:
    try:
        return list(psutil.Process(pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def test_a_child_that_is_killed_leaves_a_reason_not_an_exception() -> None:
    request = prepare("utilization", Profile.STANDARD, {})

    def kill_the_child(_name: str, _kind: PhaseKind) -> None:
        for process in descendants(os.getpid()):
            with suppress(psutil.Error):
                if "spawn_main" in " ".join(process.cmdline()):
                    process.kill()

    result = run_probe(request, kill_the_child)
    assert result.status is Status.UNAVAILABLE
    assert "killed (signal 9)" in str(result.reason)


def test_phases_arrive_while_the_probe_runs() -> None:
    heard: list[str] = []
    result = run_probe(
        prepare("utilization", Profile.QUICK, {"duration": "100ms"}), lambda name, _kind: heard.append(name)
    )
    assert heard == [phase.name for phase in result.phases]
    assert heard


def test_a_measured_result_states_its_cost() -> None:
    result = run_probe(prepare("utilization", Profile.QUICK, {"duration": "100ms"}), lambda _name, _kind: None)
    assert result.usage is not None
    assert result.usage.peak_memory_bytes > 2**20
    assert result.usage.cpu_seconds > 0


def test_a_request_that_the_probe_refuses_reaches_the_caller_as_such(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("data")
    with pytest.raises(InvalidRequest, match="precious"):
        run_probe(prepare("storage", Profile.QUICK, {"path": str(target)}), lambda _name, _kind: None)
    assert target.read_text() == "data"


@pytest.mark.parametrize("name", CATALOGUE)
def test_kill_9_of_the_parent_leaves_no_process_and_no_file(probe_program: str, tmp_path: Path, name: str) -> None:
    work = tmp_path / "work"
    work.mkdir()
    arguments = [
        name,
        "--profile",
        "standard",
        *(["--path", str(work), "--size", "64MiB"] if name == "storage" else []),
    ]
    parent = subprocess.Popen(
        [probe_program, "run", *arguments],
        cwd=work,
        env=os.environ | {"TMPDIR": str(work)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        seen = _watch_tree(parent, seconds=2.0)
        assert parent.poll() is None, "the probe ended before it could be killed"
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    assert seen, "the probe started no process"
    _, alive = psutil.wait_procs(seen, timeout=5.0)
    assert alive == []
    assert list(work.rglob("*")) == []


def _watch_tree(parent: "subprocess.Popen[bytes]", *, seconds: float) -> list[psutil.Process]:
    """Collect every process that lived below `parent` since its first and for so long, however briefly."""
    seen: dict[int, psutil.Process] = {}
    end = give_up = time.monotonic() + 60.0  # what a busy machine may need to start Python
    while time.monotonic() < end:
        seen |= {process.pid: process for process in descendants(parent.pid)}
        if seen and end == give_up:
            end = time.monotonic() + seconds
        time.sleep(0.02)
    return list(seen.values())


def test_the_runner_can_be_used_without_a_command_line(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from probes.probe import Profile\n"
        "from probes.runner import prepare, run_probe\n"
        "if __name__ == '__main__':\n"
        "    request = prepare('utilization', Profile.QUICK, {'duration': '100ms'})\n"
        "    print(run_probe(request, lambda name, kind: None).status.value)\n"
    )
    shown = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert shown.stdout == "measured\n"
