"""What each rule says, to whom, and to whom not."""

import json
import math
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest

from agent.wire.numbers import counts
from corrective_drift.recommendations.finding import Confidence
from corrective_drift.recommendations.knowledge import known
from corrective_drift.recommendations.prices import read_prices
from corrective_drift.recommendations.rules import RULES
from tests.corrective_drift.recommendations.cases import TODAY, advice, document, documents, released, said, storage

NODES = {
    "nodes.count": "16-31", "nodes.cpu_cores": "128-255", "nodes.memory_gib": "512-1023",
}  # fmt: skip


def requested(share: float) -> dict[str, Any]:
    """What is requested of every node of NODES, of CPU and memory alike."""
    index = math.ceil(math.log(share) / math.log(1.02) / 8) * 8
    names = ("p50", "p90", "max")
    loads = {f"usage.{resource}_requested_{name}": index for resource in ("cpu", "memory") for name in names}
    cores, gib = (counts(1 << 20).treat(max(0.0, total * (1 - share)), str) for total in (192.0, 768.0))
    return {**loads, "usage.cpu_headroom_cores": cores, "usage.memory_headroom_gib": gib}


def test_requests_that_are_never_used_are_told_with_what_could_be_given_back() -> None:
    given = documents(10, {**NODES, **requested(0.6), "usage.cpu_unused_share": "75-90%"})
    found = said(given)["unused-requests", "cpu"]
    unused, realizable = found.savings
    assert (unused.of, unused.unit, realizable.of, realizable.unit) == ("unused", "cores", "realizable", "nodes")
    # At least 0.75 of what is requested is unused; a quarter times 1.15 stays. Of the capacity 0.75 can be requested.
    assert unused.low > 0.75 * 128 * 0.4 * 0.5 * (1 - 0.25 * 1.15) * 0.9
    # Half of the nodes are known to have 0.6 requested.
    assert unused.low < 0.75 * 128 * 0.5 * 0.6 * (1 - 0.25 * 1.15)
    assert unused.low < unused.mid < unused.high < 256
    # Memory is as full as it was: nothing is sure to go where pods may be larger than half a node.
    assert 0 == realizable.low < realizable.mid < realizable.high < 31
    assert unused.money_low is None
    assert "no price" in unused.price_source


def test_what_was_needed_on_one_day_is_not_given_back() -> None:
    shares = ["75-90%"] * 15 + ["0-5%"]
    assert ("unused-requests", "memory") not in said(documents(16, {"usage.memory_unused_share": shares}))
    assert ("unused-requests", "memory") in said(documents(16, {"usage.memory_unused_share": ["75-90%"] * 16}))


def test_the_memory_floor_is_the_peak_and_a_margin() -> None:
    shares = ["75-90%"] * 15 + ["50-75%"]
    found = said(documents(16, {**NODES, **requested(0.6), "usage.memory_unused_share": shares}))
    assert "towards 57 %" in found["unused-requests", "memory"].action, "(1 - 0.50) · 1.15"
    assert "OOM" in found["unused-requests", "memory"].risk


def test_idle_nodes_are_told_with_how_many_of_them_could_really_go() -> None:
    given = documents(10, {**NODES, **requested(0.15), "usage.idle_nodes": "8-15"})
    unused, realizable = said(given)["idle-nodes", ""].savings
    assert (unused.low, unused.high) == (8, 15)
    assert 0 < realizable.low < unused.low
    assert realizable.high <= unused.high


def test_idle_nodes_whose_room_is_requested_are_left_alone() -> None:
    given = documents(10, {**NODES, **requested(1.0), "usage.idle_nodes": "8-15"})
    assert ("idle-nodes", "") not in said(given)
    assert "idle-nodes" in advice(given).clear


def test_whether_one_of_one_to_four_nodes_is_idle_is_not_guessed() -> None:
    given = documents(10, {**NODES, "nodes.count": "1-4", **requested(0.1), "usage.idle_nodes": "1-4"})
    (abstention,) = [each for each in advice(given).abstained if each.rule == "idle-nodes"]
    assert "1-4 nodes" in abstention.reason


def test_what_may_be_below_the_threshold_is_not_beyond_it() -> None:
    # One of 31 nodes, or four of 16: a tenth lies between.
    given = documents(10, {**NODES, **requested(0.2), "usage.idle_nodes": "1-4"})
    assert ("idle-nodes", "") not in said(given)


# Half of a hundred clusters at 600 µs, the rest around it.
COHORT = {660: 20, 670: 60, 680: 20}


def slow(bucket: int, days: int = 10, **more: Any) -> list[dict[str, Any]]:
    return documents(
        days,
        {"benchmarks.profile": "quick", "benchmarks.storage": [storage(bucket, **more)]} | {"nodes.count": "16-31"},
    )


def test_a_class_that_takes_three_times_as_long_as_its_cohort_is_told_with_where_it_stands() -> None:
    found = said(slow(670 + 56), released(COHORT))["slow-storage", "quick/aws_ebs"]
    assert found.baseline.kind == "community"
    assert (found.baseline.contributors, found.baseline.week, found.baseline.rung) == (100, "2026-W46", 4)
    assert found.effect > 0.8
    assert found.observed.unit == "ns"
    assert found.savings[0].low == pytest.approx(found.observed.low - found.baseline.percentiles["p50"])


@pytest.mark.parametrize("bucket", [670 - 56, 670, 670 + 20], ids=["three times as fast", "the median", "half slower"])
def test_a_class_that_is_not_twice_as_slow_is_left_alone(bucket: int) -> None:
    assert said(slow(bucket), released(COHORT)) == {}
    assert "slow-storage" in advice(slow(bucket), released(COHORT)).clear


def test_where_a_tenth_of_the_cohort_is_as_slow_it_is_not_told() -> None:
    wide = {600: 60, 660: 20, 720: 20}
    assert said(slow(700), released(wide)) == {}, "slower than p75 and twice the median, and below p90"
    assert set(said(slow(725), released(wide))) == {("slow-storage", "quick/aws_ebs")}


def test_without_a_baseline_nothing_is_said_about_slowness() -> None:
    (abstention,) = [each for each in advice(slow(800)).abstained if each.rule == "slow-storage"]
    assert "no baseline yet" in abstention.reason


def test_a_tools_own_limit_is_not_the_clusters() -> None:
    given = slow(800)
    for each in given:
        each["benchmarks"]["storage"][0]["doubts"] = ["throttled"]
    assert said(given, released(COHORT)) == {}


def test_a_class_alone_at_its_place_is_followed_over_the_change_of_its_digest() -> None:
    given = slow(726, days=16)
    for each in given[:8]:
        each["benchmarks"]["storage"][0]["storage_class"] = "b" * 20
    assert said(given, released(COHORT))["slow-storage", "quick/aws_ebs"].observed.days == 16


def test_two_classes_of_a_kind_are_told_apart() -> None:
    given = slow(726)
    for each in given:
        each["benchmarks"]["storage"].append(storage(670, name="b" * 20))
    assert set(said(given, released(COHORT))) == {("slow-storage", f"quick/aws_ebs {'a' * 20}")}


@pytest.mark.parametrize(
    ("rule", "metric", "subject", "row"),
    [
        ("slow-image-pull", "startup.image_pull", "quick", {}),
        ("slow-pod-start", "startup.pod_startup", "quick", {}),
        ("slow-dns", "dns.name_1_cold", "quick", {}),
        ("slow-cross-node", "latency.request_response_64b", "quick/other_node", {"path": "other_node"}),
        ("slow-cross-node", "latency.request_response_64b", "quick/same_zone", {"path": "same_zone"}),
        ("slow-cross-zone", "latency.request_response_64b", "quick/other_zone", {"path": "other_zone"}),
    ],
)
def test_whatever_can_be_slow_is_told(rule: str, metric: str, subject: str, row: dict[str, str]) -> None:
    probe, _, name = metric.partition(".")
    measured = {"metric": name, "median": 726, "rounds": "5-7", "doubts": [], **row}
    given = documents(10, {"benchmarks.profile": "quick", f"benchmarks.{probe}": [measured]})
    assert set(said(given, released(COHORT, metric, subject))) == {(rule, subject)}


def between_zones(other_zone: int, same_zone: int) -> list[dict[str, Any]]:
    rows = [
        {"metric": "request_response_64b", "median": median, "rounds": "5-7", "doubts": [], "path": path}
        for path, median in (("other_zone", other_zone), ("same_zone", same_zone))
    ]
    return documents(10, {"benchmarks.profile": "quick", "benchmarks.latency": rows})


def test_zones_are_far_apart_only_where_a_way_within_one_takes_at_most_half_as_long() -> None:
    release = released(COHORT, "latency.request_response_64b", "quick/other_zone")
    assert set(said(between_zones(726, 726 - 40), release)) == {("slow-cross-zone", "quick/other_zone")}
    assert said(between_zones(726, 726 - 30), release) == {}, "1.02³⁰ is 1.8: the nodes are slow"
    assert "slow-cross-zone" in advice(between_zones(726, 726 - 30), release).clear


def test_where_no_zone_is_known_the_rule_about_zones_says_what_it_takes() -> None:
    row = {"metric": "request_response_64b", "median": 726, "rounds": "5-7", "doubts": [], "path": "other_node"}
    given = documents(10, {"benchmarks.profile": "quick", "benchmarks.latency": [row]})
    (abstention,) = [each for each in advice(given).abstained if each.rule == "slow-cross-zone"]
    assert "topology.kubernetes.io/zone" in abstention.reason


def test_the_path_within_a_node_is_not_the_one_between_nodes() -> None:
    row = {"metric": "request_response_64b", "median": 726, "rounds": "5-7", "doubts": [], "path": "same_node"}
    given = documents(10, {"benchmarks.profile": "quick", "benchmarks.latency": [row]})
    assert said(given, released(COHORT, "latency.request_response_64b", "quick/same_node")) == {}


def version(minor: str, distribution: str = "kubeadm") -> list[dict[str, Any]]:
    return [document(TODAY, {"cluster.minor": minor, "cluster.distribution": distribution})]


@pytest.mark.parametrize("minor", ["1.23-or-older", "1.29", "1.34"])
def test_a_version_past_its_end_is_told_on_the_first_day(minor: str) -> None:
    found = said(version(minor))["end-of-life", ""]
    assert found.confidence is Confidence.CERTAIN
    assert "has ended" in found.action
    assert "no fixes" in found.action
    assert found.baseline.dated == date(2026, 11, 24)


def test_only_days_with_the_version_itself_count_for_it() -> None:
    minors = ["1.33", "1.33", "1.34", "1.34", "1.34"]
    given = documents(5, {"cluster.minor": minors, "cluster.distribution": "kubeadm"})
    given.append(document(TODAY, {"nodes.count": "8-15"}))
    found = said(given)["end-of-life", ""].observed
    assert (found.days, found.first_day, found.last_day) == (3, TODAY - timedelta(days=2), TODAY)


def test_a_version_that_ends_soon_is_told_and_one_that_lives_is_not() -> None:
    assert "ends on 2026-12-02" in said(version("1.34", "eks"))["end-of-life", ""].action
    assert said(version("1.36")) == {}


@pytest.mark.parametrize(
    ("minor", "distribution"), [("1.32", "kubeadm"), ("1.29", "aks"), ("other", "eks"), ("1.45", "k3s")]
)
def test_of_a_date_that_is_not_known_nothing_is_said(minor: str, distribution: str) -> None:
    (abstention,) = [each for each in advice(version(minor, distribution)).abstained if each.rule == "end-of-life"]
    assert said(version(minor, distribution)) == {}
    assert "known" in abstention.reason or "listed" in abstention.reason


def test_what_is_known_has_a_source_and_a_later_version_never_ends_earlier() -> None:
    for support in known().by_distribution.values():
        assert support.source
        assert support.checked <= TODAY
        ends = [ends for _, ends in sorted(support.end_of_life.items(), key=lambda each: int(each[0][2:]))]
        assert all(one < other for one, other in pairwise(ends))


def test_kubelets_at_the_limit_of_their_skew_are_told_by_the_latest_report() -> None:
    assert ("kubelet-skew", "") in said(documents(3, {"nodes.version_skew": ["0", "3+", "3+"]}))
    assert said(documents(3, {"nodes.version_skew": ["3+", "3+", "2"]})) == {}


def test_containers_without_requests_are_told_by_resource() -> None:
    fields = {"workloads.without_cpu_request_share": "25-50%", "workloads.without_memory_request_share": "10-25%"}
    assert set(said(documents(8, fields))) == {("missing-requests", "cpu")}


SWINGS = [-120, -40] * 7


def swinging(*, scaled: str = "0", swings: list[int] | None = None) -> list[dict[str, Any]]:
    # Half a window apart, a quiet day is paired with a busy one.
    load = swings or [-120, -40] * 7 + [-40, -120] * 7
    return documents(28, {"usage.cpu_used_p50": load, "workloads.autoscaled_share": scaled})


def test_load_that_varies_without_anything_that_scales_is_told() -> None:
    assert set(said(swinging())) == {("missing-autoscaling", "")}


def test_load_that_is_scaled_or_steady_or_next_to_nothing_is_left_alone() -> None:
    assert said(swinging(scaled="25-50%")) == {}
    assert said(swinging(swings=[-40, -48] * 14)) == {}
    assert said(swinging(swings=[-344, -200] * 7 + [-200, -344] * 7)) == {}


def test_claims_that_wait_every_day_are_told_and_those_of_some_days_are_not() -> None:
    assert ("unbound-claims", "") in said(documents(8, {"workloads.unbound_claims": "1-4"}))
    assert said(documents(8, {"workloads.unbound_claims": ["1-4", "0"] * 4})) == {}


def test_an_operators_prices_make_money_of_a_saving_and_nothing_else_does() -> None:
    prices = read_prices('source = "ours"\ncurrency = "EUR"\ncore_month = 20\n')
    given = documents(10, {**NODES, **requested(0.6), "usage.cpu_unused_share": "75-90%"})
    unused, realizable = said(given, prices=prices)["unused-requests", "cpu"].savings
    assert unused.money_low == pytest.approx(20 * unused.low)
    assert (unused.currency, unused.price_source) == ("EUR", "ours")
    assert (realizable.money_low, realizable.currency) == (None, None), "a node has no price here"


def test_every_rule_says_what_to_do_at_what_risk_and_how_to_undo_it() -> None:
    day = {**NODES, **requested(0.4), "usage.idle_nodes": "8-15", "usage.cpu_unused_share": "75-90%"}
    day |= {"cluster.minor": "1.29", "cluster.distribution": "eks", "nodes.version_skew": "3+"}
    day |= {"workloads.without_cpu_request_share": "100%", "workloads.unbound_claims": "1024+"}
    found = advice(documents(10, day))
    assert len(found.recommendations) == 6
    assert all(each.action and each.risk and each.undo for each in found.recommendations)
    assert len({rule.name for rule in RULES}) == len(RULES)
    json.loads(found.model_dump_json())


def test_ranges_without_an_end_are_told_without_one() -> None:
    day = {"nodes.count": "8192+", "nodes.cpu_cores": "131072+", "nodes.memory_gib": "524288+", **requested(3.9)}
    day |= {"usage.cpu_unused_share": "100%", "usage.idle_nodes": "4096+", "workloads.unbound_claims": "1024+"}
    found = advice(documents(10, day | {"usage.cpu_used_p50": 72, "workloads.autoscaled_share": "0"}))
    assert json.loads(found.model_dump_json())["recommendations"]


def test_reports_before_the_window_and_after_today_are_not_looked_at() -> None:
    fields = {"workloads.unbound_claims": "1-4"}
    assert said(documents(8, fields, until=TODAY - timedelta(days=57))) == {}
    assert advice(documents(8, fields, until=TODAY + timedelta(days=30))).days == 0
