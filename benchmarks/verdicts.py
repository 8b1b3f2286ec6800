"""How often `compare` errs on real runs: false alarms without a change, and injected changes that it misses.

    python benchmarks/verdicts.py                      judge 40 results of latency, made in results/verdicts
    python benchmarks/verdicts.py DIRECTORY            judge the results (*.json) that lie there
    python benchmarks/verdicts.py DIRECTORY --make latency startup --runs 40
                                                       run these probes until 40 results lie there, then judge

The runs must be of one machine and one spec. Pairs of groups are drawn from them: without a change every verdict
`worse` is a false alarm; then a candidate's values are multiplied so that one metric is worse by the injected share.
"""

import argparse
import subprocess
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from probes.measure.compare import compare
from probes.measure.comparison import Comparison, Verdict
from probes.measure.histogram import Histogram
from probes.measure.power import runs_to_detect
from probes.measure.result import Better, Metric, RunResult, read_results
from probes.measure.significance import benjamini_hochberg, mann_whitney
from probes.measure.summary import Interval, Percentile, Summary
from probes.measure.verdict import FEWEST_RUNS

PROBE = str(Path(sys.executable).with_name("probe"))

_LEVEL, _POWER = 0.05, 0.95
# More than this can't be told from a few dozen different runs, however often they are drawn.
_MOST_RUNS = 150

Runs = Sequence[RunResult]
Key = tuple[str, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path, nargs="?", default=Path("results/verdicts"))
    parser.add_argument("--make", metavar="PROBE", nargs="+", help="run these probes until there are enough results")
    parser.add_argument("--runs", type=int, default=40, help="how many results --make brings together")
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--change", type=float, default=0.10, help="the injected share")
    arguments = parser.parse_args()
    if arguments.make or not arguments.directory.exists():
        make(arguments.make or ["latency"], arguments.directory, arguments.runs)
    runs = [read_results(path.read_text(encoding="utf-8")) for path in arguments.directory.glob("*.json")]
    if len(runs) < 2 * FEWEST_RUNS:
        sys.exit(f"{arguments.directory} holds {len(runs)} results: {2 * FEWEST_RUNS} are needed, see --make")
    bench = Bench(sorted(runs, key=lambda run: run.started_at), arguments.pairs, arguments.change)
    bench.print_changes()
    bench.print_false_alarms()


def make(probes: list[str], directory: Path, wanted: int) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for number in range(len(list(directory.glob("*.json"))) + 1, wanted + 1):
        output = directory / f"run-{number:03}.json"
        subprocess.run(
            [PROBE, "run", *probes, "--no-history", "--output", str(output)], check=True, stdout=subprocess.DEVNULL
        )


class Bench:
    """Real runs in the order they were made, and how to draw pairs of groups from them."""

    def __init__(self, runs: Runs, pairs: int, change: float) -> None:
        self.runs, self.pairs, self.change = runs, pairs, change
        self.rng = np.random.default_rng(0)
        half = len(runs) // 2
        whole = self.compare(runs[:half], runs[half:])
        for unlike in whole.incomparable:
            print(f"Left out, because these runs are not alike: {unlike.probe} {unlike.metric or ''} {unlike.field}")
        spreads = {
            (metric.probe, metric.name): float(np.log(metric.baseline.values + metric.candidate.values).std(ddof=1))
            for metric in whole.metrics
            if metric.ratio is not None and metric.better is not Better.NEITHER
        }
        self.spreads = {key: spread for key, spread in spreads.items() if spread > 0}
        self.metrics = len(whole.metrics)
        self.left_out = self.metrics - len(self.spreads)

    def compare(self, baseline: Runs, candidate: Runs) -> Comparison:
        """Compare with the injected share as the margin."""
        return compare(baseline, candidate, margin=self.change, power=_POWER, rng=self.rng)

    def recommended(self, key: Key) -> int:
        """How many runs a side `compare` asks for when it knows the spread."""
        level = _LEVEL / self.metrics
        return max(FEWEST_RUNS, runs_to_detect(self.change, self.spreads[key], level=level, power=_POWER))

    def draw(self, size: int) -> tuple[Runs, Runs]:
        """Two groups without a run in common where there are enough, else with repetition."""
        chosen = self.rng.choice(len(self.runs), size=2 * size, replace=2 * size > len(self.runs))
        drawn = [self.runs[place].model_copy(update={"run_id": uuid.uuid4()}) for place in chosen]
        return drawn[:size], drawn[size:]

    def print_changes(self) -> None:
        """Count for each metric how often its change is found, and how often one is where there is none."""
        print(
            f"{len(self.runs)} runs, {self.pairs} pairs a row; "
            f"injected: {self.change:.0%} worse in that metric alone.\n"
        )
        print("| metric | spread between runs | recommended runs a side | found | worse without a change |")
        print("|---|---|---|---|---|")
        for key, spread in self.spreads.items():
            size = self.recommended(key)
            if size > _MOST_RUNS:
                print(f"| {key[0]} {key[1]} | {spread:.1%} | {size} | too many to judge | |")
                continue
            pairs = [self.draw(size) for _ in range(self.pairs)]
            found = sum(
                _is_worse(self.compare(a, [_worsened(run, key, self.change) for run in b]), key) for a, b in pairs
            )
            alarms = sum(_is_worse(self.compare(a, b), key) for a, b in pairs)
            repeated = " (with repetition)" if 2 * size > len(self.runs) else ""
            shares = f"{found / self.pairs:.1%} | {alarms / self.pairs:.1%}"
            print(f"| {key[0]} {key[1]} | {spread:.1%} | {size}{repeated} | {shares} |", flush=True)
        if self.left_out:
            print(f"\nLeft out: {self.left_out} metrics with zeros, without any spread, or without a better direction.")

    def print_false_alarms(self) -> None:
        """Count comparisons with any metric worse: of shuffled runs, and of those that followed one another."""
        most = len(self.runs) // 2
        print("\n| groups without a change | pairs | any metric worse | any metric the same |")
        print("|---|---|---|---|")
        for size in sorted({1, FEWEST_RUNS, min(most, 10)}):
            self._print_row(f"{size} runs a side, drawn", [self.draw(size) for _ in range(self.pairs)])
            stretches = [self.runs[start : start + 2 * size] for start in range(len(self.runs) - 2 * size + 1)]
            self._print_row(f"{size} runs a side, taken in turns", [(each[::2], each[1::2]) for each in stretches])
            halves = [(each[:size], each[size:]) for each in stretches]
            self._print_row(f"{size} runs a side, one side after the other", halves)
        self._print_rounds_row()

    def _print_rounds_row(self) -> None:
        """What would come of taking the rounds of single runs for runs: why `compare` does not."""
        pairs = [self.draw(1) for _ in range(self.pairs)]
        changed = sum(_rounds_differ(before, after) for (before,), (after,) in pairs)
        share = f"{changed / len(pairs):.1%} better or worse"
        print(f"| rounds of single runs, tested as if they were runs | {len(pairs)} | {share} | |")

    def _print_row(self, name: str, pairs: Sequence[tuple[Runs, Runs]]) -> None:
        seen = [{metric.verdict for metric in self.compare(*pair).metrics} for pair in pairs]
        worse, same = (sum(verdict in each for each in seen) / len(seen) for verdict in (Verdict.WORSE, Verdict.SAME))
        print(f"| {name} | {len(pairs)} | {worse:.1%} | {same:.1%} |", flush=True)


def _is_worse(comparison: Comparison, key: Key) -> bool:
    return any((metric.probe, metric.name) == key and metric.verdict is Verdict.WORSE for metric in comparison.metrics)


def _rounds_differ(before: RunResult, after: RunResult) -> bool:
    """Tell whether any metric's rounds differ by the same test and adjustment that runs get."""
    rounds = [
        {(result.probe, metric.name): np.array(metric.rounds) for result in run.results for metric in result.metrics}
        for run in (before, after)
    ]
    p_values = [mann_whitney(rounds[0][key], rounds[1][key]) for key in rounds[0].keys() & rounds[1].keys()]
    return min(benjamini_hochberg(p_values)) <= _LEVEL


def _worsened(run: RunResult, key: Key, change: float) -> RunResult:
    """The run as it would be had each of this metric's samples been worse by the factor 1 + `change`."""
    results = [
        result.model_copy(
            update={
                "metrics": tuple(
                    _scaled(metric, 1 / (1 + change) if metric.better is Better.HIGHER else 1 + change)
                    if (result.probe, metric.name) == key
                    else metric
                    for metric in result.metrics
                )
            }
        )
        for result in run.results
    ]
    return run.model_copy(update={"results": tuple(results)})


def _scaled(metric: Metric, factor: float) -> Metric:
    histogram = metric.histogram
    if histogram is not None:
        zeros = Histogram(zeros=histogram.zeros)
        histogram = zeros + Histogram.of(histogram.representatives * factor, histogram.counts)
    rounds = tuple(value * factor for value in metric.rounds)
    return metric.model_copy(
        update={"rounds": rounds, "summary": _scaled_summary(metric.summary, factor), "histogram": histogram}
    )


def _scaled_summary(summary: Summary, factor: float) -> Summary:
    percentiles = {
        name: Percentile(value=each.value * factor, interval=_scaled_interval(each.interval, factor))
        for name, each in summary.percentiles.items()
    }
    plain = {name: getattr(summary, name) * factor for name in ("minimum", "maximum", "mean", "median", "mad")}
    interval = _scaled_interval(summary.interval, factor)
    return summary.model_copy(update={**plain, "interval": interval, "percentiles": percentiles})


def _scaled_interval(interval: Interval | None, factor: float) -> Interval | None:
    if interval is None:
        return None
    return interval.model_copy(update={"low": interval.low * factor, "high": interval.high * factor})


if __name__ == "__main__":
    main()
