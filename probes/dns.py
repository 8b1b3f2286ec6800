"""The DNS probe: how long names take to look up through the machine's own resolver, and how often that fails.

What is called is getaddrinfo(3), as applications do: with the hosts file, search domains and caches of this machine. A
round looks each name up in several fresh processes, first once (cold) and then again and again (repeated).
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from pydantic import Field

from probes import lookup, resolver
from probes.errors import InvalidRequest
from probes.lookup import Lookup, Outcome
from probes.measure.histogram import FloatArray
from probes.measure.metric import Description, from_rates, from_samples
from probes.measure.result import Better, Facts, Metric
from probes.measure.stability import Flag, FlagCode, narrow_enough
from probes.measure.units import Unit
from probes.probe import Context, Measurement, Plan, Probe, Profile, Spec
from probes.repeat import repeat

# `localhost` never leaves a machine, so that it shows what is not the network's. `example.com` exists for such use
# (RFC 2606): to ask for it tells nobody anything.
_DEFAULT_NAMES = ("localhost", "example.com")
_MOST_NAMES = 16
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_LONGEST_NAME = 253
# Half-width of the interval of each median at which a thorough run has seen enough.
_NARROW = 0.05
# Resolvers limit their clients: one that let 25 look-ups through at once and 20 a second from then on, and was silent
# to all others, was seen. To measure such a limit is not the aim, and faster would be rude.
_PAUSE_SECONDS = 0.05
# Nobody is asked for `localhost`; the pause only keeps its look-ups from being hotter in the CPU's caches than others.
_LOCAL_PAUSE_SECONDS = 0.01
# Start and end of a process for look-ups, seen on two busy CPUs.
_PROCESS_SECONDS = 0.04
# How much longer than planned slow answers, or a slow machine, may make it: in all this much, at least so many seconds.
_PATIENCE, _PATIENCE_SECONDS = 1.25, 0.7

LookUp = Callable[..., list[Lookup]]


class DnsSpec(Spec):
    """What to look up, and how often."""

    names: tuple[str, ...]
    """In ASCII. They stand here alone: metrics and facts call them by their number."""
    deadline_seconds: float = Field(gt=0)
    """When a look-up is given up."""
    processes: int
    """How many fresh processes a round has for each name."""
    lookups: int
    """How often at most each of them looks the name up."""
    minimum_rounds: int
    maximum_rounds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pace:
    deadline_seconds: float
    processes: int
    lookups: int
    minimum_rounds: int
    maximum_rounds: int


# Quick must end within 3 s even where nothing answers. Standard waits long enough to see a second server answer after
# glibc's 5 s for the first, thorough for both attempts at a single one. The repeated look-ups of a name are enough for
# a p90 (quick), a p99 (standard) and, in all rounds, a p99.9 (thorough).
_PACES = {
    Profile.QUICK: _Pace(deadline_seconds=1.0, processes=1, lookups=6, minimum_rounds=6, maximum_rounds=6),
    Profile.STANDARD: _Pace(deadline_seconds=6.0, processes=3, lookups=12, minimum_rounds=10, maximum_rounds=10),
    Profile.THOROUGH: _Pace(deadline_seconds=12.0, processes=5, lookups=21, minimum_rounds=10, maximum_rounds=30),
}


@dataclass(slots=True)
class _Lookups:
    """All look-ups of one name in one round."""

    cold: list[Lookup] = field(default_factory=list)
    repeated: list[Lookup] = field(default_factory=list)

    @property
    def everything(self) -> list[Lookup]:
        return self.cold + self.repeated


def specify(profile: Profile, options: dict[str, object]) -> DnsSpec:
    """Read `names`, a list or a text with commas. Raises InvalidRequest for what can't be a host's name."""
    given = options.get("names", _DEFAULT_NAMES)
    texts = given.split(",") if isinstance(given, str) else given
    if not isinstance(texts, list | tuple):
        raise InvalidRequest(f"names to look up must be a list or a text with commas, unlike {given!r:.40}")
    names = tuple(dict.fromkeys(parse_name(str(text)) for text in texts))
    if not 1 <= len(names) <= _MOST_NAMES:
        raise InvalidRequest(f"{len(names)} names to look up: give 1 to {_MOST_NAMES}")
    pace = _PACES[profile]
    return DnsSpec(
        profile=profile,
        names=names,
        deadline_seconds=pace.deadline_seconds,
        processes=pace.processes,
        lookups=pace.lookups,
        minimum_rounds=pace.minimum_rounds,
        maximum_rounds=pace.maximum_rounds,
    )


def parse_name(text: str) -> str:
    """Return the name as DNS has it, in lower case ASCII. Raises InvalidRequest."""
    given = text.strip()
    try:
        name = given.encode("idna").decode("ascii").lower()
    except UnicodeError as error:
        raise InvalidRequest(f"{given!r:.80} is not a host's name: it can't be written in DNS") from error
    labels = name.removesuffix(".").split(".")
    if len(name) > _LONGEST_NAME or not all(_LABEL.fullmatch(label) for label in labels):
        raise InvalidRequest(f"{given!r:.80} is not a host's name: give one such as example.com")
    # An address is not looked up at all; getaddrinfo takes `127.1` and `0x7f000001` for addresses too (inet_aton(3)).
    if re.fullmatch(r"\d+|0x[0-9a-f]*", labels[-1]):
        raise InvalidRequest(f"{given!r:.80} is an address, which nothing looks up: give a name")
    return name


def kind_of_name(name: str) -> str:
    """Tell what decides how a name is looked up (resolv.conf(5), RFC 6761)."""
    if name.removesuffix(".").rsplit(".", 1)[-1] == "localhost":
        return "localhost"
    if name.endswith("."):
        return "absolute"
    return "several labels" if "." in name else "single label"


def plan(spec: DnsSpec) -> Plan:
    """Tell how many names will be looked up, and how often."""
    rounds = (spec.minimum_rounds + spec.maximum_rounds) / 2
    process_seconds = sum(_PROCESS_SECONDS + (spec.lookups - 1) * _pause_seconds(name) for name in spec.names)
    often = spec.maximum_rounds * spec.processes * spec.lookups
    return Plan(
        seconds=rounds * spec.processes * process_seconds,
        intentions=(f"ask this machine's resolver for {', '.join(spec.names)}, up to {often} times each",),
    )


def check(_spec: DnsSpec) -> Facts:
    """Tell how this machine looks names up. A resolver that does not answer is a result, not an obstacle."""
    return resolver.describe()


def measure(spec: DnsSpec, context: Context, *, look_up: LookUp = lookup.look_up) -> Measurement:
    """Measure. Look-ups that fail are counted and timed apart; raises ToolFailed where no process can look up."""
    # Whatever the budget: a resolver that is dead must not cost much more time than one that answers.
    reserve_seconds = max(0.0, context.remaining_seconds() - _longest_seconds(spec))
    with context.phase("look-ups"):
        rounds = repeat(
            partial(_round, spec, look_up),
            minimum=spec.minimum_rounds,
            maximum=spec.maximum_rounds,
            enough=_enough,
            remaining_seconds=lambda: max(0.0, context.remaining_seconds() - reserve_seconds),
        )
    metrics: list[Metric] = []
    facts = resolver.describe()
    for index, name in enumerate(spec.names):
        of_name = [each[index] for each in rounds]
        metrics += _metrics(f"name_{index + 1}", kind_of_name(name), spec, of_name)
        for outcome, count in sorted(_failures(of_name).items()):
            facts[f"name_{index + 1}_{outcome.value}"] = count
    return Measurement(metrics=tuple(metrics), facts=facts, flags=_budget_flags(len(rounds), spec))


def _longest_seconds(spec: DnsSpec) -> float:
    planned_seconds = plan(spec).seconds
    return max(_PATIENCE * planned_seconds, planned_seconds + _PATIENCE_SECONDS)


def _pause_seconds(name: str) -> float:
    return _LOCAL_PAUSE_SECONDS if kind_of_name(name) == "localhost" else _PAUSE_SECONDS


def _round(spec: DnsSpec, look_up: LookUp) -> list[_Lookups]:
    return [_look_up_in_processes(name, spec, look_up) for name in spec.names]


def _look_up_in_processes(name: str, spec: DnsSpec, look_up: LookUp) -> _Lookups:
    """A name that times out is not asked for again in this round: the next would cost a whole deadline too."""
    found = _Lookups()
    for _ in range(spec.processes):
        first, *others = look_up(
            name,
            count=spec.lookups,
            deadline_seconds=spec.deadline_seconds,
            pause_seconds=_pause_seconds(name),
        )
        found.cold.append(first)
        found.repeated += others
        if (others or [first])[-1].outcome is Outcome.TIMEOUT:
            break
    return found


def _enough(rounds: Sequence[list[_Lookups]]) -> bool:
    """Whether the repeated look-ups of each name that is found at all are known well enough."""
    series = [
        [float(np.median(times)) for each in rounds if (times := _times(each[index].repeated, found=True)).size]
        for index in range(len(rounds[0]))
    ]
    return all(not medians or narrow_enough(medians, _NARROW) for medians in series)


def _times(lookups: Sequence[Lookup], *, found: bool) -> FloatArray:
    return np.array([each.duration_ns for each in lookups if (each.outcome is Outcome.FOUND) == found])


def _failures(rounds: Sequence[_Lookups]) -> Counter[Outcome]:
    outcomes = Counter(each.outcome for part in rounds for each in part.everything)
    del outcomes[Outcome.FOUND]
    return outcomes


def _metrics(label: str, kind: str, spec: DnsSpec, rounds: Sequence[_Lookups]) -> list[Metric]:
    conditions: Facts = {"name_kind": kind, "family": "any", "deadline_seconds": spec.deadline_seconds}
    flags = _failure_flags(label, rounds)
    times = (
        ("cold", "cold look-up", [_times(each.cold, found=True) for each in rounds]),
        ("repeated", "repeated look-up", [_times(each.repeated, found=True) for each in rounds]),
        ("failed", "failed look-up", [_times(each.everything, found=False) for each in rounds]),
    )
    metrics = [
        from_samples(
            Description(
                name=f"{label}_{name}",
                title=f"{_spoken(label)} ({kind}), {title}",
                unit=Unit.NANOSECONDS,
                better=Better.LOWER,
                conditions=conditions,
            ),
            samples,
        )
        for name, title, samples in times
        if any(part.size for part in samples)
    ]
    metrics.append(_failure_ratio(label, kind, conditions, rounds))
    return [metric.model_copy(update={"flags": metric.flags + flags}) for metric in metrics]


def _failure_ratio(label: str, kind: str, conditions: Facts, rounds: Sequence[_Lookups]) -> Metric:
    description = Description(
        name=f"{label}_failure_ratio",
        title=f"{_spoken(label)} ({kind}), failures",
        unit=Unit.RATIO,
        better=Better.LOWER,
        conditions=conditions,
    )
    return from_rates(description, [_failures([each]).total() / len(each.everything) for each in rounds])


def _failure_flags(label: str, rounds: Sequence[_Lookups]) -> tuple[Flag, ...]:
    failures = _failures(rounds)
    if not failures:
        return ()
    total = sum(len(each.everything) for each in rounds)
    kinds = ", ".join(f"{count} × {outcome.value.replace('_', ' ')}" for outcome, count in failures.most_common())
    censored = "; a timeout counts with the time waited, the least it would have taken" * (Outcome.TIMEOUT in failures)
    reason = f"{failures.total()} of {total} look-ups of {_spoken(label)} failed: {kinds}{censored}"
    return (Flag(code=FlagCode.FAILURES, reason=reason),)


def _budget_flags(rounds: int, spec: DnsSpec) -> tuple[Flag, ...]:
    if rounds >= spec.minimum_rounds:
        return ()
    reason = f"the time was spent after {rounds} of {spec.minimum_rounds} rounds: look-ups are slower than planned for"
    return (Flag(code=FlagCode.BUDGET_SPENT, reason=reason),)


def _spoken(label: str) -> str:
    return label.replace("_", " ")


PROBE = Probe(spec=specify, plan=plan, check=check, measure=measure)
