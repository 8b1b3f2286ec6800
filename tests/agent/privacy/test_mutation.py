"""Proof 8: without the treatment of any one field something here fails: no field is protected by habit only."""

import dataclasses
import json
from collections.abc import Iterator
from datetime import date
from itertools import cycle
from typing import Any, get_args

import pytest

from agent.errors import Dropped
from agent.levels import DataType, Level
from agent.privacy.anonymize import anonymize
from agent.privacy.keys import Keys
from agent.wire.documents import MOST_CELLS, Documents
from agent.wire.facts import Facts
from agent.wire.field import Field
from agent.wire.fields import DOCUMENTS, TABLE
from agent.wire.numbers import Bucket, Histogram, Index
from agent.wire.records import Closed, Rows, Several
from agent.wire.types import Bool, Choice, Digest, Kind, Problem, Pseudonym
from tests.agent.privacy.canaries import CANARIES, leaks
from tests.agent.privacy.made_facts import facts_with_names
from tests.agent.privacy.open_schema import open_places


@dataclasses.dataclass(frozen=True)
class Untreated(Kind):
    """A type whose raw values leave as they are; checking and schema are those of `of`, or none."""

    of: Kind | None

    def _treatment(self) -> str:
        return self.of.treatment if self.of else "none"

    def _allowed(self) -> str:
        return self.of.allowed if self.of else "anything"

    def _size(self) -> int | None:
        return self.of.size if self.of else None

    def _treat(self, raw: object, _pseudonym: Pseudonym) -> Any:
        return json.loads(json.dumps(raw, default=dataclasses.asdict))

    def _problems(self, value: Any, path: str) -> Iterator[Problem]:
        yield from self.of.problems(value, path) if self.of else ()

    def _json_schema(self) -> dict[str, Any]:
        return self.of.json_schema() if self.of else {}


def mutants(kind: Kind, strip: Any) -> Iterator[tuple[str, Kind]]:
    """The type without its treatment, and each type without that of one of its parts."""
    yield "", strip(kind)
    if isinstance(kind, Rows):
        for name, part in kind.row.parts.items():
            row = Closed(dict(kind.row.parts) | {name: strip(part)}, kind.row.optional)
            yield f".{name}", Rows(row, kind.most, kind.largest)


def all_mutants(strip: Any, wanted: Any = Kind) -> list[Any]:
    return [
        pytest.param(field, name, kind, id=f"{field.name}{name}")
        for field in TABLE
        for name, kind in mutants(field.kind, strip)
        if isinstance(field.kind.columns[name[1:]] if name else field.kind, wanted)
    ]


# Yes and no have no other form.
TREATED = Choice | Several | Digest | Bucket | Index | Histogram | Rows


def test_every_type_but_yes_and_no_has_a_treatment() -> None:
    kinds = {type(kind) for field in TABLE for kind in (field.kind, *field.kind.columns.values())}
    assert kinds - {Bool} <= set(get_args(TREATED))


def with_kind(field: Field, **changes: Any) -> Documents:
    return Documents([dataclasses.replace(each, **changes) if each is field else each for each in TABLE])


def send(made: Facts, documents: Documents, level: Level = Level.DETAILED) -> bytes:
    (outgoing,) = anonymize(
        made,
        level=level,
        data_types=frozenset(DataType),
        keys=Keys(bytes(32)),
        day=date(2026, 11, 23),
        chance=lambda: 0.5,
        documents=documents,
    )
    return outgoing.body


def only(field: Field, made: Facts) -> Facts:
    """The facts of one field alone."""
    record = getattr(made, field.subject)
    value = getattr(record, field.attribute)
    return Facts(**{field.subject: type(record)(**{field.attribute: value})})


def complete() -> Facts:
    """Facts for every field, in which nothing raw is what may leave."""
    made = facts_with_names(cycle(CANARIES).__next__)
    filled = {}
    for subject in dataclasses.fields(made):
        if subject.name == "statuses":
            continue
        record = getattr(made, subject.name)
        missing = {each.name: 0.31 if "share" in each.name else 37 for each in dataclasses.fields(record)}
        known = {name: value for name in missing if (value := getattr(record, name)) is not None}
        filled[subject.name] = type(record)(**missing | known)
    pools = tuple(dataclasses.replace(pool, interruptible=True) for pool in filled["nodes"].pools)
    classes = tuple(
        dataclasses.replace(each, default=True, waits_for_consumer=False)
        for each in filled["workloads"].storage_classes
    )
    filled["nodes"] = dataclasses.replace(filled["nodes"], pools=pools)
    filled["workloads"] = dataclasses.replace(filled["workloads"], storage_classes=classes)
    return Facts(**filled)


@pytest.mark.parametrize(("field", "part", "kind"), all_mutants(Untreated, TREATED))
def test_a_field_without_its_treatment_is_dropped_before_it_leaves(field: Field, part: str, kind: Kind) -> None:
    made = only(field, complete())
    assert send(made, DOCUMENTS), "with its treatment the same fact leaves"
    with pytest.raises(Dropped):
        send(made, with_kind(field, kind=kind))


@pytest.mark.parametrize(("field", "part", "kind"), all_mutants(lambda _kind: Untreated(None)))
def test_a_field_without_a_closed_type_opens_the_schema_and_changes_its_digest(
    field: Field, part: str, kind: Kind
) -> None:
    documents = with_kind(field, kind=kind)
    assert any(
        f"{field.attribute}{part}" in place.replace("[]", "") for place in open_places(documents.schema(Level.DETAILED))
    )
    assert documents.digest != DOCUMENTS.digest


@pytest.mark.parametrize(
    ("field", "part", "kind"), all_mutants(lambda _kind: Untreated(None), Digest | Choice | Several)
)
def test_what_would_leave_then_holds_names_of_the_cluster(field: Field, part: str, kind: Kind) -> None:
    """That the canaries are found shows that the search for them looks at this field at all."""
    assert leaks(send(only(field, complete()), with_kind(field, kind=kind)))


@pytest.mark.parametrize("field", [field for field in TABLE if field.minimal is not None], ids=lambda each: each.name)
def test_a_field_without_its_coarser_type_passes_the_budget_of_the_minimal_level(field: Field) -> None:
    if field.kind == field.minimal:
        assert field.kind.size is not None
        assert field.kind.size <= 8, "as coarse as the minimal level wants it at every level"
        return
    documents = with_kind(field, minimal=field.kind)
    assert any(documents.cells(fragment) > MOST_CELLS for fragment in documents.fragments)
