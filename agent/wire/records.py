"""Closed types made of others: several words, a record of named parts, and rows of such records. Pure."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter
from typing import Any

from agent.wire.numbers import finite
from agent.wire.types import Choice, Json, Kind, Problem, Pseudonym, Untreatable

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical(value: Json) -> bytes:
    """Return the one JSON text of a value: sorted keys, no spaces, ASCII. Raises ValueError for NaN and infinities."""
    return _CANONICAL.encode(value).encode("ascii")


@dataclass(frozen=True)
class Several(Kind):
    """Distinct words of a list, in the list's order; all that are not on it read `other` together."""

    choice: Choice

    def _treatment(self) -> str:
        return f"each by: {self.choice.treatment}; never how often"

    def _allowed(self) -> str:
        return f"a list of {', '.join(self.choice.labels)}; sorted, each at most once"

    def _size(self) -> int:
        return int(2 ** len(self.choice.labels))

    def _treat(self, raw: object, pseudonym: Pseudonym) -> Json:
        if not isinstance(raw, tuple | list | set | frozenset):
            raise Untreatable("no words")
        return sorted({self.choice.treat(each, pseudonym) for each in raw})

    def _problems(self, value: Json, path: str) -> Iterator[Problem]:
        if type(value) is not list or len(value) > len(self.choice.labels):
            yield self.wrong(path)
            return
        wrong = [problem for at, each in enumerate(value) for problem in self.choice.problems(each, f"{path}[{at}]")]
        if wrong or any(low >= high for low, high in pairwise(value)):
            yield from wrong or [self.wrong(path)]

    def _json_schema(self) -> dict[str, Any]:
        words = self.choice.json_schema()
        return {"type": "array", "items": words, "uniqueItems": True, "maxItems": len(self.choice.labels)}


@dataclass(frozen=True)
class Closed(Kind):
    """A record of named parts and nothing else. A raw record's attributes are its parts; None is absent."""

    parts: Mapping[str, Kind]
    optional: frozenset[str] = frozenset()
    """The parts that may be absent."""

    @property
    def columns(self) -> Mapping[str, Kind]:
        """The parts."""
        return self.parts

    def _treatment(self) -> str:
        return "each part by its own"

    def _allowed(self) -> str:
        return f"an object of {', '.join(self.parts)}"

    def _treat(self, raw: object, pseudonym: Pseudonym) -> Json:
        treated = {}
        for name, kind in self.parts.items():
            value = getattr(raw, name, None)
            if value is not None:
                treated[name] = kind.treat(value, pseudonym)
            elif name not in self.optional:
                raise Untreatable(f"a record without {name}")
        return treated

    def _problems(self, value: Json, path: str) -> Iterator[Problem]:
        if type(value) is not dict:
            yield self.wrong(path)
            return
        for name, kind in self.parts.items():
            place = f"{path}.{name}" if path else name
            if name in value:
                yield from kind.problems(value[name], place)
            elif name not in self.optional:
                yield Problem(place, "is missing")
        # Unknown keys are counted, not named: they come from outside.
        known = sum(name in value for name in self.parts)
        if len(value) > known:
            yield Problem(path, f"has {len(value) - known} keys that are unknown here")

    def _json_schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {name: kind.json_schema() for name, kind in self.parts.items()},
            "required": sorted(self.parts.keys() - self.optional),
            "additionalProperties": False,
        }


@dataclass(frozen=True)
class Rows(Kind):
    """A bounded table whose order tells nothing: the rows are in the order of their own canonical text."""

    row: Closed
    most: int
    largest: str | None = None
    """The number by which the largest rows are kept where there are more than `most`."""

    @property
    def columns(self) -> Mapping[str, Kind]:
        """The parts of a row."""
        return self.row.parts

    def _treatment(self) -> str:
        return f"at most {self.most} rows{', the largest' if self.largest else ''}; sorted by what is sent"

    def _allowed(self) -> str:
        return f"a list of at most {self.most} rows in canonical order, each {self.row.allowed}"

    def _treat(self, raw: object, pseudonym: Pseudonym) -> Json:
        if not isinstance(raw, tuple | list):
            raise Untreatable("no rows")
        treated = ((-self._weight(each), self.row.treat(each, pseudonym)) for each in raw)
        # Rows of one weight are cut by what is sent, never by the order in which they were found: that may be by name.
        kept = sorted(((weight, canonical(row), row) for weight, row in treated), key=itemgetter(0, 1))[: self.most]
        return [row for _, _, row in sorted(kept, key=itemgetter(1))]

    def _weight(self, raw: object) -> float:
        return finite(getattr(raw, self.largest)) if self.largest else 0.0

    def _problems(self, value: Json, path: str) -> Iterator[Problem]:
        if type(value) is not list or len(value) > self.most:
            yield self.wrong(path)
            return
        wrong = False
        for position, row in enumerate(value):
            for problem in self.row.problems(row, f"{path}[{position}]"):
                wrong = True
                yield problem
        if not wrong and value != sorted(value, key=canonical):
            yield self.wrong(path)

    def _json_schema(self) -> dict[str, Any]:
        return {"type": "array", "items": self.row.json_schema(), "maxItems": self.most}
