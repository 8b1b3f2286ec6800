"""The result of a run: versioned, documented, and read back without loss. `probe schema` prints its JSON Schema."""

import uuid
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, PlainSerializer, PlainValidator, WithJsonSchema

from probes.measure.histogram import GAMMA, Histogram
from probes.measure.record import Record
from probes.measure.stability import Flag
from probes.measure.summary import Summary
from probes.measure.units import Unit

SCHEMA_VERSION: Literal[1] = 1

Scalar = bool | int | float | str
Facts = dict[str, Scalar]


def _read_histogram(value: Any) -> Histogram:
    return value if isinstance(value, Histogram) else Histogram.from_json(value)


HistogramField = Annotated[
    Histogram,
    PlainValidator(_read_histogram),
    PlainSerializer(Histogram.to_json),
    WithJsonSchema(
        {
            "type": "object",
            "description": "Counts of values in buckets (γ^(i-1), γ^i]; `buckets` are the i, `zeros` the exact zeros.",
            "additionalProperties": False,
            "required": ["gamma", "zeros", "buckets", "counts"],
            "properties": {
                "gamma": {"const": GAMMA},
                "zeros": {"type": "integer", "minimum": 0},
                "buckets": {"type": "array", "items": {"type": "integer"}},
                "counts": {"type": "array", "items": {"type": "integer", "minimum": 1}},
            },
        }
    ),
]


class PhaseKind(StrEnum):
    """What a stretch of a probe's time was for; only `measure` contributes values."""

    PREPARE = "prepare"
    WARM_UP = "warm-up"
    MEASURE = "measure"


class Phase(Record):
    """A stretch of a probe's time."""

    name: str
    kind: PhaseKind
    start_seconds: float
    """Since the probe began."""
    duration_seconds: float


class Better(StrEnum):
    """Which direction of a metric is the good one."""

    LOWER = "lower"
    HIGHER = "higher"
    NEITHER = "neither"
    """A fact rather than a merit, such as the CPU's utilization."""


class Metric(Record):
    """One measured quantity."""

    name: str
    """Stable within its probe, such as `read_latency`."""
    title: str
    """For people, such as `random read latency, 4 KiB`."""
    unit: Unit
    better: Better
    conditions: Facts
    """All that must be equal for two values to be comparable: engine, block size, queue depth, rate."""
    rounds: tuple[float, ...]
    """The headline value of each round in the order measured: the units of replication."""
    summary: Summary
    histogram: HistogramField | None = None
    """All samples of all rounds, where the metric has samples."""
    flags: tuple[Flag, ...] = ()


class Status(StrEnum):
    """Whether a probe brought values back."""

    MEASURED = "measured"
    UNAVAILABLE = "unavailable"


class Usage(Record):
    """What the probe itself cost: its process and everything below it."""

    cpu_seconds: float
    peak_memory_bytes: int
    """Of the probe's own process; the tools it starts are not counted."""


class ProbeResult(Record):
    """What one probe brought back."""

    probe: str
    status: Status
    reason: str | None = None
    """Why the probe is unavailable and what to do about it; None where it measured."""
    spec: Facts
    """What was asked for, defaults included."""
    facts: Facts = Field(default_factory=dict)
    """What the probe found out about the thing it measured: file system, device, peer."""
    tools: dict[str, str] = Field(default_factory=dict)
    """Versions of the tools that measured."""
    phases: tuple[Phase, ...] = ()
    metrics: tuple[Metric, ...] = ()
    flags: tuple[Flag, ...] = ()
    usage: Usage | None = None
    duration_seconds: float = 0.0


class RunResult(Record):
    """Everything that one `probe run` measured, and where."""

    schema_version: Literal[1] = SCHEMA_VERSION
    run_id: uuid.UUID
    started_at: AwareDatetime
    duration_seconds: float
    version: str
    """Of this software."""
    profile: str
    target: str
    environment: Facts
    """Facts about the machine: kernel, CPU, memory, control group limits. No host name and no address."""
    results: tuple[ProbeResult, ...]


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of `RunResult`."""
    return RunResult.model_json_schema(mode="serialization") | {
        "$schema": "https://json-schema.org/draft/2020-12/schema"
    }
