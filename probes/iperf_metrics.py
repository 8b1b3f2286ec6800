"""From the reports of rounds of iperf3 tests to metrics. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from probes.iperf_report import Report
from probes.measure.metric import Description, from_rates
from probes.measure.result import Better, Facts, Metric
from probes.measure.stability import Flag, FlagCode
from probes.measure.units import Unit

# libiperf's release notes: from 3.16 on, each stream has a thread of its own.
_FIRST_WITH_THREADS = (3, 16)
_GIB = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A kind of TCP test."""

    direction: str
    """`send` or `receive`, as seen from here."""
    streams: int

    @property
    def name(self) -> str:
        """The name of its metric."""
        return f"{self.direction}_{self.streams}_{self._streams}"

    @property
    def title(self) -> str:
        """For people."""
        return f"TCP {self.direction}, {self.streams} {self._streams}"

    @property
    def _streams(self) -> str:
        return "stream" if self.streams == 1 else "streams"


FLOWS = tuple(Flow(direction=direction, streams=streams) for streams in (1, 8) for direction in ("send", "receive"))
UDP = "udp"
Round = Mapping[str, Report]
"""The report of each test of a round, by the name of its flow, or `udp`."""


def rates(flow: Flow, rounds: Sequence[Round]) -> list[float]:
    """Return what the receiver got in each round, in bit/s."""
    return [reports[flow.name].bits_per_second for reports in rounds]


def tcp_metrics(rounds: Sequence[Round], common: Facts) -> tuple[Metric, ...]:
    """Return the throughput of each flow and what it cost, under the conditions that all tests have in `common`."""
    return (
        *(_throughput(flow, rounds, common) for flow in FLOWS),
        *_retransmits(rounds, common),
        *_cpu(rounds, common),
    )


def udp_metrics(rounds: Sequence[Round], common: Facts, rate_bits_per_second: int) -> tuple[Metric, ...]:
    """Return jitter and loss of the datagrams sent at a rate. Raises KeyError where the rounds have no UDP test."""
    reports = [reports[UDP] for reports in rounds]
    conditions = common | {
        "protocol": "udp",
        "direction": "send",
        "streams": 1,
        "rate_bits_per_second": rate_bits_per_second,
        "block_bytes": reports[0].block_bytes,
    }
    jitter = Description(
        name="udp_jitter", title="UDP jitter", unit=Unit.NANOSECONDS, better=Better.LOWER, conditions=conditions
    )
    loss = Description(name="udp_loss", title="UDP loss", unit=Unit.RATIO, better=Better.LOWER, conditions=conditions)
    return (
        from_rates(jitter, [report.jitter_ns for report in reports if report.jitter_ns is not None]),
        from_rates(loss, [report.loss for report in reports if report.loss is not None]),
    )


def _throughput(flow: Flow, rounds: Sequence[Round], common: Facts) -> Metric:
    first = rounds[0][flow.name]
    conditions = common | {
        "protocol": "tcp",
        "direction": flow.direction,
        "streams": flow.streams,
        "block_bytes": first.block_bytes,
    }
    if first.congestion_control is not None:
        conditions["congestion_control"] = first.congestion_control
    described = Description(
        name=flow.name, title=flow.title, unit=Unit.BITS_PER_SECOND, better=Better.HIGHER, conditions=conditions
    )
    metric = from_rates(described, rates(flow, rounds))
    return metric.model_copy(update={"flags": (*metric.flags, *_one_thread(flow, first.version))})


def _retransmits(rounds: Sequence[Round], common: Facts) -> tuple[Metric, ...]:
    """Over all flows of a round together: they are rare, and a ratio of few tells nothing. None where not all tell."""
    described = Description(
        name="retransmits",
        title="TCP segments sent again, per GiB",
        unit=Unit.COUNT,
        better=Better.LOWER,
        conditions=common | _ALL_FLOWS,
    )
    values = []
    for reports in map(_tcp_reports, rounds):
        counts = [report.retransmits for report in reports if report.retransmits is not None]
        if len(counts) < len(reports):
            return ()
        values.append(sum(counts) / (sum(report.byte_count for report in reports) / _GIB))
    return (from_rates(described, values),)


def _cpu(rounds: Sequence[Round], common: Facts) -> tuple[Metric, ...]:
    """CPU time over elapsed time, over all flows of a round together."""
    values: dict[str, list[float]] = {"local": [], "remote": []}
    for reports in map(_tcp_reports, rounds):
        seconds = sum(report.seconds for report in reports)
        values["local"].append(sum(report.local_cpu * report.seconds for report in reports) / seconds)
        values["remote"].append(sum(report.remote_cpu * report.seconds for report in reports) / seconds)
    return tuple(
        from_rates(
            Description(
                name=f"cpu_{end}",
                title=f"CPU of the {end} end during TCP",
                unit=Unit.RATIO,
                better=Better.NEITHER,
                conditions=common | _ALL_FLOWS,
            ),
            of_rounds,
        )
        for end, of_rounds in values.items()
    )


_ALL_FLOWS: Facts = {"protocol": "tcp", "direction": "send and receive", "streams": "1 and 8"}


def _tcp_reports(reports: Round) -> list[Report]:
    return [reports[flow.name] for flow in FLOWS]


def _one_thread(flow: Flow, version: str) -> tuple[Flag, ...]:
    """Several streams share one core in an old libiperf. The version of the other end is not told."""
    match = re.match(r"(\d+)\.(\d+)", version)
    if flow.streams == 1 or match is None or (int(match[1]), int(match[2])) >= _FIRST_WITH_THREADS:
        return ()
    reason = (
        f"libiperf {version} serves all {flow.streams} streams in one thread: one core may be the limit, "
        "not the network (3.16 and later use a thread for each)"
    )
    return (Flag(code=FlagCode.TOOL_LIMIT, reason=reason),)
