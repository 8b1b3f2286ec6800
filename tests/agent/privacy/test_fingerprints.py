"""What tells one cluster or run from all others without being a name: order, exact numbers, sample counts, extremes."""

import dataclasses
import random
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.levels import DataType, Level
from agent.privacy.anonymize import anonymize
from agent.privacy.keys import Keys
from agent.wire.facts import Cell, Distribution, Facts, NodePool, NodesFacts, PlatformFacts
from agent.wire.fields import TABLE
from agent.wire.numbers import Bucket, Histogram, Index, counts
from agent.wire.records import Rows
from agent.wire.types import Kind
from tests.agent.privacy.made_facts import facts, facts_with_names, raws

KEYS = Keys(bytes(32))


def body(made: Facts, level: Level = Level.DETAILED) -> bytes:
    (outgoing,) = anonymize(
        made, level=level, data_types=frozenset(DataType), keys=KEYS, day=date(2026, 11, 23), chance=lambda: 0.5
    )
    return outgoing.body


def rearranged(made: Facts, arrange: Callable[[tuple[Any, ...]], tuple[Any, ...]]) -> Facts:
    """The same facts with all that is in some order in another."""

    def record(subject: Any) -> Any:
        if subject is None:
            return None
        values = {field.name: getattr(subject, field.name) for field in dataclasses.fields(subject)}
        return dataclasses.replace(
            subject, **{name: arrange(value) for name, value in values.items() if isinstance(value, tuple)}
        )

    subjects = [field.name for field in dataclasses.fields(made) if field.name != "statuses"]
    return dataclasses.replace(made, **{name: record(getattr(made, name)) for name in subjects})


@settings(max_examples=25, deadline=None)
@given(made=facts(), seed=st.integers(0, 2**16))
def test_the_order_in_which_things_were_found_leaves_no_trace(made: Facts, seed: int) -> None:
    def shuffled(values: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(random.Random(seed).sample(values, len(values)))

    assert body(rearranged(made, shuffled)) == body(made)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**16))
def test_the_order_leaves_no_trace_in_which_rows_are_left_out_either(seed: int) -> None:
    pools = [NodePool(name=f"pool-{number}", count=number % 3, cpu_cores=4, memory_gib=8) for number in range(60)]
    cells = [Cell(name=f"cell-{number}", type="logic") for number in range(60)]
    made = Facts(nodes=NodesFacts(pools=tuple(pools)), platform=PlatformFacts(cell_rows=tuple(cells)))
    chance = random.Random(seed)
    chance.shuffle(pools)
    chance.shuffle(cells)
    other = Facts(nodes=NodesFacts(pools=tuple(pools)), platform=PlatformFacts(cell_rows=tuple(cells)))
    assert body(made) == body(other)


@settings(deadline=None)
@given(
    distribution=raws(Histogram(Index(1e-6, 1e15, step=4))),
    times=st.integers(1, 1000),
)
def test_how_many_samples_there_were_leaves_no_trace(distribution: Distribution, times: int) -> None:
    kind = Histogram(Index(1e-6, 1e15, step=4))
    more = Distribution(
        counts={index: count * times for index, count in distribution.counts.items()}, zeros=distribution.zeros * times
    )
    assert kind.treat(more, KEYS.pseudonyms("2026-11")) == kind.treat(distribution, KEYS.pseudonyms("2026-11"))


@given(extreme=st.integers(1500, 1700), count=st.integers(1, 40))
def test_the_most_extreme_samples_of_a_long_run_leave_no_trace(extreme: int, count: int) -> None:
    kind = Histogram(Index(1e-6, 1e15, step=4))
    usual = dict.fromkeys(range(600, 640), 10000)
    pseudonym = KEYS.pseudonyms("2026-11")
    with_extreme = kind.treat(Distribution(counts=usual | {extreme: count}), pseudonym)
    assert with_extreme == kind.treat(Distribution(counts=usual), pseudonym)


@given(raw=st.integers(1, 4))
def test_counts_below_five_are_not_told_apart(raw: int) -> None:
    for field in TABLE:
        if isinstance(field.kind, Bucket) and field.unit in {"nodes", "objects", "cells", "address blocks"}:
            assert field.kind.treat(raw, KEYS.pseudonyms("2026-11")) == "1-4"


@pytest.mark.parametrize("field", [field for field in TABLE if field.minimal is not None], ids=lambda field: field.name)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_the_minimal_level_tells_nothing_apart_that_the_standard_level_does_not(
    field: Any, data: st.DataObject
) -> None:
    """Else two documents with different bounds would narrow a number down to where they overlap."""
    pseudonym = KEYS.pseudonyms("2026-11")
    values = data.draw(st.lists(raws(field.kind), min_size=2, max_size=30))
    coarser: dict[str, set[str]] = {}
    for raw in values:
        coarser.setdefault(field.kind.treat(raw, pseudonym), set()).add(field.minimal.treat(raw, pseudonym))
    assert all(len(labels) == 1 for labels in coarser.values())
    if isinstance(field.kind, Bucket):
        assert set(field.minimal.starts) <= set(field.kind.starts)


def test_the_bounds_of_all_ranges_of_one_unit_are_bounds_of_the_finest() -> None:
    finest = set(counts(1 << 20).starts)
    for field in TABLE:
        kinds = [field.kind, *field.kind.columns.values()]
        for kind in kinds:
            if isinstance(kind, Bucket) and kind.labels[1:2] == ("1-4",):
                assert set(kind.starts) <= finest


@pytest.mark.parametrize("level", [Level.STANDARD, Level.DETAILED])
def test_no_exact_number_of_a_cluster_leaves(level: Level) -> None:
    made = facts_with_names(lambda: "x")
    text = body(made, level).decode()
    for exact in ("73491", "918273", "645362", "81937", "12345", "4321"):
        assert exact in repr(dataclasses.asdict(made)).replace("_", "")
        assert exact not in text


@pytest.mark.parametrize("field", TABLE, ids=lambda field: field.name)
def test_every_type_has_fewer_values_than_there_could_be_clusters(field: Any) -> None:
    def sizes(kind: Kind) -> list[int | None]:
        return [size for part in kind.columns.values() for size in sizes(part)] or [kind.size]

    assert all(size is None or size <= 2**24 for size in sizes(field.kind))
    assert isinstance(field.kind, Rows) or field.kind.size is not None
