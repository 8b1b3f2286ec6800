"""What passes the gates: days, effect, and one false discovery rate over everything that was tested."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from corrective_drift.recommendations.case import Candidate, Case, Rule, against_threshold, observed
from corrective_drift.recommendations.finding import Confidence
from corrective_drift.recommendations.trial import Trial
from tests.corrective_drift.recommendations.cases import TODAY, advice, documents, released, said, storage

FIELD = "workloads.unbound_claims"
GIVEN = documents(20, {FIELD: "1-4"})


def rule(name: str, p_value: float, *, days: int = 20, effect: float = 1.0) -> Rule:
    """A rule whose test has come out so."""

    def judge(case: Case) -> Iterator[Candidate]:
        yield Candidate(
            subject="",
            trial=Trial(days=days, beyond=days, p_value=p_value, effect=effect),
            observed=observed(FIELD, case.evidence.field(FIELD), "claims"),
            baseline=against_threshold(1, "any"),
            action="do",
            risk="some",
            undo="undo",
        )

    return Rule(name=name, version=1, title=name, judge=judge)


def test_a_cluster_that_was_looked_at_in_twenty_ways_gets_no_advice_for_that() -> None:
    alone = rule("weak", 0.04)
    assert ("weak", "") in said(GIVEN, rules=[alone])
    assert said(GIVEN, rules=[alone, *(rule(f"r{n}", 0.5) for n in range(19))]) == {}


def test_the_adjusted_p_value_is_told() -> None:
    found = said(GIVEN, rules=[rule("strong", 0.001), rule("other", 0.9)])["strong", ""]
    assert (found.p_value, found.adjusted_p_value) == (0.001, 0.002)


@pytest.mark.parametrize(("effect", "passes"), [(0.32, False), (0.34, True)])
def test_a_small_effect_is_not_said_however_sure_it_is(effect: float, passes: bool) -> None:  # noqa: FBT001 - a parameter of the table
    assert bool(said(GIVEN, rules=[rule("sure", 1e-9, effect=effect)])) is passes


@pytest.mark.parametrize(("days", "passes"), [(7, False), (8, True)])
def test_seven_days_are_too_few_and_eight_are_enough(days: int, passes: bool) -> None:  # noqa: FBT001 - as above
    given = documents(days, {FIELD: "1-4"})
    assert bool(said(given)) is passes
    reasons = [each.reason for each in advice(given).abstained if each.rule == "unbound-claims"]
    assert reasons == ([] if passes else ["7 of the 8 days that it takes"])


def test_several_reports_of_a_day_are_one_day() -> None:
    assert said(documents(4, {FIELD: "1-4"}) * 5) == {}


def test_of_several_reports_of_a_day_the_median_counts() -> None:
    for words, passes in ((("0", "1-4", "5-7"), True), (("0", "0", "5-7"), False)):
        given = [each for word in words for each in documents(9, {FIELD: word})]
        assert bool(said(given)) is passes


def test_days_before_the_window_do_not_count() -> None:
    old = documents(20, {FIELD: "1-4"}, until=TODAY - timedelta(days=56))
    assert advice([*old, *documents(3, {FIELD: "1-4"})]).days == 3


@pytest.mark.parametrize(("days", "p_value", "sure"), [(20, 1e-5, Confidence.HIGH), (15, 1e-5, Confidence.MEDIUM)])
def test_more_days_make_it_surer(days: int, p_value: float, sure: Confidence) -> None:
    assert said(GIVEN, rules=[rule("one", p_value, days=days)])["one", ""].confidence is sure


def test_without_reports_nothing_is_said_and_the_reason_is() -> None:
    assert advice([]).reason == "there is no report of the last eight weeks"


def test_advice_is_about_the_cluster_of_today() -> None:
    old = advice(documents(20, {FIELD: "1-4"}, until=TODAY - timedelta(days=15)))
    assert old.recommendations == ()
    assert "15 days old" in old.reason


def test_what_was_not_reported_for_weeks_is_no_ground_for_advice_beside_fresh_reports() -> None:
    old = documents(20, {FIELD: "1-4"}, until=TODAY - timedelta(days=15))
    found = advice([*old, *documents(3, {"nodes.count": "8-15"})])
    assert found.recommendations == ()
    assert any("15 days ago" in each.reason for each in found.abstained)


def test_ranges_that_nobody_knows_any_more_are_as_if_nothing_were_said() -> None:
    outdated = {
        "nodes.count": "some dozens", "nodes.cpu_cores": "1-9", "usage.idle_nodes": "few", "usage.cpu_used_p50": 10**9,
        "usage.cpu_unused_share": "half", "workloads.autoscaled_share": "some", "nodes.version_skew": "much",
        "cluster.minor": "2", "cluster.distribution": "eks",
        "benchmarks.profile": "quick", "benchmarks.storage": [storage(10**9)],
    }  # fmt: skip
    found = advice(documents(20, outdated | {FIELD: "1-4"}), released({600: 100}))
    assert [each.rule for each in found.recommendations] == ["unbound-claims"]
    assert {each.rule for each in found.abstained} >= {"idle-nodes", "unused-requests", "end-of-life", "slow-storage"}


def test_a_rule_is_said_or_clear_or_abstains() -> None:
    found = advice(GIVEN)
    names = [*(each.rule for each in found.recommendations), *(each.rule for each in found.abstained), *found.clear]
    assert set(names) >= {"unbound-claims", "idle-nodes", "slow-dns", "end-of-life"}
    assert not {each.rule for each in found.recommendations} & set(found.clear)
    assert found.reason == "1 recommended"
