"""What a report is about: the runs of one side or two, and what each side knows of a metric."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from probes.measure.compare import compare
from probes.measure.comparison import Comparison, Side
from probes.measure.histogram import Histogram
from probes.measure.result import Metric, ProbeResult, RunResult
from probes.measure.stability import Flag, FlagCode
from probes.measure.summary import Summary, summarize_histograms, summarize_rounds

# Intervals are drawn at random; the same results must always make the same page, with the figures of `probe compare`.
_SEED = 20_261_124


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The runs in question and, where there are others to hold them against, the comparison."""

    candidate: tuple[RunResult, ...]
    """At least one, oldest first."""
    baseline: tuple[RunResult, ...]
    """Empty where there is nothing to compare with."""
    runs: tuple[RunResult, ...]
    """All that were given, oldest first."""
    comparison: Comparison | None
    """None without a baseline."""

    @property
    def newest(self) -> RunResult:
        """The run whose environment and facts are told."""
        return self.candidate[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A flag with where it comes from."""

    code: FlagCode
    reason: str
    side: Side
    runs: int
    """How many of the side's runs carry it; the reason is that of the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What the runs of one side say together about one metric, in the metric's unit."""

    metric: Metric
    """Of the newest run: name, title, unit and conditions."""
    values: tuple[float, ...]
    """The rounds of a single run, else the median of each run."""
    runs: int
    summary: Summary
    histogram: Histogram | None
    doubts: tuple[Doubt, ...]


def subject_of(runs: Sequence[RunResult], baseline: Sequence[RunResult] = ()) -> Subject:
    """Arrange runs in time and hold them against the `baseline`, or the newer of two against the older.

    Of three and more without a baseline, the newest is shown and all are a course in time: one run against many says
    less than its place in the series. Raises ValueError without a run and where one is given twice.
    """
    given = _by_time((*runs, *baseline))
    if not runs:
        raise ValueError("there is no run to report: give at least one")
    twice = next((before.run_id for before, after in pairwise(given) if before.run_id == after.run_id), None)
    if twice is not None:
        raise ValueError(f"run {twice} is given twice: a copy is no further evidence")
    if baseline:
        earlier, current = _by_time(baseline), _by_time(runs)
    else:
        earlier, current = given[:-1] if len(given) == 2 else (), given[-1:]
    comparison = compare(earlier, current, rng=np.random.default_rng(_SEED)) if earlier else None
    return Subject(candidate=current, baseline=earlier, runs=given, comparison=comparison)


def samples_of(subject: Subject, probe: str, name: str) -> Mapping[Side, Sample]:
    """Return what each side says about a metric; only sides that measured it, and the baseline only where comparable.

    Empty where no run of the candidate has it.
    """
    compared = subject.comparison is not None and any(
        (metric.probe, metric.name) == (probe, name) for metric in subject.comparison.metrics
    )
    sides = {Side.BASELINE: subject.baseline if compared else (), Side.CANDIDATE: subject.candidate}
    found = {
        side: [
            metric for run in runs for result, metric in metrics_of(run) if (result.probe, metric.name) == (probe, name)
        ]
        for side, runs in sides.items()
    }
    return {side: _sample(side, metrics) for side, metrics in found.items() if metrics}


def metrics_of(run: RunResult) -> Iterable[tuple[ProbeResult, Metric]]:
    """Yield every metric of a run with the result it stands in."""
    for result in run.results:
        for metric in result.metrics:
            yield result, metric


def doubts_about(side: Side, flagged: Sequence[Sequence[Flag]]) -> Iterable[Doubt]:
    """Yield each code once, from the flags of each run, in the order of `FlagCode`."""
    by_run = [{flag.code: flag for flag in reversed(flags)} for flags in flagged]
    for code in FlagCode:
        carrying = [flags[code] for flags in by_run if code in flags]
        if carrying:
            yield Doubt(code=code, reason=carrying[0].reason, side=side, runs=len(carrying))


def _by_time(runs: Iterable[RunResult]) -> tuple[RunResult, ...]:
    return tuple(sorted(runs, key=lambda run: (run.started_at, run.run_id)))


def _sample(side: Side, metrics: Sequence[Metric]) -> Sample:
    single = len(metrics) == 1
    newest = metrics[-1]
    histograms = [metric.histogram for metric in metrics if metric.histogram and metric.histogram.count]
    values = newest.rounds if single else tuple(metric.summary.median for metric in metrics)
    return Sample(
        metric=newest,
        values=values,
        runs=len(metrics),
        summary=newest.summary if single else _pooled(metrics, histograms, values),
        histogram=Histogram.merged(histograms) if histograms else None,
        doubts=tuple(doubts_about(side, [metric.flags for metric in metrics])),
    )


def _pooled(metrics: Sequence[Metric], histograms: Sequence[Histogram], medians: Sequence[float]) -> Summary:
    """Summarize several runs as the kernel does several rounds: percentiles are of all samples, never averaged."""
    if len(histograms) < len(metrics):
        return summarize_rounds(medians)
    summaries = [metric.summary for metric in metrics]
    counts = [histogram.count for histogram in histograms]
    return summarize_histograms(
        histograms,
        minimum=min(summary.minimum for summary in summaries),
        maximum=max(summary.maximum for summary in summaries),
        mean=float(np.average([summary.mean for summary in summaries], weights=counts)),
    )
