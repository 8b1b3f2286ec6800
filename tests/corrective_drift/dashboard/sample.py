"""A store to look at: a cluster with two months of reports in which latency got worse, a fleet, and a release."""

import random
from collections.abc import Iterator
from datetime import date, timedelta

from sqlalchemy import Engine, insert

from agent.levels import DataType, Level
from agent.privacy.anonymize import anonymize
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
from agent.wire.fields import schema_digest
from corrective_drift import releases
from corrective_drift.store.engine import writing
from corrective_drift.store.schema import BATCHES, CLUSTERS, CONSENTS, REPORTS
from corrective_drift.tokens import digest
from tests.corrective_drift.documents import CONSENT, keys

TODAY = date(2026, 11, 20)
WEEK = "2026-W46"
DAYS = 56
FLEET = 130
CHANGED = date(2026, 10, 28)
"""From here on the cluster's latency is half as long again."""
OURS = keys(1)
_MS = 1_000_000.0


def fill(engine: Engine, *, days: int = DAYS, fleet: int = FLEET) -> None:
    """Put cluster and fleet into an empty store, and release the week where there is a fleet."""
    day = date.fromisocalendar(2026, 46, 3)
    ours = [(TODAY - timedelta(days=back)) for back in reversed(range(days))]
    rows = [*_rows(1, ours), *(row for number in range(2, fleet) for row in _rows(number, [day]))]
    with writing(engine) as connection:
        for table in (CLUSTERS, CONSENTS, BATCHES, REPORTS):
            connection.execute(insert(table), [row for name, row in rows if name == table.name])
    if fleet:
        releases.release(engine, WEEK, today=TODAY, chance=random.Random(1))


def _rows(number: int, days: list[date]) -> Iterator[tuple[str, dict[str, object]]]:
    pid = keys(number).cluster_id
    consent = {"cluster_pid": pid, "consent_digest": CONSENT, "first_day": days[0].isoformat(), "revoked": False}
    yield "clusters", consent | {"token_sha256": digest(keys(number).token), "schema_digest": schema_digest()}
    yield "consents", consent
    for place, day in enumerate(days):
        (document,) = anonymize(
            facts(number, day), level=Level.DETAILED, data_types=frozenset(DataType), keys=keys(number), day=day,
            chance=random.Random(f"{number} {day}").random,
        )  # fmt: skip
        batch = f"0199d5a0-0000-7000-8000-{place:012}"
        yield (
            "batches",
            {
                "cluster_pid": pid,
                "batch_id": batch,
                "body_sha256": digest(batch),
                "documents": 1,
                "accepted": 1,
                "received_day": day.isoformat(),
                "audit_head": f"{place + 1}:{'9f' * 32}",
            },
        )
        yield (
            "reports",
            {
                "cluster_pid": pid,
                "day": day.isoformat(),
                "report_id": f"{batch}:0",
                "level": "detailed",
                "document": document.body.decode(),
            },
        )


def facts(number: int, day: date) -> Facts:
    """What a cluster is like on a day: its own level, and a little noise."""
    own, noise = random.Random(number), random.Random(f"{number} {day}")
    skill = 1.6 if number == 1 else own.lognormvariate(0, 0.35)

    def around(value: float, spread: float = 0.03) -> float:
        return value * noise.lognormvariate(0, spread)

    slow = skill * (1.5 if number == 1 and day >= CHANGED else 1.0)
    share = 0.3 + 0.3 * own.random()
    return Facts(
        cluster=ClusterFacts(
            minor=33 if number == 1 and day < date(2026, 10, 12) else 34, distribution="eks", provider="aws",
            region_class="europe" if number % 3 else "north_america",
        ),
        nodes=NodesFacts(
            count=24, cpu_cores=192.0, memory_gib=768.0, architectures=("amd64", "arm64"),
            container_runtimes=("containerd",), multi_zone=True, version_skew=1,
            pools=(
                NodePool(name="general", count=18, cpu_cores=8, memory_gib=32, architecture="amd64"),
                NodePool(name="spot", count=6, cpu_cores=8, memory_gib=32, interruptible=True),
            ),
        ),
        workloads=WorkloadsFacts(
            deployments=140, statefulsets=12, daemonsets=9, jobs=30, cronjobs=14, pods=610, namespaces=26, services=170,
            hpas=6, volume_claims=44, unbound_claims=0, without_cpu_request_share=0.32,
            without_memory_request_share=0.2, without_cpu_limit_share=0.7, without_memory_limit_share=0.28,
            autoscaled_share=0.04,
            storage_classes=(
                StorageClass(name="gp3", kind="aws_ebs", default=True, waits_for_consumer=True, claims=44),
            ),
        ),
        usage=UsageFacts(
            cpu_requested_p50=0.82, cpu_requested_p90=0.93, cpu_requested_max=0.98,
            cpu_used_p50=around(0.11 if number == 1 else share * 0.5), cpu_used_p90=around(0.24),
            cpu_used_max=around(0.5),
            memory_requested_p50=0.7, memory_requested_p90=0.85, memory_requested_max=0.95,
            memory_used_p50=around(share), memory_used_p90=around(share * 1.3), memory_used_max=around(share * 1.5),
            cpu_headroom_cores=33.0, memory_headroom_gib=190.0, idle_nodes=6 if number == 1 else 0, empty_nodes=0,
            cpu_unused_share=0.8 if number == 1 else 0.4, memory_unused_share=0.3,
        ),
        platform=PlatformFacts(
            cells=7, cell_types=("data", "logic"), features=("cells", "ebpf_observability", "telemetry_agent"),
            observability=("grafana", "loki", "prometheus"), ebpf=("cilium", "hubble"),
            cell_rows=(Cell(name="orders", type="logic"), Cell(name="ledger", type="data")),
        ),
        policies=PoliciesFacts(
            count=31, default_deny_share=0.6, private_v4=6, private_v6=0, public_v4=2, public_v6=0, link_local_v4=1,
            link_local_v6=0, shapes=(PolicyShape(direction="ingress", peers="namespaces", ports="one", count=21),),
        ),
        benchmarks=BenchmarksFacts(
            profile="standard",
            dns=tuple(_benchmark(name, around(0.4 * _MS * skill)) for name in ("name_1_cold", "name_2_cold")),
            latency=tuple(
                _benchmark(name, around(0.12 * _MS * slow * (1 + step)), path=path)
                for step, name in enumerate(("request_response_64b", "connect"))
                for path in ("same_node", "other_node")
            ),
            startup=(
                _benchmark("pod_startup", around(1800 * _MS)), _benchmark("image_pull", around(5200 * _MS * skill)),
            ),
            storage=tuple(
                _benchmark(name, around(value), storage_kind="aws_ebs", storage_class="gp3")
                for name, value in (
                    ("read_latency", 0.6 * _MS / skill), ("fsync_latency", 1.9 * _MS), ("read_iops", 3000.0 * skill),
                    ("read_throughput", 130e6),
                )
            ),
            throughput=(_benchmark("send_1_stream", around(4.7e9), path="other_node"),),
        ),
        statuses=dict.fromkeys(vocabulary.COLLECTORS, "ok") | {"policies": "ok"},
    )  # fmt: skip


def _benchmark(metric: str, median: float, **where: str) -> Benchmark:
    distribution = Distribution(counts={600: 30, 604: 60, 610: 10}, zeros=0)
    return Benchmark(metric=metric, median=median, rounds=6, doubts=(), distribution=distribution, **where)
