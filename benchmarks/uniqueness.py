"""How many made-up clusters are told from all others by a record: exact values, ranges, or a fragment.

The clusters are drawn from distributions that are guesses at the world's: what counts is how the rows differ, not how
large each is. Run with `--clusters N`.
"""

import argparse
import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from agent.levels import Level
from agent.wire.documents import FRAGMENTS, fields_of
from agent.wire.fields import TABLE

Cluster = dict[str, Any]
_FIELDS = {field.name: field for field in TABLE if field.level is Level.MINIMAL}
# A managed distribution comes with its provider.
_CLOUDS = {
    "aws": ("eks", 40),
    "azure": ("aks", 20),
    "gcp": ("gke", 20),
    "digitalocean": ("doks", 4),
    "linode": ("lke", 2),
}
_OWN = (("kubeadm", 6), ("openshift", 4), ("rke2", 4), ("k3s", 6), ("talos", 2))
_REGIONS = (("north_america", 40), ("europe", 30), ("asia", 20), ("south_america", 4), ("oceania", 3), ("africa", 1))
_MINORS = ((37, 15), (36, 30), (35, 25), (34, 15), (33, 8), (32, 4), (31, 2), (28, 1))


def drawn(chance: random.Random, weighted: Sequence[tuple[Any, int]]) -> Any:
    return chance.choices([value for value, _ in weighted], [weight for _, weight in weighted])[0]


def cluster(chance: random.Random) -> Cluster:
    clouds = [((provider, distribution), weight) for provider, (distribution, weight) in _CLOUDS.items()]
    own = [(("other", distribution), weight) for distribution, weight in _OWN]
    provider, distribution = drawn(chance, clouds + own)
    nodes = max(1, round(chance.lognormvariate(2.2, 1.3)))
    cores = drawn(chance, ((2, 20), (4, 40), (8, 25), (16, 10), (32, 5)))
    return {
        "cluster.provider": provider,
        "cluster.distribution": distribution,
        "cluster.region_class": drawn(chance, _REGIONS),
        "cluster.minor": drawn(chance, _MINORS),
        "nodes.count": nodes,
        "nodes.cpu_cores": nodes * cores,
        "nodes.memory_gib": nodes * cores * drawn(chance, ((2, 15), (4, 60), (8, 25))),
    }


def unique(clusters: Sequence[Cluster], record: Callable[[Cluster], tuple[Any, ...]]) -> tuple[float, float]:
    """The shares of clusters that are alone in their group, and in a group of fewer than twenty."""
    groups = Counter(map(record, clusters))
    return groups_below(groups, 2) / len(clusters), groups_below(groups, 20) / len(clusters)


def groups_below(groups: Counter[Any], size: int) -> int:
    return sum(count for count in groups.values() if count < size)


def ranged(names: Sequence[str], level: Level) -> Callable[[Cluster], tuple[Any, ...]]:
    kinds = {name: _FIELDS[name].kind_at(level) for name in names}
    return lambda each: tuple(kind.treat(each[name], str) for name, kind in kinds.items())  # type: ignore[union-attr, arg-type]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clusters", type=int, default=10_000)
    count = parser.parse_args().clusters
    chance = random.Random(20_261_124)
    clusters = [cluster(chance) for _ in range(count)]
    everything = tuple(_FIELDS)
    records: dict[str, Callable[[Cluster], tuple[Any, ...]]] = {
        "exact values of all seven fields": lambda each: tuple(each[name] for name in everything),
        "all seven in the ranges of the standard level": ranged(everything, Level.STANDARD),
        "all seven in the ranges of the minimal level": ranged(everything, Level.MINIMAL),
        "provider, size, version and region": ranged((*fields_of("version"), "cluster.region_class"), Level.MINIMAL),
        **{f"fragment {fragment}": ranged(fields_of(fragment), Level.MINIMAL) for fragment in FRAGMENTS},
    }
    print(f"| one record of {count} clusters holds | unique | in a group below 20 |")
    print("|---|---|---|")
    for name, record in records.items():
        alone, few = unique(clusters, record)
        print(f"| {name} | {alone:.1%} | {few:.1%} |")


if __name__ == "__main__":
    main()
