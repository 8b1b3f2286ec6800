"""What of this machine is in use: one reading of all counters, and what two readings say about the time in between.

A disk or an interface counts once: what is made of others (partitions, RAID, device mapper, bridges, the host's ends of
containers' links) is left out wherever hardware can be told from it.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from probes import cgroup, procfs
from probes.cgroup import NO_THROTTLING, Group, Limit, Throttling
from probes.errors import Unavailable
from probes.measure.result import Facts
from probes.procfs import CpuTimes, Pressures, Stat


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What can be read here, found out once."""

    cpus: frozenset[int]
    """By their numbers in /proc/stat: those that this process may run on, or all, where it numbers them on its own."""
    cpu_group: Group | None
    cpu_limits: tuple[Limit, ...]
    memory_group: Group | None
    memory_limits: tuple[Limit, ...]
    disks: frozenset[str]
    links: Mapping[str, int]
    """The speed in bit/s of each interface; 0 where its driver does not tell."""
    pressure: bool
    facts: Facts
    """How much there is of all that, and why something is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """All counters at one instant."""

    monotonic_seconds: float
    own_seconds: float
    """CPU time of this process."""
    stat: Stat
    group_seconds: Mapping[Path, float]
    """CPU time of each level of control groups that has a limit, where it is told."""
    throttling: Throttling
    memory_used_share: float
    memory_headroom_bytes: int
    """What the machine has available, and what the limits leave: the least of it."""
    disks: Mapping[str, tuple[float, int, int]]
    """Seconds busy, bytes read, bytes written."""
    interfaces: Mapping[str, tuple[int, int]]
    """Bytes received, bytes sent."""
    pressures: Pressures
    """Empty where the kernel tells none."""


def survey() -> Machine:
    """Find out what there is to be read."""
    cpu_group, memory_group = cgroup.find("cpu"), cgroup.find("memory")
    total_bytes = psutil.virtual_memory().total
    cpu_limits = cgroup.cpu_limits(cpu_group) if cpu_group else []
    memory_limits = cgroup.memory_limits(memory_group, physical_bytes=total_bytes) if memory_group else []
    disks = hardware(Path("/sys/block"), psutil.disk_io_counters(perdisk=True) or {})
    links = _links()
    cpus, renumbered = _cpus(procfs.read_stat(), frozenset(os.sched_getaffinity(0)))
    pressure, missing = _pressure()
    facts: Facts = {
        "cpu_limit": "set" if cpu_limits else "none",
        "memory_limit": "set" if memory_limits else "none",
        "disks": len(disks),
        "interfaces": len(links),
        "link_speed": "known" if links and all(links.values()) else "not told by the driver",
    }
    return Machine(
        cpus=cpus,
        cpu_group=cpu_group,
        cpu_limits=tuple(cpu_limits),
        memory_group=memory_group,
        memory_limits=tuple(memory_limits),
        disks=disks,
        links=links,
        pressure=pressure,
        facts=facts | renumbered | missing,
    )


def read(machine: Machine) -> Reading:
    """Read all counters; a few milliseconds of work."""
    memory = psutil.virtual_memory()
    disks = psutil.disk_io_counters(perdisk=True) or {}
    interfaces = psutil.net_io_counters(pernic=True)
    return Reading(
        monotonic_seconds=time.monotonic(),
        own_seconds=time.process_time(),
        stat=procfs.read_stat(),
        group_seconds=_group_seconds(machine),
        throttling=cgroup.throttling(machine.cpu_group) if machine.cpu_group else NO_THROTTLING,
        memory_used_share=1 - memory.available / memory.total,
        memory_headroom_bytes=min(memory.available, *_left_bytes(machine), memory.total),
        disks={
            name: (disks[name].busy_time / 1e3, disks[name].read_bytes, disks[name].write_bytes)
            for name in machine.disks & disks.keys()
        },
        interfaces={
            name: (interfaces[name].bytes_recv, interfaces[name].bytes_sent)
            for name in machine.links.keys() & interfaces.keys()
        },
        pressures=procfs.read_pressures() if machine.pressure else {},
    )


def between(before: Reading, after: Reading, machine: Machine) -> dict[str, float]:
    """Return what was in use between two readings, by the name of the metric; what can't be told is absent.

    The probe's own CPU time counts as idle.
    """
    seconds = after.monotonic_seconds - before.monotonic_seconds
    return (
        _cpu(before, after, machine, seconds)
        | {"memory_used": after.memory_used_share, "memory_headroom": float(after.memory_headroom_bytes)}
        | _disk(before, after, seconds)
        | _network(before, after, machine, seconds)
        | {
            # The kernel may bring a total up to date only after the instant at which it was read before.
            f"pressure_{resource}_{kind}": min(1.0, (total - before.pressures[resource, kind]) / seconds)
            for (resource, kind), total in after.pressures.items()
        }
    )


def hardware(directory: Path, names: Mapping[str, object]) -> frozenset[str]:
    """Return those of `names` that have a device below them, by `directory` of sysfs."""
    return frozenset(name for name in names if (directory / name / "device").exists())


def _cpus(stat: Stat, allowed: frozenset[int]) -> tuple[frozenset[int], Facts]:
    """A container's own /proc/stat (lxcfs) shows the CPUs that it may use, and numbers them from zero."""
    shown = frozenset(stat.cpus)
    if allowed <= shown:
        return allowed, {}
    return shown, {"cpus": "all that /proc/stat shows, since it does not number them as the scheduler does"}


def _links() -> dict[str, int]:
    """All interfaces of hardware; where there are none, as in a container, all but the loopback one."""
    up = {name: facts for name, facts in psutil.net_if_stats().items() if facts.isup and "loopback" not in facts.flags}
    chosen = hardware(Path("/sys/class/net"), up) or up.keys()
    return {name: up[name].speed * 1_000_000 for name in chosen}


def _pressure() -> tuple[bool, Facts]:
    try:
        procfs.read_pressures()
    except Unavailable as error:
        return False, {"pressure": str(error)}
    return True, {}


def _group_seconds(machine: Machine) -> dict[Path, float]:
    group = machine.cpu_group
    seconds = {
        limit.level: cgroup.cpu_used_seconds(limit.level, group.version) for limit in machine.cpu_limits if group
    }
    return {level: used for level, used in seconds.items() if used is not None}


def _left_bytes(machine: Machine) -> list[int]:
    group = machine.memory_group
    used = [(limit, cgroup.memory_used_bytes(limit.level, group.version)) for limit in machine.memory_limits if group]
    return [max(0, int(limit.amount) - occupied) for limit, occupied in used if occupied is not None]


def _cpu(before: Reading, after: Reading, machine: Machine, seconds: float) -> dict[str, float]:
    cpus = machine.cpus & before.stat.cpus.keys() & after.stat.cpus.keys()
    own_cores = (after.own_seconds - before.own_seconds) / seconds
    idle_seconds = sum(after.stat.cpus[cpu].idle - before.stat.cpus[cpu].idle for cpu in cpus)
    all_seconds = sum(_total(after.stat.cpus[cpu]) - _total(before.stat.cpus[cpu]) for cpu in cpus)
    # The kernel counts in ticks: between two readings there may be none, and of an idle CPU it may tell one too many.
    idle_share = min(1.0, max(0.0, idle_seconds) / all_seconds) if all_seconds > 0 else 1.0
    idle_cores = min(float(len(cpus)), idle_share * len(cpus) + own_cores)
    left = [
        limit.amount - (after.group_seconds[limit.level] - before.group_seconds[limit.level]) / seconds + own_cores
        for limit in machine.cpu_limits
        if limit.level in before.group_seconds and limit.level in after.group_seconds
    ]
    values = {
        "cpu_used": 1 - idle_cores / len(cpus),
        "cpu_headroom": max(0.0, min([idle_cores, *left])),
        "run_queue": float(max(0, after.stat.runnable - 1)),
    }
    if machine.cpu_limits:
        periods = after.throttling.periods - before.throttling.periods
        throttled = after.throttling.throttled_periods - before.throttling.throttled_periods
        values["cpu_throttled"] = throttled / periods if periods else 0.0
    return values


def _total(times: CpuTimes) -> float:
    return times.processes + times.interrupts + times.stolen + times.idle


def _disk(before: Reading, after: Reading, seconds: float) -> dict[str, float]:
    names = before.disks.keys() & after.disks.keys()
    if not names:
        return {}
    changes = [[new - old for old, new in zip(before.disks[name], after.disks[name], strict=True)] for name in names]
    return {
        "disk_busy": min(1.0, max(busy for busy, _, _ in changes) / seconds),
        "disk_read": sum(read_bytes for _, read_bytes, _ in changes) / seconds,
        "disk_written": sum(written for _, _, written in changes) / seconds,
    }


def _network(before: Reading, after: Reading, machine: Machine, seconds: float) -> dict[str, float]:
    names = before.interfaces.keys() & after.interfaces.keys()
    if not names:
        return {}
    rates = {
        name: [
            8 * (new - old) / seconds for old, new in zip(before.interfaces[name], after.interfaces[name], strict=True)
        ]
        for name in names
    }
    values = {
        "network_received": sum(received for received, _ in rates.values()),
        "network_sent": sum(sent for _, sent in rates.values()),
    }
    shares = [max(rates[name]) / machine.links[name] for name in names if machine.links[name]]
    return values | ({"link_used": max(shares)} if shares else {})
