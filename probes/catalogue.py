"""The one table of what can be measured. A probe's module is imported only when it is asked for."""

import difflib
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from probes.errors import InvalidRequest
from probes.probe import Probe


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of the catalogue."""

    name: str
    title: str
    needs: str
    """What must be installed or reachable, in words."""
    options: tuple[str, ...]
    """The options of the command line that mean something to it."""


CATALOGUE = {
    line.name: line
    for line in (
        Entry(
            name="storage",
            title="IOPS, throughput, latency and fsync of a directory's disk",
            needs="fio",
            options=("path", "size", "duration"),
        ),
        Entry(
            name="latency",
            title="TCP request/response and connection set-up",
            needs="nothing",
            options=("server", "rate", "duration"),
        ),
        Entry(
            name="throughput",
            title="TCP and UDP throughput, retransmits, jitter, loss",
            needs="libiperf",
            options=("server", "duration"),
        ),
        Entry(
            name="dns",
            title="look-up time through the machine's own resolver",
            needs="nothing",
            options=("names",),
        ),
        Entry(
            name="startup",
            title="start of a process, and of a small TCP service",
            needs="nothing",
            options=(),
        ),
        Entry(
            name="utilization",
            title="CPU, memory, disk and network in use, pressure, headroom",
            needs="nothing",
            options=("duration",),
        ),
    )
}


def entry(name: str) -> Entry:
    """Return the line of this name. Raises InvalidRequest for an unknown one and suggests the nearest."""
    if name not in CATALOGUE:
        near = difflib.get_close_matches(name, CATALOGUE, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(CATALOGUE)}"
        raise InvalidRequest(f"there is no probe {name!r}: {hint}")
    return CATALOGUE[name]


def load(name: str) -> Probe[Any]:
    """Import the probe of this name. Raises InvalidRequest for an unknown one."""
    probe: Probe[Any] = import_module(f"probes.{entry(name).name}").PROBE
    return probe
