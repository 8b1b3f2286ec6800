"""What the kernel counts since boot, from its text files: proc_stat(5), and psi.rst of the kernel's documentation."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from probes.errors import Unavailable

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
# Of `full` for the CPU psi.rst says that it is undefined for the whole machine: it is always zero.
PRESSURES = (("cpu", "some"), ("io", "some"), ("io", "full"), ("memory", "some"), ("memory", "full"))

Pressures = Mapping[tuple[str, str], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuTimes:
    """How one CPU has spent its time, in seconds."""

    processes: float
    """User, nice and system; time of guests is within user."""
    interrupts: float
    """Hard and soft; they work for whoever caused them, which the kernel does not tell."""
    stolen: float
    """The hypervisor had other things to do."""
    idle: float
    """With or without waiting for a disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat:
    """The part of /proc/stat that matters here."""

    cpus: Mapping[int, CpuTimes]
    """By the number of the CPU; those that are offline are missing."""
    runnable: int
    """Threads that run or wait for a CPU, the reader among them."""


def read_stat() -> Stat:
    """Read /proc/stat."""
    return parse_stat(Path("/proc/stat").read_text(encoding="ascii"))


def parse_stat(text: str) -> Stat:
    """Read the text of /proc/stat."""
    fields = [line.split() for line in text.splitlines() if line]
    cpus = {int(name[3:]): _cpu_times(times) for name, *times in fields if name.startswith("cpu") and name != "cpu"}
    return Stat(cpus=cpus, runnable=next(int(values[0]) for name, *values in fields if name == "procs_running"))


def read_pressures() -> dict[tuple[str, str], float]:
    """Return for each of PRESSURES the seconds stalled since boot. Raises Unavailable where the kernel keeps none."""
    try:
        texts = {resource: Path("/proc/pressure", resource).read_text(encoding="ascii") for resource, _ in PRESSURES}
    except OSError as error:
        raise Unavailable(
            f"the kernel tells no pressure ({error.strerror}): it needs CONFIG_PSI, and psi=1 on its command line"
        ) from error
    totals = {resource: parse_pressure(text) for resource, text in texts.items()}
    return {(resource, kind): totals[resource][kind] for resource, kind in PRESSURES}


def parse_pressure(text: str) -> dict[str, float]:
    """Return the seconds stalled since boot, by `some` and `full`, from a file of /proc/pressure."""
    lines = [line.split() for line in text.splitlines() if line]
    return {kind: int(values[-1].removeprefix("total=")) / 1e6 for kind, *values in lines}


def _cpu_times(ticks: list[str]) -> CpuTimes:
    user, nice, system, idle, iowait, irq, softirq, stolen = (int(value) / _TICKS_PER_SECOND for value in ticks[:8])
    return CpuTimes(processes=user + nice + system, interrupts=irq + softirq, stolen=stolen, idle=idle + iowait)
