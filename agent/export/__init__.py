"""A run in the formats of other tools.

Law: one exporter a file, each a pure function from a result to text; no file, network or clock. They don't import one
another.
"""

from collections.abc import Callable, Mapping

from agent.export import csv, openmetrics, pytest_benchmark
from probes.measure.result import RunResult

EXPORTERS: Mapping[str, Callable[[RunResult], str]] = {
    "pytest-benchmark": pytest_benchmark.export,
    "openmetrics": openmetrics.export,
    "csv": csv.export,
}
