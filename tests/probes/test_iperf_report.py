import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.errors import ToolFailed
from probes.iperf_report import Report, ServerBusy, parse


def document(protocol: str = "TCP", **end: Any) -> dict[str, Any]:
    sums = {
        "sum_sent": {"bytes": 3000, "seconds": 1.0, "bits_per_second": 24000.0, "retransmits": 7},
        "sum_received": {"bytes": 2000, "seconds": 1.0, "bits_per_second": 16000.0},
    }
    if protocol == "UDP":
        sums["sum_received"] |= {"jitter_ms": 0.25, "lost_packets": 5, "packets": 20}
    return {
        "start": {
            "version": "iperf 3.12",
            "connected": [{"local_host": "192.0.2.1", "remote_host": "192.0.2.2"}],
            "test_start": {"protocol": protocol, "num_streams": 1, "blksize": 131072},
        },
        "end": sums | {"cpu_utilization_percent": {"host_total": 50.0, "remote_total": 150.0}} | end,
    }


def test_throughput_is_what_the_receiver_got() -> None:
    report = parse(json.dumps(document(sender_tcp_congestion="cubic")))
    assert (report.bits_per_second, report.byte_count, report.seconds) == (16000.0, 2000, 1.0)
    assert (report.local_cpu, report.remote_cpu) == (0.5, 1.5)
    assert (report.retransmits, report.congestion_control, report.version) == (7, "cubic", "3.12")
    assert (report.jitter_ns, report.loss) == (None, None)


def test_udp_has_jitter_in_nanoseconds_and_loss_as_a_share() -> None:
    report = parse(json.dumps(document("UDP")))
    assert (report.jitter_ns, report.loss, report.retransmits) == (250_000.0, 0.25, None)


def test_the_single_sum_of_older_versions_is_read_for_udp() -> None:
    old = document("UDP")
    old["end"]["sum"] = old["end"].pop("sum_received")
    assert parse(json.dumps(old)).loss == 0.25


def test_a_sender_that_does_not_tell_its_retransmissions_has_none() -> None:
    silent = document()
    del silent["end"]["sum_sent"]["retransmits"]
    assert parse(json.dumps(silent)).retransmits is None


def test_a_busy_server_is_told_apart() -> None:
    with pytest.raises(ServerBusy):
        parse(json.dumps({"error": "error - the server is busy running a test. try again later"}))


def test_a_failed_test_is_told_in_the_words_of_libiperf_even_beside_figures() -> None:
    with pytest.raises(ToolFailed, match="control socket has closed unexpectedly"):
        parse(json.dumps(document() | {"error": "control socket has closed unexpectedly"}))


@pytest.mark.parametrize("field", ["bytes", "packets"])
def test_a_test_in_which_nothing_arrived_failed(field: str) -> None:
    empty = document("UDP")
    empty["end"]["sum_received"][field] = 0
    with pytest.raises(ToolFailed, match="nothing arrived"):
        parse(json.dumps(empty))


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", '{"error": 3}', json.dumps(document())[:-9], "iperf3: hello"])
def test_anything_else_is_a_failed_tool(text: str) -> None:
    with pytest.raises(ToolFailed):
        parse(text)


def test_no_address_of_the_report_gets_into_the_reason() -> None:
    broken = document()
    del broken["end"]["sum_received"]
    with pytest.raises(ToolFailed) as raised:
        parse(json.dumps(broken))
    assert "192.0.2" not in str(raised.value)


KEYS = st.sampled_from(["start", "end", "error", "sum_sent"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
)


@given(VALUES)
def test_no_json_is_a_fault_of_ours(value: Any) -> None:
    with suppress(ToolFailed):
        assert isinstance(parse(json.dumps(value)), Report)
