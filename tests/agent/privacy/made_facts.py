"""Facts for tests: made up at random from the table of fields, or full of canaries."""

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from agent.wire import vocabulary
from agent.wire.facts import (
    Benchmark,
    BenchmarksFacts,
    Cell,
    ClusterFacts,
    Distribution,
    Facts,
    NodePool,
    NodesFacts,
    PlatformFacts,
    PoliciesFacts,
    PolicyShape,
    StorageClass,
    UsageFacts,
    WorkloadsFacts,
)
from agent.wire.fields import TABLE
from agent.wire.numbers import Bucket, Histogram, Index
from agent.wire.records import Closed, Rows, Several
from agent.wire.types import Bool, Choice, Digest, Kind

SUBJECTS: Mapping[str, type] = {
    "cluster": ClusterFacts,
    "nodes": NodesFacts,
    "workloads": WorkloadsFacts,
    "usage": UsageFacts,
    "platform": PlatformFacts,
    "policies": PoliciesFacts,
    "benchmarks": BenchmarksFacts,
}
ROWS: Mapping[str, type] = {
    "nodes.pools": NodePool,
    "workloads.storage_classes": StorageClass,
    "platform.cell_rows": Cell,
    "policies.shapes": PolicyShape,
    **{f"benchmarks.{probe}": Benchmark for probe in vocabulary.METRICS},
}
_TEXT = st.text(max_size=20)


def raws(kind: Kind, row: type | None = None) -> st.SearchStrategy[Any]:  # noqa: PLR0911 - a line for each kind
    """Raw values that a field of a kind takes."""
    match kind:
        case Bool():
            return st.booleans()
        case Choice(words):
            return st.sampled_from(sorted(words)) | _TEXT
        case Bucket(starts=starts, maximum=maximum):
            most = min(maximum, 1e12)
            near = [start + step for start in starts for step in (-1, 0, 1) if 0 <= start + step <= most]
            return st.sampled_from(near) | st.integers(0, int(most)) | st.floats(0, most, allow_nan=False)
        case Index():
            return st.floats(-1e20, 1e20, allow_nan=False) | st.integers(-(10**20), 10**20)
        case Histogram():
            return st.builds(Distribution, counts=_counts(), zeros=st.integers(0, 10)).filter(_has_samples)
        case Several(choice):
            return st.lists(raws(choice), max_size=4).map(tuple)
        case Digest():
            return _TEXT
        case Rows(closed):
            assert row is not None
            return st.lists(records(closed, row), max_size=3).map(tuple)
    raise AssertionError(kind)


def records(closed: Closed, record: type) -> st.SearchStrategy[Any]:
    parts = {
        name: (st.none() | raws(kind)) if name in closed.optional else raws(kind) for name, kind in closed.parts.items()
    }
    return st.builds(record, **parts)


def facts(*, absent: bool = True) -> st.SearchStrategy[Facts]:
    """Facts that can be anonymized; with `absent`, any of them may be unknown."""
    subjects = {}
    for name, record in SUBJECTS.items():
        fields = [field for field in TABLE if field.subject == name]
        parts = {field.attribute: raws(field.kind, ROWS.get(field.name)) for field in fields}
        built = st.builds(record, **{key: st.none() | part if absent else part for key, part in parts.items()})
        subjects[name] = st.none() | built if absent else built
    statuses = st.dictionaries(st.sampled_from(vocabulary.COLLECTORS), st.sampled_from(vocabulary.STATUSES) | _TEXT)
    return st.builds(Facts, **subjects, statuses=statuses)


def _counts() -> st.SearchStrategy[dict[int, int]]:
    return st.dictionaries(st.integers(-2000, 3000), st.integers(0, 10**6), max_size=8)


def _has_samples(distribution: Distribution) -> bool:
    return distribution.zeros + sum(distribution.counts.values()) > 0


def facts_with_names(draw_name: Any) -> Facts:
    """Complete facts in which every text comes from `draw_name()`, such as the next canary."""

    def each(count: int) -> tuple[str, ...]:
        return tuple(draw_name() for _ in range(count))

    def rows(probe: str) -> tuple[Benchmark, ...]:
        return tuple(
            Benchmark(
                metric=metric,
                median=123_456.789,
                rounds=6,
                doubts=each(2),
                distribution=Distribution(counts={600: 90, 640: 12}, zeros=1),
                path=draw_name(),
                storage_kind=draw_name(),
                storage_class=draw_name(),
            )
            for metric in (vocabulary.METRICS[probe][0], draw_name())
        )

    pool = [NodePool(name=name, count=3, cpu_cores=4, memory_gib=16, architecture=draw_name()) for name in each(20)]
    return Facts(
        cluster=ClusterFacts(minor=36, distribution=draw_name(), provider=draw_name(), region_class=draw_name()),
        nodes=NodesFacts(
            count=73_491,
            cpu_cores=918_273.5,
            memory_gib=645_362.25,
            architectures=each(3),
            container_runtimes=each(3),
            multi_zone=True,
            version_skew=1,
            pools=tuple(pool),
        ),
        workloads=WorkloadsFacts(
            deployments=81_937,
            pods=918_273,
            without_cpu_request_share=0.123456,
            storage_classes=tuple(StorageClass(name=name, kind=draw_name(), claims=7) for name in each(3)),
        ),
        usage=UsageFacts(cpu_used_p50=0.4321, idle_nodes=3),
        platform=PlatformFacts(
            cells=20,
            cell_types=each(3),
            features=each(3),
            observability=each(3),
            ebpf=each(3),
            cell_rows=tuple(Cell(name=name, type=draw_name()) for name in each(20)),
        ),
        policies=PoliciesFacts(
            count=918,
            shapes=tuple(
                PolicyShape(direction=draw_name(), peers=draw_name(), ports=draw_name(), count=9) for _ in range(3)
            ),
            public_v4=918,
        ),
        benchmarks=BenchmarksFacts(profile=draw_name(), **{probe: rows(probe) for probe in vocabulary.METRICS}),
        statuses={draw_name(): draw_name()} | dict.fromkeys(vocabulary.COLLECTORS, draw_name()),
    )
