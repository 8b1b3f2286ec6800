"""The simulated fleet in small, and that its attack would notice what it looks for."""

import itertools
import json
import random
from collections import Counter
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.levels import Level
from agent.wire.fields import check
from benchmarks import fleet, fleet_attack
from benchmarks.fleet_clusters import SyntheticKeys, report, traits
from benchmarks.fleet_store import Plan
from corrective_drift.synthetic import PREFIX
from probes.measure.baselines import LEAST_CONTRIBUTORS

DAY = date(2026, 11, 2)
HERE, THERE = (4, ()), (3, ("aws",))


def smallest(shared: dict[tuple[object, object], int]) -> int | None:
    return min(fleet_attack._cuts(Counter(shared)), default=None)  # type: ignore[arg-type]  # cells of any kind


def test_one_who_has_come_or_left_is_told_apart_by_subtracting() -> None:
    assert smallest({(HERE, HERE): 30, (None, HERE): 1}) == 1
    assert smallest({(HERE, HERE): 30, (HERE, None): 19}) == 19


def test_nobody_or_k_are_no_exposure() -> None:
    assert smallest({(HERE, HERE): 30}) is None
    assert smallest({(HERE, HERE): 30, (HERE, None): LEAST_CONTRIBUTORS}) is None


def test_two_paths_to_the_outside_protect_together() -> None:
    assert smallest({(HERE, HERE): 30, (HERE, None): 12, (None, HERE): 13}) is None
    assert smallest({(HERE, HERE): 5, (HERE, None): 12, (None, HERE): 13}) == 17


@given(st.dictionaries(st.tuples(st.integers(0, 2), st.integers(0, 2)), st.integers(1, 15), min_size=1))
@settings(deadline=None, max_examples=60)
def test_the_smallest_cut_is_that_of_trying_all(counts: dict[tuple[int, int], int]) -> None:
    shared = {(before or None, after or None): count for (before, after), count in counts.items()}
    found = smallest(shared)
    assert (found if found is not None and found < LEAST_CONTRIBUTORS else None) == _by_trying(shared)


def test_a_synthetic_cluster_says_so_and_its_documents_are_real_ones() -> None:
    chance = random.Random(1)
    for number in range(60):
        each = traits(1, number)
        assert each.keys.cluster_id.startswith(PREFIX)
        for _, body in report(each, DAY, chance):
            assert check(json.loads(body)) == ()
    assert len({SyntheticKeys(number).cluster_id for number in range(999)}) == 999


def test_a_fleet_is_the_same_for_the_same_seed() -> None:
    assert traits(3, 5) == traits(3, 5)
    assert len({traits(seed, 5).requested for seed in range(9)}) == 9


@pytest.mark.timeout(300)
def test_a_small_fleet_meets_every_goal() -> None:
    plan = Plan(seed=2, clusters=120, weeks=5, first=date(2026, 9, 28))
    assert any(traits(2, number).level is Level.MINIMAL for number in range(120))
    found = list(fleet.rows(plan, processes=1, erase=12, drift=6, over_http=3))
    assert [row.what for row in found if not row.met] == []
    cohorts = next(row for row in found if "published cohorts" in row.what)
    assert int(cohorts.what.split()[2]) > 50
    assert any(row.what == "· unused-requests" for row in found)


def _by_trying(shared: dict[tuple[object, object], int]) -> int | None:
    """The smallest number of clusters below k on the border of any set of groups, the outside not in it."""
    edges = [
        (("then", before) if before else "outside", ("now", after) if after else "outside", count)
        for (before, after), count in shared.items()
    ]
    nodes = sorted({end for one, other, _ in edges for end in (one, other)} - {"outside"}, key=str)
    sizes = (
        sum(count for one, other, count in edges if (one in inside) != (other in inside))
        for size in range(1, len(nodes) + 1)
        for inside in map(set, itertools.combinations(nodes, size))
    )
    return min((size for size in sizes if 0 < size < LEAST_CONTRIBUTORS), default=None)
