"""Collects: reads each list once for all collectors that want it, and lets each make its facts.

What one of them lacks (a permission, an API, an answer in time) costs the facts that need it, and is told as the
collector's status. So does an error in a collector's own code: its kind is kept, never its text, which could quote what
was read.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from agent.collect.cluster import CLUSTER
from agent.collect.collector import Collector, Counted, Findings, Lenient, Want
from agent.collect.nodes import NODES_COLLECTOR
from agent.collect.platform import PLATFORM
from agent.collect.policies import POLICIES
from agent.collect.usage import USAGE
from agent.collect.workloads import WORKLOADS
from agent.kube.scan import NO_ANSWER, Kind, Problem, ScanFailed, Tally
from agent.levels import DataType, Level
from agent.wire.facts import Facts, Raw

R = TypeVar("R")
T = TypeVar("T", bound=Tally[Any])

COLLECTORS = (CLUSTER, NODES_COLLECTOR, WORKLOADS, USAGE, PLATFORM, POLICIES)
_OK = "ok"


class Source(Protocol):
    """What is asked of a cluster, as `agent.kube.scan.KubeScan` answers it. Every method raises ScanFailed."""

    def version(self) -> str:
        """Return the server's version."""

    def groups(self) -> frozenset[str]:
        """Return the names of the API's groups."""

    def count(self, kind: Kind[Any]) -> int:
        """Return how many objects of a kind there are."""

    def fold(self, kind: Kind[Any], start: Callable[[], T]) -> T:
        """Feed all objects of a kind to what `start` returns, and return that."""


def _tell_nobody(_collector: str, _objects: int) -> None:
    """Be told how many objects a collector has left out, where nobody wants to know."""


def gather(
    source: Source,
    *,
    level: Level,
    data_types: Collection[DataType],
    on_unreadable: Callable[[str, int], None] = _tell_nobody,
) -> Facts:
    """Return what the collectors of a level and some data types find out, and how each of them ended.

    `on_unreadable` is told which of them have left out how many objects, since amounts in them could not be read.
    """
    chosen = [each for each in COLLECTORS if level.includes(each.level) and each.data_type in data_types]
    round_ = _Round(source, level, chosen)
    round_.read()
    subjects: dict[str, Any] = {each.name: round_.facts(each) for each in chosen}
    statuses = {each.name: round_.status(each) for each in chosen}
    for each in chosen:
        if objects := round_.unreadable(each):
            on_unreadable(each.name, objects)
    return Facts(**subjects, statuses=statuses)


class _Round:
    """One collection: what was read so far, and what stood against the rest."""

    def __init__(self, source: Source, level: Level, collectors: Sequence[Collector]) -> None:
        self._source = source
        self._level = level
        self._collectors = collectors
        self._tallies: dict[Want[Any], Any] = {}
        self._counts: dict[Counted, int] = {}
        self._version: str | None = None
        self._groups: frozenset[str] | None = None
        self._problems: dict[object, Problem] = {}
        """What stood against a Want, a Counted, `version`, `groups` or a collector's own code."""

    def read(self) -> None:
        """Read all that the collectors want."""
        if any(each.version for each in self._collectors):
            self._version = self._try(self._source.version, "version")
        if any(each.groups for each in self._collectors):
            self._groups = self._try(self._source.groups, "groups")
        if self._is_away():
            return
        for kind, (wants, counts) in self._by_kind().items():
            if wants:
                self._list(kind, wants, counts)
            else:
                self._count(kind, counts)

    def _is_away(self) -> bool:
        """Whether the server answers neither of the two smallest questions: then it is spared all others."""
        problem = self._problems.get("version")
        if problem is None or not NO_ANSWER.issuperset({problem, self._problems.get("groups")}):
            return False
        for collector in self._collectors:
            self._problems |= dict.fromkeys((*collector.wants, *collector.counts), problem)
        return True

    def facts(self, collector: Collector) -> Raw | None:
        """Return a collector's facts, None where nothing is known."""
        self._look_for_unreadable(collector)
        tallies = {want: tally for want, tally in self._tallies.items() if want not in self._problems}
        findings = Findings(version=self._version, groups=self._groups, tallies=tallies, counts=self._counts)
        try:
            facts = collector.facts(findings)
        except Exception:  # noqa: BLE001 - whatever is wrong with one collector must not cost the others
            self._problems[collector] = Problem.FAILED
            return None
        # Some amounts are not read before they are needed.
        self._look_for_unreadable(collector)
        # A record without a single fact says no more than none.
        return facts if facts != type(facts)() else None

    def status(self, collector: Collector) -> str:
        """Return `ok`, or what stood against the first thing that a collector lacks."""
        needed: list[object] = [collector]
        needed += ["version"] if collector.version else []
        needed += ["groups"] if collector.groups else []
        needed += [*collector.wants, *collector.counts]
        return next((self._problems[each].value for each in needed if each in self._problems), _OK)

    def unreadable(self, collector: Collector) -> int:
        """Return how many objects a collector has left out; known after its facts."""
        return sum(tally.unreadable for _, tally in self._lenient(collector))

    def _look_for_unreadable(self, collector: Collector) -> None:
        """Take a list of which no object could be read for one that could not be read: nothing is no amount of zero."""
        for want, tally in self._lenient(collector):
            if tally.unreadable and tally.is_empty:
                self._problems[want] = Problem.FAILED

    def _lenient(self, collector: Collector) -> Iterator[tuple[Want[Any], Lenient]]:
        for want in collector.wants:
            tally = self._tallies.get(want)
            if isinstance(tally, Lenient):
                yield want, tally

    def _by_kind(self) -> dict[Kind[Any], tuple[list[Want[Any]], list[Counted]]]:
        by_kind: dict[Kind[Any], tuple[list[Want[Any]], list[Counted]]] = {}
        for collector in self._collectors:
            for want in collector.wants:
                if self._level.includes(want.level):
                    by_kind.setdefault(want.kind, ([], []))[0].append(want)
            for counted in collector.counts:
                if self._level.includes(counted.level):
                    by_kind.setdefault(counted.kind, ([], []))[1].append(counted)
        return by_kind

    def _list(self, kind: Kind[Any], wants: list[Want[Any]], counts: list[Counted]) -> None:
        try:
            shared = self._fold(kind, wants)
        except ScanFailed as failure:
            for each in (*wants, *counts):
                if failure.problem is Problem.MISSING_API and isinstance(each, Want) and each.if_served:
                    self._tallies[each] = each.start()
                else:
                    self._problems[each] = failure.problem
            return
        self._tallies |= shared.tallies
        self._problems |= dict.fromkeys(shared.failed, Problem.FAILED)
        self._counts |= dict.fromkeys(counts, shared.count)

    def _fold(self, kind: Kind[Any], wants: list[Want[Any]]) -> "_Shared":
        if self._groups is not None and kind.api.group and kind.api.group not in self._groups:
            raise ScanFailed(Problem.MISSING_API, str(kind))
        return self._source.fold(kind, lambda: _Shared(wants))

    def _count(self, kind: Kind[Any], counts: list[Counted]) -> None:
        number = self._try(lambda: self._source.count(kind), *counts)
        if number is not None:
            self._counts |= dict.fromkeys(counts, number)

    def _try(self, read: Callable[[], R], *wanted: object) -> R | None:
        try:
            return read()
        except ScanFailed as failure:
            self._problems |= dict.fromkeys(wanted, failure.problem)
            return None


class _Shared:
    """What all who want a list keep of it. One whose code fails is left out from there on."""

    def __init__(self, wants: Sequence[Want[Any]]) -> None:
        self.tallies = {want: want.start() for want in wants}
        self.failed: list[Want[Any]] = []
        self.count = 0

    def add(self, objects: Sequence[Any]) -> None:
        self.count += len(objects)
        for want, tally in list(self.tallies.items()):
            try:
                tally.add(objects)
            except Exception:  # noqa: BLE001 - as above
                del self.tallies[want]
                self.failed.append(want)
