"""What anybody can compute out of published cohorts, found by brute force and without asking the code under test."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from itertools import combinations

from corrective_drift.disclosure import Cell, Words, cells

Week = Mapping[int, Words]
"""Cluster -> its facts; who is missing has not voted."""


def pieces(cohorts: Collection[Cell], week: Week) -> list[int]:
    """The smallest sets that unions and differences of published cohorts make, without asking the code under test.

    A set of clusters is a number: cluster n is the bit n.
    """
    seen: dict[frozenset[Cell], int] = defaultdict(int)
    for cluster, words in week.items():
        seen[frozenset(cohorts).intersection(cells(words))] |= 1 << cluster
    return [clusters for those, clusters in seen.items() if those]


def unions(parts: list[int]) -> list[int]:
    return [sum(some) for size in range(len(parts) + 1) for some in combinations(parts, size)]
