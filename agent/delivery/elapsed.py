"""Time that only runs forward, over restarts too, whatever is done to the wall clock.

What waits or ages is reckoned in seconds of this time. Within one boot of the machine it follows the kernel's boot
clock, which nobody can set and which all processes share (clock_gettime(2), CLOCK_BOOTTIME). From one boot to the next
only the wall clock can tell; it is believed, but never backwards.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """What tells the time: seams for tests."""

    boot_seconds: Callable[[], float]
    boot: str | None
    """Which boot `boot_seconds` counts from; None where it can't be told: then every start is taken for a new one."""
    wall_seconds: Callable[[], float]
    """Seconds since the epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """One moment on all three clocks; kept, it carries the time over a restart."""

    elapsed_seconds: float
    boot_seconds: float
    boot: str | None
    wall_seconds: float


def system_clock() -> Clock:
    """Return this machine's clocks."""
    try:
        boot = _BOOT_ID.read_text().strip()
    except OSError:
        boot = None

    def boot_seconds() -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    return Clock(boot_seconds=boot_seconds, boot=boot, wall_seconds=time.time)


def beginning(clock: Clock) -> Anchor:
    """Return the anchor of a time that begins now, at 0."""
    return Anchor(
        elapsed_seconds=0, boot_seconds=clock.boot_seconds(), boot=clock.boot, wall_seconds=clock.wall_seconds()
    )


def moved(anchor: Anchor, clock: Clock) -> Anchor:
    """Return the anchor of this moment, reached from an earlier one."""
    boot, wall = clock.boot_seconds(), clock.wall_seconds()
    same_boot = clock.boot is not None and clock.boot == anchor.boot
    passed = boot - anchor.boot_seconds if same_boot else wall - anchor.wall_seconds
    return Anchor(
        elapsed_seconds=anchor.elapsed_seconds + max(0.0, passed),
        boot_seconds=boot,
        boot=clock.boot,
        wall_seconds=wall,
    )


def elapsed(anchor: Anchor, clock: Clock) -> float:
    """Return the seconds of this time; `anchor` must be of this boot, as `moved` returns it."""
    return anchor.elapsed_seconds + max(0.0, clock.boot_seconds() - anchor.boot_seconds)
