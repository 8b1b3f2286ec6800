"""A metric over the runs that measured it alike, and the places where its level changed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from agent.page.subject import metrics_of
from probes.measure.changepoint import ChangePoint, find_changes, reason_to_abstain
from probes.measure.comparison import Verdict
from probes.measure.result import Better, Metric, ProbeResult, RunResult

# Two points are a comparison, not a course.
FEWEST_RUNS = 3
# The chance of any mark in a series in which nothing changed; `probe history trend` marks at the same level.
_ALPHA = 0.01
# Permutations are drawn at random; the same results must always make the same page.
_SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The values of one metric, oldest first, at least FEWEST_RUNS."""

    probe: str
    metrics: tuple[Metric, ...]
    runs: tuple[RunResult, ...]
    changes: tuple[ChangePoint, ...]
    abstained: str | None
    """Why no change could have been found, whatever the values; None where one could."""

    @property
    def newest(self) -> Metric:
        """The metric as the newest run has it."""
        return self.metrics[-1]


def series_of(runs: Sequence[RunResult]) -> Sequence[Series]:
    """Return a series for each metric that enough of `runs` (oldest first) measured alike, in the newest's order."""
    found: dict[object, list[tuple[RunResult, ProbeResult, Metric]]] = {}
    for run in reversed(runs):
        for result, metric in metrics_of(run):
            found.setdefault(_held_equal(result, metric), []).append((run, result, metric))
    return [_series(reversed(each)) for each in found.values() if len(each) >= FEWEST_RUNS]


def _series(measured: Iterable[tuple[RunResult, ProbeResult, Metric]]) -> Series:
    runs, results, metrics = zip(*measured, strict=True)
    medians = [metric.summary.median for metric in metrics]
    return Series(
        probe=results[-1].probe,
        metrics=metrics,
        runs=runs,
        changes=find_changes(medians, alpha=_ALPHA, rng=np.random.default_rng(_SEED)),
        abstained=reason_to_abstain(len(medians), alpha=_ALPHA),
    )


def _held_equal(result: ProbeResult, metric: Metric) -> object:
    """All that must be equal within a series: what was asked for, of what, and each condition."""
    fields = (sorted(each.items(), key=lambda field: field[0]) for each in (result.spec, metric.conditions))
    return (result.probe, metric.name, metric.unit, metric.better, *map(tuple, fields))


def judged(change: ChangePoint, better: Better) -> Verdict:
    """Return whether a change is for better or worse, or just a change."""
    if better is Better.NEITHER:
        return Verdict.CHANGED
    return Verdict.BETTER if (change.after > change.before) is (better is Better.HIGHER) else Verdict.WORSE
