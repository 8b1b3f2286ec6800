import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.topology import Wanted, ordered_pairs, sample, suitable
from tests.jobs.factories import node

ANY = Wanted(labels={})
COUNTS = st.integers(0, 40)


def names(count: int) -> list[str]:
    return [f"n{number}" for number in range(count)]


@pytest.mark.parametrize(
    ("fields", "wanted", "reason"),
    [
        ({"conditions": ()}, ANY, "is not ready"),
        ({"unschedulable": True}, ANY, "is cordoned"),
        ({"taints": {"gpu": "NoSchedule"}}, ANY, "has the taint gpu:NoSchedule"),
        ({"taints": {"gpu": "NoExecute"}}, ANY, "has the taint gpu:NoExecute"),
        ({"architecture": "arm64"}, Wanted(labels={}, architectures=frozenset({"amd64"})), "is arm64"),
        ({"operating_system": "windows"}, ANY, "runs windows"),
        ({}, Wanted(labels={"disk": "ssd"}), "has no label disk=ssd"),
        ({"labels": {"disk": "hdd"}}, Wanted(labels={"disk": "ssd"}), "has no label disk=ssd"),
    ],
)
def test_a_node_that_cannot_be_probed_is_told_with_its_reason(
    fields: dict[str, object], wanted: Wanted, reason: str
) -> None:
    found = suitable([node("a", **fields)], wanted)
    assert found.nodes == ()
    assert reason in found.others["a"]


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, ANY),
        ({"taints": {"gpu": "PreferNoSchedule"}}, ANY),
        ({"taints": {"gpu": "NoSchedule"}}, Wanted(labels={}, tolerated_taints=frozenset({"gpu"}))),
        ({"architecture": "arm64"}, Wanted(labels={}, architectures=frozenset({"amd64", "arm64"}))),
        ({"labels": {"disk": "ssd"}}, Wanted(labels={"disk": "ssd"})),
    ],
)
def test_a_node_that_can_be_probed_is_among_those(fields: dict[str, object], wanted: Wanted) -> None:
    assert suitable([node("a", **fields)], wanted).nodes == ("a",)


@given(count=COUNTS, limit=st.integers(0, 50))
def test_a_sample_is_within_the_limit_and_never_empty(count: int, limit: int) -> None:
    chosen = sample(names(count), limit, seed="s")
    assert len(chosen) == min(count, max(1, limit))
    assert len(set(chosen)) == len(chosen)


@given(count=COUNTS, limit=st.integers(0, 2000), seed=st.text(max_size=5))
def test_pairs_are_all_there_are_or_cover_each_node(count: int, limit: int, seed: str) -> None:
    pairs = ordered_pairs(names(count), limit, seed=seed)
    assert len(set(pairs)) == len(pairs)
    assert all(client != server for client, server in pairs)
    if count * (count - 1) <= limit:
        assert len(pairs) == count * (count - 1)
    else:
        assert {node for pair in pairs for node in pair} == set(names(count))
        assert len(pairs) <= max(limit, (count + 1) // 2)


def test_a_sample_depends_on_its_seed_alone() -> None:
    assert sample(names(30), 5, seed="a") == sample(names(30), 5, seed="a") != sample(names(30), 5, seed="b")
