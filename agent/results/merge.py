"""What probes measured joins what collectors found out. Pure.

A result's metrics are named for people too: the path or the storage class stands in the name. What leaves has a closed
list of names, so the two are taken apart here; a metric that the list lacks is left out, and its name goes nowhere.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from agent.wire.facts import Benchmark, BenchmarksFacts, Distribution, Facts, StorageClass
from agent.wire.types import Pseudonym
from agent.wire.vocabulary import METRICS
from probes.measure.histogram import Histogram
from probes.measure.result import Metric, ProbeResult, RunResult, Status

BENCHMARKS = "benchmarks"
_VOLUME, STORAGE_CLASS, _PATH = PLACES = ("volume", "storage_class", "path")
"""What `jobs.plan` tells results of one probe apart by, in the order in which it stands in a metric's name."""
_EPHEMERAL = "ephemeral"


def merge(collected: Facts, run: RunResult | None, *, pseudonym: Pseudonym | None = None) -> Facts:
    """Return the facts with a run's results, if there was one; `pseudonym` is what names were kept by, if they were."""
    if run is None:
        return collected
    classes = (collected.workloads.storage_classes if collected.workloads is not None else None) or ()
    by_name = {each.name: each for each in classes}
    if pseudonym is not None:
        by_name = {pseudonym(STORAGE_CLASS, name): each for name, each in by_name.items()}
    measured = any(result.status is Status.MEASURED for result in run.results)
    return replace(
        collected,
        benchmarks=benchmarks(run, by_name),
        statuses={**collected.statuses, BENCHMARKS: "ok" if measured else "failed"},
    )


def benchmarks(run: RunResult, classes: Mapping[str, StorageClass]) -> BenchmarksFacts:
    """Return what a run measured, as facts; `classes` has each storage class by the name that the run has for it."""
    found = {result.probe: _rows(result, classes) for result in run.results if result.status is Status.MEASURED}
    return BenchmarksFacts(
        profile=run.profile, **{probe: rows or None for probe, rows in found.items() if probe in METRICS}
    )


def _rows(result: ProbeResult, classes: Mapping[str, StorageClass]) -> tuple[Benchmark, ...]:
    known = METRICS.get(result.probe, ())
    rows = ((word_of(metric, known), metric) for metric in result.metrics)
    return tuple(_row(name, metric, classes) for name, metric in rows if name is not None)


def word_of(metric: Metric, known: Sequence[str]) -> str | None:
    """Return the metric's word, which is its name without what follows for its path or storage class."""
    suffixes = [slug(str(metric.conditions[key])) for key in PLACES if key in metric.conditions]
    bare = metric.name
    for suffix in reversed(suffixes):
        bare = bare.removesuffix(f"_{suffix}")
    return bare if bare in known else None


def _row(name: str, metric: Metric, classes: Mapping[str, StorageClass]) -> Benchmark:
    conditions = {key: str(value) for key, value in metric.conditions.items()}
    named = conditions.get(STORAGE_CLASS)
    found = None if named is None else classes.get(named)
    return Benchmark(
        metric=name,
        median=metric.summary.median,
        rounds=len(metric.rounds),
        doubts=tuple(sorted({flag.code.value for flag in metric.flags})),
        distribution=None if metric.histogram is None else _distribution(metric.histogram),
        path=slug(conditions[_PATH]) if _PATH in conditions else None,
        storage_kind=_EPHEMERAL if conditions.get(_VOLUME) == _EPHEMERAL else None if found is None else found.kind,
        storage_class=named if found is None else found.name,
    )


def _distribution(histogram: Histogram) -> Distribution:
    counts = {histogram.first + index: int(count) for index, count in enumerate(histogram.counts) if count}
    return Distribution(counts=counts, zeros=histogram.zeros)


def slug(text: str) -> str:
    """Return words as they stand in a name of a metric."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
