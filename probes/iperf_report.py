"""What libiperf says of a test, in our units. Pure: JSON text in, a record or an error out."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from probes.errors import ToolFailed

_BUSY = "server is busy"
_AWAY = ("Connection refused", "Connection reset")


class ServerBusy(ToolFailed):
    """An iperf3 server serves one test at a time, and this one has another client: ask again in a while."""


class ServerAway(ToolFailed):
    """Nobody listened: an iperf3 server closes its port after each client and opens it anew, so ask again at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One test. Throughput is the receiver's: what the sender counts may never have arrived."""

    version: str
    """Of this side's libiperf, such as `3.12`."""
    bits_per_second: float
    byte_count: int
    """What the receiver counted."""
    seconds: float
    """How long the receiver counted."""
    block_bytes: int
    """What one write hands to the kernel: for UDP the datagram's payload."""
    local_cpu: float
    """CPU time of the client's process over elapsed time; 1 is one core."""
    remote_cpu: float
    retransmits: int | None
    """Segments that the sender sent again; None for UDP and where the sender's kernel does not tell."""
    congestion_control: str | None
    """The sender's; None for UDP and where libiperf does not tell."""
    jitter_ns: float | None
    """UDP: the running mean of RFC 3550, section 6.4.1, as it stood at the end. None for TCP."""
    loss: float | None
    """UDP: the share of datagrams missing between the first and the last that arrived. None for TCP."""


def parse(text: str) -> Report:
    """Read the JSON of a client (libiperf ≥ 3.1).

    Raises ServerBusy or ServerAway, or ToolFailed with libiperf's own words, for a test that failed; ToolFailed for
    anything that is not such JSON, and for a test in which nothing arrived.
    """
    try:
        document = json.loads(text)
        error = document.get("error")
        if error is None:
            return _report(document)
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        # Not the text itself: it names hosts, and reasons are part of a result.
        raise ToolFailed(f"libiperf's report can't be read ({fault!r}): is it version 3.7 or later?") from fault
    if _BUSY in str(error):
        raise ServerBusy("the iperf3 server is busy with another client: try again once it has finished")
    kind = ServerAway if any(words in str(error) for words in _AWAY) else ToolFailed
    raise kind(f"the iperf3 test failed: {error}: is it an iperf3 server, and is it still running?")


def _report(document: Mapping[str, Any]) -> Report:
    end, settings = document["end"], document["start"]["test_start"]
    udp = settings["protocol"] == "UDP"
    # Before 3.11 a UDP report has one sum only, which is the receiver's.
    received = end.get("sum_received", end.get("sum")) if udp else end["sum_received"]
    cpu = end["cpu_utilization_percent"]
    if received["bytes"] == 0 or received.get("packets") == 0:
        raise ToolFailed("nothing arrived in a whole iperf3 test: is a firewall dropping the data?")
    return Report(
        version=document["start"]["version"].removeprefix("iperf "),
        bits_per_second=float(received["bits_per_second"]),
        byte_count=received["bytes"],
        seconds=float(received["seconds"]),
        block_bytes=settings["blksize"],
        local_cpu=cpu["host_total"] / 100,
        remote_cpu=cpu["remote_total"] / 100,
        retransmits=None if udp else end["sum_sent"].get("retransmits"),
        congestion_control=end.get("sender_tcp_congestion"),
        jitter_ns=received["jitter_ms"] * 1e6 if udp else None,
        loss=received["lost_packets"] / received["packets"] if udp else None,
    )
