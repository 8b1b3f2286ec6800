"""Runs with everything that a page can show, from given seeds."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from probes.catalogue import CATALOGUE
from probes.measure.metric import Description, from_rates, from_samples
from probes.measure.result import Better, Facts, Metric, ProbeResult, RunResult, Status
from probes.measure.stability import Flag, FlagCode
from probes.measure.units import Unit

CONDITIONS: Facts = {"engine": "io_uring", "block_bytes": 4096, "direct": True}


def latency(rng: np.random.Generator, *, name: str = "read_latency", title: str = "random read latency, 4 KiB",
            center: float = 90e3, samples: int = 400, better: Better = Better.LOWER) -> Metric:  # fmt: skip
    described = Description(name=name, title=title, unit=Unit.NANOSECONDS, better=better, conditions=CONDITIONS)
    return from_samples(described, [center * np.exp(0.25 * rng.standard_normal(samples)) for _ in range(6)])


def rate(rng: np.random.Generator, *, name: str = "read_iops", title: str = "random read, 4 KiB, deep queue",
         center: float = 80e3, unit: Unit = Unit.OPERATIONS_PER_SECOND) -> Metric:  # fmt: skip
    described = Description(name=name, title=title, unit=unit, better=Better.HIGHER, conditions=CONDITIONS)
    return from_rates(described, (center * np.exp(0.02 * rng.standard_normal(6))).tolist())


def with_flags(metric: Metric, *codes: FlagCode) -> Metric:
    return metric.model_copy(update={"flags": tuple(Flag(code=code, reason=f"seen: {code.value}") for code in codes)})


def measured(*metrics: Metric, probe: str = "storage", flags: Sequence[Flag] = (), facts: Facts | None = None,
             tools: dict[str, str] | None = None) -> ProbeResult:  # fmt: skip
    return ProbeResult(
        probe=probe,
        status=Status.MEASURED,
        spec={"profile": "standard", "path": "/data"},
        facts={"file_system": "ext4", "size_bytes": 1 << 32} if facts is None else facts,
        tools={"fio": "3.33"} if tools is None else tools,
        metrics=metrics,
        flags=tuple(flags),
        duration_seconds=90.0,
    )


def unavailable(probe: str = "dns", reason: str = "no resolver answered: see /etc/resolv.conf") -> ProbeResult:
    return ProbeResult(probe=probe, status=Status.UNAVAILABLE, spec={}, reason=reason)


def run(
    *results: ProbeResult, number: int = 0, environment: Facts | None = None, profile: str = "standard"
) -> RunResult:
    return RunResult(
        run_id=uuid.UUID(int=(number + 1) << 96),
        started_at=datetime(2026, 3, 1, 9, 30, tzinfo=UTC) + timedelta(days=number),
        duration_seconds=612.0,
        version="0.1.0",
        profile=profile,
        target="local",
        environment={"kernel": "6.18", "memory_bytes": 1 << 34} if environment is None else environment,
        results=results,
    )


def plain_run(number: int, *, slowdown: float = 1.0) -> RunResult:
    """A latency, a rate, a probe that could not measure, and noise between runs of 1 %."""
    rng = np.random.default_rng(number)
    noise = np.exp(0.01 * rng.standard_normal(2))
    metrics = latency(rng, center=90e3 * slowdown * noise[0]), rate(rng, center=80e3 * noise[1])
    return run(measured(*metrics), unavailable(), number=number)


def full_run() -> RunResult:
    """As many metrics as a run of all six probes has: about fifty."""
    rng = np.random.default_rng(1)
    results = [
        measured(
            *(latency(rng, name=f"latency_{i}", title=f"latency {i}", samples=2000) for i in range(4)),
            *(rate(rng, name=f"rate_{i}", title=f"rate {i}") for i in range(4)),
            probe=probe,
        )
        for probe in CATALOGUE
    ]
    return run(*results)
