"""What a cluster's reports of a week say, as votes."""

import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from agent.levels import Level
from agent.wire import vocabulary
from agent.wire.fields import TABLE
from corrective_drift.percentiles import cohort_baseline, metric_baseline
from corrective_drift.votes import Facts, cohort, facts, fragment_metric, measure, statements, votes
from probes.measure.baselines import UNKNOWN, Release, Scale
from tests.corrective_drift.documents import document

MONDAY = date(2026, 11, 16)


def documents(number: int, days: int, level: Level = Level.DETAILED) -> list[dict[str, Any]]:
    return [json.loads(document(number, MONDAY + timedelta(n), level)) for n in range(days)]


def report(day: str = "2026-11-16", **subjects: Any) -> dict[str, Any]:
    return {"day": day, **subjects}


def row(median: int, **others: Any) -> dict[str, Any]:
    return {"metric": "read_latency", "median": median, "rounds": "5-7", "doubts": [], **others}


def test_there_is_one_vote_for_a_metric_and_place_however_often_a_cluster_reports() -> None:
    cast = votes(documents(1, days=5))
    keys = [(vote.metric, vote.place) for vote in cast]
    assert len(keys) == len(set(keys)) > 30
    assert {vote.metric.partition(".")[0] for vote in cast} == {"latency", "storage", "usage", "workloads", "nodes"}


def test_a_vote_is_the_median_of_the_week() -> None:
    said = [report(f"2026-11-{16 + n}", usage={"cpu_used_p50": bucket}) for n, bucket in enumerate((8, -80, 0))]
    (vote,) = votes(said)
    assert (vote.metric, vote.bucket, vote.day) == ("usage.cpu_used_p50", 0, "2026-11-18")


def test_several_storage_classes_of_one_kind_have_one_vote() -> None:
    rows = [
        row(median, storage_kind="aws_ebs", storage_class=name * 20) for median, name in ((3, "a"), (1, "b"), (2, "c"))
    ]
    (vote,) = votes([report(benchmarks={"profile": "quick", "storage": rows})])
    assert (vote.metric, vote.place, vote.bucket) == ("storage.read_latency", "quick/aws_ebs", 2)


@pytest.mark.parametrize(
    "unfit",
    [
        row(1, storage_class="a" * 20),
        row(1, storage_class="a" * 20, storage_kind="other"),
        row(1, doubts=["cached"]),
        row(1, doubts=["throttled", "volatile"]),
        row(1) | {"metric": "other"},
    ],
)
def test_what_can_not_be_compared_is_no_vote(unfit: dict[str, Any]) -> None:
    assert votes([report(benchmarks={"profile": "quick", "storage": [unfit]})]) == ()


def test_a_cluster_is_in_the_cohort_of_its_latest_report() -> None:
    before, after = ({"provider": "aws", "region_class": "europe", "minor": minor} for minor in ("1.33", "1.34"))
    said = [
        report("2026-11-17", cluster=after, nodes={"count": "5-7"}),
        report("2026-11-16", cluster=before, nodes={"count": "1-4", "cpu_cores": "16-31"}),
    ]
    (vote,) = votes(said)
    assert vote.metric == "nodes.cpu_cores"
    assert vote.facts == Facts(provider="aws", region_class="europe", minor="1.34", node_bucket="5-15")


def test_what_a_cluster_does_not_tell_is_unknown() -> None:
    assert facts(report()) == Facts(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)


@pytest.mark.parametrize("label", next(field.kind.labels for field in TABLE if field.name == "nodes.count"))  # type: ignore[attr-defined]
def test_every_range_of_nodes_has_its_coarse_one(label: str) -> None:
    least = int(label.partition("-")[0].rstrip("+"))
    coarse = facts(report(nodes={"count": label})).node_bucket
    low, _, high = coarse.rstrip("+").partition("-")
    assert int(low) <= least <= int(high or 10**9)


@pytest.mark.parametrize("label", ["1-9", "many", "", "+", "-", "1e3", "\u0661-\u0664"])
def test_a_range_of_nodes_that_is_no_range_of_today_is_unknown(label: str) -> None:
    assert facts(report(nodes={"count": label})).node_bucket == UNKNOWN


@pytest.mark.parametrize("bucket", [-800, 800, 3, True, "8", None, 8.0])
def test_a_bucket_that_this_release_does_not_have_is_passed_over(bucket: object) -> None:
    assert list(statements(report(usage={"cpu_used_p50": bucket, "idle_nodes": "1-4"}))) == [
        (("usage.idle_nodes", ""), 1)
    ]


@pytest.mark.parametrize("median", [10**6, -(10**6), True, "fast", None])
def test_a_median_that_this_release_does_not_have_is_passed_over(median: Any) -> None:
    rows = [row(median, storage_kind="aws_ebs"), row(600, storage_kind="gcp_pd")]
    said = list(statements(report(benchmarks={"profile": "quick", "storage": rows})))
    assert said == [(("storage.read_latency", "quick/gcp_pd"), 600)]


def test_a_cohort_whose_buckets_meant_something_else_is_none_to_be_held_against() -> None:
    meaning = measure("workloads.pods")
    assert meaning is not None
    said = cohort_baseline((4, ()), "2026-W46", {1: 40})
    anybody = facts(report())
    for published, found in ((meaning, said), (replace(meaning, words=(*meaning.words[:-1], "2+")), None)):
        release = Release(week="2026-W46", metrics=(metric_baseline("workloads.pods", "", published, [said]),))
        assert cohort(release, "workloads.pods", "", anybody) == found
    assert cohort(release, "of_years.ago", "", anybody) is None


def test_a_range_out_of_an_older_schema_is_passed_over() -> None:
    assert list(statements(report(workloads={"pods": "1-9"}, usage={"idle_nodes": "1-4"}))) == [
        (("usage.idle_nodes", ""), 1)
    ]


def test_a_metric_out_of_an_older_report_is_passed_over() -> None:
    rows = [
        {"metric": metric, "median": 700, "rounds": "5-7", "doubts": []}
        for metric in ("connect", "of_years_ago", "other")
    ]
    said = list(statements(report(benchmarks={"profile": "quick", "latency": rows})))
    assert said == [(("latency.connect", "quick"), 700)]


def test_every_vote_has_a_meaning() -> None:
    for vote in votes(documents(2, days=1)):
        meaning = measure(vote.metric)
        assert meaning is not None
        assert meaning.first <= vote.bucket <= meaning.last


def test_every_metric_of_every_probe_has_a_meaning() -> None:
    for probe, metrics in vocabulary.METRICS.items():
        assert all(measure(f"{probe}.{metric}") is not None for metric in metrics)


def test_fragments_with_an_order_are_voted_on() -> None:
    assert fragment_metric("distribution") is None
    metric = fragment_metric("cpu")
    assert metric is not None
    meaning = measure(metric)
    assert meaning is not None
    assert meaning.scale is Scale.RANGES
    assert meaning.words[0] == "0-7"
