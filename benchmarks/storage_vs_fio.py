"""The storage probe's sections against the same jobs given to fio by hand, to see what our way of running it costs.

    python benchmarks/storage_vs_fio.py [--pairs 12] [--seconds 3] [--size 1GiB] [--path DIR]

By hand means workers as processes that open the file by a path, and no histograms; the probe passes a descriptor to
threads and asks for every bin. Both use one file: two files on one disk can differ by a tenth in how fast they are
written. Each pair is one run of either, one after the other, and pairs alternate in which comes first. Prints a
Markdown table; the figure is the median of the pairs' ratios, with its 95 % interval and the least and greatest.
"""

import argparse
import json
import os
import statistics
from collections.abc import Callable
from functools import partial

from probes.fio import Job, Report
from probes.measure.summary import summarize_rounds
from probes.measure.units import parse_size
from probes.probe import Profile
from probes.process import run_tool
from probes.storage import Bench, best_engine, specify
from probes.storage_file import allocated_file
from probes.storage_metrics import (
    FILL,
    READ_IOPS,
    READ_LATENCY,
    READ_THROUGHPUT,
    WRITE_IOPS,
    WRITE_LATENCY,
    WRITE_THROUGHPUT,
)

GOAL = 0.03
RAMP_SECONDS = 0.5
PATIENCE_SECONDS = 600
JOBS = {
    "4 KiB random read, QD 1, IOPS": READ_LATENCY,
    "4 KiB random write, QD 1, IOPS": WRITE_LATENCY,
    "4 KiB random read, QD 32 × 2, IOPS": READ_IOPS,
    "4 KiB random write, QD 32 × 2, IOPS": WRITE_IOPS,
    "1 MiB sequential read, QD 16, B/s": READ_THROUGHPUT,
    "1 MiB sequential write, QD 16, B/s": WRITE_THROUGHPUT,
}


def by_hand(bench: Bench, job: Job, seconds: float) -> float:
    """Run the job as a person would type it; return its bytes per second."""
    # In milliseconds: fio reads a fraction of a second as none at all, which means for ever.
    command = (
        f"fio --name=by-hand --filename=/proc/{os.getpid()}/fd/{bench.test_file} --size={bench.size_bytes} "
        f"--rw={job.pattern} --bs={job.block_bytes} --iodepth={job.queue_depth} --numjobs={job.jobs} "
        f"--ioengine={bench.engine} --direct=1 --refill_buffers --norandommap --randrepeat=0 --group_reporting "
        f"--time_based --runtime={seconds * 1000:.0f}ms --ramp_time={RAMP_SECONDS * 1000:.0f}ms --output-format=json"
    )
    output = run_tool(command.split(), deadline_seconds=PATIENCE_SECONDS).stdout
    done = json.loads(output[output.index("{") :])["jobs"][0]
    return float(done["read"]["bw_bytes"] + done["write"]["bw_bytes"])


def by_probe(bench: Bench, job: Job, seconds: float) -> float:
    report: Report = bench.run(job, seconds=seconds, ramp_seconds=RAMP_SECONDS, deadline_seconds=PATIENCE_SECONDS)
    return report.read.bytes_per_second + report.write.bytes_per_second


def compare(ours: Callable[[], float], theirs: Callable[[], float], pairs: int) -> list[tuple[float, float]]:
    found = []
    for number in range(pairs):
        if number % 2:
            right, left = theirs(), ours()
        else:
            left, right = ours(), theirs()
        found.append((left, right))
    return found


def print_row(title: str, block_bytes: int, pairs: list[tuple[float, float]]) -> None:
    scale = block_bytes if title.endswith("IOPS") else 1
    left, right = (statistics.median(each) / scale for each in zip(*pairs, strict=True))
    ratios = summarize_rounds([ours / theirs for ours, theirs in pairs])
    interval = f"{ratios.interval.low:.3f} to {ratios.interval.high:.3f}" if ratios.interval else "too few pairs"
    overlaps = ratios.interval and ratios.interval.low <= 1 + GOAL and ratios.interval.high >= 1 - GOAL
    verdict = "yes" if abs(ratios.median - 1) <= GOAL else "undecided: noise" if overlaps else "no"
    spread = f"{ratios.minimum:.3f} to {ratios.maximum:.3f}"
    print(
        f"| {title} | {left:,.0f} | {right:,.0f} | {ratios.median:.3f} | {interval} | {spread} | {verdict} |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--size", type=parse_size, default="1GiB")
    parser.add_argument("--path", default=os.curdir)
    chosen = parser.parse_args()
    size: int = chosen.size
    spec = specify(Profile.STANDARD, {"path": chosen.path})
    with allocated_file(spec.path, size) as test_file:
        bench, version, _ = best_engine(spec, test_file, size)
        bench.run(FILL, seconds=None, deadline_seconds=PATIENCE_SECONDS)
        print(f"fio {version}, {bench.engine}, file of {size // 2**20} MiB, {chosen.pairs} pairs, {chosen.seconds} s\n")
        print("| job | probe | fio | median ratio | its 95 % interval | range | within 3 % |")
        print("|---|--:|--:|--:|--:|--:|---|")
        for title, job in JOBS.items():
            pairs = compare(
                partial(by_probe, bench, job, chosen.seconds),
                partial(by_hand, bench, job, chosen.seconds),
                chosen.pairs,
            )
            print_row(title, job.block_bytes, pairs)


if __name__ == "__main__":
    main()
