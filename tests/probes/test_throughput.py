import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes import iperf, throughput
from probes.errors import InvalidRequest, Unavailable
from probes.iperf import Settings
from probes.measure.result import PhaseKind
from probes.measure.stability import FlagCode
from probes.probe import Context, Profile
from probes.throughput import ThroughputSpec

TCP_METRICS = ["send_1_stream", "receive_1_stream", "send_8_streams", "receive_8_streams"]
COSTS = ["retransmits", "cpu_local", "cpu_remote"]


def short(rounds: int, server: str | None = None) -> ThroughputSpec:
    return ThroughputSpec(
        server=server, duration_seconds=0.2, omit_seconds=0, minimum_rounds=rounds, maximum_rounds=rounds
    )


@contextmanager
def tcp_only(port: int) -> Iterator[int]:
    """A way to the server at `port` that carries TCP and no UDP, as many a firewall does; yields its port."""

    class Forward(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(("127.0.0.1", port)) as onward:
                back = threading.Thread(target=pump, args=(onward, self.request))
                back.start()
                pump(self.request, onward)
                back.join()

    def pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(2**20):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            for each in (source, sink):
                each.close()

    class Server(socketserver.ThreadingTCPServer):
        request_queue_size = 64

    with Server(("127.0.0.1", 0), Forward) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def test_a_measurement_on_loopback_brings_every_metric_with_a_value_a_round() -> None:
    context = Context(budget_seconds=60)
    measurement = throughput.measure(short(2), context)
    assert [metric.name for metric in measurement.metrics] == [*TCP_METRICS, *COSTS, "udp_jitter", "udp_loss"]
    assert all(len(metric.rounds) == 2 for metric in measurement.metrics)
    assert all(metric.summary.median > 0 for metric in measurement.metrics[:4])
    assert [phase.kind for phase in context.phases] == [PhaseKind.PREPARE, PhaseKind.WARM_UP, *[PhaseKind.MEASURE] * 2]
    assert measurement.facts == {"peer": "loopback"}
    assert measurement.tools["libiperf"].startswith("3.")
    assert FlagCode.INDICATIVE in {flag.code for flag in measurement.flags}
    assert FlagCode.FEW_ROUNDS in {flag.code for flag in measurement.metrics[0].flags}


def test_a_path_without_udp_costs_the_figures_of_udp_alone() -> None:
    with iperf.loopback_server() as port, tcp_only(port) as way:
        measurement = throughput.measure(short(1, f"localhost:{way}"), Context(budget_seconds=60))
    assert [metric.name for metric in measurement.metrics] == [*TCP_METRICS, *COSTS]
    assert any(flag.code is FlagCode.PARTIAL and "UDP" in flag.reason for flag in measurement.flags)
    assert FlagCode.FAILURES not in {flag.code for flag in measurement.flags}
    assert not any("localhost" in metric.model_dump_json() for metric in measurement.metrics)


def test_the_specification_in_a_result_names_no_host() -> None:
    spec = throughput.specify(Profile.QUICK, {"server": "secret.example:1234"})
    assert "secret" not in spec.model_dump_json()


def test_a_server_out_of_reach_is_unavailable_before_anything_is_measured() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        nobody = f"127.0.0.1:{server.getsockname()[1]}"
    spec = throughput.specify(Profile.QUICK, {"server": nobody})
    with pytest.raises(Unavailable, match="probe serve"):
        throughput.check(spec)
    with pytest.raises(Unavailable, match="probe serve"):
        throughput.measure(spec, Context(budget_seconds=60))


def test_a_check_tells_the_library_and_the_peer() -> None:
    facts = throughput.check(throughput.specify(Profile.QUICK, {}))
    assert facts["peer"] == "loopback"
    assert str(facts["libiperf"]).startswith("3.")


@pytest.mark.parametrize("options", [
    {"server": ""}, {"server": "host:port"}, {"server": "host:0"}, {"server": "host:65536"}, {"server": "a b"},
    {"duration": "soon"}, {"duration": "0s"}, {"duration": "10ms"}, {"duration": "2h"}, {"duration": "-1s"},
])  # fmt: skip
def test_nonsense_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest):
        throughput.specify(Profile.QUICK, options)


@pytest.mark.parametrize(("profile", "limit_seconds"), [(Profile.QUICK, 12), (Profile.STANDARD, 150)])
def test_a_profile_keeps_to_its_time_and_has_rounds_for_an_interval(profile: Profile, limit_seconds: int) -> None:
    spec = throughput.specify(profile, {})
    assert throughput.plan(spec).seconds <= limit_seconds
    assert spec.minimum_rounds >= 6


def test_whole_seconds_are_bounded_by_time_and_others_by_bytes() -> None:
    template = Settings(host="127.0.0.1", port=1, duration_seconds=1)
    whole = throughput.sized(throughput.specify(Profile.STANDARD, {"duration": "10s"}), template, 8e9)
    assert (whole.duration_seconds, whole.byte_count, whole.omit_seconds) == (10, None, 1)
    part = throughput.sized(throughput.specify(Profile.STANDARD, {"duration": "500ms"}), template, 8e9)
    assert (part.byte_count, part.omit_seconds) == (500_000_000, 0)
    assert part.duration_seconds >= 1


def test_nothing_is_left_out_of_udp_which_has_no_slow_start() -> None:
    udp = Settings(host="127.0.0.1", port=1, duration_seconds=1, udp_bits_per_second=10**6)
    assert throughput.sized(throughput.specify(Profile.STANDARD, {}), udp, 1e6).omit_seconds == 0


@pytest.mark.parametrize(("rate", "seconds"), [(1e8, 1.0), (1e9, 1.0), (1e10, 0.2)])
def test_a_path_that_could_swallow_a_short_test_gets_a_whole_second(rate: float, seconds: float) -> None:
    assert throughput.in_reach(throughput.specify(Profile.QUICK, {}), rate).duration_seconds == seconds


@given(st.floats(min_value=0, max_value=1e15))
def test_udp_is_sent_at_half_of_tcp_or_less_and_never_above_a_gigabit(tcp_bits_per_second: float) -> None:
    rate = throughput.udp_rate(tcp_bits_per_second)
    assert 1_000 <= rate <= 1_000_000_000
    assert rate == 1_000 or rate <= tcp_bits_per_second / 2
    assert rate == 1_000_000_000 or rate * 2.5 >= tcp_bits_per_second / 2


def test_the_plan_names_the_server_and_the_bound_of_udp() -> None:
    intentions = " ".join(throughput.plan(throughput.specify(Profile.QUICK, {"server": "node-2:5202"})).intentions)
    assert "node-2:5202" in intentions
    assert "1.00 Gbit/s" in intentions
