import math
import os
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes import latency, peer
from probes.errors import InvalidRequest, Unavailable
from probes.latency import PROBE
from probes.measure.result import PhaseKind
from probes.measure.stability import FlagCode
from probes.probe import Context, Measurement, Profile

NAMES = {
    "request_response_64b",
    "request_response_1024b",
    "open_loop_64b",
    "connect",
    "connect_request_response_64b",
}


def measure(**options: object) -> Measurement:
    spec = PROBE.spec(Profile.QUICK, {"duration": "100ms", **options})
    return PROBE.measure(spec, Context(budget_seconds=60))


@pytest.fixture(scope="module")
def local() -> Measurement:
    return measure()


def test_a_run_measures_every_kind_in_six_rounds(local: Measurement) -> None:
    assert {metric.name for metric in local.metrics} == NAMES
    assert {len(metric.rounds) for metric in local.metrics} == {6}
    assert all(metric.summary.minimum > 0 for metric in local.metrics)


def test_a_metric_states_what_must_be_equal_for_a_comparison(local: Measurement) -> None:
    by_name = {metric.name: metric.conditions for metric in local.metrics}
    placement = "two CPUs" if len(os.sched_getaffinity(0)) > 1 else "one CPU"
    shared = {"transport": "tcp", "ip_version": 4, "peer": "loopback", "placement": placement}
    assert by_name["connect"] == shared
    assert by_name["request_response_1024b"] == shared | {"message_bytes": 1024}
    assert set(by_name["open_loop_64b"]) == {*shared, "message_bytes", "rate_per_second"}


def test_against_a_server_the_loopback_floor_is_reported_and_no_host_is_named() -> None:
    with peer.loopback() as endpoint:
        measurement = measure(server=f"localhost:{endpoint.port}", rate="200")
    assert float(measurement.facts["loopback_floor_ns"]) > 0
    told = "".join(metric.model_dump_json() for metric in measurement.metrics) + str(measurement.facts)
    assert "localhost" not in told
    assert "127.0.0.1" not in told
    assert measurement.metrics[2].conditions["rate_per_second"] == 200


def test_the_specification_in_a_result_names_no_host() -> None:
    spec = PROBE.spec(Profile.QUICK, {"server": "secret.example:1234"})
    assert "secret" not in spec.model_dump_json()


def test_a_server_that_stops_in_between_makes_the_probe_unavailable() -> None:
    with ExitStack() as server:
        port = server.enter_context(peer.answering("127.0.0.1", 0))
        spec = PROBE.spec(Profile.QUICK, {"server": f"127.0.0.1:{port}", "duration": "100ms"})

        def stop_after_the_warm_up(_name: str, kind: PhaseKind) -> None:
            if kind is PhaseKind.MEASURE:
                server.close()

        with pytest.raises(Unavailable, match="probe serve"):
            PROBE.measure(spec, Context(budget_seconds=60, on_phase=stop_after_the_warm_up))


def test_a_rate_beyond_this_machine_is_flagged_with_the_share_of_missed_slots() -> None:
    opened = measure(rate="100000").metrics[2]
    (flag,) = [flag for flag in opened.flags if flag.code is FlagCode.MISSED_SLOTS]
    assert "%" in flag.reason


def test_a_spent_budget_is_flagged_and_the_affinity_is_as_before() -> None:
    before = os.sched_getaffinity(0)
    spec = PROBE.spec(Profile.QUICK, {"duration": "100ms"})
    measurement = PROBE.measure(spec, Context(budget_seconds=0.01))
    assert [flag.code for flag in measurement.flags] == [FlagCode.BUDGET_SPENT]
    assert os.sched_getaffinity(0) == before


def test_checking_an_absent_server_says_what_to_do() -> None:
    with peer.answering("127.0.0.1", 0) as port:
        spec = PROBE.spec(Profile.QUICK, {"server": f"127.0.0.1:{port}"})
        assert PROBE.check(spec) == {"peer": "loopback"}
    with pytest.raises(Unavailable, match="probe serve"):
        PROBE.check(spec)


def test_checking_without_a_server_finds_loopback() -> None:
    assert PROBE.check(PROBE.spec(Profile.QUICK, {})) == {"peer": "loopback"}


@pytest.mark.parametrize(
    "options",
    [
        {"rate": "fast"}, {"rate": "0"}, {"rate": "-5"}, {"rate": "nan"}, {"rate": "inf"}, {"rate": "1e9"},
        {"duration": "soon"}, {"duration": "0"}, {"duration": "1ms"}, {"duration": "1h"},
        {"server": "::1"}, {"server": "host:99999"},
    ],
)  # fmt: skip
def test_nonsense_is_refused_before_anything_is_measured(options: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest):
        PROBE.spec(Profile.QUICK, options)


@pytest.mark.parametrize(("profile", "seconds"), [(Profile.QUICK, 8), (Profile.STANDARD, 60), (Profile.THOROUGH, 310)])
def test_a_profile_plans_to_end_in_its_time(profile: Profile, seconds: float) -> None:
    assert PROBE.plan(PROBE.spec(profile, {})).seconds <= seconds


def test_a_plan_tells_of_the_server_it_will_connect_to() -> None:
    spec = PROBE.spec(Profile.QUICK, {"server": "192.0.2.1:4711"})
    assert "4711" in " ".join(PROBE.plan(spec).intentions)


@given(st.floats(5, 1e7))
def test_the_usual_rate_is_a_round_number_well_below_capacity(capacity: float) -> None:
    rate = latency._fitting_rate(capacity)
    assert rate <= min(1000, max(1, capacity / 5))
    assert rate * 2.5 >= min(1000, capacity / 5) * (1 - 1e-9)
    assert rate / 10 ** math.floor(math.log10(rate) + 1e-9) == pytest.approx(1) or str(rate)[0] in "25"
