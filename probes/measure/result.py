"""The result of a run: versioned, documented, and read back without loss. `probe schema` prints its JSON Schema."""

import json
import uuid
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, PlainSerializer, PlainValidator, ValidationError, WithJsonSchema

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
                "gamma": {"const": GAMMA, "description": "The ratio of a bucket's upper edge to its lower one."},
                "zeros": {"type": "integer", "minimum": 0, "description": "How many values were exactly zero."},
                "buckets": {
                    "type": "array",
                    "items": {"type": "integer"},
                    "description": "The numbers i of the buckets that hold values, ascending.",
                },
                "counts": {
                    "type": "array",
                    "items": {"type": "integer", "minimum": 1},
                    "description": "How many values each of `buckets` holds, in the same order.",
                },
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
    """For people, such as `random read latency, round 2`."""
    kind: PhaseKind
    """What the time was for; only the phases of kind `measure` contribute values."""
    start_seconds: float
    """Since the probe began, by the monotonic clock."""
    duration_seconds: float
    """By the monotonic clock."""


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
    """Of every value of this metric: rounds, summary and histogram."""
    better: Better
    """Which direction is the good one."""
    conditions: Facts
    """All that must be equal for two values to be comparable: engine, block size, queue depth, rate."""
    rounds: tuple[float, ...]
    """The headline value of each round in the order measured: the units of replication."""
    summary: Summary
    """Of all samples of all rounds; of the rounds' values where the metric has no samples."""
    histogram: HistogramField | None = None
    """All samples of all rounds, where the metric has samples; histograms of one γ add up."""
    flags: tuple[Flag, ...] = ()
    """Every doubt about this metric."""


class Status(StrEnum):
    """Whether a probe brought values back."""

    MEASURED = "measured"
    UNAVAILABLE = "unavailable"


class Usage(Record):
    """What the probe itself cost: its process and everything below it."""

    cpu_seconds: float
    """User and system time together."""
    peak_memory_bytes: int
    """Of the probe's own process; the tools it starts are not counted."""


class ProbeResult(Record):
    """What one probe brought back."""

    probe: str
    """Its name in the catalogue."""
    status: Status
    """Whether it brought values back."""
    reason: str | None = None
    """Why the probe is unavailable and what to do about it; None where it measured."""
    spec: Facts
    """What was asked for, defaults included."""
    facts: Facts = Field(default_factory=dict)
    """What the probe found out about the thing it measured: file system, device, peer."""
    tools: dict[str, str] = Field(default_factory=dict)
    """Versions of the tools that measured."""
    phases: tuple[Phase, ...] = ()
    """How the probe spent its time, in order."""
    metrics: tuple[Metric, ...] = ()
    """What was measured; none where the probe is unavailable."""
    flags: tuple[Flag, ...] = ()
    """Every doubt about the whole probe, beside those about single metrics."""
    usage: Usage | None = None
    """Null where the probe did not live to tell."""
    duration_seconds: float = 0.0
    """From its start to its end, by the monotonic clock."""


class RunResult(Record):
    """Everything that one `probe run` measured, and where."""

    schema_version: Literal[1] = SCHEMA_VERSION
    """Of this format; raised when an older reader would misread it."""
    run_id: uuid.UUID
    """Random; names the run."""
    started_at: AwareDatetime
    """By the machine's own clock, with its offset from UTC."""
    duration_seconds: float
    """From start to end of the run, by the monotonic clock."""
    version: str
    """Of this software."""
    profile: str
    """How thoroughly was measured: `quick`, `standard` or `thorough`."""
    target: str
    """Where was measured: `local` is this machine."""
    environment: Facts
    """Facts about the machine: kernel, CPU, memory, control group limits. No host name and no address."""
    results: tuple[ProbeResult, ...]
    """One for each probe that was asked for, in the order they ran."""


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of `RunResult`."""
    return RunResult.model_json_schema(mode="serialization") | {
        "$schema": "https://json-schema.org/draft/2020-12/schema"
    }


def read_results(text: str) -> RunResult:
    """Read a result back from its JSON. Raises ValueError with one line that says what `text` is instead."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not a result: no valid JSON ({error}); was the file cut off?") from error
    if not isinstance(data, dict) or "schema_version" not in data:
        raise ValueError("not a result: this JSON has no schema_version; write one with probe run --output FILE")
    version = data["schema_version"]
    if type(version) is not int or version != SCHEMA_VERSION:
        raise ValueError(
            f"a result in schema version {version!r:.20}, and this software reads version {SCHEMA_VERSION}: "
            f"use the release that wrote it or a later one"
        )
    try:
        return RunResult.model_validate_json(text)
    except ValidationError as error:
        first, *others = error.errors(include_url=False, include_input=False, include_context=False)
        place = ".".join(str(part) for part in first["loc"])
        more = f" (and {len(others)} more)" if others else ""
        raise ValueError(f"not a result of schema version {version}: {place}: {first['msg']}{more}") from error
