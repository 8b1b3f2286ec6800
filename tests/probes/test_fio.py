"""fio's arguments and its JSON, by hand-made examples; the real fio is in test_storage.py."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.errors import ToolFailed
from probes.fio import Job, arguments, parse, with_files

JOB = Job(title="random read", pattern="randread", block_bytes=4096, queue_depth=32, jobs=2)


def statistics(bins: dict[str, int]) -> dict[str, Any]:
    values = [int(value) for value in bins]
    return {
        "min": min(values, default=0),
        "max": max(values, default=0),
        "mean": 1.5,
        "N": sum(bins.values()),
        **({"bins": bins} if bins else {}),
    }


def document(*, read: dict[str, int], sync: dict[str, int] | None = None, error: int = 0) -> dict[str, Any]:
    idle = {"iops": 0.0, "bw_bytes": 0, "lat_ns": statistics({})}
    busy = {"iops": 1000.5, "bw_bytes": 4_098_048, "lat_ns": statistics(read)}
    job = {"error": error, "read": busy, "write": idle, "sync": {"lat_ns": statistics(sync or {})}}
    return {"fio version": "fio-3.33", "jobs": [job]}


def test_rates_bins_and_version_come_over() -> None:
    report = parse(json.dumps(document(read={"55040": 3, "89600": 1}, sync={"700": 2})), returncode=0, stderr="")
    assert report.version == "3.33"
    assert (report.read.iops, report.read.bytes_per_second) == (1000.5, 4_098_048)
    assert report.read.latency.histogram.count == 4
    assert report.read.latency.histogram.quantile(0.5) == pytest.approx(55040, rel=0.01)
    assert (report.read.latency.minimum, report.read.latency.maximum) == (55040, 89600)
    assert report.write.latency.histogram.count == 0
    assert report.sync.histogram.count == 2


@given(st.dictionaries(st.integers(0, 10**10).map(str), st.integers(1, 10**6), min_size=1))
def test_no_operation_is_lost_between_bins_and_histogram(bins: dict[str, int]) -> None:
    report = parse(json.dumps(document(read=bins)), returncode=0, stderr="")
    assert report.read.latency.histogram.count == sum(bins.values())


def test_notes_before_the_json_are_skipped() -> None:
    text = "note: both iodepth >= 1 and synchronous I/O engine\n" + json.dumps(document(read={"10": 1}))
    assert parse(text, returncode=0, stderr="").read.latency.histogram.count == 1


@pytest.mark.parametrize(
    ("returncode", "said"),
    [(128, "asked to end before it had finished"), (-9, "killed by signal 9"), (1, "failed with exit code 1")],
)
def test_a_bad_exit_code_is_a_failed_tool_even_with_good_json(returncode: int, said: str) -> None:
    with pytest.raises(ToolFailed, match=said):
        parse(json.dumps(document(read={"10": 1})), returncode=returncode, stderr="")


def test_an_error_names_what_fio_said_first_of_itself_in_one_short_line() -> None:
    stderr = "warning: something\n\nfio: io_u error on file: No space left on device\nfio: pid=1, err=28\n" + "x" * 9999
    with pytest.raises(ToolFailed) as caught:
        parse("", returncode=1, stderr=stderr)
    assert str(caught.value) == "fio failed with exit code 1: io_u error on file: No space left on device"
    with pytest.raises(ToolFailed) as caught:
        parse("z" * 10_000 + "\n", returncode=1, stderr="")
    assert len(str(caught.value)) < 250


def test_a_job_error_is_a_failed_tool_though_fio_exits_with_0() -> None:
    with pytest.raises(ToolFailed, match="error 28"):
        parse(json.dumps(document(read={"10": 1}, error=28)), returncode=0, stderr="")


def test_a_job_without_operations_is_no_result() -> None:
    with pytest.raises(ToolFailed, match="without a single operation"):
        parse(json.dumps(document(read={})), returncode=0, stderr="")


def mutilated(place: str, *, value: object = None, name: str | None = None) -> str:
    """Good JSON but for one value below the job, at the dotted `place`: replaced, or moved to another `name`."""
    whole = document(read={"10": 1})
    *above, last = place.split(".")
    target = whole["jobs"][0]
    for key in above:
        target = target[key]
    if name is None:
        target[last] = value
    else:
        target[name] = target.pop(last)
    return json.dumps(whole)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rubbish",
        "{",
        "{}",
        '{"jobs": 3}',
        '{"fio version": "fio-4", "jobs": []}',
        "{" * 100_000,
        mutilated("read", name="reads"),
        mutilated("read.lat_ns.bins", name="buckets"),
        mutilated("read.lat_ns.N", value=7),
        mutilated("read.lat_ns.bins", value={"10": -1}),
        mutilated("read.lat_ns.bins", value={"-10": 1}),
        mutilated("read.lat_ns.bins", value={"ten": 1}),
        mutilated("read.lat_ns.bins", value=[1]),
        mutilated("read.iops", value=float("nan")),
        mutilated("read.iops", value="many"),
        mutilated("write.bw_bytes", value=-1),
    ],
)
def test_anything_else_than_fio_3s_json_is_a_failed_tool_in_one_line(text: str) -> None:
    with pytest.raises(ToolFailed, match="something else than the JSON") as caught:
        parse(text, returncode=0, stderr="")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 450


@given(st.text(max_size=200))
def test_no_text_at_all_gets_past_as_anything_but_an_error_of_ours(text: str) -> None:
    with pytest.raises(ToolFailed):
        parse(text, returncode=0, stderr=text)


def test_a_timed_job_repeats_for_its_time_and_ramps_before() -> None:
    argv = arguments(JOB, engine="io_uring", size_bytes=2**20, seconds=0.3, ramp_seconds=2)
    assert {"--runtime=300ms", "--time_based=1", "--ramp_time=2000ms", "--iodepth=32", "--direct=1"} <= set(argv)


def test_a_job_that_ends_with_its_file_is_bounded_by_time_but_not_prolonged() -> None:
    job = Job(title="log", pattern="write", block_bytes=2300, repeats=False)
    assert "--time_based=1" not in arguments(job, engine="sync", size_bytes=1, seconds=1, ramp_seconds=2)
    assert "--runtime=1000ms" in arguments(job, engine="sync", size_bytes=1, seconds=1, ramp_seconds=2)
    assert not any(
        "runtime" in each for each in arguments(job, engine="sync", size_bytes=1, seconds=None, ramp_seconds=0)
    )


def test_a_synchronous_engine_is_not_credited_with_a_deep_queue() -> None:
    assert "--iodepth=1" in arguments(JOB, engine="psync", size_bytes=1, seconds=1, ramp_seconds=0)
    assert JOB.depth_with("psync") == 1
    assert JOB.depth_with("libaio") == 32


def test_the_files_are_named_last() -> None:
    assert with_files(["fio"], test_file="/proc/self/fd/3", output="/proc/self/fd/4") == [
        "fio",
        "--filename=/proc/self/fd/3",
        "--output=/proc/self/fd/4",
    ]
