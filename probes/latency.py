"""The latency probe: request/response over TCP, closed and open loop, and the setting-up of connections.

A round is one repetition of each kind, so that whatever changes in time changes all of them alike. The server is a
process of its own: on this machine, or `probe serve` on another.
"""

import math
import os
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter_ns

import numpy as np
from pydantic import Field

from probes import echo, peer, roundtrip
from probes.echo import Address, Endpoint
from probes.errors import InvalidRequest
from probes.measure.metric import Description, from_samples
from probes.measure.result import Better, Facts, Metric, PhaseKind
from probes.measure.stability import MINIMUM_ROUNDS, Flag, FlagCode, narrow_enough
from probes.measure.units import Unit, parse_duration
from probes.probe import Context, Measurement, Plan, Probe, Profile, Spec
from probes.repeat import calibrate, repeat
from probes.roundtrip import Samples

_SMALL, _LARGE = 64, 1024
# Shares of a round. The open loop is the slowest to gather samples: its rate is fixed.
_CLOSED_SHARE, _OPEN_SHARE, _CONNECT_SHARE = 0.2, 0.4, 0.2
# Twenty times what a p99.9 of a round would need; more would only cost memory.
_MOST_ROUND_TRIPS = 20_000
# Enough for a p99 of each round (299), few enough not to look like an attack to what guards a network.
_MOST_CONNECTIONS = 1_000
# Far below capacity, so that the answers don't queue behind one another; see `_fitting_rate`.
_USUAL_RATE_PER_SECOND = 1_000.0
_SHARE_OF_CAPACITY = 0.2
_RATE_LIMITS_PER_SECOND = (1.0, 100_000.0)
_ROUND_LIMITS_SECONDS = (0.1, 60.0)
# Half-width of the interval of each median at which a thorough run has seen enough.
_NARROW = 0.02
_OVERHEAD_SECONDS = 1.0


class LatencySpec(Spec):
    """What to measure against, and for how long."""

    server: Address | None = Field(default=None, exclude=True)
    """None: a server on this machine. Kept out of results, which name no host."""
    rate_per_second: float | None = None
    """Of the open loop; None: what fits this machine."""
    round_seconds: float
    """About the length of a round; less where the number of round trips reaches its bound."""
    minimum_rounds: int
    maximum_rounds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Workload:
    """What a round repeats."""

    endpoint: Endpoint
    cpu: int | None
    """Where the client stays; None: wherever the scheduler puts it."""
    round_trips: int
    connections: int
    rate_per_second: float
    requests: int
    """Of the open loop."""


# Length of a round in seconds, fewest and most rounds: 8 s, 1 min and up to 5 min in all.
_PROFILES = {
    Profile.QUICK: (0.75, MINIMUM_ROUNDS, MINIMUM_ROUNDS),
    Profile.STANDARD: (5.0, 10, 10),
    Profile.THOROUGH: (10.0, 10, 28),
}


def specify(profile: Profile, options: dict[str, object]) -> LatencySpec:
    """Fill in the profile's defaults around `server`, `rate` and `duration`. Raises InvalidRequest."""
    seconds, minimum, maximum = _PROFILES[profile]
    server, rate, duration = (options.get(name) for name in ("server", "rate", "duration"))
    return LatencySpec(
        profile=profile,
        server=None if server is None else echo.parse_address(str(server)),
        rate_per_second=None if rate is None else _number("rate", str(rate), float, _RATE_LIMITS_PER_SECOND, "1/s"),
        round_seconds=seconds
        if duration is None
        else _number("duration", str(duration), parse_duration, _ROUND_LIMITS_SECONDS, "s"),
        minimum_rounds=minimum,
        maximum_rounds=maximum,
    )


def plan(spec: LatencySpec) -> Plan:
    """Tell what `measure` would do."""
    intentions = ["listen on a free port of 127.0.0.1 in a process of its own"]
    if spec.server is not None:
        intentions.append(f"connect to port {spec.server.port} of the given server, up to 1000 times a round")
    seconds = spec.round_seconds * (spec.maximum_rounds + 1) + _OVERHEAD_SECONDS
    return Plan(seconds=seconds, intentions=tuple(intentions))


def check(spec: LatencySpec) -> Facts:
    """Tell which peer would answer. Raises Unavailable where none does."""
    if spec.server is not None:
        return {"peer": _peer(echo.find(spec.server))}
    with peer.answering("127.0.0.1", 0):
        return {"peer": "loopback"}


def measure(spec: LatencySpec, context: Context) -> Measurement:
    """Measure. Raises Unavailable where no server answers, or it stops to."""
    cpus = sorted(os.sched_getaffinity(0))
    client_cpu, server_cpu = cpus[0], cpus[min(1, len(cpus) - 1)]
    with context.phase("calibration", PhaseKind.PREPARE):
        remote = None if spec.server is None else echo.find(spec.server)
    with roundtrip.undisturbed(), peer.loopback(server_cpu) as local:
        target = remote or local
        with echo.explained(target.port):
            with context.phase("calibration", PhaseKind.PREPARE):
                floor_ns = _floor_ns(local, client_cpu, spec.round_seconds * _CLOSED_SHARE)
                workload = _calibrated(spec, target, None if remote else client_cpu, floor_ns)
            with context.phase("warm-up", PhaseKind.WARM_UP):
                _round(workload)
            with context.phase("round trips and connections"):
                rounds = repeat(
                    partial(_round, workload),
                    minimum=spec.minimum_rounds,
                    maximum=spec.maximum_rounds,
                    enough=_enough,
                    remaining_seconds=context.remaining_seconds,
                )
            conditions = _conditions(target, None if remote else len(cpus))
    facts: Facts = {"clock_call_ns": roundtrip.clock_call_ns()}
    if remote:
        facts["loopback_floor_ns"] = floor_ns
    return Measurement(
        metrics=_metrics(workload, rounds, conditions),
        facts=facts,
        tools={"python": sys.version.split()[0]},
        flags=_budget_flags(len(rounds), spec.minimum_rounds),
    )


def _number(name: str, text: str, parse: Callable[[str], float], limits: tuple[float, float], unit: str) -> float:
    try:
        value = parse(text)
    except ValueError as error:
        raise InvalidRequest(f"--{name} {text!r} is no {name}: give {limits[0]:g} to {limits[1]:g} {unit}") from error
    if not limits[0] <= value <= limits[1]:
        raise InvalidRequest(f"--{name} {text} is out of bounds: give {limits[0]:g} to {limits[1]:g} {unit}")
    return value


def _floor_ns(local: Endpoint, cpu: int, seconds: float) -> float:
    """The median round trip of 64 bytes within this machine: what no network is part of."""
    with roundtrip.pinned(cpu):
        count = _round_trips_for(local, seconds)
        return float(np.median(_closed(local, _SMALL, count).latencies_ns))


def _calibrated(spec: LatencySpec, endpoint: Endpoint, cpu: int | None, floor_ns: float) -> _Workload:
    rate = spec.rate_per_second or _fitting_rate(1e9 / floor_ns)
    closed_seconds, connect_seconds = spec.round_seconds * _CLOSED_SHARE, spec.round_seconds * _CONNECT_SHARE
    with roundtrip.pinned(cpu):
        return _Workload(
            endpoint=endpoint,
            cpu=cpu,
            round_trips=_round_trips_for(endpoint, closed_seconds),
            connections=_count_for(connect_seconds, _MOST_CONNECTIONS, partial(roundtrip.connect_loop, endpoint)),
            rate_per_second=rate,
            requests=max(1, min(_MOST_ROUND_TRIPS, round(rate * spec.round_seconds * _OPEN_SHARE))),
        )


def _round_trips_for(endpoint: Endpoint, seconds: float) -> int:
    with echo.connected(endpoint, _SMALL) as connection:
        return _count_for(seconds, _MOST_ROUND_TRIPS, partial(roundtrip.closed_loop, connection, _SMALL))


def _count_for(seconds: float, most: int, loop: Callable[[int], object]) -> int:
    def run(count: int) -> float:
        start = perf_counter_ns()
        loop(count)
        return (perf_counter_ns() - start) / 1e9

    return calibrate(run, target_seconds=seconds, upper_bound=most)


def _fitting_rate(capacity_per_second: float) -> float:
    """A fifth of the closed loop's rate on loopback, at most 1000/s, rounded down to 1, 2 or 5 × 10ⁿ.

    Loopback, because the work of both sides is the limit, not the length of the path: requests overlap. Rounded, so
    that two runs of one machine share their conditions.
    """
    rate = max(_RATE_LIMITS_PER_SECOND[0], min(_USUAL_RATE_PER_SECOND, _SHARE_OF_CAPACITY * capacity_per_second))
    power = 10.0 ** math.floor(math.log10(rate))
    return max(step * power for step in (1, 2, 5) if step * power <= rate)


def _closed(endpoint: Endpoint, message_bytes: int, count: int) -> Samples:
    with echo.connected(endpoint, message_bytes) as connection:
        return roundtrip.closed_loop(connection, message_bytes, count)


def _open(endpoint: Endpoint, count: int, rate_per_second: float) -> Samples:
    with echo.connected(endpoint, _SMALL) as connection:
        return roundtrip.open_loop(connection, _SMALL, count, rate_per_second=rate_per_second)


def _round(workload: _Workload) -> dict[str, Samples]:
    """Measure each kind once; by the name of its metric."""
    with roundtrip.pinned(workload.cpu):
        closed_small = _closed(workload.endpoint, _SMALL, workload.round_trips)
        closed_large = _closed(workload.endpoint, _LARGE, workload.round_trips)
        opened = _open(workload.endpoint, workload.requests, workload.rate_per_second)
        connects, exchanges = roundtrip.connect_loop(workload.endpoint, workload.connections)
    return {
        "request_response_64b": closed_small,
        "request_response_1024b": closed_large,
        "open_loop_64b": opened,
        "connect": connects,
        "connect_request_response_64b": exchanges,
    }


def _enough(rounds: Sequence[dict[str, Samples]]) -> bool:
    return all(
        narrow_enough([float(np.median(each[name].latencies_ns)) for each in rounds], _NARROW) for name in rounds[0]
    )


def _conditions(endpoint: Endpoint, cpus: int | None) -> Facts:
    """What all metrics share. `cpus` is how many the two sides had to choose from, None where only one is ours."""
    version = 6 if endpoint.family == socket.AF_INET6 else 4
    placement = "unpinned" if cpus is None else "two CPUs" if cpus > 1 else "one CPU"
    return {"transport": "tcp", "ip_version": version, "peer": _peer(endpoint), "placement": placement}


def _peer(endpoint: Endpoint) -> str:
    with echo.explained(endpoint.port):
        return "loopback" if echo.is_local(endpoint) else "remote"


def _metrics(workload: _Workload, rounds: Sequence[dict[str, Samples]], conditions: Facts) -> tuple[Metric, ...]:
    small: Facts = conditions | {"message_bytes": _SMALL}
    kinds: tuple[tuple[str, str, Facts], ...] = (
        ("request_response_64b", "round trip, 64 B, closed loop", small),
        ("request_response_1024b", "round trip, 1 KiB, closed loop", conditions | {"message_bytes": _LARGE}),
        (
            "open_loop_64b",
            f"round trip, 64 B, open loop at {workload.rate_per_second:g}/s",
            small | {"rate_per_second": workload.rate_per_second},
        ),
        ("connect", "setting up a connection", conditions),
        ("connect_request_response_64b", "connection and first round trip, 64 B", small),
    )
    return tuple(_metric(name, title, held, [each[name] for each in rounds]) for name, title, held in kinds)


def _metric(name: str, title: str, conditions: Facts, rounds: Sequence[Samples]) -> Metric:
    description = Description(name=name, title=title, unit=Unit.NANOSECONDS, better=Better.LOWER, conditions=conditions)
    metric = from_samples(description, [samples.latencies_ns for samples in rounds])
    return metric.model_copy(update={"flags": metric.flags + _failure_flags(rounds)})


def _failure_flags(rounds: Sequence[Samples]) -> tuple[Flag, ...]:
    total = sum(samples.latencies_ns.size for samples in rounds)
    failures, missed = sum(samples.failures for samples in rounds), sum(samples.missed for samples in rounds)
    flags = []
    if failures:
        reason = f"{failures} of {total} requests were given up unanswered; they count with the time they had waited"
        flags.append(Flag(code=FlagCode.FAILURES, reason=reason))
    if missed:
        reason = (
            f"{missed / total:.2%} of the requests were sent a whole interval late or later; their latency counts from "
            "the intended time: lower the rate, or see what kept this machine busy"
        )
        flags.append(Flag(code=FlagCode.MISSED_SLOTS, reason=reason))
    return tuple(flags)


def _budget_flags(rounds: int, wanted: int) -> tuple[Flag, ...]:
    if rounds >= wanted:
        return ()
    reason = f"the time was spent after {rounds} of {wanted} rounds: the path is slower than planned for"
    return (Flag(code=FlagCode.BUDGET_SPENT, reason=reason),)


PROBE = Probe(spec=specify, plan=plan, check=check, measure=measure)
