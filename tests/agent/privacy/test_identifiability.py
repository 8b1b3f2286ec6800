"""Proof 4: no record of the minimal level divides all clusters of the world into more than 128 groups."""

import dataclasses

import pytest

from agent.levels import Level
from agent.wire.documents import FRAGMENTS, MOST_CELLS, Documents, fields_of
from agent.wire.fields import DOCUMENTS, TABLE
from agent.wire.types import Constant, Pattern


def over_budget(documents: Documents) -> list[str]:
    return [fragment for fragment in FRAGMENTS if documents.cells(fragment) > MOST_CELLS]


def test_every_fragment_keeps_the_budget_its_further_field_included() -> None:
    assert MOST_CELLS == 128
    assert over_budget(DOCUMENTS) == []


@pytest.mark.parametrize("fragment", FRAGMENTS)
def test_what_is_counted_is_all_that_a_fragment_can_differ_in(fragment: str) -> None:
    """Computed anew from the JSON Schema, which is what a stranger has."""
    schema = next(
        each
        for each in DOCUMENTS.schema(Level.MINIMAL)["oneOf"]
        if each["properties"]["fragment"] == {"enum": [fragment]}
    )
    cells = 1
    for name, part in schema["properties"].items():
        if name in {"schema", "week"}:
            continue  # the same for every cluster
        if name == "voter":
            continue  # in no other record: see the proof about linkage
        enums = [part] if "enum" in part else list(part["properties"].values())
        for each in enums:
            cells *= len(each["enum"])
    assert cells == DOCUMENTS.cells(fragment) <= MOST_CELLS


def test_every_field_of_the_minimal_level_is_in_a_fragment_and_nothing_else_is() -> None:
    in_fragments = {name for fragment in FRAGMENTS for name in fields_of(fragment)}
    assert in_fragments == {field.name for field in TABLE if field.level is Level.MINIMAL}
    for shape in DOCUMENTS.fragments.values():
        beside = {name for name, kind in shape.parts.items() if isinstance(kind, Constant | Pattern)}
        assert beside == {"schema", "level", "fragment", "week", "voter"}


@pytest.mark.parametrize(
    "field", [field for field in TABLE if field.level is Level.MINIMAL], ids=lambda each: each.name
)
def test_each_coarser_type_is_needed_or_the_field_is_as_coarse_already(field: dataclasses.Field) -> None:
    """Without it the budget is passed, or the type is the same."""
    finer = Documents([dataclasses.replace(each, minimal=each.kind) if each is field else each for each in TABLE])
    assert over_budget(finer) or field.kind == field.minimal
