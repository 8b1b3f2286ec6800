import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from probes import frame, peer
from probes.errand import Measure, Reach
from probes.frame import Whole
from probes.measure.result import ProbeResult, Status
from probes.probe import Profile


def start(*arguments: str, **variables: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "probes", *arguments]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {"PYTHONPATH": "."} | variables
    )


def result_of(log: bytes) -> ProbeResult:
    found = frame.read(log)
    assert isinstance(found, Whole)
    return found.result


def test_an_errand_from_the_argument_ends_in_a_framed_result_and_a_short_form(tmp_path: Path) -> None:
    message = tmp_path / "termination-log"
    message.write_text("what an earlier container left, longer than nothing")
    errand = Measure(probe="dns", options={"names": ["localhost"]}).model_dump_json()
    process = start(errand, PROBE_TERMINATION_LOG=str(message))
    log, progress = process.communicate()
    assert process.returncode == 0, progress
    result = result_of(log)
    assert (result.probe, result.status) == ("dns", Status.MEASURED)
    short = frame.read_short(message.read_text())
    assert short is not None
    assert [metric.name for metric in short.metrics] == [metric.name for metric in result.metrics]


def test_an_errand_comes_from_the_environment_where_there_is_no_argument_and_no_file_is_created(tmp_path: Path) -> None:
    message = tmp_path / "termination-log"
    errand = Measure(probe="utilization", options={"duration": "200ms"}).model_dump_json()
    log, _ = start(PROBE_ERRAND=errand, PROBE_TERMINATION_LOG=str(message)).communicate()
    assert result_of(log).status is Status.MEASURED
    assert not message.exists()


def test_an_unavailable_probe_is_a_result_told_like_any_other(tmp_path: Path) -> None:
    errand = Measure(probe="latency", options={"server": "127.0.0.1:1"}, await_server="127.0.0.1:1", await_seconds=0.1)
    process = start(errand.model_dump_json())
    log, _ = process.communicate()
    assert process.returncode == 0
    assert "nothing listens" in (result_of(log).reason or "")


def test_a_wrong_errand_is_told_in_one_line_and_exit_code_2() -> None:
    process = start("nonsense")
    log, complaint = process.communicate()
    assert (process.returncode, log) == (2, b"")
    assert complaint.count(b"\n") == 1


@pytest.mark.parametrize(
    ("probe", "options", "reason"),
    [("nope", {}, "no probe 'nope'"), ("dns", {"names": "10.0.0.1"}, "is an address")],
)
def test_what_a_probe_refuses_is_a_result_that_says_why(probe: str, options: dict[str, str], reason: str) -> None:
    process = start(Measure.model_validate({"probe": probe, "options": options}).model_dump_json())
    log, _ = process.communicate()
    assert process.returncode == 0
    assert reason in (result_of(log).reason or "")


def test_sigterm_ends_a_probe_with_a_result_that_says_so_and_no_process_left() -> None:
    process = start(Measure(probe="utilization", options={"duration": "60s"}).model_dump_json())
    assert process.stderr is not None
    process.stderr.readline()
    children = psutil.Process(process.pid).children(recursive=True)
    assert children
    process.send_signal(signal.SIGTERM)
    log, _ = process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    result = result_of(log)
    assert result.status is Status.UNAVAILABLE
    assert "signal 15" in (result.reason or "")
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive


def test_what_was_reached_is_told_line_by_line() -> None:
    with peer.answering("127.0.0.1", 0) as port:
        errand = Reach(targets={"address": f"127.0.0.1:{port}"}, seconds=20)
        process = start(errand.model_dump_json())
        log, _ = process.communicate()
    first, second = log.splitlines()
    assert first.decode() == frame.REACHING
    reached = frame.read_reached(second)
    assert reached is not None
    assert reached[0] == "address"
    assert process.returncode == 0


def test_what_is_never_reached_is_exit_code_3() -> None:
    process = start(Reach(targets={"address": "127.0.0.1:1"}, seconds=0.1).model_dump_json())
    process.communicate()
    assert process.returncode == 3


def test_the_profile_of_an_errand_is_the_profile_of_its_result() -> None:
    errand = Measure(probe="utilization", profile=Profile.STANDARD, options={"duration": "200ms"})
    log, _ = start(errand.model_dump_json()).communicate()
    assert result_of(log).spec["profile"] == "standard"


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None, reason="only root may make a process the first of its own"
)
def test_the_first_process_of_a_container_ends_at_once_even_while_it_still_imports(tmp_path: Path) -> None:
    # The kernel drops what the first process has no handler for, and the pod's whole grace would pass.
    (tmp_path / "numpy.py").write_text(
        "import sys, time\nprint('importing', file=sys.stderr, flush=True)\ntime.sleep(600)\n"
    )
    errand = Measure(probe="utilization", options={"duration": "60s"}).model_dump_json()
    command = ["unshare", "--pid", "--fork", "--kill-child", sys.executable, "-m", "probes", errand]
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}:."}
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment) as outer:
        try:
            assert outer.stderr is not None
            assert outer.stderr.readline() == b"importing\n"
            (first,) = psutil.Process(outer.pid).children()
            first.send_signal(signal.SIGTERM)
            assert outer.wait(timeout=20) == 128 + signal.SIGTERM
        finally:
            outer.kill()
