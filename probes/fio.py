"""fio's command line and fio's JSON. Pure: a job in, arguments out; text in, a report or an error out.

Options and fields are those of fio 3.x, as its manual (fio(1)) and `--output-format=json+` have them.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from probes.errors import ToolFailed
from probes.measure.histogram import Histogram

# Best first; the last one works wherever reading and writing does.
ENGINES = ("io_uring", "libaio", "psync")
_SYNCHRONOUS_ENGINES = frozenset({"psync", "sync"})

# Threads, because the test file is passed as /proc/self/fd/N, and a forked worker could outlive fio (it calls setsid).
# Buffers are refilled and offsets are random in each run, so that neither compression nor a cache can know them.
_COMMON = (
    "--output-format=json+",
    "--thread=1",
    "--group_reporting=1",
    "--refill_buffers=1",
    "--norandommap=1",
    "--randrepeat=0",
    "--lat_percentiles=1",
)
_LONGEST_EXCERPT = 160
# fio's exit code once SIGINT or SIGTERM has reached it.
_ABORTED = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What fio does to a file."""

    title: str
    """For people, such as `random read latency`."""
    pattern: str
    """fio's `rw`."""
    block_bytes: int
    queue_depth: int = 1
    jobs: int = 1
    """How many threads do it at once."""
    direct: bool = True
    repeats: bool = True
    """Whether it begins again at the end of the file until its time is up."""
    extra: tuple[str, ...] = ()
    """More of fio's options, complete: `--fdatasync=1`."""

    def depth_with(self, engine: str) -> int:
        """Return the queue depth that `engine` really keeps: a synchronous one has one operation under way."""
        return 1 if engine in _SYNCHRONOUS_ENGINES else self.queue_depth


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """How long operations took, in nanoseconds. fio's bins are within 0.8 % of each value, the histogram adds 1 %."""

    histogram: Histogram
    minimum: float
    maximum: float
    mean: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What was read, or what was written. The latency is fio's `lat`, from submission to completion."""

    iops: float
    bytes_per_second: float
    latency: Latency


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One run of fio."""

    version: str
    """Such as `3.33`."""
    read: Flow
    write: Flow
    sync: Latency
    """Of fsync and fdatasync alone, without the write before it."""


def arguments(job: Job, *, engine: str, size_bytes: int, seconds: float | None, ramp_seconds: float) -> list[str]:
    """Return the command line without the names of the files: see `with_files`.

    `seconds` None means until the whole file was covered once. What happens in `ramp_seconds` doesn't count.
    """
    timing = [] if seconds is None else [f"--runtime={_milliseconds(seconds)}"]
    if seconds is not None and job.repeats:
        timing += ["--time_based=1", f"--ramp_time={_milliseconds(ramp_seconds)}"]
    return [
        "fio",
        "--name=probe",
        *_COMMON,
        f"--ioengine={engine}",
        f"--direct={job.direct:d}",
        f"--rw={job.pattern}",
        f"--bs={job.block_bytes}",
        f"--iodepth={job.depth_with(engine)}",
        f"--numjobs={job.jobs}",
        f"--size={size_bytes}",
        *timing,
        *job.extra,
    ]


def with_files(command: Sequence[str], *, test_file: str, output: str) -> list[str]:
    """Return `command` on the file `test_file`, writing its JSON to `output`."""
    return [*command, f"--filename={test_file}", f"--output={output}"]


def parse(output: str, *, returncode: int, stderr: str) -> Report:
    """Read what fio wrote to its output. Raises ToolFailed unless it holds a finished job with operations in it.

    fio writes notes before the JSON, whose beginning is the first brace. A fio that was asked to end (SIGINT, SIGTERM)
    reports what it had so far with job error 0: only the exit code tells.
    """
    if returncode != 0:
        raise ToolFailed(f"fio {_ending(returncode)}{_said(stderr, output)}")
    try:
        document = json.loads(output[output.index("{") :])
        job = document["jobs"][0]
        error = job["error"]
        report = Report(
            version=document["fio version"].removeprefix("fio-"),
            read=_flow(job["read"]),
            write=_flow(job["write"]),
            sync=_latency(job["sync"]["lat_ns"]),
        )
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as fault:
        reason = f"{type(fault).__name__}: {fault}"[:_LONGEST_EXCERPT]
        message = f"fio wrote something else than the JSON of its version 3 ({reason}){_said(stderr, output)}"
        raise ToolFailed(message) from fault
    if error != 0:
        raise ToolFailed(f"fio's job ended with error {error}{_said(stderr, output)}")
    if report.read.latency.histogram.count + report.write.latency.histogram.count == 0:
        raise ToolFailed(f"fio finished without a single operation{_said(stderr, output)}")
    return report


def _flow(direction: Mapping[str, Any]) -> Flow:
    return Flow(
        iops=_quantity(direction["iops"]),
        bytes_per_second=_quantity(direction["bw_bytes"]),
        latency=_latency(direction["lat_ns"]),
    )


def _latency(statistics: Mapping[str, Any]) -> Latency:
    """Raises ValueError where the bins don't hold as many operations as fio counted."""
    bins = statistics.get("bins", {})
    values = [float(nanoseconds) for nanoseconds in bins]
    latency = Latency(
        histogram=Histogram.of(values, list(bins.values())) if bins else Histogram(),
        minimum=_quantity(statistics["min"]),
        maximum=_quantity(statistics["max"]),
        mean=_quantity(statistics["mean"]),
    )
    if latency.histogram.count != statistics["N"]:
        raise ValueError(f"{statistics['N']} operations, of which {latency.histogram.count} are in its bins")
    return latency


def _quantity(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ValueError(f"{value!r:.20} where a finite number of zero or more belongs")
    return float(value)


def _milliseconds(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"


def _ending(returncode: int) -> str:
    if returncode < 0:
        return f"was killed by signal {-returncode}"
    return (
        "was asked to end before it had finished" if returncode == _ABORTED else f"failed with exit code {returncode}"
    )


def _said(stderr: str, output: str) -> str:
    """The first line in which fio names itself, else the first line at all; shortened, with a colon before it."""
    lines = [" ".join(line.split()) for text in (stderr, output.partition("{")[0]) for line in text.splitlines()]
    spoken = [line for line in lines if line]
    chosen = next((line for line in spoken if line.startswith("fio:")), spoken[0] if spoken else "")
    return f": {chosen.removeprefix('fio: ')[:_LONGEST_EXCERPT]}" if chosen else ""
