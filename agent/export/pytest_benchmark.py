"""pytest-benchmark's JSON (as its 5.x writes and its `compare` reads), so that its users see probes as benchmarks.

A round of a probe is a round of the benchmark. pytest-benchmark knows times alone, of which more is worse: a rate is
therefore told as the time that one unit of work takes, and its OPS column is the rate again. Shares and counts have no
such time, and what is neither good nor bad must fail no check: both are left out.
"""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from probes.measure.histogram import FloatArray
from probes.measure.result import Better, Facts, Metric, ProbeResult, RunResult
from probes.measure.units import Unit

# The version of pytest-benchmark whose format this is.
_FORMAT_VERSION = "5.1.0"
# What one unit of work is. A byte of a fast disk takes 0.3 ns, of which pytest-benchmark's tables would show nothing.
_WORK = {
    Unit.OPERATIONS_PER_SECOND: (1.0, "operation"),
    Unit.BYTES_PER_SECOND: (1024.0**2, "MiB"),
    Unit.BITS_PER_SECOND: (1e6, "Mbit"),
}
_FENCE = 1.5  # Tukey's, which pytest-benchmark uses
# What pytest-benchmark writes outside a repository: a machine is measured, not a commit.
_NO_COMMIT = {
    "id": "unversioned",
    "time": None,
    "author_time": None,
    "dirty": None,
    "project": "prism-telemetry-agent",
    "branch": "(unknown)",
}
# How rounds came about is the probe's own doing: pytest-benchmark's calibration had no part in it.
_OPTIONS = {
    "disable_gc": False,
    "timer": "probe",
    "min_rounds": 1,
    "max_time": 0.0,
    "min_time": 0.0,
    "precision": None,
    "confidence": None,
    "warmup": False,
}


def export(run: RunResult) -> str:
    """Return the JSON of a benchmark session with one benchmark a metric."""
    document = {
        "machine_info": _machine_info(run.environment),
        "commit_info": _NO_COMMIT,
        "benchmarks": [benchmark for result in run.results for benchmark in _benchmarks(run, result)],
        "datetime": run.started_at.isoformat(),
        "version": _FORMAT_VERSION,
    }
    return json.dumps(document, indent=4) + "\n"


def seconds_of(metric: Metric) -> FloatArray | None:
    """Return the seconds of each round, shape (rounds,): a time, or what one unit of work takes at a rate.

    None for shares, counts and amounts, for what is neither good nor bad, and where a rate was zero: such work takes
    for ever.
    """
    values = np.asarray(metric.rounds, dtype=np.float64)
    if not values.size:
        return None
    if metric.unit is Unit.NANOSECONDS and metric.better is Better.LOWER:
        return values * 1e-9
    if metric.unit not in _WORK or metric.better is not Better.HIGHER or not (values > 0).all():
        return None
    amount, _ = _WORK[metric.unit]
    seconds: FloatArray = amount / values
    return seconds


def statistics_of(seconds: FloatArray) -> dict[str, Any]:
    """Return the fields of pytest-benchmark's `stats` for the rounds in `seconds`, at least one."""
    ordered = np.sort(seconds)
    # Quartiles by Hazen's rule are the ones that pytest-benchmark computes.
    q1, median, q3 = np.quantile(ordered, [0.25, 0.5, 0.75], method="hazen")
    mean, total = float(seconds.mean()), float(seconds.sum())
    deviation = float(seconds.std(ddof=1)) if seconds.size > 1 else 0.0
    low_fence, high_fence = q1 - _FENCE * (q3 - q1), q3 + _FENCE * (q3 - q1)
    beyond_deviation = int((np.abs(seconds - mean) > deviation).sum())
    beyond_fences = int(((seconds < low_fence) | (seconds > high_fence)).sum())
    return {
        "min": float(ordered[0]),
        "max": float(ordered[-1]),
        "mean": mean,
        "stddev": deviation,
        "rounds": int(seconds.size),
        "median": float(median),
        "iqr": float(q3 - q1),
        "q1": float(q1),
        "q3": float(q3),
        "iqr_outliers": beyond_fences,
        "stddev_outliers": beyond_deviation,
        "outliers": f"{beyond_deviation};{beyond_fences}",
        "ld15iqr": float(ordered[ordered >= low_fence][0]),
        "hd15iqr": float(ordered[ordered <= high_fence][-1]),
        "ops": seconds.size / total if total else 0.0,
        "total": total,
        "data": seconds.tolist(),
        "iterations": 1,
    }


def _benchmarks(run: RunResult, result: ProbeResult) -> Iterator[dict[str, Any]]:
    for metric in result.metrics:
        seconds = seconds_of(metric)
        if seconds is None:
            continue
        yield {
            # Benchmarks of one group are ranked against each other, which makes sense for one metric only.
            "group": f"{result.probe}: {metric.title}{_per_work(metric.unit)}",
            "name": f"{result.probe}.{metric.name}",
            # `--benchmark-compare` joins benchmarks by this name.
            "fullname": f"probe run {result.probe}::{metric.name}",
            "params": metric.conditions or None,
            "param": None,
            "extra_info": {
                "run_id": str(run.run_id),
                "profile": run.profile,
                "unit": metric.unit.value,
                "better": metric.better.value,
                "flags": [flag.code.value for flag in (*metric.flags, *result.flags)],
            },
            "options": _OPTIONS,
            "stats": statistics_of(seconds),
        }


def _per_work(unit: Unit) -> str:
    return f", time per {_WORK[unit][1]}" if unit in _WORK else ""


def _machine_info(environment: Facts) -> dict[str, Any]:
    """Return all facts, the fields that readers of the format know among them. No name of the machine."""
    return {
        **environment,
        "node": "",
        "system": "Linux",
        "release": environment.get("kernel"),
        "machine": environment.get("architecture"),
        "python_version": environment.get("python"),
        "cpu": {"brand_raw": environment.get("cpu_model"), "count": environment.get("cpus_usable")},
    }
