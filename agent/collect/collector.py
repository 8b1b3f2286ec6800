"""What a collector is: its level and data type, what it wants read, and how that becomes facts."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from agent.kube.scan import Kind, Tally
from agent.levels import DataType, Level
from agent.wire.facts import Raw

T = TypeVar("T", bound=Tally[Any])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Want(Generic[T]):
    """A list that is wanted, and what is kept of it."""

    kind: Kind[Any]
    start: Callable[[], T]
    """Returns an empty tally."""
    level: Level = Level.MINIMAL
    """Read from this level on."""
    if_served: bool = False
    """Whether a cluster without this API simply has none of it, as with custom resources."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Counted:
    """A kind of which only the number is wanted."""

    kind: Kind[Any]
    level: Level = Level.MINIMAL


class Lenient(ABC):
    """A tally that leaves out objects whose amounts it can't read, and counts them: one must not cost all others."""

    unreadable = 0
    """How many objects were left out."""

    @property
    @abstractmethod
    def is_empty(self) -> bool:
        """Whether there is no object that could be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What was read for a collector. What could not be read is None, or not there."""

    version: str | None = None
    groups: frozenset[str] | None = None
    tallies: Mapping[Want[Any], Any] = field(default_factory=dict)
    counts: Mapping[Counted, int] = field(default_factory=dict)

    def tally(self, want: Want[T]) -> T | None:
        """Return what was kept of a list, None where it was not read."""
        kept: T | None = self.tallies.get(want)
        return kept

    def count(self, counted: Counted) -> int | None:
        """Return how many there are, None where that is not known."""
        return self.counts.get(counted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Collector:
    """One subject's collector."""

    name: str
    """A word of COLLECTORS, and the attribute of Facts that it fills."""
    level: Level
    data_type: DataType
    facts: Callable[[Findings], Raw]
    wants: tuple[Want[Any], ...] = ()
    counts: tuple[Counted, ...] = ()
    version: bool = False
    """Whether the server's version is wanted."""
    groups: bool = False
    """Whether the names of the API's groups are wanted."""

    def reads(self, level: Level) -> frozenset[tuple[str, str]]:
        """Return the kinds that are listed at a level, as pairs of API group and plural."""
        asked: tuple[Want[Any] | Counted, ...] = (*self.wants, *self.counts)
        return frozenset((each.kind.api.group, each.kind.api.plural) for each in asked if level.includes(each.level))
