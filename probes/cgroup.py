"""The control groups that this process is in, versions 1 and 2: their limits and what they have used.

Every ancestor's limit holds, so that the tightest counts. In a container only the levels that are mounted can be seen.
Files: cgroup-v2.rst, cgroup-v1/memory.rst and scheduler/sched-bwc.rst of the kernel's documentation.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Our place in one controller's hierarchy."""

    version: int
    levels: tuple[Path, ...]
    """The directories of our own group and of each visible ancestor, in this order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What one level may use at most."""

    amount: float
    """Cores, or bytes."""
    level: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttling:
    """How often and how long a CPU limit held a group back, since the group began."""

    periods: int
    """In which the group had work to do; mostly of 100 ms each."""
    throttled_periods: int
    seconds: float
    """Summed over CPUs."""


NO_THROTTLING = Throttling(periods=0, throttled_periods=0, seconds=0.0)


def find(controller: str) -> Group | None:
    """Return our place under `controller` (cpu, cpuacct, memory); None where no such hierarchy is mounted."""
    membership = _text(Path("/proc/self/cgroup"))
    mounts = _text(Path("/proc/self/mountinfo"))
    return None if membership is None or mounts is None else locate(controller, membership, mounts)


def locate(controller: str, membership: str, mounts: str) -> Group | None:
    """Find our place from the texts of /proc/self/cgroup and /proc/self/mountinfo (cgroups(7), proc(5))."""
    entries = [line.split(":", 2) for line in membership.splitlines()]
    legacy = next((path for _, names, path in entries if controller in names.split(",")), None)
    unified = next((path for number, names, path in entries if number == "0" and not names), None)
    own = legacy if legacy is not None else unified
    for line in mounts.splitlines():
        first, _, second = line.partition(" - ")
        root, mount_point = first.split(" ")[3:5]
        kind, _, options = second.split(" ", 2)
        wanted = kind == "cgroup" and controller in options.split(",") if legacy is not None else kind == "cgroup2"
        if wanted and own is not None:
            return Group(version=2 if legacy is None else 1, levels=_levels(Path(mount_point), own, root))
    return None


def cpu_limits(group: Group) -> list[Limit]:
    """Return the limits in cores of all levels that have one."""
    return _limits(group, _cpu_limit_v2 if group.version == 2 else _cpu_limit_v1)


def memory_limits(group: Group, *, physical_bytes: int) -> list[Limit]:
    """Return the limits in bytes of all levels that have one; one of all `physical_bytes` or more is none."""
    name = "memory.max" if group.version == 2 else "memory.limit_in_bytes"
    limits = _limits(group, lambda level: _whole_number(level / name))
    return [limit for limit in limits if limit.amount < physical_bytes]


def tightest(limits: Iterable[Limit]) -> Limit | None:
    """Return the smallest of `limits`; None where there is none."""
    return min(limits, key=lambda limit: limit.amount, default=None)


def throttling(group: Group) -> Throttling:
    """Return the throttling of all levels together: each counts only what its own limit caused."""
    stats = [_flat_keyed(level / "cpu.stat") for level in group.levels]
    return Throttling(
        periods=sum(stat.get("nr_periods", 0) for stat in stats),
        throttled_periods=sum(stat.get("nr_throttled", 0) for stat in stats),
        seconds=sum(stat.get("throttled_usec", 0) / 1e6 + stat.get("throttled_time", 0) / 1e9 for stat in stats),
    )


def cpu_used_seconds(level: Path, version: int) -> float | None:
    """Return the CPU time of a level of `cpu` (version 2) or `cpuacct` (version 1); None where it can't be read."""
    if version == 2:
        microseconds = _flat_keyed(level / "cpu.stat").get("usage_usec")
        return None if microseconds is None else microseconds / 1e6
    nanoseconds = _whole_number(level / "cpuacct.usage")
    return None if nanoseconds is None else nanoseconds / 1e9


def memory_used_bytes(level: Path, version: int) -> int | None:
    """Return what can't be reclaimed at once: usage less inactive file pages, as the kubelet counts; None if untold."""
    names = {1: ("memory.usage_in_bytes", "total_inactive_file"), 2: ("memory.current", "inactive_file")}
    usage, cached = names[version]
    used = _whole_number(level / usage)
    return None if used is None else max(0, used - _flat_keyed(level / "memory.stat").get(cached, 0))


def _levels(mount_point: Path, own: str, root: str) -> tuple[Path, ...]:
    """All directories from our group up to the mount point. `root` is the group that is mounted there.

    A group outside of what is mounted (`/../…`, or another path than `root`) can't be seen: the mount point stands in.
    """
    path, top = PurePosixPath(own), PurePosixPath(root)
    inside = path.is_relative_to(top) and ".." not in path.parts
    directory = mount_point / path.relative_to(top) if inside else mount_point
    return (directory, *(parent for parent in directory.parents if parent.is_relative_to(mount_point)))


def _limits(group: Group, read: Callable[[Path], float | None]) -> list[Limit]:
    amounts = ((read(level), level) for level in group.levels)
    return [Limit(amount=amount, level=level) for amount, level in amounts if amount is not None]


def _cpu_limit_v1(level: Path) -> float | None:
    quota, period = _whole_number(level / "cpu.cfs_quota_us"), _whole_number(level / "cpu.cfs_period_us")
    return quota / period if quota and period and quota > 0 else None


def _cpu_limit_v2(level: Path) -> float | None:
    quota, _, period = (_text(level / "cpu.max") or "max").partition(" ")
    return None if quota.strip() == "max" else int(quota) / int(period)


def _whole_number(path: Path) -> int | None:
    text = (_text(path) or "").strip()
    return int(text) if text.removeprefix("-").isdecimal() else None


def _flat_keyed(path: Path) -> dict[str, int]:
    """A file of lines `key value`; empty where it can't be read."""
    fields = (line.split() for line in (_text(path) or "").splitlines())
    return {key: int(value) for key, value in fields}


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return None
