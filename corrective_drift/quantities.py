"""What the values of a metric or a field are: unit, and which direction is the good one. Pure.

Of fields the table of fields says the unit. The wire names metrics and has none; `probes` and `jobs` are where theirs
come from.
"""

import re

from agent.levels import Level
from agent.wire.fields import TABLE
from probes.measure.result import Better
from probes.measure.units import Unit

# Of the metrics of a probe, the first whose part is found in the name.
_UNITS = {
    "dns": (("failure_ratio", Unit.RATIO), ("", Unit.NANOSECONDS)),
    "latency": (("", Unit.NANOSECONDS),),
    "startup": (("", Unit.NANOSECONDS),),
    "storage": (
        ("iops", Unit.OPERATIONS_PER_SECOND),
        ("throughput", Unit.BYTES_PER_SECOND),
        ("", Unit.NANOSECONDS),
    ),
    "throughput": (
        ("cpu_", Unit.RATIO),
        ("retransmits", Unit.COUNT),
        ("jitter", Unit.NANOSECONDS),
        ("loss", Unit.RATIO),
        ("", Unit.BITS_PER_SECOND),
    ),
    "utilization": (
        ("memory_headroom", Unit.BYTES),
        ("memory_largest_headroom", Unit.BYTES),
        ("headroom", Unit.COUNT),
        ("run_queue", Unit.COUNT),
        ("disk_read", Unit.BYTES_PER_SECOND),
        ("disk_written", Unit.BYTES_PER_SECOND),
        ("network_", Unit.BITS_PER_SECOND),
        ("", Unit.RATIO),
    ),
}
_MERITS = {
    Unit.NANOSECONDS: Better.LOWER,
    Unit.OPERATIONS_PER_SECOND: Better.HIGHER,
    Unit.BYTES_PER_SECOND: Better.HIGHER,
    Unit.BITS_PER_SECOND: Better.HIGHER,
}
# Counted in pieces that the name of the field names.
_SILENT = frozenset({"objects", "cells", "each metric's own", "nodes", "minor versions"})
_AFTER = {field.name: field.unit for field in TABLE if field.unit not in _SILENT}
_LOWER = re.compile(
    r"dns\..*failure_ratio|throughput\.(retransmits|udp_loss)"
    r"|utilization\.(cpu_throttled|disk_busy|link_used|pressure_.*|run_queue)"
)


def unit_of(metric: str) -> Unit:
    """Return the unit of a metric on a logarithmic scale."""
    probe, _, name = metric.partition(".")
    # Of what is no probe's metric, only shares have such a scale: `usage`.
    return next((unit for part, unit in _UNITS.get(probe, ()) if part in name), Unit.RATIO)


def unit_after(name: str) -> str:
    """Return the words that stand after a range of a field, such as `cores`; empty where its name says all."""
    return _AFTER.get(name.removeprefix(f"{Level.MINIMAL}."), "")


def better_of(metric: str) -> Better:
    """Return which direction of a metric is the good one."""
    if _LOWER.fullmatch(metric):
        return Better.LOWER
    if metric.partition(".")[0] not in _UNITS or metric.startswith("utilization."):
        return Better.NEITHER
    return _MERITS.get(unit_of(metric), Better.NEITHER)
