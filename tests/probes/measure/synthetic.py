"""Runs as a probe would bring them back, from given values."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np

from probes.measure.histogram import FloatArray
from probes.measure.metric import Description, from_rates, from_samples
from probes.measure.result import Better, Facts, Metric, ProbeResult, RunResult, Status
from probes.measure.stability import Flag
from probes.measure.units import Unit


def rate(name: str, rounds: Sequence[float], *, better: Better = Better.HIGHER, unit: Unit = Unit.BYTES_PER_SECOND,
         conditions: Facts | None = None) -> Metric:  # fmt: skip
    described = Description(name=name, title=name, unit=unit, better=better, conditions=conditions or {})
    return from_rates(described, rounds)


def latency(name: str, rounds: Sequence[FloatArray]) -> Metric:
    described = Description(name=name, title=name, unit=Unit.NANOSECONDS, better=Better.LOWER, conditions={})
    return from_samples(described, rounds)


def result(*metrics: Metric, probe: str = "storage", spec: Facts | None = None, flags: tuple[Flag, ...] = (),
           facts: Facts | None = None) -> ProbeResult:  # fmt: skip
    asked: Facts = {"profile": "quick"} if spec is None else spec
    return ProbeResult(probe=probe, status=Status.MEASURED, spec=asked, facts=facts or {}, metrics=metrics, flags=flags)


def run(*results: ProbeResult, environment: Facts | None = None) -> RunResult:
    return RunResult(
        run_id=uuid.uuid4(),
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        duration_seconds=1.0,
        version="0.1.0",
        profile="quick",
        target="local",
        environment={"kernel": "6.18"} if environment is None else environment,
        results=results,
    )


def runs_of(values: Mapping[str, Sequence[float]], *, better: Better = Better.HIGHER) -> list[RunResult]:
    """One run for each position of the named metrics' values, one round each."""
    return [
        run(result(*(rate(name, [value], better=better) for name, value in zip(values, row, strict=True))))
        for row in zip(*values.values(), strict=True)
    ]


def noisy(rng: np.random.Generator, size: int, *, center: float = 100.0, spread: float = 0.02) -> list[float]:
    """Lognormal values whose logarithms have the standard deviation `spread`."""
    return (center * np.exp(spread * rng.standard_normal(size))).tolist()
