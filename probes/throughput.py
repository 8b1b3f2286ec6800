"""The throughput probe: TCP with one and with eight streams in both directions, and UDP's jitter and loss, by libiperf.

A round is one short test of each kind, so that all kinds see the same weather; rounds are what is replicated.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from pydantic import Field

from probes import iperf
from probes.echo import parse_address
from probes.errors import InvalidRequest, ToolFailed
from probes.iperf import Settings, run_test
from probes.iperf_metrics import FLOWS, UDP, Round, rates, tcp_metrics, udp_metrics
from probes.measure.result import Facts, PhaseKind
from probes.measure.stability import MINIMUM_ROUNDS, Flag, FlagCode, narrow_enough
from probes.measure.units import Unit, format_quantity, parse_duration
from probes.options import read_option
from probes.probe import Context, Measurement, Plan, Probe, Profile, Spec
from probes.repeat import repeat

_SHORTEST_SECONDS, _LONGEST_SECONDS = 0.1, 3600.0
# Fits into an overlay network's 1450 bytes over IPv4 and IPv6: a datagram in fragments is lost by the loss of any.
_UDP_PAYLOAD_BYTES = 1400
# UDP without a bound measures how fast a sender fills a queue, and takes the network away from everybody else: never
# above 1 Gbit/s. Few steps, so that two runs on one path, whose TCP never reaches quite the same, are comparable.
_UDP_RATES = (*(int(step * 10**power) for power in range(3, 9) for step in (1, 2, 5)), 1_000_000_000)
_UDP_SHARE_OF_TCP = 0.5
# A test that is bounded by bytes ends when they are handed to the kernel. They must be many more than eight streams can
# have in buffers (Linux lets each grow to 4 MiB at the sender and 6 MiB at the receiver: tcp_wmem, tcp_rmem in tcp(7)).
_FEWEST_BYTES = 96 * 2**20
# Enough to see the rate of a fast path; a slow one is cut off after one second, libiperf's shortest time.
_WARM_UP_BYTES = 64 * 2**20
_WARM_UP_SECONDS = 1
# Half the width of the interval, as a share of the median, at which the thorough profile has seen enough.
_NARROW = 0.03
# Start of the child, connection and exchange of results, seen on loopback; a plan need not be better.
_OVERHEAD_SECONDS = 0.1


class ThroughputSpec(Spec):
    """What to measure, against whom, and for how long."""

    server: str | None = Field(default=None, exclude=True)
    """HOST[:PORT] of an iperf3 server; one of our own on the loopback interface where None. Kept out of results, which
    name no host."""
    duration_seconds: float = Field(ge=_SHORTEST_SECONDS, le=_LONGEST_SECONDS)
    """Of one test. Whole seconds are libiperf's own measure; others become a number of bytes that takes so long, or the
    next whole second where the path is too slow for that."""
    omit_seconds: int = Field(ge=0)
    """What a TCP test of whole seconds leaves out before them: slow start. UDP has none."""
    minimum_rounds: int = Field(ge=1)
    maximum_rounds: int = Field(ge=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pace:
    duration_seconds: float
    omit_seconds: int
    maximum_rounds: int


# At least six rounds: fewer have no 95 % interval of the median. The durations keep quick within 12 s and standard
# within 2.5 min.
_PACES = {
    Profile.QUICK: _Pace(duration_seconds=0.2, omit_seconds=0, maximum_rounds=MINIMUM_ROUNDS),
    Profile.STANDARD: _Pace(duration_seconds=3, omit_seconds=1, maximum_rounds=MINIMUM_ROUNDS),
    Profile.THOROUGH: _Pace(duration_seconds=5, omit_seconds=2, maximum_rounds=20),
}


def specify(profile: Profile, options: dict[str, object]) -> ThroughputSpec:
    """Read `server` (HOST[:PORT]) and `duration` (of one test, such as `500ms` or `10s`). Raises InvalidRequest."""
    pace = _PACES[profile]
    server = str(options["server"]) if "server" in options else None
    if server is not None:
        parse_address(server, iperf.DEFAULT_PORT)
    duration_seconds = read_option(options, "duration", parse_duration) or pace.duration_seconds
    if not _SHORTEST_SECONDS <= duration_seconds <= _LONGEST_SECONDS:
        raise InvalidRequest(f"a throughput test of {options['duration']} is out of reach: choose between 100ms and 1h")
    return ThroughputSpec(
        profile=profile,
        server=server,
        duration_seconds=duration_seconds,
        omit_seconds=pace.omit_seconds if float(duration_seconds).is_integer() else 0,
        minimum_rounds=MINIMUM_ROUNDS,
        maximum_rounds=pace.maximum_rounds,
    )


def plan(spec: ThroughputSpec) -> Plan:
    """Tell what will be sent where, and for how long."""
    rounds, kinds = (spec.minimum_rounds + spec.maximum_rounds) / 2, len(FLOWS) + 1
    test_seconds = spec.duration_seconds + spec.omit_seconds + _OVERHEAD_SECONDS
    if spec.server is None:
        where = "run an iperf3 server on a free port of 127.0.0.1"
    else:
        where = f"connect to the iperf3 server {spec.server}"
    rate = format_quantity(_UDP_RATES[-1], Unit.BITS_PER_SECOND)
    return Plan(
        seconds=_WARM_UP_SECONDS + rounds * kinds * test_seconds,
        intentions=(where, f"send and receive TCP as fast as the path carries it, and UDP at {rate} or less"),
    )


def check(spec: ThroughputSpec) -> Facts:
    """Look whether libiperf is there, and the server within reach. Raises Unavailable."""
    version = iperf.library_version()
    with _server(spec) as (_, peer):
        return {"libiperf": version, "peer": peer}


def measure(spec: ThroughputSpec, context: Context) -> Measurement:
    """Measure rounds of tests until there are enough. Raises Unavailable, and ToolFailed where a test fails."""
    with ExitStack() as stack:
        with context.phase("server", PhaseKind.PREPARE):
            template, peer = stack.enter_context(_server(spec))
        with context.phase("warm-up", PhaseKind.WARM_UP):
            spec, tests, doubts = _warmed_up(spec, template)
        rounds = _rounds(spec, context, tests)
    common: Facts = {"peer": peer, "duration_seconds": spec.duration_seconds}
    metrics = tcp_metrics(rounds, common | {"omit_seconds": spec.omit_seconds})
    if UDP in tests:
        metrics += udp_metrics(rounds, common, tests[UDP].udp_bits_per_second or 0)
    return Measurement(
        metrics=metrics,
        facts={"peer": peer},
        tools={"libiperf": rounds[0][FLOWS[0].name].version},
        flags=(*doubts, *_indicative(spec)),
    )


def udp_rate(tcp_bits_per_second: float) -> int:
    """Return the rate for UDP in bit/s: the highest of our steps that is at most half of what TCP reached."""
    bound = tcp_bits_per_second * _UDP_SHARE_OF_TCP
    return max((rate for rate in _UDP_RATES if rate <= bound), default=_UDP_RATES[0])


def in_reach(spec: ThroughputSpec, slowest_bits_per_second: float) -> ThroughputSpec:
    """Lengthen the tests to whole seconds where the bytes of a shorter one would not tell the path's rate."""
    if spec.duration_seconds * slowest_bits_per_second / 8 >= _FEWEST_BYTES:
        return spec
    return spec.model_copy(update={"duration_seconds": float(math.ceil(spec.duration_seconds))})


def sized(spec: ThroughputSpec, settings: Settings, bits_per_second: float) -> Settings:
    """Bound a test by time where libiperf can, else by bytes, with room for a path that becomes slower."""
    if spec.duration_seconds.is_integer():
        # UDP has no slow start, and libiperf 3.12 counts the omitted part's losses as if they were not omitted.
        omit_seconds = spec.omit_seconds if settings.udp_bits_per_second is None else 0
        return replace(settings, duration_seconds=int(spec.duration_seconds), omit_seconds=omit_seconds)
    return replace(
        settings,
        duration_seconds=math.ceil(2 * spec.duration_seconds),
        byte_count=int(bits_per_second / 8 * spec.duration_seconds),
    )


@contextmanager
def _server(spec: ThroughputSpec) -> Iterator[tuple[Settings, str]]:
    """Yield the settings that all tests against the server share, and `loopback` or `remote`."""
    if spec.server is None:
        with iperf.loopback_server() as port:
            yield Settings(host="127.0.0.1", port=port, duration_seconds=_WARM_UP_SECONDS), "loopback"
    else:
        address = parse_address(spec.server, iperf.DEFAULT_PORT)
        peer = "loopback" if iperf.reach(address.host, address.port) else "remote"
        yield Settings(host=address.host, port=address.port, duration_seconds=_WARM_UP_SECONDS), peer


def _warmed_up(
    spec: ThroughputSpec, template: Settings
) -> tuple[ThroughputSpec, dict[str, Settings], tuple[Flag, ...]]:
    """Run a short test of each kind; return the durations and the tests that fit what these reached."""
    flows = {flow.name: replace(template, streams=flow.streams, reverse=flow.direction == "receive") for flow in FLOWS}
    reached = {
        name: run_test(replace(settings, byte_count=_WARM_UP_BYTES)).bits_per_second for name, settings in flows.items()
    }
    spec = in_reach(spec, min(reached.values()))
    tests = {name: sized(spec, settings, reached[name]) for name, settings in flows.items()}
    rate = udp_rate(reached[FLOWS[0].name])
    udp = replace(template, udp_bits_per_second=rate, udp_payload_bytes=_UDP_PAYLOAD_BYTES)
    try:
        run_test(replace(udp, byte_count=max(rate // 8 // 10, 10 * _UDP_PAYLOAD_BYTES)))
    except ToolFailed as error:
        # Many a firewall lets TCP alone pass, and TCP's figures are as good as ever.
        return spec, tests, (Flag(code=FlagCode.PARTIAL, reason=f"UDP was not measured: {error}"),)
    return spec, tests | {UDP: sized(spec, udp, rate)}, ()


def _rounds(spec: ThroughputSpec, context: Context, tests: dict[str, Settings]) -> list[Round]:
    numbers = itertools.count(1)

    def one_round() -> Round:
        with context.phase(f"round {next(numbers)}"):
            return {name: run_test(settings) for name, settings in tests.items()}

    def enough(rounds: Sequence[Round]) -> bool:
        return all(narrow_enough(rates(flow, rounds), _NARROW) for flow in FLOWS)

    return repeat(
        one_round,
        minimum=spec.minimum_rounds,
        maximum=spec.maximum_rounds,
        enough=enough,
        remaining_seconds=context.remaining_seconds,
    )


def _indicative(spec: ThroughputSpec) -> tuple[Flag, ...]:
    if spec.omit_seconds:
        return ()
    reason = (
        f"tests of {spec.duration_seconds:g} s with TCP's slow start in them: on a long path they tell too little; "
        "use --profile standard"
    )
    return (Flag(code=FlagCode.INDICATIVE, reason=reason),)


PROBE = Probe(spec=specify, plan=plan, check=check, measure=measure)
