"""OpenMetrics text 1.0, which Prometheus and its relatives read (https://prometheus.io/docs/specs/om/open_metrics_spec).

It holds nothing that the older text format lacks, so that node_exporter's textfile collector takes it as well. Values
are in the base units that its users expect: seconds, bytes, ratios. Conditions are labels, so that a series is
always of values measured alike. No run id (each run would begin new series), no host name, no path.
"""

from collections.abc import Iterable, Iterator, Mapping

from probes.measure.histogram import GAMMA, Histogram
from probes.measure.result import Metric, RunResult, Status
from probes.measure.units import Unit

# Not `probe_`: blackbox_exporter's metrics are called that.
_PREFIX = "prism_probe"
# Name of the base unit, and how many of it one of ours is.
_BASE_UNITS = {
    Unit.NANOSECONDS: ("seconds", 1e-9),
    Unit.OPERATIONS_PER_SECOND: ("operations_per_second", 1.0),
    Unit.BYTES_PER_SECOND: ("bytes_per_second", 1.0),
    Unit.BITS_PER_SECOND: ("bytes_per_second", 1 / 8),
    Unit.BYTES: ("bytes", 1.0),
    Unit.RATIO: ("ratio", 1.0),
    Unit.COUNT: ("", 1.0),
}
# γ^35 is 2.0 to four digits. Borders that are edges of our own buckets make the counts exact, and the same borders in
# every run make histograms add up: from 0.26 µs to 69 s of nanoseconds, 29 of them.
_EDGE_STEP = 35
_EDGES = tuple(_EDGE_STEP * power for power in range(8, 37))


def export(run: RunResult) -> str:
    """Return the exposition, which ends with `# EOF`."""
    return "\n".join((*_run_lines(run), *_metric_lines(run), "# EOF", ""))


def _run_lines(run: RunResult) -> Iterator[str]:
    yield from _family("run_info", "gauge", "", "What measured; the value is always 1.")
    yield _sample("run_info", {"version": run.version, "profile": run.profile, "target": run.target}, 1)
    yield from _family("run_started_timestamp_seconds", "gauge", "seconds", "When the run began, Unix time.")
    yield _sample("run_started_timestamp_seconds", {}, run.started_at.timestamp())
    yield from _family("run_duration_seconds", "gauge", "seconds", "How long the run took.")
    yield _sample("run_duration_seconds", {}, run.duration_seconds)
    yield from _family("measured", "gauge", "", "1 where the probe brought values back, 0 where it is unavailable.")
    for result in run.results:
        yield _sample("measured", {"probe": result.probe}, int(result.status is Status.MEASURED))
    yield from _family("doubt", "gauge", "", "1 for each doubt; one about a whole probe has an empty metric.")
    for result in run.results:
        places = {"": result.flags} | {metric.name: metric.flags for metric in result.metrics}
        for place, flags in places.items():
            for code in dict.fromkeys(flag.code.value for flag in flags):
                yield _sample("doubt", {"probe": result.probe, "metric": place, "code": code}, 1)


def _metric_lines(run: RunResult) -> Iterator[str]:
    for result in run.results:
        for metric in result.metrics:
            unit, factor = _BASE_UNITS[metric.unit]
            name = f"{result.probe}_{metric.name}"
            labels = {key: _text(value) for key, value in metric.conditions.items()} | {"profile": run.profile}
            yield from _gauges(_with_unit(name, unit), unit, metric, labels, factor)
            if metric.histogram is not None and metric.unit is Unit.NANOSECONDS:
                yield from _buckets(_with_unit(f"{name}_distribution", unit), unit, metric, labels)


def _gauges(name: str, unit: str, metric: Metric, labels: Mapping[str, str], factor: float) -> Iterator[str]:
    yield from _family(name, "gauge", unit, f"{metric.title}: median, its interval, extremes and percentiles.")
    summary = metric.summary
    statistics = {"median": summary.median, "minimum": summary.minimum, "maximum": summary.maximum}
    if summary.interval is not None:
        statistics |= {"median_low": summary.interval.low, "median_high": summary.interval.high}
    statistics |= {percentile: found.value for percentile, found in summary.percentiles.items() if percentile != "p50"}
    for statistic, value in statistics.items():
        yield _sample(name, {**labels, "statistic": statistic}, value * factor)


def _buckets(name: str, unit: str, metric: Metric, labels: Mapping[str, str]) -> Iterator[str]:
    assert metric.histogram is not None
    yield from _family(name, "histogram", unit, f"{metric.title}: all samples.")
    for edge, count in zip(_EDGES, _cumulative(metric.histogram), strict=True):
        yield _sample(f"{name}_bucket", {**labels, "le": repr(GAMMA**edge * 1e-9)}, count)
    total = metric.histogram.count
    yield _sample(f"{name}_bucket", {**labels, "le": "+Inf"}, total)
    yield _sample(f"{name}_count", labels, total)
    yield _sample(f"{name}_sum", labels, metric.summary.mean * total * 1e-9)


def _cumulative(histogram: Histogram) -> Iterator[int]:
    """Yield how many values lie at or below each of the edges."""
    for edge in _EDGES:
        yield histogram.zeros + int(histogram.counts[: max(0, edge - histogram.first + 1)].sum())


def _family(name: str, kind: str, unit: str, purpose: str) -> Iterable[str]:
    yield f"# TYPE {_PREFIX}_{name} {kind}"
    if unit:
        yield f"# UNIT {_PREFIX}_{name} {unit}"
    yield f"# HELP {_PREFIX}_{name} {_escaped(purpose)}"


def _sample(name: str, labels: Mapping[str, str], value: float) -> str:
    pairs = ",".join(f'{key}="{_escaped(text)}"' for key, text in sorted(labels.items()))
    return f"{_PREFIX}_{name}{{{pairs}}} {value!r}" if pairs else f"{_PREFIX}_{name} {value!r}"


def _with_unit(name: str, unit: str) -> str:
    return name if not unit or name.endswith(f"_{unit}") else f"{name}_{unit}"


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
