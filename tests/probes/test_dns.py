import json
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes import dns
from probes.dns import PROBE, DnsSpec
from probes.errors import InvalidRequest
from probes.lookup import PROGRAM, Lookup, Outcome, look_up
from probes.measure.result import Metric
from probes.measure.stability import FlagCode
from probes.probe import Context, Measurement, Profile

# Where nothing answers, as seen by the program: a name other than localhost takes for ever.
DEAD = PROGRAM.replace("    try:\n", "    try:\n        time.sleep(0 if name == 'localhost' else 3600)\n", 1)


def answers(*outcomes: Outcome) -> Callable[..., list[Lookup]]:
    """A resolver that brings these outcomes in each process, 1 ms each."""

    def look_up_nothing(_name: str, **_settings: float) -> list[Lookup]:
        return [Lookup(duration_ns=1e6, outcome=outcome) for outcome in outcomes]

    return look_up_nothing


def measure(look_up: Callable[..., list[Lookup]], names: object = "name.example", **changes: object) -> Measurement:
    spec = PROBE.spec(Profile.QUICK, {"names": names}).model_copy(update=changes)
    return dns.measure(spec, Context(budget_seconds=60), look_up=look_up)


def by_name(measurement: Measurement) -> dict[str, Metric]:
    return {metric.name: metric for metric in measurement.metrics}


def test_localhost_is_looked_up_cold_and_repeatedly_in_six_rounds() -> None:
    measurement = PROBE.measure(PROBE.spec(Profile.QUICK, {"names": "localhost"}), Context(budget_seconds=60))
    metrics = by_name(measurement)
    assert set(metrics) == {"name_1_cold", "name_1_repeated", "name_1_failure_ratio"}
    assert {len(metric.rounds) for metric in metrics.values()} == {6}
    assert metrics["name_1_cold"].summary.count == 6
    assert metrics["name_1_repeated"].summary.count == 30
    assert metrics["name_1_cold"].conditions["name_kind"] == "localhost"
    assert metrics["name_1_failure_ratio"].summary.median == 0
    assert {"ndots", "search_domains", "hosts_order", "local_cache", "servers"} <= set(measurement.facts)


def test_where_nothing_answers_the_quick_profile_still_ends_with_a_result() -> None:
    spec = PROBE.spec(Profile.QUICK, {}).model_copy(update={"deadline_seconds": 0.1})
    plan = PROBE.plan(spec)
    measurement = dns.measure(spec, Context(budget_seconds=2 * plan.seconds), look_up=partial(look_up, program=DEAD))
    metrics = by_name(measurement)
    assert metrics["name_1_failure_ratio"].summary.maximum == 0
    assert metrics["name_2_failure_ratio"].summary.minimum == 1
    # One look-up a round: the next would wait as long.
    assert measurement.facts["name_2_timeout"] == len(metrics["name_2_failed"].rounds)
    (flag,) = [flag for flag in metrics["name_2_failed"].flags if flag.code is FlagCode.FAILURES]
    assert "the least it would have taken" in flag.reason


@pytest.mark.parametrize(
    ("profile", "names"), [(Profile.QUICK, "localhost,name.example"), (Profile.STANDARD, "name.example")]
)
def test_a_dead_resolver_ends_the_probe_before_its_budget_is_spent(profile: Profile, names: str) -> None:
    now = 0.0

    def dead(name: str, *, deadline_seconds: float, **_settings: float) -> list[Lookup]:
        nonlocal now
        if name == "localhost":
            now += 0.1
            return [Lookup(duration_ns=1e3, outcome=Outcome.FOUND)] * 2
        now += deadline_seconds
        return [Lookup(duration_ns=deadline_seconds * 1e9, outcome=Outcome.TIMEOUT)]

    spec = PROBE.spec(profile, {"names": names})
    seconds = PROBE.plan(spec).seconds
    measurement = dns.measure(spec, Context(budget_seconds=2 * seconds, clock=lambda: now), look_up=dead)
    assert now <= dns._longest_seconds(spec) < 2 * seconds
    assert [flag.code for flag in measurement.flags] == [FlagCode.BUDGET_SPENT]


def test_the_plan_of_the_quick_profile_leaves_a_dead_resolver_three_seconds() -> None:
    assert dns._longest_seconds(PROBE.spec(Profile.QUICK, {})) <= 3


def test_failures_have_a_distribution_and_a_count_of_their_own() -> None:
    measurement = measure(answers(Outcome.FOUND, Outcome.NO_ANSWER, Outcome.UNKNOWN_NAME, Outcome.FOUND))
    metrics = by_name(measurement)
    assert metrics["name_1_failure_ratio"].rounds == (0.5,) * 6
    assert metrics["name_1_failed"].summary.count == 12
    assert metrics["name_1_cold"].summary.count == 6
    assert metrics["name_1_repeated"].summary.count == 6
    assert measurement.facts["name_1_no_answer"] == 6
    assert measurement.facts["name_1_unknown_name"] == 6
    assert all(FlagCode.FAILURES in {flag.code for flag in metric.flags} for metric in metrics.values())


def test_a_name_that_is_never_found_has_no_look_up_time() -> None:
    assert set(by_name(measure(answers(Outcome.UNKNOWN_NAME, Outcome.UNKNOWN_NAME)))) == {
        "name_1_failed",
        "name_1_failure_ratio",
    }


def test_a_thorough_run_of_a_steady_resolver_ends_with_its_fewest_rounds() -> None:
    measurement = measure(answers(Outcome.FOUND, Outcome.FOUND), minimum_rounds=7, maximum_rounds=30)
    assert len(measurement.metrics[0].rounds) == 7


def test_a_timeout_is_not_asked_for_again_in_its_round() -> None:
    metrics = by_name(measure(answers(Outcome.TIMEOUT), processes=5))
    assert metrics["name_1_failed"].summary.count == 6


def test_names_stand_in_the_specification_alone() -> None:
    measurement = measure(answers(Outcome.FOUND, Outcome.TIMEOUT), names=["secret.example", "hidden.example"])
    told = "".join(metric.model_dump_json() for metric in measurement.metrics) + json.dumps(measurement.facts)
    assert "secret" not in told
    assert "hidden" not in told
    assert "secret.example" in PROBE.spec(Profile.QUICK, {"names": "secret.example"}).model_dump_json()


def test_names_come_as_a_list_or_as_text_and_each_counts_once() -> None:
    def names(given: object) -> tuple[str, ...]:
        spec: DnsSpec = PROBE.spec(Profile.QUICK, {"names": given})
        return spec.names

    assert names("a.example, B.example,a.example") == names(["a.example", "b.example"]) == ("a.example", "b.example")
    assert names("bücher.example") == ("xn--bcher-kva.example",)
    assert names("db_1.internal.") == ("db_1.internal.",)


@pytest.mark.parametrize(
    "names",
    [
        "", ",", "a..b", ".", "-a.example", "a-.example", "two words", "a/b", "a;rm", "x" * 64,
        ".".join(["x" * 60] * 5),
        "192.0.2.1", "127.1", "::1", "0x7f000001", "a.example\nb", "a\0b", [], ["a.example", ""], 17, None,
        [f"n{number}.example" for number in range(17)],
    ],
)  # fmt: skip
def test_nonsense_names_are_refused_in_one_line(names: object) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        PROBE.spec(Profile.QUICK, {"names": names})
    assert "\n" not in str(refusal.value)


@given(st.text(max_size=300))
def test_any_text_is_a_name_that_dns_can_carry_or_refused(text: str) -> None:
    try:
        name = dns.parse_name(text)
    except InvalidRequest:
        return
    assert name.isascii()
    assert len(name) <= 253
    assert not set(name) - set("abcdefghijklmnopqrstuvwxyz0123456789-_.")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("localhost", "localhost"), ("api.localhost.", "localhost"), ("db", "single label"),
        ("db.internal", "several labels"), ("db.internal.", "absolute"),
    ],
)  # fmt: skip
def test_the_kind_of_a_name_tells_how_it_is_looked_up(name: str, kind: str) -> None:
    assert dns.kind_of_name(name) == kind


def test_the_plan_names_what_will_be_asked_for() -> None:
    assert "example.com" in PROBE.plan(PROBE.spec(Profile.QUICK, {})).intentions[0]


def test_checking_asks_nobody() -> None:
    assert PROBE.check(PROBE.spec(Profile.QUICK, {"names": "name.invalid"}))["servers"] is not None
