"""The closed types, and the lists of words they are made of, against where these come from."""

import json
import math

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.wire import numbers as wire_numbers
from agent.wire import vocabulary
from agent.wire.facts import Distribution
from agent.wire.fields import TABLE
from agent.wire.numbers import SHARE, Bucket, Histogram, Index, coarse, counts
from agent.wire.types import DAY, WEEK, Choice, Untreatable
from jobs.step import Path
from probes.measure import histogram
from probes.measure.stability import FlagCode
from probes.probe import Profile
from tests.agent.privacy.made_facts import ROWS, raws


def pseudonym(kind: str, name: str) -> str:
    return "a" * 20


def test_a_count_reads_as_its_range() -> None:
    kind = counts(64)
    assert kind.labels == ("0", "1-4", "5-7", "8-15", "16-31", "32-63", "64+")
    read = {raw: kind.treat(raw, pseudonym) for raw in (0, 1, 4, 4.5, 5, 7.9, 8, 63, 64, 10**9)}
    assert list(read.values()) == ["0", "1-4", "1-4", "1-4", "5-7", "5-7", "8-15", "32-63", "64+", "64+"]


def test_a_coarse_range_begins_at_none() -> None:
    assert coarse(5, 16, 64).labels == ("0-4", "5-15", "16-63", "64+")


def test_a_share_tells_none_and_all_apart_from_few_and_most() -> None:
    read = [SHARE.treat(raw, pseudonym) for raw in (0, 1e-9, 0.05, 0.5, 0.999, 1, 1 + 1e-12)]
    assert read == ["0", "0-5%", "5-10%", "50-75%", "95-100%", "100%", "100%"]


@pytest.mark.parametrize("raw", [-1, 1.01, math.nan, math.inf, True, "1", None, 10**400])
def test_what_is_no_share_is_refused(raw: object) -> None:
    with pytest.raises(Untreatable):
        SHARE.treat(raw, pseudonym)


def test_a_histogram_without_room_for_two_buckets_is_refused() -> None:
    with pytest.raises(ValueError, match="two"):
        Histogram(Index(1, 10), most=1)


def test_ranges_that_do_not_ascend_are_refused() -> None:
    with pytest.raises(ValueError, match="ascending"):
        Bucket((0, 5, 5), ("a", "b", "c"))
    with pytest.raises(ValueError, match="label"):
        Bucket((0, 5), ("a",))


def test_a_word_that_is_not_listed_reads_other() -> None:
    kind = Choice.grouped({"managed": ("eks", "gke"), "local": ("kind",)})
    assert kind.labels == ("local", "managed", "other")
    assert [kind.treat(raw, pseudonym) for raw in ("eks", "gke", "kind", "EKS", "", "managed")] == [
        "managed", "managed", "local", "other", "other", "other",
    ]  # fmt: skip


def test_an_index_is_that_of_the_histograms_of_probes() -> None:
    assert wire_numbers.GAMMA == histogram.GAMMA
    kind = Index(1e-6, 1e15)
    for value in np.geomspace(1e-5, 1e14, 500):
        assert kind.treat(float(value), pseudonym) == histogram.Histogram.of([value]).first


@given(value=st.floats(1e-5, 1e14), step=st.integers(1, 16))
def test_a_coarser_index_is_the_highest_of_the_buckets_that_it_stands_for(value: float, step: int) -> None:
    fine, coarser = Index(1e-6, 1e15), Index(1e-6, 1e15, step)
    index = fine.treat(value, pseudonym)
    assert 0 <= coarser.treat(value, pseudonym) - index < step
    assert coarser.treat(value, pseudonym) % step == 0


@pytest.mark.parametrize("raw", [0, -3.5, 1e-300, 5e-324])
def test_what_is_below_the_first_bucket_is_in_it(raw: float) -> None:
    kind = Index(0.001, 4, step=8)
    assert kind.treat(raw, pseudonym) == kind.first


def test_what_is_above_the_last_bucket_is_in_it() -> None:
    kind = Index(0.001, 4, step=8)
    assert kind.treat(1e299, pseudonym) == kind.last


@settings(deadline=None)
@given(distribution=raws(Histogram(Index(1e-6, 1e15, step=4))), most=st.integers(2, 64))
def test_a_histogram_has_a_thousand_thousandths_in_no_more_buckets_than_it_may(
    distribution: Distribution, most: int
) -> None:
    kind = Histogram(Index(1e-6, 1e15, step=4), most)
    treated = json.loads(json.dumps(kind.treat(distribution, pseudonym)))
    assert list(kind.problems(treated, "x")) == []
    jsonschema.Draft202012Validator(kind.json_schema()).validate(treated)
    assert sum(share for _, share in treated) == 1000
    assert len(treated) <= most


@settings(deadline=None)
@given(values=st.lists(st.floats(1, 1e9), min_size=30, max_size=200), q=st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_a_percentile_read_from_the_wire_is_within_a_bucket_and_a_thousandth(values: list[float], q: float) -> None:
    exact = histogram.Histogram.of(values)
    counted = {exact.first + at: int(count) for at, count in enumerate(exact.counts) if count}
    sent = Histogram(Index(1e-6, 1e15, step=4), most=10_000).treat(Distribution(counts=counted), pseudonym)
    cumulative, read = 0, sent[-1][0]
    for index, share in sent:
        cumulative += share
        if cumulative >= 1000 * q:
            read = index
            break
    low, high = exact.quantile(max(q - 0.03, 0.001)), exact.quantile(min(q + 0.03, 1))
    assert low * 0.98 <= wire_numbers.GAMMA**read <= high * wire_numbers.GAMMA**4 * 1.02


@pytest.mark.parametrize("field", TABLE, ids=lambda field: field.name)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_what_a_type_makes_of_a_raw_value_is_of_the_type(field: object, data: st.DataObject) -> None:
    kind = field.kind  # type: ignore[attr-defined]
    treated = kind.treat(data.draw(raws(kind, ROWS.get(field.name))), pseudonym)  # type: ignore[attr-defined]
    assert list(kind.problems(json.loads(json.dumps(treated)), "x")) == []


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (DAY, "2028-02-29", ["2026-02-29", "2026-2-1", "2026-02-01\n", "1999-01-01", "٢٠٢٦-01-01", "2026-00-10"]),
        (WEEK, "2026-W53", ["2026-W54", "2026-W00", "2026-w01", "2026W01", "2026-W1"]),
    ],
)
def test_a_date_has_one_form(kind: object, good: str, bad: list[str]) -> None:
    assert list(kind.problems(good, "x")) == []  # type: ignore[attr-defined]
    assert all(list(kind.problems(each, "x")) for each in bad)  # type: ignore[attr-defined]


def test_the_words_are_those_that_probes_and_jobs_use() -> None:
    assert set(vocabulary.DOUBTS) == {code.value for code in FlagCode}
    assert set(vocabulary.PATHS) == {path.value.replace(" ", "_") for path in Path}
    assert set(vocabulary.PROFILES) == {profile.value for profile in Profile}


def test_lists_of_words_are_sorted_and_hold_none_twice_and_never_other() -> None:
    lists = [value for value in vars(vocabulary).values() if isinstance(value, tuple)]
    lists += vocabulary.METRICS.values()
    assert len(lists) > 20
    for words in lists:
        assert len(set(words)) == len(words)
        assert vocabulary.OTHER not in words or words is vocabulary._OWNERS
