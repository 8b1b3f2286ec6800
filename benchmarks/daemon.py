"""What the resident agent costs between its runs: memory and CPU, of the real daemon on this machine.

It is started at the standard level, does its first checks, and is then left alone: nothing is due for hours. Memory is
what it holds resident at the end (VmRSS), and beside it what is its own alone (USS); CPU is its user and system time,
with that of children that ended meanwhile, over the time that passed.
"""

import argparse
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil
import yaml

GOAL_MIB = 40.0
GOAL_CPU_PERCENT = 0.1
_MIB = 1024**2
_START_SECONDS = 120.0


def main() -> int:
    """Print a table; 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0, help="How long it is looked at (default: ten minutes).")
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory(prefix="daemon-") as directory:
        resident_mib, own_mib, cpu_percent, took = _measured(Path(directory), seconds)
    good = resident_mib <= GOAL_MIB and cpu_percent <= GOAL_CPU_PERCENT
    print(f"Resident daemon, left alone for {took:.0f} s\n")
    print("| | measured | goal |\n|---|--:|--:|")
    print(f"| memory, resident | {resident_mib:.1f} MiB | ≤ {GOAL_MIB:.0f} MiB |")
    print(f"| memory, its own | {own_mib:.1f} MiB | |")
    print(f"| CPU | {cpu_percent:.3f} % | ≤ {GOAL_CPU_PERCENT} % |")
    print(f"\n{'All goals are met.' if good else 'A goal is missed.'}")
    return 0 if good else 1


def _measured(directory: Path, seconds: float) -> tuple[float, float, float, float]:
    port = _free_port()
    config = directory / "config.yaml"
    config.write_text(yaml.safe_dump(_configuration(directory, port)))
    program = str(Path(sys.executable).with_name("telemetry-agent"))
    process = psutil.Popen([program, "--config", str(config)], stderr=subprocess.DEVNULL)
    try:
        _wait_until_idle(process, port)
        before, begin = _cpu_seconds(process), time.monotonic()
        time.sleep(seconds)
        took = time.monotonic() - begin
        cpu_percent = 100 * (_cpu_seconds(process) - before) / took
        memory = process.memory_full_info()
    finally:
        process.terminate()
        process.wait()
    return memory.rss / _MIB, memory.uss / _MIB, cpu_percent, took


def _configuration(directory: Path, port: int) -> dict[str, object]:
    return {
        "telemetry": {
            "enabled": True,
            "privacy_level": "standard",
            # Long enough for the random share before the first report not to end while it is looked at.
            "reporting_interval_minutes": 7 * 24 * 60,
            "state_dir": str(directory / "state"),
            "listen": f"127.0.0.1:{port}",
        },
        "consent": {
            "timestamp": "2024-01-01T00:00:00Z",
            "version": "1.0",
            "privacy_policy_url": "https://corrective-drift.com/privacy",
        },
    }


def _wait_until_idle(process: psutil.Popen, port: int) -> None:
    ends_at = time.monotonic() + _START_SECONDS
    while time.monotonic() < ends_at:
        if process.poll() is not None:
            sys.exit("the agent ended at its start: run it by hand to see why")
        if _is_ready(port) and not process.children():
            return
        time.sleep(0.2)
    sys.exit(f"the agent was not ready within {_START_SECONDS:.0f} s")


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            ready: bool = answer.status == 200
            return ready
    except OSError:
        return False


def _cpu_seconds(process: psutil.Popen) -> float:
    times = process.cpu_times()
    return times.user + times.system + times.children_user + times.children_system


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(main())
