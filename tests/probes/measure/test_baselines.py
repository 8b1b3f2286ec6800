"""The format of releases, the ladder of cohorts, and where a value stands in one."""

import json
import math

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.measure.baselines import (
    EMPTY,
    LADDER,
    LEAST_CONTRIBUTORS,
    NODE_BUCKETS,
    UNKNOWN,
    CohortBaseline,
    MetricBaseline,
    Release,
    Scale,
    json_schema,
    node_bucket,
    read_release,
)
from probes.measure.histogram import GAMMA, RELATIVE_ERROR, Histogram
from probes.measure.position import position

FACTS = {"provider": "aws", "region_class": "europe", "minor": "1.33", "node_bucket": "5-15"}


def cohort(rung: int, *words: str, contributors: int = 100, **percentiles: int) -> CohortBaseline:
    return CohortBaseline(
        rung=rung, cohort=words, week="2026-W47", contributors=contributors, percentiles=percentiles or {"p50": 0}
    )


def metric(*cohorts: CohortBaseline, step: int = 1) -> MetricBaseline:
    return MetricBaseline(
        metric="latency.connect",
        place="quick",
        scale=Scale.LOGARITHMIC,
        step=step,
        first=-696,
        last=1744,
        cohorts=cohorts,
    )


RELEASE = Release(
    week="2026-W47",
    metrics=(
        metric(cohort(4), cohort(3, "aws"), cohort(2, "aws", "5-15"), cohort(0, "aws", "europe", "1.33", "5-15")),
    ),
)


def test_a_release_is_read_back_as_it_was_and_fits_its_schema() -> None:
    for release in (RELEASE, EMPTY):
        text = release.model_dump_json()
        assert read_release(text) == release
        jsonschema.validate(json.loads(text), json_schema())


def test_no_baseline_yet_is_a_release() -> None:
    assert EMPTY.is_empty
    assert EMPTY.cohort("latency.connect", "quick", FACTS) is None


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"format": "results"}, "no release"),
        ({"version": 2}, "later release"),
        ({"week": "tomorrow"}, "week"),
        ({"ladder": [["provider"]]}, "other cohorts"),
        ({"gamma": 1.01}, "buckets"),
        ({"address": "10.0.0.1"}, "address"),
    ],
)
def test_anything_else_is_refused_in_one_line(change: dict[str, object], word: str) -> None:
    with pytest.raises(ValueError, match=word) as caught:
        read_release(json.dumps(json.loads(RELEASE.model_dump_json()) | change))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[1]", '"x"', "{", b"\xff\xfe", "[" * 100_000])
def test_what_is_no_release_at_all_is_refused(text: str | bytes) -> None:
    with pytest.raises(ValueError, match="no release"):
        read_release(text)


def test_a_cohort_of_too_few_is_no_valid_release() -> None:
    changed = RELEASE.model_dump_json().replace('"contributors":100', f'"contributors":{LEAST_CONTRIBUTORS - 1}')
    with pytest.raises(ValueError, match="contributors"):
        read_release(changed)


@pytest.mark.parametrize(
    ("changed", "rung"),
    [
        ({}, 0),
        ({"region_class": "asia"}, 2),
        ({"region_class": UNKNOWN}, 2),
        ({"node_bucket": "64+"}, 3),
        ({"provider": "gcp"}, 4),
    ],
)
def test_the_finest_cohort_that_there_is_answers(changed: dict[str, str], rung: int) -> None:
    found = RELEASE.cohort("latency.connect", "quick", FACTS | changed)
    assert found is not None
    assert found.rung == rung


def test_a_fact_that_is_missing_rules_out_the_rungs_that_need_it() -> None:
    found = RELEASE.cohort("latency.connect", "quick", {"provider": "aws"})
    assert found is not None
    assert LADDER[found.rung] == ("provider",)


@given(st.floats(1e-5, 1e14), st.sampled_from([1, 4, 8]))
def test_a_bucket_stands_for_its_values(value: float, step: int) -> None:
    baseline = metric(step=step)
    error = (GAMMA**step - 1) / (GAMMA**step + 1)
    assert baseline.value(baseline.bucket(value)) == pytest.approx(value, rel=error * 1.001)


@given(st.floats(1e-5, 1e14))
def test_buckets_are_those_of_histograms(value: float) -> None:
    baseline = metric()
    histogram = Histogram.of([value])
    assert baseline.bucket(value) == histogram.first
    assert baseline.value(histogram.first) == pytest.approx(histogram.quantile(0.5))
    assert baseline.value(histogram.first) == pytest.approx(value, rel=RELATIVE_ERROR * 1.001)


def test_zero_and_what_is_out_of_bounds_are_in_the_outermost_buckets() -> None:
    baseline = metric()
    assert [baseline.bucket(value) for value in (0, 1e-300, 1e300, math.inf)] == [-696, -696, 1744, 1744]
    for value in (-1.0, math.nan):
        with pytest.raises(ValueError, match="zero and more"):
            baseline.bucket(value)


@given(st.integers(0, 100_000))
def test_every_number_of_nodes_has_one_range(nodes: int) -> None:
    low, _, high = node_bucket(nodes).rstrip("+").partition("-")
    assert node_bucket(nodes) in NODE_BUCKETS
    assert int(low) <= nodes <= int(high or nodes)


QUARTILES = cohort(4, p25=100, p50=110, p75=130)


@pytest.mark.parametrize(
    ("bucket", "share"), [(110, 0.5), (105, 0.375), (120, 0.625), (100, 0.25), (99, None), (131, None)]
)
def test_a_value_stands_between_the_percentiles_around_it(bucket: int, share: float | None) -> None:
    stands = position(QUARTILES, bucket)
    assert stands.share == share
    assert 0 <= stands.low <= (stands.share or stands.low) <= stands.high <= 1


def test_where_many_have_the_same_value_one_stands_in_their_middle() -> None:
    assert position(cohort(4, p10=7, p25=7, p50=7, p75=9, p90=9), 7).share == pytest.approx(0.3)


def test_more_contributors_and_a_surer_value_make_the_interval_narrower() -> None:
    few, many = (position(cohort(4, contributors=n, p25=100, p50=110, p75=130), 110) for n in (20, 2000))
    assert few.low < many.low < many.high < few.high
    unsure = position(QUARTILES, 110, low=95, high=115)
    assert unsure.low == 0.0
    assert unsure.high == position(QUARTILES, 110).high


def test_an_interval_without_its_value_is_refused() -> None:
    with pytest.raises(ValueError, match="within"):
        position(QUARTILES, 110, low=111)


@given(st.lists(st.integers(-50, 50), min_size=20, max_size=200), st.integers(-60, 60))
def test_the_true_share_of_the_cohort_lies_within_the_bounds(values: list[int], bucket: int) -> None:
    ordered = sorted(values)
    points = {f"p{p}": ordered[max(1, math.ceil(len(values) * p / 100 - 1e-9)) - 1] for p in (25, 50, 75)}
    stands = position(cohort(4, contributors=len(values), **points), bucket)
    below, upto = (sum(test) / len(values) for test in ([v < bucket for v in values], [v <= bucket for v in values]))
    assert stands.low <= upto
    assert stands.high >= below
