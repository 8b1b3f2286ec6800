"""What it takes to merge and anonymize the facts of a cluster, and how large the document is, by the number of nodes.

    python benchmarks/anonymizing.py [--repeats N]

Everything that can grow with a cluster does, up to the bound of its collector or plan: pools, cells, storage classes
and the pairs of nodes that were measured. The goals: 100 ms, 32 KiB, and growth that is at most logarithmic.
"""

import argparse
import gzip
import random
import statistics
import time
from datetime import date

import numpy as np

from agent.levels import DataType, Level
from agent.privacy.anonymize import anonymize
from agent.privacy.keys import Keys
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
from probes.measure.histogram import Histogram

SIZES = (10, 100, 1000, 5000)
GOAL_SECONDS, GOAL_BYTES = 0.1, 32 * 1024


def distribution(rng: np.random.Generator, samples: int) -> Distribution:
    histogram = Histogram.of(rng.lognormal(11, 0.5, samples))
    counts = {histogram.first + at: int(count) for at, count in enumerate(histogram.counts) if count}
    return Distribution(counts=counts)


def rows(
    rng: np.random.Generator, nodes: int, probe: str, classes: tuple[str | None, ...] = (None,)
) -> tuple[Benchmark, ...]:
    paths = vocabulary.PATHS if probe in {"latency", "throughput"} else (None,)
    sampled = probe in {"dns", "latency", "startup", "storage"}
    return tuple(
        Benchmark(
            metric=metric,
            median=float(rng.lognormal(11, 1)),
            rounds=min(nodes, 12),
            doubts=tuple(rng.choice(vocabulary.DOUBTS, 3, replace=False).tolist()),
            distribution=distribution(rng, 1000 * min(nodes, 12)) if sampled else None,
            path=path,
            storage_class=name,
            storage_kind="aws_ebs" if name else None,
        )
        for metric in vocabulary.METRICS[probe]
        for path in paths
        for name in classes
    )


def facts(nodes: int) -> Facts:
    """Complete facts of a cluster of so many nodes."""
    rng, chance = np.random.default_rng(nodes), random.Random(nodes)
    classes = tuple(f"class-{number}" for number in range(min(2 + nodes // 50, 16)))
    pools = min(1 + nodes // 10, 256)
    return Facts(
        cluster=ClusterFacts(minor=36, distribution="eks", provider="aws", region_class="europe"),
        nodes=NodesFacts(
            count=nodes,
            cpu_cores=nodes * 16.0,
            memory_gib=nodes * 64.0,
            architectures=("amd64", "arm64"),
            container_runtimes=("containerd",),
            multi_zone=True,
            version_skew=1,
            pools=tuple(
                NodePool(name=f"pool-{number}", count=chance.randint(1, nodes), cpu_cores=16, memory_gib=64)
                for number in range(pools)
            ),
        ),
        workloads=WorkloadsFacts(
            **dict.fromkeys(("deployments", "statefulsets", "daemonsets", "jobs", "namespaces", "services"), nodes),
            pods=30 * nodes,
            storage_classes=tuple(StorageClass(name=name, kind="aws_ebs", claims=nodes) for name in classes),
        ),
        usage=UsageFacts(
            **{
                f"{resource}_{what}_{statistic}": chance.random()
                for resource in ("cpu", "memory")
                for what in ("requested", "used")
                for statistic in ("p50", "p90", "max")
            }
        ),
        platform=PlatformFacts(
            cells=nodes,
            cell_types=vocabulary.CELL_TYPES,
            features=vocabulary.FEATURES,
            observability=vocabulary.OBSERVABILITY,
            ebpf=vocabulary.EBPF,
            cell_rows=tuple(Cell(name=f"cell-{number}", type="logic") for number in range(min(nodes, 256))),
        ),
        policies=PoliciesFacts(
            count=nodes,
            shapes=tuple(
                PolicyShape(direction=direction, peers=peers, ports="few", count=chance.randint(1, nodes))
                for direction in vocabulary.POLICY_DIRECTIONS
                for peers in vocabulary.POLICY_PEERS
            ),
        ),
        benchmarks=BenchmarksFacts(
            profile="thorough",
            storage=rows(rng, nodes, "storage", (None, *classes)),
            **{probe: rows(rng, nodes, probe) for probe in vocabulary.METRICS if probe != "storage"},
        ),
        statuses=dict.fromkeys(vocabulary.COLLECTORS, "ok"),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    print(f"| nodes | CPU time, ms (goal {GOAL_SECONDS * 1000:.0f}) | bytes | bytes by gzip (goal {GOAL_BYTES}) |")
    print("|---|---|---|---|")
    for nodes in SIZES:
        known = facts(nodes)
        seconds = []
        for _ in range(repeats):
            start = time.process_time()
            (outgoing,) = anonymize(
                known,
                level=Level.DETAILED,
                data_types=frozenset(DataType),
                keys=Keys(bytes(32)),
                day=date(2026, 11, 24),
                chance=random.random,
            )
            seconds.append(time.process_time() - start)
        size = len(gzip.compress(outgoing.body))
        print(f"| {nodes} | {statistics.median(seconds) * 1000:.1f} | {len(outgoing.body)} | {size} |")


if __name__ == "__main__":
    main()
