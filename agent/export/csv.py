"""Comma-separated values (RFC 4180): one row a metric, all numbers in the metric's unit."""

import csv
import io
import json
from collections.abc import Iterator

from probes.measure.result import Metric, ProbeResult, RunResult
from probes.measure.summary import PERCENTILES

_TAILS = tuple(name for name in PERCENTILES if name != "p50")
_METRIC_COLUMNS = (
    "metric", "title", "unit", "better", "median", "low", "high", "confidence", "interval_over",
    "minimum", "maximum", "mean", "mad", "count", "rounds", *_TAILS, "conditions",
)  # fmt: skip
COLUMNS = (
    "run_id",
    "started_at",
    "version",
    "profile",
    "target",
    "probe",
    "status",
    "reason",
    *_METRIC_COLUMNS,
    "flags",
)


def export(run: RunResult) -> str:
    """Return a header and the rows; a probe without metrics has one row with its reason. Absent values are empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    identity = (str(run.run_id), run.started_at.isoformat(), run.version, run.profile, run.target)
    for result in run.results:
        for cells in _rows(result):
            writer.writerow((*identity, result.probe, result.status.value, result.reason, *cells))
    return text.getvalue()


def _rows(result: ProbeResult) -> Iterator[tuple[object, ...]]:
    """Yield the cells of each metric and its flags; those of the whole probe are repeated at each of its metrics."""
    if not result.metrics:
        yield (*("" for _ in _METRIC_COLUMNS), " ".join(flag.code.value for flag in result.flags))
    for metric in result.metrics:
        codes = dict.fromkeys(flag.code.value for flag in (*metric.flags, *result.flags))
        yield (*_cells(metric), " ".join(codes))


def _cells(metric: Metric) -> Iterator[object]:
    summary, interval = metric.summary, metric.summary.interval
    yield from (metric.name, metric.title, metric.unit.value, metric.better.value, summary.median)
    yield from (interval.low, interval.high, interval.confidence, interval.method.value) if interval else [None] * 4
    yield from (summary.minimum, summary.maximum, summary.mean, summary.mad, summary.count, len(metric.rounds))
    yield from (summary.percentiles[name].value if name in summary.percentiles else None for name in _TAILS)
    yield json.dumps(metric.conditions)
