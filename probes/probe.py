"""What a probe is: a specification, a plan that can be read before anything happens, and a function that measures."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

from probes.measure.record import Record
from probes.measure.result import Facts, Metric, Phase, PhaseKind
from probes.measure.stability import Flag


class Profile(StrEnum):
    """How thoroughly to measure."""

    QUICK = "quick"
    STANDARD = "standard"
    THOROUGH = "thorough"


class Spec(Record):
    """What a probe is asked to do; each probe has its own subclass, whose defaults depend on the profile."""

    profile: Profile = Profile.QUICK


S = TypeVar("S", bound=Spec)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a probe is about to do, told before it does it."""

    seconds: float
    """Expected duration."""
    intentions: tuple[str, ...] = ()
    """What it will write, listen on or connect to; one sentence each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What a probe found; the runner adds the phases, the cost and the environment."""

    metrics: tuple[Metric, ...]
    facts: Facts = field(default_factory=dict)
    tools: dict[str, str] = field(default_factory=dict)
    flags: tuple[Flag, ...] = ()


class Context:
    """What a measuring probe has of its surroundings: it opens phases, and asks how much of its time is left."""

    def __init__(
        self,
        *,
        budget_seconds: float,
        on_phase: Callable[[str, PhaseKind], None] = lambda _name, _kind: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._start = clock()
        self._on_phase = on_phase
        self._budget_seconds = budget_seconds
        self._phases: list[Phase] = []

    @contextmanager
    def phase(self, name: str, kind: PhaseKind = PhaseKind.MEASURE) -> Iterator[None]:
        """Record the enclosed stretch of time and announce it. Phases follow one another; they don't nest."""
        self._on_phase(name, kind)
        begin = self._clock()
        try:
            yield
        finally:
            end = self._clock()
            self._phases.append(
                Phase(name=name, kind=kind, start_seconds=begin - self._start, duration_seconds=end - begin)
            )

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The phases so far."""
        return tuple(self._phases)

    def remaining_seconds(self) -> float:
        """What is left of the budget; not above it, and zero once it is spent."""
        return max(0.0, self._budget_seconds - (self._clock() - self._start))


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe(Generic[S]):
    """One probe, as its file offers it."""

    spec: Callable[[Profile, dict[str, object]], S]
    """Fill in a profile's defaults around the options the user gave; raises InvalidRequest."""
    plan: Callable[[S], Plan]
    """Pure: what `measure` would do."""
    check: Callable[[S], Facts]
    """Look, within a second or two, whether `measure` can work here and what it would use; raises Unavailable."""
    measure: Callable[[S, Context], Measurement]
    """Measure; raises Unavailable with the reason where it can't."""
    wants_idle_machine: bool = True
    """Whether what other processes do disturbs the measurement; False where it is what is measured."""
