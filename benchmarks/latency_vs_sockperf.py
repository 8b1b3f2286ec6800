"""Our closed loop against `sockperf ping-pong --tcp` on loopback: what measuring in Python adds to a round trip.

Prints a Markdown table: the median of the ratios of paired medians, one pair being both tools one after the other.
Needs the Debian package sockperf. Run: python benchmarks/latency_vs_sockperf.py [PAIRS]
"""

import os
import re
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial

import numpy as np

from probes import echo, peer, roundtrip
from probes.echo import Endpoint
from probes.process import run_tool

SECONDS = 1
GOAL = 1.10
_P50 = re.compile(r"percentile 50\.000 =\s*([\d.]+)")


@contextmanager
def sockperf_server(cpu: int) -> Iterator[int]:
    """Run `sockperf server --tcp` on one CPU; yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with roundtrip.pinned(cpu):
        server = subprocess.Popen(
            ["sockperf", "server", "--tcp", "-i", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL
        )
    try:
        await_listener(port)
        yield port
    finally:
        server.kill()
        server.wait()


def await_listener(port: int) -> None:
    for _ in range(100):
        with closing(socket.socket()) as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    sys.exit("sockperf's server did not start")


def sockperf_p50_us(port: int, cpu: int, message_bytes: int) -> float:
    """The median round trip; without --full-rtt sockperf prints half of it."""
    argv = ["sockperf", "ping-pong", "--tcp", "--full-rtt", "-i", "127.0.0.1", "-p", str(port)]
    with roundtrip.pinned(cpu):
        completed = run_tool([*argv, "-m", str(message_bytes), "-t", str(SECONDS)], deadline_seconds=30)
    match = _P50.search(completed.stdout)
    if match is None:
        sys.exit(f"sockperf printed no median:\n{completed.stdout}{completed.stderr}")
    return float(match[1])


def our_p50_us(endpoint: Endpoint, cpu: int, message_bytes: int) -> float:
    with (
        roundtrip.pinned(cpu),
        roundtrip.undisturbed(),
        echo.connected(endpoint, message_bytes) as connection,
    ):
        pilot = roundtrip.closed_loop(connection, message_bytes, 1000).latencies_ns
        count = int(SECONDS * 1e9 / np.mean(pilot))
        return float(np.median(roundtrip.closed_loop(connection, message_bytes, count).latencies_ns)) / 1e3


def compare(server_cpu: int, client_cpu: int, message_bytes: int, pairs: int) -> tuple[list[float], list[float]]:
    """Return our medians and sockperf's, in µs, pair by pair; every other pair in reverse order."""
    ours, theirs = [], []
    with peer.loopback(server_cpu) as endpoint, sockperf_server(server_cpu) as port:
        measure_us = partial(our_p50_us, endpoint, client_cpu, message_bytes)
        measure_them = partial(sockperf_p50_us, port, client_cpu, message_bytes)
        for pair in range(pairs):
            if pair % 2:
                theirs.append(measure_them())
                ours.append(measure_us())
            else:
                ours.append(measure_us())
                theirs.append(measure_them())
    return ours, theirs


def main() -> None:
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    cpus = sorted(os.sched_getaffinity(0))
    print(f"| both sides on | message | probe p50 µs | sockperf p50 µs | median of {pairs} ratios | goal |")
    print("|---|---|---|---|---|---|")
    for placement, server_cpu in (("two CPUs", cpus[min(1, len(cpus) - 1)]), ("one CPU", cpus[0])):
        for message_bytes in (64, 1024):
            ours, theirs = compare(server_cpu, cpus[0], message_bytes, pairs)
            ratio = statistics.median(own / other for own, other in zip(ours, theirs, strict=True))
            goal = f"≤ {GOAL:.2f}" if placement == "two CPUs" else "none"
            print(
                f"| {placement} | {message_bytes} B | {statistics.median(ours):.1f} | {statistics.median(theirs):.1f} "
                f"| {ratio:.3f} | {goal} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
