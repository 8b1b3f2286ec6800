"""The startup probe: how long this machine takes to start a process, an interpreter, and a service that answers.

Everything is started again and again, so that programs and libraries are in the page cache: a cold start would need
root to empty that, and would slow down everybody else on the machine.
"""

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic

import numpy as np

from probes import spawn
from probes.errors import InvalidRequest
from probes.measure.histogram import FloatArray
from probes.measure.metric import Description, from_samples
from probes.measure.result import Better, Facts, Metric, PhaseKind
from probes.measure.stability import MINIMUM_ROUNDS, Flag, FlagCode, narrow_enough
from probes.measure.units import Unit
from probes.probe import Context, Measurement, Plan, Probe, Profile, Spec
from probes.repeat import calibrate, repeat

# Shares of a round: the slower the start, the more time for as many of them.
_PROGRAM_SHARE, _INTERPRETER_SHARE, _SERVICE_SHARE = 0.15, 0.35, 0.5
# More starts a round would only repeat themselves: a round has its median, and all rounds together their p99.
_MOST_STARTS = 300
# Half-width of the interval of each median at which a thorough run has seen enough.
_NARROW = 0.02


class StartupSpec(Spec):
    """For how long to measure."""

    round_seconds: float
    """About the length of a round; less where the number of starts reaches its bound."""
    minimum_rounds: int
    maximum_rounds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counts:
    """How often a round starts each."""

    programs: int
    interpreters: int
    services: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    """What one round brought: nanoseconds, one a start, in order."""

    exec_ns: FloatArray
    process_ns: FloatArray
    interpreter_ns: FloatArray
    service_ns: FloatArray


# Length of a round in seconds, fewest and most rounds: 4 s, half a minute and up to 2 min in all.
_PROFILES = {
    Profile.QUICK: (0.5, MINIMUM_ROUNDS, MINIMUM_ROUNDS),
    Profile.STANDARD: (2.7, 10, 10),
    Profile.THOROUGH: (4.0, 10, 30),
}


def specify(profile: Profile, options: dict[str, object]) -> StartupSpec:
    """Fill in the profile's defaults. Raises InvalidRequest for any option: there are none."""
    if options:
        raise InvalidRequest(f"startup takes no options, so that {', '.join(sorted(options))} means nothing to it")
    seconds, minimum, maximum = _PROFILES[profile]
    return StartupSpec(profile=profile, round_seconds=seconds, minimum_rounds=minimum, maximum_rounds=maximum)


def plan(spec: StartupSpec) -> Plan:
    """Tell what will be started."""
    rounds = (spec.minimum_rounds + spec.maximum_rounds) / 2
    return Plan(
        # Calibration and warm-up together take about as long as one round.
        seconds=(rounds + 1) * spec.round_seconds,
        intentions=("start echo, Python, and TCP services on free ports of 127.0.0.1, one after another",),
    )


def check(_spec: StartupSpec) -> Facts:
    """Start each kind once. Raises Unavailable where one can't be."""
    program = spawn.native_program()
    spawn.start_program(program)
    spawn.start_interpreter()
    spawn.start_service()
    return _facts(program)


def measure(spec: StartupSpec, context: Context) -> Measurement:
    """Measure. Raises Unavailable where a program can't be started, and ToolFailed where one does not do its work."""
    program = spawn.native_program()
    with context.phase("calibration", PhaseKind.PREPARE):
        counts = _calibrated(program, spec.round_seconds)
    with context.phase("warm-up", PhaseKind.WARM_UP):
        _round(program, _Counts(programs=1, interpreters=1, services=1))
    with context.phase("starts"):
        rounds = repeat(
            partial(_round, program, counts),
            minimum=spec.minimum_rounds,
            maximum=spec.maximum_rounds,
            enough=_enough,
            remaining_seconds=context.remaining_seconds,
        )
    return Measurement(
        metrics=_metrics(rounds),
        facts=_facts(program),
        tools={"python": platform.python_version()},
        flags=_budget_flags(len(rounds), spec.minimum_rounds),
    )


def _calibrated(program: str, round_seconds: float) -> _Counts:
    return _Counts(
        programs=_count_for(_PROGRAM_SHARE * round_seconds, partial(spawn.start_program, program)),
        interpreters=_count_for(_INTERPRETER_SHARE * round_seconds, spawn.start_interpreter),
        services=_count_for(_SERVICE_SHARE * round_seconds, spawn.start_service),
    )


def _count_for(seconds: float, start: Callable[[], object]) -> int:
    def run(count: int) -> float:
        begin = monotonic()
        for _ in range(count):
            start()
        return monotonic() - begin

    return calibrate(run, target_seconds=seconds, upper_bound=_MOST_STARTS)


def _round(program: str, counts: _Counts) -> _Round:
    programs = np.array([spawn.start_program(program) for _ in range(counts.programs)])
    return _Round(
        exec_ns=programs[:, 0],
        process_ns=programs[:, 1],
        interpreter_ns=np.array([spawn.start_interpreter() for _ in range(counts.interpreters)]),
        service_ns=np.array([spawn.start_service() for _ in range(counts.services)]),
    )


def _series(rounds: Sequence[_Round]) -> dict[str, list[FloatArray]]:
    """The samples of all rounds by the name of their metric."""
    return {
        "exec": [each.exec_ns for each in rounds],
        "process_start": [each.process_ns for each in rounds],
        "interpreter_start": [each.interpreter_ns for each in rounds],
        "service_start": [each.service_ns for each in rounds],
    }


def _enough(rounds: Sequence[_Round]) -> bool:
    return all(
        narrow_enough([float(np.median(samples)) for samples in series], _NARROW) for series in _series(rounds).values()
    )


def _metrics(rounds: Sequence[_Round]) -> tuple[Metric, ...]:
    native: Facts = {"page_cache": "warm", "program": "echo"}
    interpreted: Facts = {"page_cache": "warm", "program": f"python {platform.python_version()}"}
    kinds = {
        "exec": ("spawn until exec", native),
        "process_start": ("spawn until a native program's first byte", native),
        "interpreter_start": ("spawn until Python's first instruction", interpreted),
        "service_start": ("spawn until a TCP service's first answer", interpreted),
    }
    return tuple(
        from_samples(
            Description(
                name=name,
                title=kinds[name][0],
                unit=Unit.NANOSECONDS,
                better=Better.LOWER,
                conditions=kinds[name][1],
            ),
            samples,
        )
        for name, samples in _series(rounds).items()
    )


def _facts(program: str) -> Facts:
    """What was started: in small images echo is a part of busybox, which is another program."""
    return {"page_cache": "warm", "native_program": Path(program).resolve().name}


def _budget_flags(rounds: int, wanted: int) -> tuple[Flag, ...]:
    if rounds >= wanted:
        return ()
    reason = f"the time was spent after {rounds} of {wanted} rounds: starts are slower than planned for"
    return (Flag(code=FlagCode.BUDGET_SPENT, reason=reason),)


PROBE = Probe(spec=specify, plan=plan, check=check, measure=measure)
