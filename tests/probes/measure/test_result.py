import json
import uuid
from datetime import UTC, datetime
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from probes.measure.histogram import Histogram
from probes.measure.metric import Description, from_histograms, from_rates, from_samples
from probes.measure.result import (
    Better,
    Phase,
    PhaseKind,
    ProbeResult,
    RunResult,
    Status,
    Usage,
    json_schema,
    read_results,
)
from probes.measure.stability import Flag, FlagCode
from probes.measure.units import Unit


def described(name: str, unit: Unit = Unit.NANOSECONDS) -> Description:
    return Description(
        name=name,
        title=name.replace("_", " "),
        unit=unit,
        better=Better.LOWER,
        conditions={"block_size_bytes": 4096, "direct": True, "engine": "io_uring", "rate": 0.5},
    )


def example() -> RunResult:
    rng = np.random.default_rng(1)
    rounds = [rng.lognormal(10, 0.4, 500) for _ in range(7)]
    histograms = [Histogram.of(values) for values in rounds]
    measured = ProbeResult(
        probe="storage",
        status=Status.MEASURED,
        spec={"profile": "quick", "size_bytes": 2**30},
        facts={"file_system": "ext4"},
        tools={"fio": "3.33"},
        phases=(Phase(name="lay out", kind=PhaseKind.PREPARE, start_seconds=0.0, duration_seconds=1.5),),
        metrics=(
            from_samples(described("read_latency"), rounds),
            from_histograms(described("write_latency"), histograms, minimum=1.0, maximum=1e6, mean=2e4),
            from_rates(described("loss", Unit.RATIO), [0.0]),
        ),
        flags=(Flag(code=FlagCode.VOLATILE, reason="a tmpfs is memory"),),
        usage=Usage(cpu_seconds=1.0, peak_memory_bytes=2**25),
        duration_seconds=12.5,
    )
    unavailable = ProbeResult(probe="dns", status=Status.UNAVAILABLE, reason="no resolver: set one", spec={})
    return RunResult(
        run_id=uuid.UUID(int=7),
        started_at=datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC),
        duration_seconds=20.0,
        version="0.1.0",
        profile="quick",
        target="local",
        environment={"kernel": "6.18", "cpus": 2},
        results=(measured, unavailable),
    )


def test_a_result_is_valid_by_the_published_schema() -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(example().model_dump_json()), schema, jsonschema.Draft202012Validator)


@pytest.mark.parametrize("field", ["run_id", "results", "environment"])
def test_a_result_without_a_field_is_not_valid_by_the_published_schema(field: str) -> None:
    data = json.loads(example().model_dump_json())
    del data[field]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, json_schema(), jsonschema.Draft202012Validator)


def test_the_schema_describes_every_field() -> None:
    schema = json_schema()
    described_fields = 0
    for name, record in [("RunResult", schema), *schema["$defs"].items()]:
        assert record.get("description"), name
        for field, content in record.get("properties", {}).items():
            assert content.get("description"), f"{name}.{field}"
            described_fields += 1
    assert described_fields > 50


def test_a_result_reads_back_exactly() -> None:
    result = example()
    again = read_results(result.model_dump_json())
    assert again == result
    assert again.model_dump_json() == result.model_dump_json()


@given(
    st.dictionaries(
        st.text(max_size=8),
        st.booleans()
        | st.integers(-(2**63), 2**64)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=8),
    )
)
def test_facts_keep_their_types_and_digits(facts: dict[str, Any]) -> None:
    result = example().model_copy(update={"environment": facts})
    again = read_results(result.model_dump_json()).environment
    assert again == facts
    assert [type(value) for value in again.values()] == [type(value) for value in facts.values()]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no valid JSON"),
        ("<html>", "no valid JSON"),
        ("[" * 100_000, "no valid JSON"),
        ("9" * 5000, "no valid JSON"),
        ("[]", "no schema_version"),
        ('{"benchmarks": []}', "no schema_version"),
        ('{"schema_version": 2}', "schema version 2, and this software reads version 1"),
        ('{"schema_version": "1"}', "schema version '1'"),
        ('{"schema_version": true}', "schema version True"),
        ('{"schema_version": 1}', r"run_id: Field required \(and 7 more\)"),
    ],
)
def test_what_is_no_result_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        read_results(text)
    assert "\n" not in str(caught.value)


def test_a_truncated_result_is_refused_wherever_it_was_cut() -> None:
    text = example().model_dump_json()
    for length in range(0, len(text), 997):
        with pytest.raises(ValueError, match="cut off"):
            read_results(text[:length])


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda run: run["results"][0]["metrics"][0]["histogram"].update(zeros=-1), "results.0.metrics.0.histogram"),
        (lambda run: run["results"][0]["metrics"][0]["histogram"]["buckets"].append(10**15), "histogram"),
        (lambda run: run["results"][0]["metrics"][0]["summary"].update(mean=float("nan")), "mean"),
        (lambda run: run["results"][1].update(status="fine"), "results.1.status"),
        (lambda run: run.update(hostname="secret"), "hostname"),
        (lambda run: run.update(started_at="2030-01-02T03:04:05"), "started_at"),
    ],
)
def test_a_result_that_was_tampered_with_is_refused_with_the_place(change, place: str) -> None:  # noqa: ANN001
    data = json.loads(example().model_dump_json())
    change(data)
    with pytest.raises(ValueError, match=place) as caught:
        read_results(json.dumps(data))
    assert "\n" not in str(caught.value)


def test_a_record_can_not_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        example().version = "2"  # type: ignore[misc]
