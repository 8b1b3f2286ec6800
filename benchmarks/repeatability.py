"""Do runs of the storage probe agree? Runs it several times and asks how many of the intervals share a value.

    python benchmarks/repeatability.py [--runs N] [--profile standard] [--path DIR] [--keep DIR]

Five runs of the standard profile take about forty minutes, in which nothing else should use the machine.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from probes.measure.result import Metric, RunResult, read_results
from probes.measure.units import format_quantity

PROBE = str(Path(sys.executable).with_name("probe"))


def measured(directory: Path, runs: int, arguments: list[str]) -> list[RunResult]:
    """Run the probe `runs` times; results that are in `directory` already are taken as they are."""
    results = []
    for number in range(1, runs + 1):
        output = directory / f"storage-{number}.json"
        if not output.exists():
            command = [PROBE, "run", "storage", "--no-history", "--output", str(output), *arguments]
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        results.append(read_results(output.read_text()))
    return results


def most_in_common(metrics: list[Metric]) -> int:
    """The largest number of intervals that all hold one value: at the lower end of one of them, if anywhere."""
    intervals = [metric.summary.interval for metric in metrics if metric.summary.interval]
    return max(sum(each.low <= point.low <= each.high for each in intervals) for point in intervals)


def row(metrics: list[Metric]) -> str:
    medians = ", ".join(format_quantity(metric.summary.median, metric.unit) for metric in metrics)
    widths = [
        (metric.summary.interval.high - metric.summary.interval.low) / 2 / metric.summary.median
        for metric in metrics
        if metric.summary.interval
    ]
    common = most_in_common(metrics)
    return f"| {metrics[0].title} | {medians} | ±{max(widths):.1%} | {common} of {len(metrics)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--profile", default="standard")
    parser.add_argument("--path", default=".")
    parser.add_argument("--keep", type=Path, help="keep the results here, and go on from those that are there")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        directory = arguments.keep or Path(temporary)
        directory.mkdir(parents=True, exist_ok=True)
        options = ["--profile", arguments.profile, "--path", arguments.path]
        runs = measured(directory, arguments.runs, options)
    print("| metric | median of each run | widest interval | intervals with a value in common |\n|---|---|---|---|")
    for metrics in zip(*(run.results[0].metrics for run in runs), strict=True):
        print(row(list(metrics)))
    for number, run in enumerate(runs, 1):
        print(f"\nRun {number}: {', '.join(flag.code.value for flag in run.results[0].flags) or 'no doubts'}")


if __name__ == "__main__":
    main()
