"""Which cohorts may be published, so that no arithmetic on releases tells of fewer than k contributors. Pure.

Cohorts are a tree: what differs in a fact of a finer rung is one cohort of the next. Published cohorts split all
contributors into *groups*: those who are in a cohort and in no finer published one. Whatever can be added up or
subtracted out of one release is a union of groups, and `choose` leaves none of 1 to k - 1 (complementary suppression).

Of two releases, any union of one's groups can be subtracted from any union of the other's. What remains is a cut of a
graph: its nodes are both releases' groups and one more for everybody outside, and each contributor is an edge between
the groups that it is in. `exposed` finds the groups that a cut of 1 to k - 1 edges might part from the rest: two nodes
with k edges between them can't be parted by such a cut, and are made one; what doesn't end up in one node is exposed.
It may find too many, never too few. The worst is assumed about values: that nobody's has changed between the releases.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from probes.measure.baselines import LADDER, LEAST_CONTRIBUTORS, UNKNOWN

Words = tuple[str, ...]
"""A cluster's facts, in the order of `probes.measure.baselines.FACTS`."""
Cell = tuple[int, Words]
"""A cohort: its rung, and the words of the facts that it has in common."""
Shared = Mapping[tuple[Cell, Cell], int]
"""A group then and a group now -> how many contributors are in both."""

_PICKS = tuple(tuple(LADDER[0].index(fact) for fact in names) for names in LADDER)


@dataclass(frozen=True, slots=True)
class Groups:
    """Published cohorts, each with the number of contributors who are in it and in no finer one."""

    sizes: Mapping[Cell, int]

    def of(self, words: Words) -> Cell | None:
        """Return the group that a cluster is in; None for outside."""
        return next((cell for cell in cells(words) if cell in self.sizes), None)


def cells(words: Words) -> tuple[Cell, ...]:
    """Return the cohorts of a cluster, the finest first."""
    return tuple((rung, tuple(words[place] for place in picks)) for rung, picks in enumerate(_PICKS))


def totals(contributors: Mapping[Words, int]) -> Counter[Cell]:
    """Return how many contributors each cohort has."""
    sums: Counter[Cell] = Counter()
    for words, count in contributors.items():
        for cell in cells(words):
            sums[cell] += count
    return sums


def grouped(published: Iterable[Cell], contributors: Mapping[Words, int]) -> Groups:
    """Return the groups that published cohorts split the contributors into."""
    sizes = dict.fromkeys(published, 0)
    groups = Groups(sizes)
    for words, count in contributors.items():
        cell = groups.of(words)
        if cell is not None:
            sizes[cell] += count
    return groups


def choose(contributors: Mapping[Words, int], *, least: int = LEAST_CONTRIBUTORS) -> frozenset[Cell]:
    """Return the cohorts that may be published of one release, taken by itself.

    From the finest rung to the coarsest: a cohort is published if it has `least` contributors and those that its
    published parts leave over are none, or `least` too. If they are fewer, its smallest parts are given up for it: the
    coarser one answers more clusters.
    """
    sums = totals(contributors)
    parts = _parts(contributors)
    published: set[Cell] = set()
    # The largest published cohorts within a cell, itself left aside; and with it.
    within: dict[Cell, set[Cell]] = {}
    outermost: dict[Cell, set[Cell]] = {}
    for cell in sorted(sums):
        inner = set().union(*(outermost[part] for part in parts[cell]))
        if sums[cell] < least or UNKNOWN in cell[1]:
            outermost[cell] = inner
            continue
        while 0 < sums[cell] - sum(sums[part] for part in inner) < least:
            given_up = min(inner, key=lambda part: (sums[part], part))
            published.discard(given_up)
            inner = (inner - {given_up}) | within[given_up]
        published.add(cell)
        within[cell], outermost[cell] = inner, {cell}
    return frozenset(published)


def exposed(then: Groups, now: Groups, shared: Shared, *, least: int = LEAST_CONTRIBUTORS) -> frozenset[Cell]:
    """Return which of `now`'s cohorts must not be published after `then` was.

    Sizes are those of the day of publication, so that who was erased since counts as one who has left. Without these
    cohorts others may be exposed: ask again until there are none.
    """
    graph = _Graph(then, now, shared)
    graph.join(least)
    return graph.loose()


def _parts(contributors: Iterable[Words]) -> Mapping[Cell, set[Cell]]:
    """Return the cohorts of the next finer rung that make up a cohort."""
    parts: dict[Cell, set[Cell]] = defaultdict(set)
    for words in contributors:
        own = cells(words)
        for finer, coarser in pairwise(own):
            parts[coarser].add(finer)
    return parts


_Node = tuple[str, Cell]
_OUTSIDE: _Node = ("outside", (len(LADDER), ()))


class _Graph:
    """Groups of two releases, and how many contributors each two have in common."""

    def __init__(self, then: Groups, now: Groups, shared: Shared) -> None:
        self._edges: dict[_Node, Counter[_Node]] = defaultdict(Counter)
        self._members: dict[_Node, list[_Node]] = {}
        then_rest, now_rest = Counter(then.sizes), Counter(now.sizes)
        for (before, after), count in shared.items():
            self._connect(("then", before), ("now", after), count)
            then_rest[before] -= count
            now_rest[after] -= count
        for side, rest in (("then", then_rest), ("now", now_rest)):
            for cell, count in rest.items():
                self._connect((side, cell), _OUTSIDE, count)

    def join(self, least: int) -> None:
        """Make one of any two nodes with `least` edges between them."""
        waiting = [(one, other) for one, edges in self._edges.items() for other in edges if edges[other] >= least]
        while waiting:
            one, other = waiting.pop()
            # One of them may have become a part of another, whose edges were looked at then.
            if one in self._edges and other in self._edges[one]:
                larger, smaller = sorted((one, other), key=lambda node: -len(self._edges[node]))
                moved = self._merge(larger, smaller)
                waiting += [(larger, third) for third in moved if self._edges[larger][third] >= least]

    def loose(self) -> frozenset[Cell]:
        """Return the cohorts of now that are not one with the outside, though contributors connect them."""
        nodes = [node for node, edges in self._edges.items() if edges and _OUTSIDE not in self._members[node]]
        return frozenset(cell for node in nodes for side, cell in self._members[node] if side == "now")

    def _connect(self, one: _Node, other: _Node, count: int) -> None:
        if count:
            self._edges[one][other] += count
            self._edges[other][one] += count
            for node in (one, other):
                self._members.setdefault(node, [node])

    def _merge(self, one: _Node, other: _Node) -> list[_Node]:
        """Make `other` a part of `one`; return whom its edges went to."""
        moved = self._edges.pop(other)
        self._members[one] += self._members.pop(other)
        del self._edges[one][other], moved[one]
        for third, count in moved.items():
            del self._edges[third][other]
            self._edges[one][third] += count
            self._edges[third][one] += count
        return list(moved)
