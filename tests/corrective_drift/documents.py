"""Documents as agents make them: made-up facts through the agent's own anonymizing."""

import random
from collections.abc import Sequence
from datetime import date

from agent.levels import DataType, Level
from agent.privacy.anonymize import anonymize
from agent.privacy.keys import Keys
from agent.privacy.outgoing import Outgoing
from agent.wire import vocabulary
from agent.wire.facts import (
    Benchmark,
    BenchmarksFacts,
    ClusterFacts,
    Distribution,
    Facts,
    NodePool,
    NodesFacts,
    PlatformFacts,
    UsageFacts,
    WorkloadsFacts,
)

CONSENT = "c0" * 32


def keys(number: int) -> Keys:
    """The keys of one installation, the same each time."""
    return Keys(random.Random(number).randbytes(32))


def outgoing(number: int, day: date, level: Level = Level.STANDARD, *, hour: int = 0) -> Sequence[Outgoing]:
    """What cluster `number` sends on a day: a document, or at minimal its fragments."""
    rng = random.Random(f"{number} {day} {hour}")
    return anonymize(
        _facts(rng), level=level, data_types=frozenset(DataType), keys=keys(number), day=day, chance=rng.random
    )


def document(number: int, day: date, level: Level = Level.STANDARD, *, hour: int = 0) -> bytes:
    """The one document of a level that has one."""
    (only,) = outgoing(number, day, level, hour=hour)
    return only.body


def _facts(rng: random.Random) -> Facts:
    nodes = rng.randint(1, 200)
    share = rng.random
    return Facts(
        cluster=ClusterFacts(
            minor=rng.randint(30, 36),
            distribution=rng.choice(vocabulary.DISTRIBUTIONS),
            provider=rng.choice(vocabulary.PROVIDERS),
            region_class=rng.choice(vocabulary.REGION_CLASSES),
        ),
        nodes=NodesFacts(
            count=nodes,
            cpu_cores=nodes * 8.0,
            memory_gib=nodes * 32.0,
            architectures=("amd64",),
            container_runtimes=("containerd",),
            multi_zone=share() < 0.5,
            version_skew=0,
            pools=tuple(NodePool(name=f"pool-{n}", count=n + 1, cpu_cores=8, memory_gib=32) for n in range(3)),
        ),
        workloads=WorkloadsFacts(
            deployments=nodes * 5,
            pods=nodes * 20,
            namespaces=nodes,
            services=nodes * 3,
            without_cpu_request_share=share(),
            without_memory_limit_share=share(),
            autoscaled_share=share(),
        ),
        usage=UsageFacts(
            cpu_requested_p50=share(),
            cpu_requested_p90=share(),
            cpu_requested_max=1.0,
            cpu_used_p50=share(),
            cpu_used_p90=share(),
            cpu_used_max=share(),
            memory_used_p50=share(),
            memory_used_max=share(),
            idle_nodes=rng.randint(0, nodes),
            cpu_unused_share=share(),
        ),
        platform=PlatformFacts(features=("cells",), observability=("prometheus", "grafana"), ebpf=("cilium",)),
        benchmarks=BenchmarksFacts(
            profile="quick",
            latency=tuple(_benchmark(metric, rng) for metric in vocabulary.METRICS["latency"]),
            storage=tuple(_benchmark(metric, rng) for metric in vocabulary.METRICS["storage"]),
        ),
        statuses=dict.fromkeys(vocabulary.COLLECTORS, "ok"),
    )


def _benchmark(metric: str, rng: random.Random) -> Benchmark:
    middle = rng.randint(500, 700)
    counts = {middle + offset: rng.randint(1, 100) for offset in range(-30, 30, 4)}
    return Benchmark(
        metric=metric, median=1.02**middle, rounds=6, doubts=(), distribution=Distribution(counts=counts, zeros=0)
    )
