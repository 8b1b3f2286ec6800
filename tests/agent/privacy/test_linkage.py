"""Proof 3: what was sent of two clusters, months or kinds of object shares no identifier; fragments can't be joined."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.levels import DataType, Level
from agent.privacy.anonymize import anonymize
from agent.privacy.keys import Keys
from agent.privacy.outgoing import Outgoing
from agent.wire.documents import FRAGMENTS, fields_of
from agent.wire.facts import (
    Cell,
    ClusterFacts,
    Facts,
    NodePool,
    NodesFacts,
    PlatformFacts,
    StorageClass,
    WorkloadsFacts,
)

MONDAY = date(2026, 11, 23)
secrets = st.binary(min_size=32, max_size=32)
names = st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=4, unique=True)


def outgoing(
    facts: Facts, secret: bytes, day: date, level: Level = Level.DETAILED, chance: Any = lambda: 0.5
) -> tuple[Outgoing, ...]:
    return anonymize(facts, level=level, data_types=frozenset(DataType), keys=Keys(secret), day=day, chance=chance)


def with_objects(objects: list[str]) -> Facts:
    """The same names for objects of each kind."""
    return Facts(
        nodes=NodesFacts(pools=tuple(NodePool(name=name, count=1, cpu_cores=4, memory_gib=8) for name in objects)),
        workloads=WorkloadsFacts(storage_classes=tuple(StorageClass(name=name) for name in objects)),
        platform=PlatformFacts(cell_rows=tuple(Cell(name=name) for name in objects)),
    )


def digests(facts: Facts, secret: bytes, day: date) -> dict[str, set[str]]:
    (document,) = (json.loads(each.body) for each in outgoing(facts, secret, day))
    tables = {
        "pools": document["nodes"]["pools"],
        "classes": document["workloads"]["storage_classes"],
        "cells": document["platform"]["cell_rows"],
    }
    return {kind: {row["name"] for row in rows} for kind, rows in tables.items()}


def together(found: dict[str, set[str]]) -> set[str]:
    return set().union(*found.values())


@settings(max_examples=40, deadline=None)
@given(objects=names, one=secrets, other=secrets)
def test_equal_names_in_two_clusters_share_no_digest(objects: list[str], one: bytes, other: bytes) -> None:
    if one != other:
        facts = with_objects(objects)
        assert not together(digests(facts, one, MONDAY)) & together(digests(facts, other, MONDAY))
        assert Keys(one).cluster_id != Keys(other).cluster_id


@settings(max_examples=40, deadline=None)
@given(objects=names, secret=secrets, months=st.integers(1, 24))
def test_equal_names_in_two_months_share_no_digest(objects: list[str], secret: bytes, months: int) -> None:
    facts, later = with_objects(objects), MONDAY + timedelta(days=31 * months)
    assert not together(digests(facts, secret, MONDAY)) & together(digests(facts, secret, later))


@settings(max_examples=40, deadline=None)
@given(objects=names, secret=secrets)
def test_equal_names_of_two_kinds_share_no_digest_but_a_month_keeps_each_its_own(
    objects: list[str], secret: bytes
) -> None:
    found = digests(with_objects(objects), secret, MONDAY)
    assert len(together(found)) == 3 * len(objects)
    assert found == digests(with_objects(objects), secret, MONDAY + timedelta(days=7))


def cluster(chance: random.Random) -> Facts:
    return Facts(
        cluster=ClusterFacts(
            minor=chance.choice([33, 34, 35, 36, 37]),
            distribution=chance.choice(["eks", "gke", "k3s", "kubeadm", "openshift"]),
            provider=chance.choice(["aws", "azure", "gcp", "other"]),
            region_class=chance.choice(["asia", "europe", "north_america"]),
        ),
        nodes=NodesFacts(
            count=round(chance.lognormvariate(2.5, 1.2)),
            cpu_cores=chance.lognormvariate(4.5, 1.5),
            memory_gib=chance.lognormvariate(6, 1.5),
        ),
    )


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from leaves(part, f"{path}.{key}".strip("."))
    else:
        yield path, value


def test_the_fragments_of_a_cluster_have_nothing_in_common_but_their_cohort_and_week() -> None:
    documents = [
        json.loads(each.body) for each in outgoing(cluster(random.Random(1)), bytes(32), MONDAY, Level.MINIMAL)
    ]
    assert len(documents) == len(FRAGMENTS)
    everywhere = set.intersection(*(set(leaves(document)) for document in documents))
    assert {path for path, _ in everywhere} == {"schema", "level", "week", "cluster.provider", "nodes.count"}
    voters = [document["voter"] for document in documents]
    assert len(set(voters)) == len(voters)
    for document in documents:
        held = {path for path, _ in leaves(document)} - {"schema", "level", "week", "fragment", "voter"}
        assert held == set(fields_of(document["fragment"]))


Fragments = list[tuple[int, dict[str, Any]]]


def comparable(fragments: Fragments, kinds: tuple[str, str]) -> set[str]:
    """The places at which fragments of two kinds ever hold the same: all that an attacker can compare."""
    seen: dict[str, dict[str, set[Any]]] = {kind: {} for kind in kinds}
    for _, document in fragments:
        if document["fragment"] in kinds:
            for path, value in leaves(document):
                seen[document["fragment"]].setdefault(path, set()).add(value)
    one, other = (seen[kind] for kind in kinds)
    return {path for path in one.keys() & other.keys() if one[path] & other[path]}


def joined(fragments: Fragments, kinds: tuple[str, str]) -> float:
    """How many clusters, as a share, an attacker finds both fragments of: by one guess among all that fit."""
    paths = comparable(fragments, kinds)

    def key(document: dict[str, Any]) -> frozenset[tuple[str, Any]]:
        return frozenset(leaf for leaf in leaves(document) if leaf[0] in paths)

    candidates = Counter(key(document) for _, document in fragments if document["fragment"] == kinds[1])
    ones = [document for _, document in fragments if document["fragment"] == kinds[0]]
    return sum(1 / candidates[key(document)] for document in ones) / len(ones)


def of_many(clusters: int) -> Fragments:
    chance = random.Random(7)
    return [
        (owner, json.loads(each.body))
        for owner in range(clusters)
        for each in outgoing(cluster(chance), chance.randbytes(32), MONDAY, Level.MINIMAL)
    ]


def test_the_fragments_of_a_thousand_clusters_are_joined_no_better_than_by_guessing_in_a_cohort() -> None:
    fragments = of_many(1000)
    cohorts = {(document["cluster"]["provider"], document["nodes"]["count"]) for _, document in fragments}
    assert len(cohorts) <= 16
    for kinds in permutations(FRAGMENTS, 2):
        assert joined(fragments, kinds) == pytest.approx(len(cohorts) / 1000)


def test_the_times_at_which_fragments_leave_join_none() -> None:
    chance = random.Random(11)
    left: dict[str, list[tuple[int, int]]] = {"version": [], "distribution": []}
    for owner in range(500):
        for each in outgoing(cluster(chance), chance.randbytes(32), MONDAY, Level.MINIMAL, chance.random):
            fragment = json.loads(each.body)["fragment"]
            if fragment in left:
                left[fragment].append((each.earliest_seconds, owner))
    nearest = [
        min(left["distribution"], key=lambda other: abs(other[0] - at))[1] == owner for at, owner in left["version"]
    ]
    # One in 500 is what guessing finds.
    assert sum(nearest) <= 5


def test_fragments_would_be_joined_if_a_cluster_had_one_pseudonym_for_all_of_them() -> None:
    fragments = of_many(100)
    pseudonyms = {owner: document["voter"] for owner, document in fragments}
    weak = [(owner, document | {"voter": pseudonyms[owner]}) for owner, document in fragments]
    assert joined(weak, ("version", "distribution")) == 1


def test_each_fragment_leaves_alone_once_a_week_and_at_a_time_of_its_own() -> None:
    chance = random.Random(3)
    made = outgoing(cluster(chance), bytes(32), MONDAY, Level.MINIMAL, chance.random)
    assert all(each.alone for each in made)
    assert {each.once for each in made} == {f"2026-W48/{fragment}" for fragment in FRAGMENTS}
    assert len({each.earliest_seconds for each in made}) == len(made)
    assert all(0 <= each.earliest_seconds < (each.latest_seconds or 0) == 6 * 86_400 for each in made)


@settings(max_examples=40, deadline=None)
@given(days=st.integers(0, 3000), draws=st.lists(st.floats(0, 1, exclude_max=True), min_size=5, max_size=5))
def test_a_fragment_of_a_week_leaves_within_it_at_whatever_hour_it_was_made(days: int, draws: list[float]) -> None:
    day = date(2024, 1, 1) + timedelta(days=days)
    made = outgoing(cluster(random.Random(1)), bytes(32), day, Level.MINIMAL, iter(draws).__next__)
    assert len(made) == len(FRAGMENTS)
    midnight = datetime.combine(day, time())
    for each in made:
        assert each.latest_seconds is not None
        earliest = midnight + timedelta(seconds=each.earliest_seconds)
        latest = midnight + timedelta(days=1, seconds=each.latest_seconds - 1)
        assert each.latest_seconds - each.earliest_seconds > 0
        for moment in (earliest, latest):
            year, week, _ = moment.isocalendar()
            assert json.loads(each.body)["week"] == f"{year}-W{week:02}"


@settings(max_examples=40, deadline=None)
@given(day=st.dates(date(2024, 1, 1), date(2099, 1, 1)))
def test_a_fragment_has_a_day_at_least_to_be_one_of_many_in(day: date) -> None:
    least, most = (
        outgoing(cluster(random.Random(1)), bytes(32), day, Level.MINIMAL, lambda draw=draw: draw)
        for draw in (0.0, 0.999_999)
    )
    for early, late in zip(least, most, strict=True):
        assert late.earliest_seconds - early.earliest_seconds >= 86_399


@settings(max_examples=40, deadline=None)
@given(secret=secrets, weeks=st.integers(1, 60))
def test_the_voters_of_two_weeks_share_no_pseudonym(secret: bytes, weeks: int) -> None:
    def voters(day: date) -> set[str]:
        return {
            json.loads(each.body)["voter"] for each in outgoing(cluster(random.Random(1)), secret, day, Level.MINIMAL)
        }

    first = voters(MONDAY)
    assert len(first) == len(FRAGMENTS)
    assert first == voters(MONDAY + timedelta(days=2)), "one vote a week"
    assert not first & voters(MONDAY + timedelta(weeks=weeks))


def test_no_identifier_of_another_level_gets_into_a_fragment() -> None:
    keys = Keys(bytes(32))
    for each in outgoing(cluster(random.Random(1)), bytes(32), MONDAY, Level.MINIMAL):
        assert keys.cluster_id.encode() not in each.body
        assert keys.token.encode() not in each.body
