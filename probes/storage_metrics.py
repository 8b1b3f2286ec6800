"""The sections of the storage probe, and the metrics that their reports become. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from probes.fio import Job, Latency, Report
from probes.measure.metric import Description, from_histograms, from_rates
from probes.measure.result import Better, Facts, Metric
from probes.measure.stability import Flag, FlagCode, narrow_enough, steady_state
from probes.measure.units import Unit

_KIB, _MIB = 1024, 1024**2

FILL = Job(
    title="fill", pattern="write", block_bytes=_MIB, queue_depth=16, repeats=False, extra=("--end_fsync=1",)
)  # fmt: skip
READ_LATENCY = Job(title="random read latency", pattern="randread", block_bytes=4 * _KIB)
WRITE_LATENCY = Job(title="random write latency", pattern="randwrite", block_bytes=4 * _KIB)
READ_IOPS = Job(title="random read IOPS", pattern="randread", block_bytes=4 * _KIB, queue_depth=32, jobs=2)
WRITE_IOPS = Job(title="random write IOPS", pattern="randwrite", block_bytes=4 * _KIB, queue_depth=32, jobs=2)
READ_THROUGHPUT = Job(title="sequential read", pattern="read", block_bytes=_MIB, queue_depth=16)
WRITE_THROUGHPUT = Job(title="sequential write", pattern="write", block_bytes=_MIB, queue_depth=16)
MIXED = Job(
    title="mixed 70/30", pattern="randrw", block_bytes=8 * _KIB, queue_depth=16, extra=("--rwmixread=70",)
)  # fmt: skip
# etcd's write-ahead log, as its users imitate it: fio --rw=write --ioengine=sync --fdatasync=1 --size=22m --bs=2300.
FSYNC = Job(
    title="fsync", pattern="write", block_bytes=2300, direct=False, repeats=False, extra=("--fdatasync=1",)
)  # fmt: skip
FSYNC_ENGINE = "sync"
FSYNC_BYTES = 22 * _MIB
# What etcd asks of a disk: wal_fsync_duration_seconds below 10 ms at its 99th percentile (https://etcd.io/docs, FAQ).
_FSYNC_P99_NS = 10e6

SECTIONS = (
    READ_LATENCY,
    WRITE_LATENCY,
    READ_IOPS,
    WRITE_IOPS,
    READ_THROUGHPUT,
    WRITE_THROUGHPUT,
    MIXED,
    FSYNC,
)
Round = Mapping[Job, Report]
# Half of the interval's width, as a share of the median, that the thorough profile goes on for.
_NARROW = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rate:
    """One number a round."""

    name: str
    title: str
    job: Job
    value: Callable[[Report], float]
    unit: Unit = Unit.OPERATIONS_PER_SECOND

    def headlines(self, rounds: Sequence[Round]) -> list[float]:
        return [self.value(each[self.job]) for each in rounds]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Distribution:
    """One histogram a round."""

    name: str
    title: str
    job: Job
    value: Callable[[Report], Latency]

    def parts(self, rounds: Sequence[Round]) -> list[Latency]:
        """Of the rounds that brought anything: what fio tells of no operation at all are zeros."""
        parts = [self.value(each[self.job]) for each in rounds]
        return [part for part in parts if part.histogram.count]

    def headlines(self, rounds: Sequence[Round]) -> list[float]:
        return [part.histogram.quantile(0.5) for part in self.parts(rounds)]


_RATES = (
    _Rate(name="read_iops", title="random read, 4 KiB, deep queue", job=READ_IOPS, value=lambda r: r.read.iops),
    _Rate(name="write_iops", title="random write, 4 KiB, deep queue", job=WRITE_IOPS, value=lambda r: r.write.iops),
    _Rate(
        name="read_throughput",
        title="sequential read, 1 MiB",
        job=READ_THROUGHPUT,
        value=lambda r: r.read.bytes_per_second,
        unit=Unit.BYTES_PER_SECOND,
    ),
    _Rate(
        name="write_throughput",
        title="sequential write, 1 MiB",
        job=WRITE_THROUGHPUT,
        value=lambda r: r.write.bytes_per_second,
        unit=Unit.BYTES_PER_SECOND,
    ),
    _Rate(name="mixed_read_iops", title="mixed 70/30, 8 KiB, reads", job=MIXED, value=lambda r: r.read.iops),
    _Rate(name="mixed_write_iops", title="mixed 70/30, 8 KiB, writes", job=MIXED, value=lambda r: r.write.iops),
)
_DISTRIBUTIONS = (
    _Distribution(
        name="read_latency", title="random read latency, 4 KiB", job=READ_LATENCY, value=lambda r: r.read.latency
    ),
    _Distribution(
        name="write_latency", title="random write latency, 4 KiB", job=WRITE_LATENCY, value=lambda r: r.write.latency
    ),
    _Distribution(
        name="loaded_read_latency",
        title="random read latency, 4 KiB, deep queue",
        job=READ_IOPS,
        value=lambda r: r.read.latency,
    ),
    _Distribution(
        name="loaded_write_latency",
        title="random write latency, 4 KiB, deep queue",
        job=WRITE_IOPS,
        value=lambda r: r.write.latency,
    ),
    _Distribution(name="fsync_latency", title="fdatasync after 2300 bytes (etcd)", job=FSYNC, value=lambda r: r.sync),
)


def metrics_of(rounds: Sequence[Round], *, engine: str, size_bytes: int) -> tuple[Metric, ...]:
    """Build every metric of at least one round that brought anything; `gaps` tells of the others."""
    latencies = [
        _from_distribution(each, parts, _conditions(each.job, engine, size_bytes))
        for each in _DISTRIBUTIONS
        if (parts := each.parts(rounds))
    ]
    rates = [_from_rate(each, rounds, _conditions(each.job, engine, size_bytes)) for each in _RATES]
    return (*latencies, *rates)


def gaps(rounds: Sequence[Round]) -> tuple[Flag, ...]:
    """Return a flag for each latency of which some rounds brought nothing: what outlasts a section is not counted."""
    lacking = {each.title: len(rounds) - len(each.parts(rounds)) for each in _DISTRIBUTIONS}
    return tuple(
        Flag(
            code=FlagCode.PARTIAL,
            reason=f"{title}: in {count} of {len(rounds)} rounds not one ended in time: give a longer --duration",
        )
        for title, count in lacking.items()
        if count
    )


def settled(rounds: Sequence[Round]) -> bool:
    """Tell whether the last rounds of every metric are steady and its median is known narrowly enough to stop."""
    for quantity in (*_RATES, *_DISTRIBUTIONS):
        values = quantity.headlines(rounds)
        if not (steady_state(values).steady and narrow_enough(values, _NARROW)):
            return False
    return True


def etcd_facts(metrics: Sequence[Metric]) -> Facts:
    """Tell whether the disk is quick enough for etcd; nothing where there are too few samples for a p99, or none."""
    p99 = next((each.summary.percentiles.get("p99") for each in metrics if each.name == "fsync_latency"), None)
    return {} if p99 is None else {"fsync_p99_within_10_ms": p99.value <= _FSYNC_P99_NS}


def _from_rate(quantity: _Rate, rounds: Sequence[Round], conditions: Facts) -> Metric:
    described = Description(
        name=quantity.name, title=quantity.title, unit=quantity.unit, better=Better.HIGHER, conditions=conditions
    )
    return from_rates(described, quantity.headlines(rounds))


def _from_distribution(quantity: _Distribution, parts: Sequence[Latency], conditions: Facts) -> Metric:
    described = Description(
        name=quantity.name, title=quantity.title, unit=Unit.NANOSECONDS, better=Better.LOWER, conditions=conditions
    )
    count = sum(part.histogram.count for part in parts)
    return from_histograms(
        described,
        [part.histogram for part in parts],
        minimum=min(part.minimum for part in parts),
        maximum=max(part.maximum for part in parts),
        mean=sum(part.mean * part.histogram.count for part in parts) / count,
    )


def _conditions(job: Job, engine: str, size_bytes: int) -> Facts:
    if job is FSYNC:
        engine, size_bytes = FSYNC_ENGINE, FSYNC_BYTES
    return {
        "engine": engine,
        "block_bytes": job.block_bytes,
        "queue_depth": job.depth_with(engine),
        "jobs": job.jobs,
        "direct": job.direct,
        "size_bytes": size_bytes,
    }
