"""No arithmetic on what is published tells of a small group, within a release or between two."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from corrective_drift.disclosure import Cell, Groups, Words, cells, choose, exposed, grouped, totals
from probes.measure.baselines import UNKNOWN
from tests.corrective_drift.attack import Week, pieces, unions

LEAST = 3
WORDS = st.tuples(
    st.sampled_from(["aws", "gcp", UNKNOWN]), st.sampled_from(["eu", "us"]), st.sampled_from(["1.33"]), st.just("0-4")
)
WEEKS = st.dictionaries(st.integers(0, 15), WORDS, max_size=16)


def published(week: Week) -> frozenset[Cell]:
    return choose(Counter(week.values()), least=LEAST)


def members(cell: Cell, week: Week) -> frozenset[int]:
    return frozenset(cluster for cluster, words in week.items() if cell in cells(words))


def publish_after(then: Week, before: Groups, now: Week) -> frozenset[Cell]:
    """What may be published of `now`, as the release does it."""
    cohorts = published(now)
    while True:
        groups = grouped(cohorts, Counter(now.values()))
        pairs = Counter((before.of(then[each]), groups.of(now[each])) for each in then.keys() & now.keys())
        shared = {(a, b): count for (a, b), count in pairs.items() if a is not None and b is not None}
        found = exposed(before, groups, shared, least=LEAST)
        if not found:
            return cohorts
        cohorts -= found


@given(WEEKS)
def test_whatever_is_added_and_subtracted_within_a_release_has_nobody_or_enough(week: Week) -> None:
    assert all(piece.bit_count() >= LEAST for piece in pieces(published(week), week))


@given(WEEKS)
def test_a_cohort_of_too_few_or_of_unknown_facts_is_never_published(week: Week) -> None:
    for cell in published(week):
        assert len(members(cell, week)) >= LEAST
        assert UNKNOWN not in cell[1]


@settings(max_examples=150, deadline=None)
@given(WEEKS, WEEKS, st.sets(st.integers(0, 15), max_size=4))
def test_the_difference_of_any_parts_of_two_releases_is_nobody_or_enough(then: Week, now: Week, same: set[int]) -> None:
    # Most clusters stay as they were: the hard case, where only a few come, go or change.
    now = {**then, **now} if len(now) < 4 else {each: words for each, words in then.items() if each not in same}
    first = published(then)
    second = publish_after(then, grouped(first, Counter(then.values())), now)
    for one in unions(pieces(first, then)):
        for other in unions(pieces(second, now)):
            assert not 0 < (one ^ other).bit_count() < LEAST


def everybody(count: int, words: Words = ("aws", "eu", "1.33", "0-4")) -> dict[int, Words]:
    return dict.fromkeys(range(count), words)


def test_without_the_check_a_single_newcomer_would_be_the_difference() -> None:
    then, now = everybody(6), everybody(7)
    before = grouped(published(then), Counter(then.values()))
    assert published(now)
    assert publish_after(then, before, now) == frozenset()


def test_a_cohort_is_published_again_once_enough_have_come() -> None:
    then, now = everybody(6), everybody(9)
    before = grouped(published(then), Counter(then.values()))
    assert publish_after(then, before, now) == published(now)


def test_the_same_clusters_are_published_each_week() -> None:
    then = everybody(6)
    assert publish_after(then, grouped(published(then), Counter(then.values())), then) == published(then)


def test_who_was_erased_after_a_release_counts_as_one_who_left() -> None:
    released = everybody(7)
    before = grouped(published(released), Counter(released.values()))
    remaining = everybody(6)
    assert publish_after(remaining, before, remaining) == frozenset()


def test_one_cluster_that_moves_to_another_cohort_takes_both_out() -> None:
    then = everybody(6) | {10 + n: ("aws", "us", "1.33", "0-4") for n in range(6)}
    now = then | {0: ("aws", "us", "1.33", "0-4")}
    before = grouped(published(then), Counter(then.values()))
    left = publish_after(then, before, now)
    assert not any(rung == 0 for rung, _ in left)
    assert (1, ("aws", "1.33", "0-4")) in left


def test_a_part_is_given_up_where_it_would_betray_the_few_others() -> None:
    week = everybody(5) | {20: ("aws", "us", "1.33", "0-4")}
    assert (0, ("aws", "eu", "1.33", "0-4")) not in published(week)
    assert (1, ("aws", "1.33", "0-4")) in published(week)


def test_totals_count_a_cluster_once_on_each_rung() -> None:
    assert totals(Counter(everybody(4).values())) == dict.fromkeys(cells(("aws", "eu", "1.33", "0-4")), 4)
