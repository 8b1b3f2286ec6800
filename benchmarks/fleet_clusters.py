"""Clusters that don't exist, with what is wrong with each known: the planted truth.

Each has traits for its lifetime, drawn once, and facts for each day, drawn around them; the documents are made of these
by the agent's own `anonymize`, which checks them. How often something is planted and how much clusters differ are
guesses: what counts is that what was planted is found, and nothing else. Between what is planted and what is ordinary
is a gap (such as 58 % of the requests unused against at most 42 %), since a cluster on the edge has no truth.
"""

import base64
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from agent.levels import DataType, Level
from agent.privacy.anonymize import anonymize
from agent.privacy.keys import Keys
from agent.wire.facts import (
    Benchmark,
    BenchmarksFacts,
    ClusterFacts,
    Facts,
    NodesFacts,
    PlatformFacts,
    StorageClass,
    UsageFacts,
    WorkloadsFacts,
)
from agent.wire.vocabulary import COLLECTORS
from corrective_drift.synthetic import PREFIX

Planted = tuple[str, str]
"""A rule, and what it should be said about."""

_OWNED = (("kubeadm", 6), ("rke2", 4), ("k3s", 5))
_CLOUDS = ((("aws", "eks"), 40), (("azure", "aks"), 24), (("gcp", "gke"), 20))
_REGIONS = (("north_america", 40), ("europe", 35), ("asia", 25))
_LEVELS = ((Level.DETAILED, 30), (Level.STANDARD, 60), (Level.MINIMAL, 10))
_OLD, _NEW = (29, 30, 31), (35, 36, 37)
_ONE_ZONE = 3
_DISKS = {"aws": "aws_ebs", "azure": "azure_disk", "gcp": "gcp_pd"}
# Without these distributions' dates, nobody can know whether a version is too old.
_DATED = frozenset({"eks", "gke", "kubeadm", "rke2", "k3s"})
# Nanoseconds; of no importance but for being of the right size.
_TYPICAL_NS = {
    "read_latency": 6e5, "write_latency": 9e5, "fsync_latency": 2.5e6, "request_response_64b": 2e5,
    "image_pull": 6e9, "pod_startup": 2.2e9, "name_1_cold": 1.2e6, "name_2_cold": 8e6,
    # What a round trip between zones takes more than one within a zone.
    "zone_distance": 6e5,
}  # fmt: skip
_SLOW = {
    "slow-storage": ("read_latency", "write_latency", "fsync_latency"),
    "slow-cross-node": ("request_response_64b",),
    "slow-cross-zone": ("zone_distance",),
    "slow-image-pull": ("image_pull",),
    "slow-pod-start": ("pod_startup",),
    "slow-dns": ("name_1_cold", "name_2_cold"),
}
# What differs between clusters, and between the days of one.
_BETWEEN, _WITHIN = 0.2, 0.08


class SyntheticKeys(Keys):
    """Keys whose pseudonym tells that the cluster doesn't exist."""

    __slots__ = ("_number",)

    def __init__(self, number: int) -> None:
        super().__init__(random.Random(number).randbytes(32))
        self._number = number

    @property
    def cluster_id(self) -> str:
        """Return 26 characters that begin with the word of what is simulated."""
        number = base64.b32encode(self._number.to_bytes(10, "big")).decode().lower()
        return f"{PREFIX}{'a' * (26 - len(PREFIX) - len(number))}{number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What a cluster is like for as long as it lives."""

    number: int
    level: Level
    provider: str
    distribution: str
    region: str
    minor: int
    nodes: int
    cores: int
    planted: frozenset[Planted]
    requested: float
    used: float
    unused: dict[str, float]
    without: dict[str, float]
    idle: float
    swing: float
    autoscaled: float
    unbound: int
    slowness: dict[str, float] = field(default_factory=dict)
    """Metric -> nanoseconds of an ordinary day."""

    @property
    def disk(self) -> str:
        """The kind of the cluster's storage class."""
        return _DISKS.get(self.provider, "ceph_rbd")

    @property
    def has_zones(self) -> bool:
        """Whether its nodes have zones on their labels, which only clouds see to; larger ones lie in several."""
        return self.distribution not in dict(_OWNED)

    @property
    def keys(self) -> SyntheticKeys:
        """The installation's."""
        return SyntheticKeys(self.number)


def traits(seed: int, number: int) -> Traits:
    """Draw a cluster; the same for the same seed and number."""
    chance = random.Random(f"{seed}/{number}")
    (provider, distribution) = _drawn(chance, (*_CLOUDS, *((("other", each), weight) for each, weight in _OWNED)))
    level = _drawn(chance, _LEVELS)
    nodes = max(1, round(chance.lognormvariate(2.4, 1.2)))
    planted = frozenset(_planted(chance, level, distribution, nodes, _DISKS.get(provider, "ceph_rbd")))
    rules = {rule for rule, _ in planted}
    idle = "idle-nodes" in rules
    unscaled = "missing-autoscaling" in rules
    # Load that varies is no fault where something scales with it.
    swings = unscaled or chance.random() < 0.05
    return Traits(
        number=number,
        level=level,
        provider=provider,
        distribution=distribution,
        region=_drawn(chance, _REGIONS),
        minor=chance.choice(_OLD if "end-of-life" in rules else _NEW),
        nodes=nodes,
        cores=chance.choice((4, 8, 16)),
        planted=planted,
        requested=chance.uniform(0.08, 0.2) if idle else chance.uniform(0.5, 0.8),
        used=chance.uniform(0.15, 0.5),
        unused={each: _unused(chance, ("unused-requests", each) in planted) for each in ("cpu", "memory")},
        without={each: _without(chance, ("missing-requests", each) in planted) for each in ("cpu", "memory")},
        idle=chance.uniform(0.35, 0.6) if idle else 0.0,
        swing=1.1 if swings else 0.1,
        autoscaled=0.0 if unscaled or (not swings and chance.random() < 0.3) else chance.uniform(0.1, 0.6),
        unbound=chance.randint(1, 6) if "unbound-claims" in rules else 0,
        slowness=_slowness(chance, rules),
    )


def report(each: Traits, day: date, chance: random.Random) -> Iterator[tuple[str, bytes]]:
    """Yield what a cluster sends on a day: level and canonical JSON."""
    made = anonymize(
        facts(each, chance),
        level=each.level,
        data_types=frozenset(DataType),
        keys=each.keys,
        day=day,
        chance=chance.random,
    )
    yield from ((outgoing.level.value, outgoing.body) for outgoing in made)


def facts(each: Traits, chance: random.Random) -> Facts:
    """Return what is known of a cluster on a day."""
    detailed = each.level is Level.DETAILED
    return Facts(
        cluster=ClusterFacts(
            minor=each.minor, distribution=each.distribution, provider=each.provider, region_class=each.region
        ),
        nodes=NodesFacts(
            count=each.nodes,
            cpu_cores=float(each.nodes * each.cores),
            memory_gib=float(each.nodes * each.cores * 4),
            architectures=("amd64",),
            container_runtimes=("containerd",),
            multi_zone=each.nodes > _ONE_ZONE if each.has_zones else None,
            version_skew=3 if ("kubelet-skew", "") in each.planted else chance.choice((0, 0, 0, 1)),
        ),
        workloads=_workloads(each, chance),
        usage=_usage(each, chance),
        platform=PlatformFacts(features=("cells",), observability=("prometheus",)),
        benchmarks=_benchmarks(each, chance) if detailed else None,
        statuses=dict.fromkeys(COLLECTORS, "ok"),
    )


def upgraded(each: Traits) -> Traits:
    """Return a cluster after an upgrade by one minor version, where a later one is listed."""
    return replace(each, minor=each.minor + 1) if each.minor in _NEW[:-1] else each


def slowed(each: Traits, metric: str, factor: float) -> Traits:
    """Return a cluster after one metric has become slower."""
    return replace(each, slowness={**each.slowness, metric: each.slowness[metric] * factor})


def _planted(chance: random.Random, level: Level, distribution: str, nodes: int, disk: str) -> Iterator[Planted]:
    """Draw what is wrong with a cluster, of what its level and size let anybody see."""
    if level is Level.MINIMAL:
        return
    # 1 to 4 nodes are one range on the wire: whether there is more than one is not told apart.
    likely: list[tuple[Planted, float]] = [(("idle-nodes", ""), 0.06 if nodes > 4 else 0)]
    likely += [((rule, part), 0.06) for rule in ("unused-requests", "missing-requests") for part in ("cpu", "memory")]
    likely += [(("end-of-life", ""), 0.06 if distribution in _DATED else 0)]
    likely += [((rule, ""), 0.04) for rule in ("kubelet-skew", "missing-autoscaling", "unbound-claims")]
    if level is Level.DETAILED:
        likely += [((rule, disk if rule == "slow-storage" else ""), 0.04) for rule in _SLOW]
        if distribution in dict(_OWNED) or nodes <= _ONE_ZONE:
            likely = [each for each in likely if each[0][0] != "slow-cross-zone"]
    yield from (each for each, share in likely if chance.random() < share)


def _unused(chance: random.Random, planted: bool) -> float:  # noqa: FBT001 - read at its two call sites
    return chance.uniform(0.58, 0.85) if planted else chance.uniform(0.05, 0.42)


def _without(chance: random.Random, planted: bool) -> float:  # noqa: FBT001 - as above
    return chance.uniform(0.3, 0.9) if planted else chance.uniform(0, 0.18)


def _slowness(chance: random.Random, rules: set[str]) -> dict[str, float]:
    slow = {metric for rule in rules for metric in _SLOW.get(rule, ())}
    return {
        metric: typical * chance.lognormvariate(0, _BETWEEN) * (chance.uniform(3.5, 6) if metric in slow else 1)
        for metric, typical in _TYPICAL_NS.items()
    }


def _workloads(each: Traits, chance: random.Random) -> WorkloadsFacts:
    # A claim that waits for its volume while the agent looks is ordinary on some days.
    waiting = each.unbound or int(chance.random() < 0.08)
    return WorkloadsFacts(
        deployments=each.nodes * 5,
        pods=each.nodes * 20,
        namespaces=each.nodes,
        services=each.nodes * 3,
        hpas=each.nodes if each.autoscaled else 0,
        volume_claims=each.nodes * 2 + waiting,
        unbound_claims=waiting,
        without_cpu_request_share=each.without["cpu"],
        without_memory_request_share=each.without["memory"],
        without_cpu_limit_share=0.4,
        without_memory_limit_share=0.2,
        autoscaled_share=each.autoscaled,
        storage_classes=(StorageClass(name="standard", kind=each.disk, default=True, claims=each.nodes),),
    )


def _usage(each: Traits, chance: random.Random) -> UsageFacts:
    used = min(1.0, max(0.02, each.used * chance.lognormvariate(0, each.swing)))
    requested = each.requested * chance.uniform(0.97, 1.03)
    # On some days some nodes of any cluster are idle.
    idle = round(each.nodes * (each.idle or (0.3 if chance.random() < 0.08 else 0)))
    return UsageFacts(
        cpu_requested_p50=requested,
        cpu_requested_p90=min(1.0, requested * 1.15),
        cpu_requested_max=min(1.0, requested * 1.3),
        memory_requested_p50=requested,
        memory_requested_p90=min(1.0, requested * 1.15),
        memory_requested_max=min(1.0, requested * 1.3),
        cpu_used_p50=used,
        cpu_used_p90=min(1.0, used * 1.3),
        cpu_used_max=min(1.0, used * 1.6),
        memory_used_p50=min(1.0, requested * 0.8),
        memory_used_p90=min(1.0, requested * 0.9),
        memory_used_max=min(1.0, requested),
        cpu_headroom_cores=each.nodes * each.cores * (1 - each.requested),
        memory_headroom_gib=each.nodes * each.cores * 4 * (1 - each.requested),
        idle_nodes=idle,
        empty_nodes=0,
        cpu_unused_share=_near(each.unused["cpu"], chance),
        memory_unused_share=_near(each.unused["memory"], chance),
    )


def _near(share: float, chance: random.Random) -> float:
    return min(1.0, max(0.0, share + chance.uniform(-0.03, 0.03)))


def _benchmarks(each: Traits, chance: random.Random) -> BenchmarksFacts:
    def row(metric: str, factor: float = 1.0, more_ns: float = 0.0, **where: str) -> Benchmark:
        median = (each.slowness[metric] * factor + more_ns) * chance.lognormvariate(0, _WITHIN)
        return Benchmark(metric=metric, median=median, rounds=5, doubts=(), **where)

    between = [row("request_response_64b", path="same_zone" if each.has_zones else "other_node")]
    if each.has_zones and each.nodes > _ONE_ZONE:
        between.append(row("request_response_64b", more_ns=each.slowness["zone_distance"], path="other_zone"))

    disk = {"storage_kind": each.disk, "storage_class": "standard"}
    return BenchmarksFacts(
        profile="standard",
        storage=tuple(row(metric, **disk) for metric in _SLOW["slow-storage"]),
        latency=(*between, row("request_response_64b", 0.3, path="same_node")),
        startup=(row("image_pull"), row("pod_startup")),
        dns=(row("name_1_cold"), row("name_2_cold")),
    )


def _drawn(chance: random.Random, weighted: Sequence[tuple[Any, int]]) -> Any:
    return chance.choices([value for value, _ in weighted], [weight for _, weight in weighted])[0]
