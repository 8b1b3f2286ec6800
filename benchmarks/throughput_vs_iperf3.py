"""Throughput on loopback as our probe measures it, against the program `iperf3`.

Each pair is one test of ours and one of the program's, of the same duration and streams, against servers of the same
kind; pairs alternate in which comes first. The figure is the median of the pairs' ratios, with the least and greatest.
"""

import json
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from probes import iperf
from probes.iperf import Settings, run_test

_PAIRS = 16
_SECONDS = 1
_PROGRAM_PORT = 5397
_GOAL = 0.97


@contextmanager
def program_server() -> Iterator[None]:
    command = ["iperf3", "-s", "-p", str(_PROGRAM_PORT), "-B", "127.0.0.1"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            while not psutil.Process(server.pid).net_connections("tcp"):
                time.sleep(0.01)
            yield
        finally:
            server.kill()


def program(streams: int, *, reverse: bool) -> float:
    command = f"iperf3 -J -c 127.0.0.1 -p {_PROGRAM_PORT} -t {_SECONDS} -P {streams}{' -R' if reverse else ''}".split()
    output = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    return float(json.loads(output)["end"]["sum_received"]["bits_per_second"])


def ours(port: int, streams: int, *, reverse: bool) -> float:
    settings = Settings(host="127.0.0.1", port=port, duration_seconds=_SECONDS, streams=streams, reverse=reverse)
    return run_test(settings).bits_per_second


def main() -> None:
    print(f"| test | ours, Gbit/s | iperf3, Gbit/s | median ratio of {_PAIRS} pairs | range | ≥ {_GOAL} |")
    print("|---|--:|--:|--:|--:|---|")
    with iperf.loopback_server() as port, program_server():
        for streams, reverse in ((1, False), (1, True), (8, False), (8, True)):
            pairs = []
            for number in range(_PAIRS):
                if number % 2:
                    theirs, own = program(streams, reverse=reverse), ours(port, streams, reverse=reverse)
                else:
                    own, theirs = ours(port, streams, reverse=reverse), program(streams, reverse=reverse)
                pairs.append((own, theirs))
            ratios = sorted(own / theirs for own, theirs in pairs)
            own, theirs = (statistics.median(side) / 1e9 for side in zip(*pairs, strict=True))
            ratio = statistics.median(ratios)
            name = f"{'receive' if reverse else 'send'}, {streams} stream{'s' * (streams > 1)}"
            print(
                f"| {name} | {own:.1f} | {theirs:.1f} | {ratio:.3f} | {ratios[0]:.3f}–{ratios[-1]:.3f} "
                f"| {'yes' if ratio >= _GOAL else 'no'} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
