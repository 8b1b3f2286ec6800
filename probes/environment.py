"""The machine of a run: facts about it, and whether it kept still while a probe measured.

What is told is allow-listed: no host name, no address, no user, no serial number.
"""

import os
import platform
import resource
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from probes import cgroup, procfs
from probes.cgroup import NO_THROTTLING, Throttling
from probes.errors import Unavailable
from probes.measure.result import Facts, Scalar
from probes.measure.stability import Flag, FlagCode, judge_cpu
from probes.procfs import CpuTimes

# Others may take this share from a measurement that needs all CPUs. The interval of a median is called wide from the
# same share on: a difference between two runs could be theirs.
_INTERFERENCE_SHARE = 0.10
# ntpd steps the clock from 0.128 s on, systemd-timesyncd from 0.4 s; below that they slew, at 500 ppm at most (ntpd(8),
# adjtimex(2)). The two clocks are read one after another, which costs milliseconds when something comes between.
_CLOCK_STEP_SECONDS = 0.1
_CLOCK_SLEW = 500e-6
# Where container runtimes leave a mark, in this order: a pod's container may have Docker's mark too.
_CONTAINER_MARKS = (
    ("kubernetes", "/var/run/secrets/kubernetes.io"),
    ("podman", "/run/.containerenv"),
    ("docker", "/.dockerenv"),
)
_CLOCK_SOURCE = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
_GOVERNOR = "/sys/devices/system/cpu/cpu{}/cpufreq/scaling_governor"


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuSnapshot:
    """What the clocks and the kernel's counters showed at one instant; only differences of two mean anything."""

    monotonic_seconds: float
    wall_seconds: float
    throttling: Throttling
    cpus: Mapping[int, CpuTimes]
    usable: frozenset[int]
    """The CPUs that this process may run on."""
    own_seconds: float
    """CPU time of this process and all below it, living or reaped."""
    cpu_pressure_seconds: float | None
    """How long any thread of the machine has waited for a CPU; None where the kernel does not tell."""


def describe() -> Facts:
    """Return the facts about this machine that a result depends on; what can't be found out is absent."""
    usable = sorted(os.sched_getaffinity(0))
    memory_bytes = psutil.virtual_memory().total
    cpuinfo = _read("/proc/cpuinfo") or ""
    facts: dict[str, Scalar | None] = {
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "cpu_model": parse_cpu_model(cpuinfo),
        "cpus_usable": len(usable),
        "cpu_governor": _read(_GOVERNOR.format(usable[0])),
        "memory_bytes": memory_bytes,
        "virtualization": _virtualization(cpuinfo),
        "machine_model": _machine_model(),
        "container": next((name for name, mark in _CONTAINER_MARKS if Path(mark).exists()), "none seen"),
        "clock_source": _read(_CLOCK_SOURCE),
        "python": platform.python_version(),
    }
    return {name: value for name, value in (facts | _group_facts(memory_bytes)).items() if value is not None}


def snapshot(*, monotonic: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time) -> CpuSnapshot:
    """Read clocks and counters; a few milliseconds of work."""
    group = cgroup.find("cpu")
    pressure = None
    with suppress(Unavailable):
        pressure = procfs.read_pressures()["cpu", "some"]
    return CpuSnapshot(
        throttling=cgroup.throttling(group) if group else NO_THROTTLING,
        usable=frozenset(os.sched_getaffinity(0)),
        cpu_pressure_seconds=pressure,
        own_seconds=_own_seconds(),
        cpus=procfs.read_stat().cpus,
        monotonic_seconds=monotonic(),
        wall_seconds=wall(),
    )


def doubts(before: CpuSnapshot, after: CpuSnapshot, *, wants_idle_machine: bool = True) -> tuple[Flag, ...]:
    """Return what happened to the CPU and the clocks between two snapshots that a reader must know.

    What other processes took is only told where the measurement `wants_idle_machine`.
    """
    elapsed_seconds = after.monotonic_seconds - before.monotonic_seconds
    # A CPU can go offline in between.
    cpus = before.usable & before.cpus.keys() & after.cpus.keys()
    withheld = judge_cpu(
        throttled_periods=after.throttling.throttled_periods - before.throttling.throttled_periods,
        throttled_seconds=after.throttling.seconds - before.throttling.seconds,
        stolen_seconds=sum(after.cpus[cpu].stolen - before.cpus[cpu].stolen for cpu in cpus),
        wall_seconds=elapsed_seconds,
        cpus=len(cpus),
    )
    interference = _interference(before, after, cpus, elapsed_seconds) if wants_idle_machine else None
    others = (interference, _clock_step(before, after, elapsed_seconds))
    return (*withheld, *(flag for flag in others if flag is not None))


def parse_cpu_model(cpuinfo: str) -> str | None:
    """Return the model's name from the text of /proc/cpuinfo; None where it has none, as on most ARM machines."""
    lines = (line.partition(":") for line in cpuinfo.splitlines())
    return next((value.strip() for key, _, value in lines if key.strip() == "model name"), None)


def _group_facts(memory_bytes: int) -> dict[str, Scalar | None]:
    cpu, memory = cgroup.find("cpu"), cgroup.find("memory")
    cores = cgroup.tightest(cgroup.cpu_limits(cpu)) if cpu else None
    most_bytes = cgroup.tightest(cgroup.memory_limits(memory, physical_bytes=memory_bytes)) if memory else None
    return {
        "cgroup_version": cpu.version if cpu else None,
        "cgroup_cpu_limit_cores": cores.amount if cores else None,
        "cgroup_memory_limit_bytes": int(most_bytes.amount) if most_bytes else None,
    }


def _virtualization(cpuinfo: str) -> str:
    """The hypervisor's kind as far as an unprivileged process can see it; x86 CPUs have a flag for being virtual."""
    named = _read("/sys/hypervisor/type")
    if named is not None:
        return named
    flags = next((line.split() for line in cpuinfo.splitlines() if line.startswith("flags")), [])
    return "virtual machine" if "hypervisor" in flags else "none seen"


def _machine_model(directory: str = "/sys/class/dmi/id") -> str | None:
    """Vendor and product, which in a cloud often name the type of instance."""
    words = [_read(f"{directory}/{name}") for name in ("sys_vendor", "product_name")]
    return " ".join(word for word in words if word) or None


def _own_seconds() -> float:
    usages = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    seconds = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            times = child.cpu_times()
            seconds += times.user + times.system + times.children_user + times.children_system
    return seconds


def _interference(before: CpuSnapshot, after: CpuSnapshot, cpus: frozenset[int], elapsed_seconds: float) -> Flag | None:
    """Compare the time of all processes on our CPUs with our own. Interrupts are left out: most are our own work."""
    total_seconds = sum(after.cpus[cpu].processes - before.cpus[cpu].processes for cpu in cpus)
    share = (total_seconds - (after.own_seconds - before.own_seconds)) / max(elapsed_seconds * len(cpus), 1e-9)
    if share <= _INTERFERENCE_SHARE:
        return None
    waited = ""
    if before.cpu_pressure_seconds is not None and after.cpu_pressure_seconds is not None:
        waiting_share = (after.cpu_pressure_seconds - before.cpu_pressure_seconds) / elapsed_seconds
        waited = f", and {min(waiting_share, 1.0):.0%} of the time some thread waited for a CPU"
    reason = (
        f"other processes used {min(share, 1.0):.0%} of the CPU time (limit {_INTERFERENCE_SHARE:.0%}){waited}: "
        "measure on an idle machine"
    )
    return Flag(code=FlagCode.INTERFERENCE, reason=reason)


def _clock_step(before: CpuSnapshot, after: CpuSnapshot, elapsed_seconds: float) -> Flag | None:
    step_seconds = after.wall_seconds - before.wall_seconds - elapsed_seconds
    if abs(step_seconds) <= _CLOCK_STEP_SECONDS + _CLOCK_SLEW * elapsed_seconds:
        return None
    reason = (
        f"the wall clock moved by {step_seconds:+.2f} s against the monotonic one (it was set, or the machine slept): "
        "durations are monotonic and hold, the time of the run may be wrong"
    )
    return Flag(code=FlagCode.CLOCK_UNCERTAIN, reason=reason)


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip() or None
    except OSError:
        return None
