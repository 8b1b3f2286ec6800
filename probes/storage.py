"""The storage probe: latency, IOPS, throughput and fsync of the disk below a directory, by fio.

The test file has no name and reaches fio as an inherited descriptor, so that its space is free again whatever ends
whom. A round is one short run of each section, so that all of them see the same weather; rounds are what is replicated.
"""

import itertools
import os
from dataclasses import dataclass, replace

from pydantic import Field

from probes.errors import InvalidRequest, ToolFailed
from probes.filesystem import Mount, device_facts
from probes.fio import ENGINES, Job, Report, arguments, parse, with_files
from probes.measure.result import Facts, PhaseKind
from probes.measure.stability import MINIMUM_ROUNDS, Flag, FlagCode
from probes.measure.units import Unit, format_quantity, format_seconds, parse_duration, parse_size
from probes.options import read_option
from probes.probe import Context, Measurement, Plan, Probe, Profile, Spec
from probes.process import run_tool
from probes.repeat import repeat
from probes.scratch import fd_path, memory_file
from probes.storage_file import (
    GIB,
    MIB,
    allocate,
    allocated_file,
    decide_size,
    default_directory,
    given_directory,
    grown_size,
    require_direct_io,
    surroundings,
)
from probes.storage_metrics import (
    FILL,
    FSYNC,
    FSYNC_BYTES,
    FSYNC_ENGINE,
    READ_IOPS,
    SECTIONS,
    Round,
    etcd_facts,
    gaps,
    metrics_of,
    settled,
)

_SHORTEST_SECONDS, _LONGEST_SECONDS = 0.1, 3600.0
# fio calibrates its clock and sleeps before and after a job: 0.27 s in all, seen with 3.33.
_START_SECONDS = 0.27
# A guess of how fast a file is filled (SATA's bandwidth), for the plan alone.
_FILL_BYTES_PER_SECOND = 500e6
# For a device that answers its last operations late; less than what the runner adds to a probe's time.
_SLACK_SECONDS = 20.0
_TRIAL_SECONDS = 0.01
# fio's report is some 20 KiB; anything beyond this is none, and must not fill the memory.
_LARGEST_REPORT_BYTES = 8 * MIB
# Below this length the first instants of a round, while queues and caches fill, weigh too much.
_RELIABLE_SECONDS = 5.0


class StorageSpec(Spec):
    """Where to measure, with how large a file and for how long."""

    path: str
    """A directory on the disk to be measured."""
    size_bytes: int | None = Field(default=None, ge=MIB)
    """Of the test file; a default that gives way to a lack of space where None."""
    round_seconds: float = Field(ge=_SHORTEST_SECONDS, le=_LONGEST_SECONDS)
    """How long one section of one round is measured."""
    ramp_seconds: float = Field(ge=0)
    """What each section runs before it counts."""
    minimum_rounds: int = Field(ge=1)
    maximum_rounds: int = Field(ge=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Defaults:
    size_bytes: int
    round_seconds: float
    ramp_seconds: float
    maximum_rounds: int = MINIMUM_ROUNDS


# Six rounds are what a 95 % interval of the median takes; docs/measuring-storage.md explains their length.
_DEFAULTS = {
    Profile.QUICK: _Defaults(size_bytes=GIB, round_seconds=0.2, ramp_seconds=0.0),
    Profile.STANDARD: _Defaults(size_bytes=4 * GIB, round_seconds=5.0, ramp_seconds=1.0),
    Profile.THOROUGH: _Defaults(size_bytes=4 * GIB, round_seconds=60.0, ramp_seconds=5.0, maximum_rounds=25),
}


def specify(profile: Profile, options: dict[str, object]) -> StorageSpec:
    """Read `path` (a directory), `size` (`4GiB`) and `duration` (of one section, `30s`). Raises InvalidRequest."""
    defaults = _DEFAULTS[profile]
    size_bytes = read_option(options, "size", parse_size)
    if size_bytes is not None and size_bytes < MIB:
        raise InvalidRequest(f"a test file of {options['size']} is smaller than one block: give at least 1MiB")
    seconds = read_option(options, "duration", parse_duration) or defaults.round_seconds
    if not _SHORTEST_SECONDS <= seconds <= _LONGEST_SECONDS:
        raise InvalidRequest(f"a section of storage is measured for 100ms to 1h, not for {options['duration']}")
    return StorageSpec(
        profile=profile,
        path=given_directory(str(options["path"])) if "path" in options else default_directory(),
        size_bytes=size_bytes,
        round_seconds=seconds,
        ramp_seconds=defaults.ramp_seconds,
        minimum_rounds=MINIMUM_ROUNDS,
        maximum_rounds=defaults.maximum_rounds,
    )


def plan(spec: StorageSpec) -> Plan:
    """Tell what will be written where, and for how long."""
    size_bytes = spec.size_bytes or _DEFAULTS[spec.profile].size_bytes
    rounds = (spec.minimum_rounds + spec.maximum_rounds) / 2
    section_seconds = spec.ramp_seconds + spec.round_seconds + _START_SECONDS
    seconds = len(SECTIONS) * rounds * section_seconds + size_bytes / _FILL_BYTES_PER_SECOND + 2 * _START_SECONDS
    size = format_quantity(size_bytes, Unit.BYTES)
    if _grows(spec):
        size = f"at least {size}, and what the disk writes in 25 s,"
    return Plan(
        seconds=seconds,
        intentions=(
            f"write a file of {size} in {spec.path}, in no more than a quarter of the free space",
            f"read and overwrite it with fio, as fast as the disk can, for about {format_seconds(seconds)}",
            "the file never has a name, and its space is free again afterwards, whatever ends the probe",
        ),
    )


def check(spec: StorageSpec) -> Facts:
    """Look whether fio can do direct I/O there, and with which engine. Raises Unavailable or InvalidRequest."""
    mount, free_bytes = surroundings(spec.path)
    decide_size(spec.size_bytes, default_bytes=_DEFAULTS[spec.profile].size_bytes, free_bytes=free_bytes)
    with allocated_file(spec.path, MIB) as test_file:
        require_direct_io(test_file, mount)
        bench, version, _ = best_engine(spec, test_file, MIB)
    return {"fio": version, "engine": bench.engine, "file_system": mount.kind, "free_bytes": free_bytes}


def measure(spec: StorageSpec, context: Context) -> Measurement:
    """Fill the test file, and measure rounds of all sections. Raises Unavailable, ToolFailed or InvalidRequest."""
    rounds_begun = itertools.count(1)

    def one_round() -> Round:
        number = next(rounds_begun)
        return {job: _section(bench, job, number, context) for job in SECTIONS}

    mount, free_bytes = surroundings(spec.path)
    default_bytes = _DEFAULTS[spec.profile].size_bytes
    size_bytes, size_doubts = decide_size(spec.size_bytes, default_bytes=default_bytes, free_bytes=free_bytes)
    with allocated_file(spec.path, size_bytes) as test_file:
        require_direct_io(test_file, mount)
        with context.phase("engine", PhaseKind.PREPARE):
            bench, version, engine_doubts = best_engine(spec, test_file, size_bytes)
        with context.phase("fill", PhaseKind.PREPARE):
            bench = _fill(bench, free_bytes, context)
        rounds = repeat(
            one_round,
            minimum=spec.minimum_rounds,
            maximum=spec.maximum_rounds,
            enough=settled,
            remaining_seconds=context.remaining_seconds,
        )
    metrics = metrics_of(rounds, engine=bench.engine, size_bytes=bench.size_bytes)
    return Measurement(
        metrics=metrics,
        facts=_facts(bench, mount, free_bytes) | etcd_facts(metrics),
        tools={"fio": version},
        flags=(*size_doubts, *engine_doubts, *gaps(rounds), *_doubts(spec, mount, len(rounds))),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What the sections are measured on."""

    spec: StorageSpec
    test_file: int
    """A descriptor of ours, which fio inherits."""
    size_bytes: int
    """How much of the test file is used."""
    engine: str
    """fio's `ioengine`."""

    def run(self, job: Job, *, seconds: float | None, deadline_seconds: float, ramp_seconds: float = 0.0) -> Report:
        """Run one job. Raises Unavailable where fio is missing, and ToolFailed, which names the job."""
        command = arguments(
            job, engine=self.engine, size_bytes=self.size_bytes, seconds=seconds, ramp_seconds=ramp_seconds
        )
        try:
            with memory_file("fio-report") as output:
                argv = with_files(command, test_file=fd_path(self.test_file), output=fd_path(output))
                completed = run_tool(argv, deadline_seconds=deadline_seconds, pass_fds=(self.test_file, output))
                text = os.pread(output, _LARGEST_REPORT_BYTES, 0).decode(errors="replace")
            return parse(text, returncode=completed.returncode, stderr=completed.stderr)
        except ToolFailed as error:
            raise ToolFailed(f"{job.title}: {error}") from error


def best_engine(spec: StorageSpec, test_file: int, size_bytes: int) -> tuple[Bench, str, tuple[Flag, ...]]:
    """Return a bench with the best engine that really works, fio's version, and a flag where that is not the first.

    That one is compiled in says little: a container's seccomp profile refuses io_uring, fs.aio-max-nr bounds libaio.
    """
    refused: list[str] = []
    for engine in ENGINES:
        bench = Bench(spec=spec, test_file=test_file, size_bytes=size_bytes, engine=engine)
        try:
            report = bench.run(READ_IOPS, seconds=_TRIAL_SECONDS, deadline_seconds=_SLACK_SECONDS)
        except ToolFailed as error:
            refused.append(f"{engine} did not work ({error})")
            continue
        return bench, report.version, (_fallback(engine, refused),) if refused else ()
    raise ToolFailed(f"fio works with none of its engines {', '.join(ENGINES)} here: {refused[-1]}")


def _fallback(engine: str, refused: list[str]) -> Flag:
    effect = ", which keeps no queue: the depth is the number of threads," if engine == ENGINES[-1] else ""
    return Flag(code=FlagCode.ENGINE_FALLBACK, reason=f"measured with {engine}{effect} because {'; '.join(refused)}")


def _fill(bench: Bench, free_bytes: int, context: Context) -> Bench:
    """Write the whole file once: a block never written is read from nowhere, much too fast. Returns a grown bench."""
    patience = context.remaining_seconds() + _SLACK_SECONDS
    speed = bench.run(FILL, seconds=None, deadline_seconds=patience).write.bytes_per_second
    if not _grows(bench.spec):
        return bench
    grown = grown_size(bench.size_bytes, write_bytes_per_second=speed, free_bytes=free_bytes)
    if grown > bench.size_bytes:
        allocate(bench.test_file, grown)
        bench = replace(bench, size_bytes=grown)
        bench.run(FILL, seconds=None, deadline_seconds=patience)
    return bench


def _section(bench: Bench, job: Job, number: int, context: Context) -> Report:
    seconds, ramp_seconds = bench.spec.round_seconds, bench.spec.ramp_seconds
    deadline_seconds = ramp_seconds + seconds + _SLACK_SECONDS
    with context.phase(f"{job.title}, round {number}"):
        if job is not FSYNC:
            return bench.run(job, seconds=seconds, ramp_seconds=ramp_seconds, deadline_seconds=deadline_seconds)
        # A log grows into blocks never written before; those of an earlier round would take less of the file system.
        with allocated_file(bench.spec.path, FSYNC_BYTES) as log:
            fresh = replace(bench, test_file=log, size_bytes=FSYNC_BYTES, engine=FSYNC_ENGINE)
            return fresh.run(job, seconds=seconds, deadline_seconds=deadline_seconds)


def _facts(bench: Bench, mount: Mount, free_bytes: int) -> Facts:
    return {
        "engine": bench.engine,
        "size_bytes": bench.size_bytes,
        "free_bytes": free_bytes,
        "file_system": mount.kind,
        "mount_options": ",".join(mount.options),
        **device_facts(mount),
    }


def _doubts(spec: StorageSpec, mount: Mount, rounds: int) -> tuple[Flag, ...]:
    flags = []
    if spec.round_seconds < _RELIABLE_SECONDS:
        reason = f"rounds of {format_seconds(spec.round_seconds)} show the order of magnitude: use --profile standard"
        flags.append(Flag(code=FlagCode.INDICATIVE, reason=reason))
    if mount.kind == "overlay":
        reason = "a container's overlay: the disk below can't be seen, and may be memory; give --path on a volume"
        flags.append(Flag(code=FlagCode.VOLATILE, reason=reason))
    if rounds < spec.minimum_rounds:
        reason = f"the time was spent after {rounds} of {spec.minimum_rounds} rounds: is the disk very slow?"
        flags.append(Flag(code=FlagCode.BUDGET_SPENT, reason=reason))
    return tuple(flags)


def _grows(spec: StorageSpec) -> bool:
    return spec.profile is Profile.THOROUGH and spec.size_bytes is None


PROBE = Probe(spec=specify, plan=plan, check=check, measure=measure)
