"""How facts become documents: sizes, what is off, what is missing, and what drops a report."""

import gzip
import json
import random
from datetime import date
from typing import Any

import pytest

from agent.errors import Dropped
from agent.levels import DataType, Level
from agent.privacy.anonymize import anonymize
from agent.privacy.keys import Keys
from agent.privacy.outgoing import Outgoing
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
    StorageClass,
    WorkloadsFacts,
)

DAY = date(2026, 11, 24)
EVERYTHING = frozenset(DataType)


def outgoing(
    facts: Facts, level: Level = Level.STANDARD, data_types: frozenset[DataType] = EVERYTHING
) -> tuple[Outgoing, ...]:
    return anonymize(facts, level=level, data_types=data_types, keys=Keys(bytes(32)), day=DAY, chance=lambda: 0.5)


def document(facts: Facts, level: Level = Level.STANDARD, **options: Any) -> Any:
    (record,) = outgoing(facts, level, **options)
    return json.loads(record.body)


def test_a_document_reads_as_the_page_of_fields_says() -> None:
    facts = Facts(
        cluster=ClusterFacts(minor=36, distribution="eks", provider="aws", region_class="europe"),
        nodes=NodesFacts(count=7, cpu_cores=28, memory_gib=112.5, architectures=("arm64", "s390x"), multi_zone=False),
        statuses={"cluster": "ok", "nodes": "ok", "usage": "missing_api"},
    )
    known = document(facts)
    assert known["cluster"] == {"minor": "1.36", "distribution": "eks", "provider": "aws", "region_class": "europe"}
    assert known["nodes"] == {
        "count": "5-7",
        "cpu_cores": "16-31",
        "memory_gib": "64-127",
        "architectures": ["arm64", "other"],
        "multi_zone": False,
    }
    assert known["day"] == "2026-11-24"
    assert known["collected"]["usage"] == "missing_api"
    assert known["collected"]["policies"] == "off"


def test_what_is_not_known_is_absent_and_a_document_without_facts_still_tells_how_collecting_ended() -> None:
    known = document(Facts(statuses={"nodes": "forbidden"}))
    assert known.keys() == {"schema", "level", "day", "cluster_id", "collected"}
    assert known["collected"]["nodes"] == "forbidden"


def test_a_collector_that_nobody_consented_to_is_off_whatever_it_says() -> None:
    facts = Facts(nodes=NodesFacts(count=7), statuses={"nodes": "ok", "workloads": "ok"})
    known = document(facts, data_types=frozenset({DataType.WORKLOAD_TYPES}))
    assert "nodes" not in known
    assert known["collected"]["nodes"] == "off"
    assert known["collected"]["workloads"] == "ok"


def test_a_fragment_with_a_part_that_is_not_known_is_not_made() -> None:
    facts = Facts(cluster=ClusterFacts(provider="aws", minor=36), nodes=NodesFacts(count=7, memory_gib=100))
    made = [json.loads(each.body)["fragment"] for each in outgoing(facts, Level.MINIMAL)]
    assert made == ["memory", "version"]
    assert outgoing(Facts(), Level.MINIMAL) == ()
    assert outgoing(facts, Level.MINIMAL, frozenset({DataType.BENCHMARKS})) == ()


def test_a_report_that_can_not_be_anonymized_is_dropped_whole() -> None:
    facts = Facts(cluster=ClusterFacts(minor=36), nodes=NodesFacts(count=-1))
    with pytest.raises(Dropped, match=r"nodes\.count is a number outside of every range"):
        outgoing(facts)


def largest(chance: random.Random, objects: int) -> Facts:
    """As many rows as there can be, each with the widest histogram."""

    def samples() -> Distribution:
        return Distribution(
            counts={4 * index: chance.randint(1, 9999) for index in chance.sample(range(-170, 430), 150)}
        )

    def rows(probe: str) -> tuple[Benchmark, ...]:
        return tuple(
            Benchmark(
                metric=metric,
                median=chance.lognormvariate(10, 5),
                rounds=chance.randint(1, 99),
                doubts=tuple(chance.sample(vocabulary.DOUBTS, 4)),
                distribution=samples(),
                path=chance.choice(vocabulary.PATHS),
                storage_kind=chance.choice(vocabulary.STORAGE_KINDS),
                storage_class=f"class-{number}",
            )
            for metric in vocabulary.METRICS[probe]
            for number in range(objects)
        )

    return Facts(
        nodes=NodesFacts(
            pools=tuple(NodePool(name=f"{at}", count=at, cpu_cores=at, memory_gib=at) for at in range(objects))
        ),
        workloads=WorkloadsFacts(storage_classes=tuple(StorageClass(name=f"{at}", claims=at) for at in range(objects))),
        platform=PlatformFacts(
            observability=vocabulary.OBSERVABILITY,
            ebpf=vocabulary.EBPF,
            cell_rows=tuple(Cell(name=f"{at}", type=chance.choice(vocabulary.CELL_TYPES)) for at in range(objects)),
        ),
        benchmarks=BenchmarksFacts(**{probe: rows(probe) for probe in vocabulary.METRICS}),
    )


def test_the_largest_document_there_can_be_is_within_32_kib_compressed_and_the_cluster_grows_it_no_further() -> None:
    sizes = [
        len(gzip.compress(outgoing(largest(random.Random(5), objects), Level.DETAILED)[0].body)) for objects in (17, 25)
    ]
    assert sizes[0] <= 32 * 1024
    assert sizes[1] <= 1.05 * sizes[0]
