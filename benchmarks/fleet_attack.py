"""Somebody who keeps every release and subtracts, to tell a group of fewer than k clusters apart.

Nothing of the service's own protection is used but what it has published; who contributed what is read from the votes,
as nobody outside can. Published cohorts split a week's contributors into groups (in a cohort, and in no finer published
one): all that can be added and subtracted are unions of groups. For two weeks, a union of one's groups less a union of
the other's leaves the clusters on a cut between two halves of a graph whose nodes are the groups of both and everybody
else, and whose edges are clusters; whatever is told apart, its size is that of a cut. So the smallest cut of every
connected part is looked for (Stoer & Wagner, J. ACM 1997, doi:10.1145/263867.263872).
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import combinations

from sqlalchemy import Engine, select

from corrective_drift.store.engine import reading
from corrective_drift.store.schema import VOTES
from probes.measure.baselines import FACTS, LADDER, LEAST_CONTRIBUTORS, Release

Words = tuple[str, ...]
Cell = tuple[int, Words]
Key = tuple[str, str]
Path = tuple[Cell | None, ...]
"""The group of one cluster in each week; None for outside."""
_OUTSIDE = ("outside",)


@dataclass(slots=True)
class Seen:
    """What was found."""

    cohorts: int = 0
    smallest_cohort: int = 1 << 30
    """True contributors of the smallest published cohort."""
    overstated: int = 0
    """Cohorts that say to have more contributors than there are."""
    pairs: int = 0
    """Pairs of releases of a metric that were subtracted."""
    smallest_difference: int = 1 << 30
    """The smallest group that any subtraction might tell apart."""


@dataclass(slots=True)
class _Truth:
    members: Counter[tuple[Key, int, Cell]] = field(default_factory=Counter)
    paths: dict[Key, Counter[Path]] = field(default_factory=lambda: defaultdict(Counter))


def attacked(engine: Engine, releases: Sequence[Release]) -> Seen:
    """Try every release by itself, and every pair of them."""
    published = [_published(each) for each in releases]
    truth = _truth(engine, [each.week or "" for each in releases], published)
    seen = Seen()
    for at, cohorts in enumerate(published):
        for key, cells in cohorts.items():
            for cell, said in cells.items():
                true = truth.members[key, at, cell]
                seen.cohorts += 1
                seen.smallest_cohort = min(seen.smallest_cohort, true)
                seen.overstated += said > true
    for paths in truth.paths.values():
        for first, second in combinations(range(len(releases)), 2):
            seen.pairs += 1
            shared = Counter[tuple[Cell | None, Cell | None]]()
            for path, count in paths.items():
                shared[path[first], path[second]] += count
            seen.smallest_difference = min([seen.smallest_difference, *_cuts(shared)])
    return seen


def _published(release: Release) -> dict[Key, dict[Cell, int]]:
    """Return what a week has published anew; what it carries over from earlier weeks was published then."""
    return {
        (metric.metric, metric.place): {
            (each.rung, each.cohort): each.contributors for each in metric.cohorts if each.week == release.week
        }
        for metric in release.metrics
        if not metric.metric.startswith("minimal.")
    }


def _truth(engine: Engine, weeks: Sequence[str], published: Sequence[Mapping[Key, Mapping[Cell, int]]]) -> _Truth:
    truth, places = _Truth(), {week: at for at, week in enumerate(weeks)}
    columns = [VOTES.c[name] for name in ("cluster_pid", "week", "metric", "place", *FACTS)]
    query = select(*columns).where(VOTES.c.week.in_(weeks)).order_by(VOTES.c.cluster_pid)
    current, own = "", defaultdict[Key, list[Cell | None]](lambda: [None] * len(weeks))
    with reading(engine) as connection:
        for row in connection.execute(query, execution_options={"yield_per": 10_000}):
            if row[0] != current:
                _add(truth, own)
                current = row[0]
                own.clear()
            at, key = places[row[1]], (row[2], row[3])
            cells = [cell for cell in _cells(tuple(row[4:])) if cell in published[at].get(key, {})]
            for cell in cells:
                truth.members[key, at, cell] += 1
            own[key][at] = cells[0] if cells else None
    _add(truth, own)
    return truth


def _add(truth: _Truth, own: Mapping[Key, list[Cell | None]]) -> None:
    for key, path in own.items():
        truth.paths[key][tuple(path)] += 1


@cache
def _cells(words: Words) -> tuple[Cell, ...]:
    """Return the cohorts that a cluster is in, the finest first."""
    facts = dict(zip(FACTS, words, strict=True))
    return tuple((rung, tuple(facts[name] for name in names)) for rung, names in enumerate(LADDER))


def _cuts(shared: Mapping[tuple[Cell | None, Cell | None], int]) -> Iterator[int]:
    """Yield the smallest cut of each connected part, as far as it is below k."""
    graph: dict[object, Counter[object]] = defaultdict(Counter)
    for (before, after), count in shared.items():
        one = _OUTSIDE if before is None else ("then", before)
        other = _OUTSIDE if after is None else ("now", after)
        if one != other:
            graph[one][other] += count
            graph[other][one] += count
    _contract(graph)
    while graph:
        part = _component(graph)
        if len(part) > 1:
            yield _smallest_cut({node: Counter(graph[node]) for node in part})
        for node in part:
            del graph[node]


def _contract(graph: dict[object, Counter[object]]) -> None:
    """Make one of each two nodes with k edges between them: no cut below k parts these."""
    waiting = [(one, other) for one in graph for other in graph[one]]
    while waiting:
        one, other = waiting.pop()
        if one in graph and graph[one].get(other, 0) >= LEAST_CONTRIBUTORS:
            waiting += [(one, third) for third in _merge(graph, one, other)]


def _merge(graph: dict[object, Counter[object]], one: object, other: object) -> list[object]:
    moved = graph.pop(other)
    del graph[one][other], moved[one]
    for third, count in moved.items():
        del graph[third][other]
        graph[one][third] += count
        graph[third][one] += count
    return list(moved)


def _component(graph: Mapping[object, Counter[object]]) -> set[object]:
    start = next(iter(graph))
    found, waiting = {start}, [start]
    while waiting:
        for other in graph[waiting.pop()]:
            if other not in found:
                found.add(other)
                waiting.append(other)
    return found


def _smallest_cut(graph: dict[object, Counter[object]]) -> int:
    """Return the size of the smallest cut of a connected graph of two nodes or more."""
    smallest = 1 << 30
    while len(graph) > 1:
        last = before = next(iter(graph))
        weights = Counter(graph[last])
        order = {last}
        while len(order) < len(graph):
            before, last = last, max((node for node in graph if node not in order), key=lambda node: weights[node])
            order.add(last)
            weights.update({node: count for node, count in graph[last].items() if node not in order})
        smallest = min(smallest, graph[last].total())
        if before in graph[last]:
            _merge(graph, before, last)
        else:
            _join(graph, before, last)
    return smallest


def _join(graph: dict[object, Counter[object]], one: object, other: object) -> None:
    """Make one of two nodes without an edge."""
    for third, count in graph.pop(other).items():
        del graph[third][other]
        graph[one][third] += count
        graph[third][one] += count
