from dataclasses import replace

import pytest

from probes.iperf_metrics import FLOWS, UDP, Round, tcp_metrics, udp_metrics
from probes.iperf_report import Report
from probes.measure.result import Metric
from probes.measure.stability import FlagCode

TCP = Report(
    version="3.12",
    bits_per_second=8e9,
    byte_count=2**30,
    seconds=1.0,
    block_bytes=131072,
    local_cpu=0.5,
    remote_cpu=0.25,
    retransmits=2,
    congestion_control="cubic",
    jitter_ns=None,
    loss=None,
)
DATAGRAMS = replace(TCP, retransmits=None, congestion_control=None, jitter_ns=900.0, loss=0.01, block_bytes=1400)


def one_round(**changes: Report) -> Round:
    return {flow.name: TCP for flow in FLOWS} | {UDP: DATAGRAMS} | changes


def by_name(*rounds: Round) -> dict[str, Metric]:
    return {metric.name: metric for metric in tcp_metrics(rounds, {"peer": "loopback"})}


def test_a_metric_has_one_value_a_round_in_order() -> None:
    slow = replace(TCP, bits_per_second=1e9)
    metrics = by_name(one_round(), one_round(send_8_streams=slow))
    assert metrics["send_8_streams"].rounds == (8e9, 1e9)
    assert metrics["send_1_stream"].rounds == (8e9, 8e9)


def test_retransmissions_are_counted_over_the_bytes_of_all_flows() -> None:
    many = replace(TCP, retransmits=10, byte_count=5 * 2**30)
    assert by_name(one_round(receive_1_stream=many))["retransmits"].rounds == ((10 + 3 * 2) / (5 + 3),)


def test_retransmissions_that_one_sender_does_not_tell_are_no_metric() -> None:
    assert "retransmits" not in by_name(one_round(receive_1_stream=replace(TCP, retransmits=None)))


def test_cpu_is_weighted_by_how_long_each_flow_ran() -> None:
    long = replace(TCP, seconds=5.0, local_cpu=0.9, remote_cpu=0.1)
    metrics = by_name(one_round(send_1_stream=long))
    assert metrics["cpu_local"].rounds == (pytest.approx((5 * 0.9 + 3 * 0.5) / 8),)
    assert metrics["cpu_remote"].rounds == (pytest.approx((5 * 0.1 + 3 * 0.25) / 8),)


@pytest.mark.parametrize(("version", "limited"), [("3.9", True), ("3.12", True), ("3.16", False), ("3.17.1", False)])
def test_only_several_streams_of_a_single_threaded_libiperf_are_limited_by_it(version: str, limited: bool) -> None:  # noqa: FBT001  pytest names it
    old = replace(TCP, version=version)
    metrics = by_name(one_round(send_1_stream=old, send_8_streams=old))
    assert (FlagCode.TOOL_LIMIT in {flag.code for flag in metrics["send_8_streams"].flags}) is limited
    assert FlagCode.TOOL_LIMIT not in {flag.code for flag in metrics["send_1_stream"].flags}


def test_conditions_hold_what_must_be_equal_for_a_comparison() -> None:
    assert by_name(one_round())["receive_8_streams"].conditions == {
        "peer": "loopback",
        "protocol": "tcp",
        "direction": "receive",
        "streams": 8,
        "block_bytes": 131072,
        "congestion_control": "cubic",
    }


def test_udp_states_its_rate_and_its_payload() -> None:
    jitter, loss = udp_metrics([one_round()], {"peer": "remote"}, 10**9)
    assert (jitter.rounds, loss.rounds) == ((900.0,), (0.01,))
    assert jitter.conditions["rate_bits_per_second"] == 10**9
    assert loss.conditions["block_bytes"] == 1400
