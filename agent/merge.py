"""What probes measured joins what collectors found out. Pure.

A result's metrics are named for people too: the path or the storage class stands in the name. What leaves has a closed
list of names, so the two are taken apart here; a metric that the list lacks is left out, and its name goes nowhere.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from agent.facts import Benchmark, BenchmarksFacts, Distribution, Facts
from agent.vocabulary import METRICS
from probes.measure.histogram import Histogram
from probes.measure.result import Metric, ProbeResult, RunResult, Status

BENCHMARKS = "benchmarks"
# What `jobs.plan` tells results of one probe apart by, in the order in which it stands in a metric's name.
_VOLUME, _STORAGE_CLASS, _PATH = "volume", "storage_class", "path"
_EPHEMERAL = "ephemeral"


def merge(collected: Facts, run: RunResult | None) -> Facts:
    """Return the facts with a run's results, if there was one."""
    if run is None:
        return collected
    classes = (collected.workloads.storage_classes if collected.workloads is not None else None) or ()
    kinds = {each.name: each.kind for each in classes}
    measured = any(result.status is Status.MEASURED for result in run.results)
    return replace(
        collected,
        benchmarks=benchmarks(run, kinds),
        statuses={**collected.statuses, BENCHMARKS: "ok" if measured else "failed"},
    )


def benchmarks(run: RunResult, kinds: Mapping[str, str | None]) -> BenchmarksFacts:
    """Return what a run measured, as facts; `kinds` is storage class -> word of STORAGE_KINDS."""
    found = {result.probe: _rows(result, kinds) for result in run.results if result.status is Status.MEASURED}
    return BenchmarksFacts(
        profile=run.profile, **{probe: rows or None for probe, rows in found.items() if probe in METRICS}
    )


def _rows(result: ProbeResult, kinds: Mapping[str, str | None]) -> tuple[Benchmark, ...]:
    known = METRICS.get(result.probe, ())
    rows = ((_name(metric, known), metric) for metric in result.metrics)
    return tuple(_row(name, metric, kinds) for name, metric in rows if name is not None)


def _name(metric: Metric, known: Sequence[str]) -> str | None:
    """Return the metric's word, which is its name without what follows for its path or storage class."""
    suffixes = [
        _slug(str(metric.conditions[key])) for key in (_VOLUME, _STORAGE_CLASS, _PATH) if key in metric.conditions
    ]
    bare = metric.name
    for suffix in reversed(suffixes):
        bare = bare.removesuffix(f"_{suffix}")
    return bare if bare in known else None


def _row(name: str, metric: Metric, kinds: Mapping[str, str | None]) -> Benchmark:
    conditions = {key: str(value) for key, value in metric.conditions.items()}
    storage_class = conditions.get(_STORAGE_CLASS)
    return Benchmark(
        metric=name,
        median=metric.summary.median,
        rounds=len(metric.rounds),
        doubts=tuple(sorted({flag.code.value for flag in metric.flags})),
        distribution=None if metric.histogram is None else _distribution(metric.histogram),
        path=_slug(conditions[_PATH]) if _PATH in conditions else None,
        storage_kind=_storage_kind(conditions, kinds),
        storage_class=storage_class,
    )


def _storage_kind(conditions: Mapping[str, str], kinds: Mapping[str, str | None]) -> str | None:
    if _STORAGE_CLASS in conditions:
        return kinds.get(conditions[_STORAGE_CLASS])
    return _EPHEMERAL if conditions.get(_VOLUME) == _EPHEMERAL else None


def _distribution(histogram: Histogram) -> Distribution:
    counts = {histogram.first + index: int(count) for index, count in enumerate(histogram.counts) if count}
    return Distribution(counts=counts, zeros=histogram.zeros)


def _slug(text: str) -> str:
    """Return words as they stand in a name of a metric."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
