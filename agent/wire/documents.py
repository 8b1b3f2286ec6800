"""The shapes of documents, which follow from a table of fields: schema, digest, checking. Pure.

At the standard and the detailed level a cluster is one document. At the minimal level there is none that holds all:
each further field travels alone in a fragment, beside two coarse ones that say which clusters it is compared with.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from math import prod
from typing import Any

from agent.levels import Level
from agent.wire import vocabulary
from agent.wire.field import Field
from agent.wire.records import Closed, canonical
from agent.wire.types import CLUSTER_ID, DAY, SCHEMA_DIGEST, VOTER, WEEK, Choice, Constant, Json, Kind, Problem

FRAGMENT_BASE = ("cluster.provider", "nodes.count")
"""In every fragment: the cohort, without which a value can't be compared."""
FRAGMENTS: Mapping[str, str] = {
    "cpu": "nodes.cpu_cores",
    "distribution": "cluster.distribution",
    "memory": "nodes.memory_gib",
    "region": "cluster.region_class",
    "version": "cluster.minor",
}
"""Kind of fragment -> its one further field."""
MOST_CELLS = 128
"""Into so many groups a fragment may divide all clusters of the world: then each of them has many."""
# Enough to see what is wrong; a document from outside may have millions.
_MOST_PROBLEMS = 20
STATUS = Choice.of(vocabulary.STATUSES)
"""How a collector ended."""
_COLLECTED = Closed(dict.fromkeys(vocabulary.COLLECTORS, STATUS))


class Documents:
    """What documents of a table of fields are like."""

    def __init__(self, table: Sequence[Field]) -> None:
        """Raises ValueError for a table that names a field twice."""
        self.table = tuple(table)
        self._by_name = {field.name: field for field in self.table}
        if len(self._by_name) < len(self.table):
            raise ValueError("a field is named twice")

    @cached_property
    def fragments(self) -> Mapping[str, Closed]:
        """Kind of fragment -> its shape. Raises ValueError where the table lacks a field that they are made of."""
        return {fragment: self._fragment(fragment) for fragment in FRAGMENTS}

    def cells(self, fragment: str) -> int:
        """Return into how many groups a kind of fragment divides all clusters: the product of its fields' sizes.

        Week and schema are the same for everybody, and a voter's pseudonym occurs in no other record.
        """
        return prod(self._minimal(name).size or MOST_CELLS + 1 for name in fields_of(fragment))

    def shape(self, level: Level) -> Closed:
        """Return the shape of a document of the standard or the detailed level."""
        return self._shapes[level]

    def schema(self, level: Level) -> dict[str, Any]:
        """Return the JSON Schema (2020-12) of a level's documents."""
        shapes = self.fragments.values() if level is Level.MINIMAL else (self.shape(level),)
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "oneOf": [shape.json_schema() for shape in shapes],
        }

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of everything that consent is given to: what can be sent, how it is treated, and what for."""
        content = {"schemas": {level.value: self.schema(level) for level in Level}, "fields": self.describe()}
        return hashlib.sha256(canonical(content)).hexdigest()

    def check(self, document: Json) -> tuple[Problem, ...]:
        """Return what is wrong with a document, at most twenty problems; none repeats anything out of it.

        Any value is a document to ask about: its cost is bounded by the schema, not by the document, once it is parsed.
        """
        return tuple(islice(self._problems(document), _MOST_PROBLEMS))

    def describe(self) -> list[dict[str, Any]]:
        """Return the data dictionary: an entry for each field, ready for JSON."""
        return [_described(field) for field in self.table]

    def _problems(self, document: Json) -> Iterator[Problem]:
        if type(document) is not dict:
            yield Problem("", "must be an object")
            return
        level = document.get("level")
        shapes: Mapping[str, Closed] = {each.value: shape for each, shape in self._shapes.items()}
        if level == Level.MINIMAL.value:
            level, shapes, names = document.get("fragment"), self.fragments, "fragment"
        else:
            names = "level"
        if type(level) is not str or level not in shapes:
            yield Problem(names, f"must be one of {', '.join(FRAGMENTS if names == 'fragment' else Level)}")
            return
        fine = True
        for problem in shapes[level].problems(document, ""):
            fine = False
            yield problem
        if fine and document["schema"] != self.digest:
            yield Problem("schema", f"must be {self.digest}: the document follows another schema")

    def _fragment(self, fragment: str) -> Closed:
        kinds = {name: self._minimal(name) for name in fields_of(fragment)}
        return Closed(
            {
                "schema": SCHEMA_DIGEST,
                "level": Constant(Level.MINIMAL.value),
                "fragment": Constant(fragment),
                "week": WEEK,
                "voter": VOTER,
                **_nested(kinds),
            }
        )

    def _minimal(self, name: str) -> Kind:
        field = self._by_name.get(name)
        kind = field.kind_at(Level.MINIMAL) if field is not None else None
        if kind is None:
            raise ValueError(f"fragments need a field {name} with a type at the minimal level")
        return kind

    @cached_property
    def _shapes(self) -> Mapping[Level, Closed]:
        return {level: self._whole(level) for level in (Level.STANDARD, Level.DETAILED)}

    def _whole(self, level: Level) -> Closed:
        kinds = {field.name: kind for field in self.table if (kind := field.kind_at(level)) is not None}
        subjects = {
            subject: Closed(closed.parts, optional=frozenset(closed.parts))
            for subject, closed in _nested(kinds).items()
        }
        return Closed(
            {
                "schema": SCHEMA_DIGEST,
                "level": Constant(level.value),
                "day": DAY,
                "cluster_id": CLUSTER_ID,
                "collected": _COLLECTED,
                **subjects,
            },
            optional=frozenset(subjects),
        )


def fields_of(fragment: str) -> tuple[str, ...]:
    """Return the names of the fields that a kind of fragment holds."""
    return (*FRAGMENT_BASE, FRAGMENTS[fragment])


def _nested(kinds: Mapping[str, Kind]) -> dict[str, Closed]:
    """Return the subjects of fields that are named `subject.attribute`."""
    parts: dict[str, dict[str, Kind]] = {}
    for name, kind in kinds.items():
        subject, _, attribute = name.partition(".")
        parts.setdefault(subject, {})[attribute] = kind
    return {subject: Closed(attributes) for subject, attributes in parts.items()}


def _described(field: Field) -> dict[str, Any]:
    return {
        "name": field.name,
        "level": field.level.value,
        "data_type": field.data_type.value,
        "unit": field.unit,
        "purpose": field.purpose,
        "collector": field.collector,
        "permissions": [str(permission) for permission in field.reads],
        **_described_kind(field.kind),
        "minimal": None if field.minimal is None else _described_kind(field.minimal),
    }


def _described_kind(kind: Kind) -> dict[str, Any]:
    columns = {name: _described_kind(part) for name, part in kind.columns.items()}
    described = {"type": type(kind).__name__.lower(), "allowed": kind.allowed, "treatment": kind.treatment}
    return described | ({"columns": columns} if columns else {})
