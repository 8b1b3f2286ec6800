"""The utilization probe: what of CPU, memory, disks and network is in use for a while, and what is left.

It is the local half of cost efficiency: what is always left over is paid for in vain. Each sample of the window is one
of its rounds; neighboring samples are alike, so that the intervals hold for this window, not for another hour.
"""

import math
import os
import time
from collections.abc import Sequence

import psutil
from pydantic import Field

from probes import counters
from probes.counters import Machine, Reading
from probes.errors import InvalidRequest
from probes.measure.metric import Description, from_rates
from probes.measure.result import Better, Facts, Metric, PhaseKind
from probes.measure.stability import MINIMUM_ROUNDS, Flag, FlagCode
from probes.measure.units import Unit, format_seconds, parse_duration
from probes.options import read_option
from probes.probe import Context, Measurement, Plan, Probe, Profile, Spec
from probes.repeat import repeat

_SHORTEST_SECONDS, _LONGEST_SECONDS = 0.1, 3600.0
_SAMPLE_SECONDS = 1.0
# The kernel counts CPU time in ticks; where one is more than this share of a sample, the sample is coarse.
_COARSE = 0.1

_WINDOWS = {Profile.QUICK: 3.0, Profile.STANDARD: 30.0, Profile.THOROUGH: 120.0}

# Name -> title, unit, better, in the order of the table.
_METRICS = {
    "cpu_used": ("CPU in use", Unit.RATIO, Better.NEITHER),
    "cpu_headroom": ("CPU headroom, cores", Unit.COUNT, Better.NEITHER),
    "cpu_throttled": ("periods throttled by the CPU limit", Unit.RATIO, Better.LOWER),
    "run_queue": ("threads running or waiting for a CPU", Unit.COUNT, Better.LOWER),
    "memory_used": ("memory in use", Unit.RATIO, Better.NEITHER),
    "memory_headroom": ("memory headroom", Unit.BYTES, Better.NEITHER),
    "disk_busy": ("time the busiest disk was busy", Unit.RATIO, Better.LOWER),
    "disk_read": ("read from disks", Unit.BYTES_PER_SECOND, Better.NEITHER),
    "disk_written": ("written to disks", Unit.BYTES_PER_SECOND, Better.NEITHER),
    "network_received": ("received from the network", Unit.BITS_PER_SECOND, Better.NEITHER),
    "network_sent": ("sent to the network", Unit.BITS_PER_SECOND, Better.NEITHER),
    "link_used": ("use of the busiest link", Unit.RATIO, Better.LOWER),
    "pressure_cpu_some": ("time some thread waited for a CPU", Unit.RATIO, Better.LOWER),
    "pressure_io_some": ("time some thread waited for I/O", Unit.RATIO, Better.LOWER),
    "pressure_io_full": ("time all threads waited for I/O", Unit.RATIO, Better.LOWER),
    "pressure_memory_some": ("time some thread waited for memory", Unit.RATIO, Better.LOWER),
    "pressure_memory_full": ("time all threads waited for memory", Unit.RATIO, Better.LOWER),
}


class UtilizationSpec(Spec):
    """For how long to look."""

    duration_seconds: float = Field(ge=_SHORTEST_SECONDS, le=_LONGEST_SECONDS)

    @property
    def samples(self) -> int:
        """One a second, and never too few for an interval."""
        return max(MINIMUM_ROUNDS, math.ceil(self.duration_seconds / _SAMPLE_SECONDS))

    @property
    def sample_seconds(self) -> float:
        """The length of a sample."""
        return self.duration_seconds / self.samples


def specify(profile: Profile, options: dict[str, object]) -> UtilizationSpec:
    """Read `duration`, the length of the window. Raises InvalidRequest."""
    seconds = read_option(options, "duration", parse_duration) or _WINDOWS[profile]
    if not _SHORTEST_SECONDS <= seconds <= _LONGEST_SECONDS:
        shortest, longest = format_seconds(_SHORTEST_SECONDS), format_seconds(_LONGEST_SECONDS)
        raise InvalidRequest(f"--duration {options['duration']} is out of bounds: give {shortest} to {longest}")
    return UtilizationSpec(profile=profile, duration_seconds=seconds)


def plan(spec: UtilizationSpec) -> Plan:
    """Nothing but reading."""
    return Plan(seconds=spec.duration_seconds, intentions=("read the kernel's counters, and nothing else",))


def check(_spec: UtilizationSpec) -> Facts:
    """Tell what can be read here."""
    return counters.survey().facts


def measure(spec: UtilizationSpec, context: Context) -> Measurement:
    """Measure. What this machine does not tell is absent, with the reason among the facts."""
    with context.phase("survey", PhaseKind.PREPARE):
        machine = counters.survey()
    with context.phase("window"):
        samples = repeat(
            _Window(machine, spec.sample_seconds).sample,
            minimum=spec.samples,
            maximum=spec.samples,
            enough=lambda _samples: True,
            remaining_seconds=context.remaining_seconds,
        )
    conditions: Facts = {"sample_seconds": spec.sample_seconds}
    return Measurement(
        metrics=tuple(_metric(name, conditions, samples) for name in _METRICS if name in samples[0]),
        facts=machine.facts | _headroom(samples) | _load(),
        tools={"psutil": psutil.__version__},
        flags=(*_coarse(spec), *_budget_flags(len(samples), spec.samples)),
    )


class _Window:
    """Samples that follow one another without a gap, at instants that don't drift."""

    def __init__(self, machine: Machine, sample_seconds: float) -> None:
        self._machine = machine
        self._sample_seconds = sample_seconds
        self._last: Reading = counters.read(machine)
        self._next_seconds = self._last.monotonic_seconds

    def sample(self) -> dict[str, float]:
        """Wait for the next instant; return what was in use since the last."""
        self._next_seconds += self._sample_seconds
        if self._next_seconds <= self._last.monotonic_seconds:
            # A machine that was too busy to wake us in time gets a whole sample again.
            self._next_seconds = self._last.monotonic_seconds + self._sample_seconds
        time.sleep(max(0.0, self._next_seconds - time.monotonic()))
        before, self._last = self._last, counters.read(self._machine)
        return counters.between(before, self._last, self._machine)


def _metric(name: str, conditions: Facts, samples: Sequence[dict[str, float]]) -> Metric:
    title, unit, better = _METRICS[name]
    description = Description(name=name, title=title, unit=unit, better=better, conditions=conditions)
    return from_rates(description, [each[name] for each in samples if name in each])


def _headroom(samples: Sequence[dict[str, float]]) -> Facts:
    """The least that was left in any sample: what could be spared without anything having missed it."""
    return {
        "cpu_headroom_cores": min(each["cpu_headroom"] for each in samples),
        "memory_headroom_bytes": int(min(each["memory_headroom"] for each in samples)),
    }


def _load() -> Facts:
    return dict(zip(("load_average_1m", "load_average_5m", "load_average_15m"), os.getloadavg(), strict=True))


def _coarse(spec: UtilizationSpec) -> tuple[Flag, ...]:
    tick_seconds = 1 / os.sysconf("SC_CLK_TCK")
    if tick_seconds <= _COARSE * spec.sample_seconds:
        return ()
    reason = (
        f"a sample of {format_seconds(spec.sample_seconds)} holds few of the kernel's ticks of "
        f"{format_seconds(tick_seconds)}: shares of the CPU are coarse"
    )
    return (Flag(code=FlagCode.INDICATIVE, reason=reason),)


def _budget_flags(samples: int, wanted: int) -> tuple[Flag, ...]:
    if samples >= wanted:
        return ()
    reason = f"the time was spent after {samples} of {wanted} samples: this machine is too busy to be looked at in time"
    return (Flag(code=FlagCode.BUDGET_SPENT, reason=reason),)


PROBE = Probe(spec=specify, plan=plan, check=check, measure=measure, wants_idle_machine=False)
