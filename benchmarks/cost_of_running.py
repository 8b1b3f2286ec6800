"""What `probe` itself costs: its start, its memory, and the time of a run in which nothing is measured.

    python benchmarks/cost_of_running.py [--starts N] [--profile quick|standard]

The start is given beside that of a bare Python, interleaved, since both follow the machine's mood.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROBE = str(Path(sys.executable).with_name("probe"))
HELP_GOAL_SECONDS = 0.2
MEMORY_GOAL_BYTES = 64 * 1024**2
WALL_GOAL = 1.15


def seconds_of(*argv: str) -> float:
    start = time.perf_counter()
    subprocess.run(argv, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def start_rows(starts: int) -> list[str]:
    pairs = [(seconds_of(PROBE, "--help"), seconds_of(sys.executable, "-c", "pass")) for _ in range(starts)]
    help_seconds = statistics.median(ours for ours, _ in pairs)
    ratio = statistics.median(ours / bare for ours, bare in pairs)
    return [f"| `probe --help`, median of {starts} | {help_seconds:.3f} s | ≤ {HELP_GOAL_SECONDS} s |",
            f"| the same against a bare Python, paired | {ratio:.2f} × | |"]  # fmt: skip


def run_rows(profile: str) -> list[str]:
    with tempfile.TemporaryDirectory() as directory:
        output = Path(directory) / "result.json"
        argv = [PROBE, "run", "all", "--profile", profile, "--no-history", "--output", str(output)]
        start = time.perf_counter()
        code = subprocess.run(argv, stdout=subprocess.DEVNULL, check=False).returncode
        wall_seconds = time.perf_counter() - start
        if code not in {0, 3}:
            sys.exit(f"probe run all ended with {code}")
        result = json.loads(output.read_text())
    phases = sum(phase["duration_seconds"] for each in result["results"] for phase in each["phases"])
    # The largest of all processes that ended: the command itself, its probes, and fio.
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    ratio = f"{wall_seconds:.1f} s / {phases:.1f} s = {wall_seconds / phases:.3f}"
    rows = [f"| `probe run all --profile {profile}`, wall time by its measured phases | {ratio} | ≤ {WALL_GOAL} |"]
    for each in result["results"]:
        peak = each["usage"]["peak_memory_bytes"] if each["usage"] else None
        told = f"{peak / 1024**2:.1f} MiB" if peak else f"unavailable: {each['reason']}"
        rows.append(f"| peak memory of the process of `{each['probe']}` | {told} | ≤ {MEMORY_GOAL_BYTES >> 20} MiB |")
    return [*rows, f"| the largest process of the whole tree | {largest / 1024**2:.1f} MiB | |"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=21)
    parser.add_argument("--profile", choices=["quick", "standard"], default="quick")
    arguments = parser.parse_args()
    print("| what | seen | goal |\n|---|---|---|", flush=True)
    for line in (*start_rows(arguments.starts), *run_rows(arguments.profile)):
        print(line)


if __name__ == "__main__":
    main()
