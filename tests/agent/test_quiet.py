"""What Python and other packages would say about a fault says nothing of what was collected."""

import subprocess
import sys

import pytest

_QUIET = """
import logging, resource, sys, threading, warnings
from agent.quiet import silence, silence_packages
silence()
silence_packages()
"""
_FAULTS = {
    "uncaught": "raise ValueError('canary-7')",
    "in a thread": "t = threading.Thread(target=lambda: int('canary-7')); t.start(); t.join()",
    "unraisable": "class C:\n    def __del__(self): int('canary-7')\nC()",
    "cause": "try:\n    int('canary-7')\nexcept ValueError as error:\n    raise KeyError('canary-7') from error",
}


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", _QUIET + code], check=False, capture_output=True, text=True).stderr


@pytest.mark.parametrize("code", _FAULTS.values(), ids=_FAULTS)
def test_a_fault_is_told_by_its_type_and_place_alone(code: str) -> None:
    told = run(code)
    assert told.startswith("telemetry-agent: a fault of its own: ")
    assert "Error at <string>:" in told
    assert "canary" not in told


@pytest.mark.parametrize(
    "code",
    [
        "logging.error('canary-7')",
        "logging.getLogger('urllib3.connectionpool').warning('canary-7')",
        "warnings.warn('canary-7')",
        "import urllib3; warnings.warn('canary-7', urllib3.exceptions.InsecureRequestWarning)",
        "logging.captureWarnings(True); warnings.warn('canary-7')",
    ],
)
def test_what_other_packages_log_and_warn_of_is_not_shown(code: str) -> None:
    assert run(code) == ""


def test_no_core_is_dumped() -> None:
    assert run("sys.stderr.write(str(resource.getrlimit(resource.RLIMIT_CORE)))") == "(0, 0)"


@pytest.mark.parametrize("module", ["agent.daemon.child", "agent.daemon.daemon"])
def test_the_agents_processes_are_silent_before_anything_can_go_wrong(module: str) -> None:
    told = subprocess.run(
        [sys.executable, "-m", module, "canary-7"], check=False, capture_output=True, text=True
    ).stderr
    assert told.startswith("telemetry-agent: a fault of its own: ValueError at")
    assert "canary" not in told


def test_the_command_is_silent() -> None:
    code = """
import atexit, logging, sys
atexit.register(lambda: logging.error("canary-7"))
sys.argv = ["telemetry-agent", "--version"]
from agent.cli.telemetry.command import main
main()
"""
    told = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (told.returncode, told.stderr) == (0, "")
    assert "telemetry-agent" in told.stdout
