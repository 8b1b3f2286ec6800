"""The closed types of the wire: each knows how a raw value is treated, what may be received, and its JSON Schema. Pure.

Nothing leaves but values of these types, and the values of each can be listed before anything is collected. A treatment
maps a raw value into that list or refuses it; `problems` finds what is not on it, in documents that may come from
anybody. Neither repeats a value: what an error tells is the place, and what is allowed there.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from agent.wire.vocabulary import OTHER

Json = Any
"""What `json.loads` returns."""
Pseudonym = Callable[[str, str], str]
"""The kind of an object and its name -> its digest, under the keys of this installation and month."""

# 96 bits: among 10⁹ objects two share a digest with a probability of 6·10⁻¹², and nothing about a name can be told.
DIGEST_LENGTH, CLUSTER_ID_LENGTH, SCHEMA_DIGEST_LENGTH = 20, 26, 64
_BASE32 = "[a-z2-7]"


class Untreatable(Exception):
    """A raw value of a wrong kind. The message says what was expected, and nothing about what came."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in a document, and where; never with the value that is there."""

    path: str
    """Such as `nodes.pools[3].count`; made of names of the schema and of positions only."""
    reason: str

    def __str__(self) -> str:
        return f"{self.path or 'document'} {self.reason}"


class Kind(ABC):
    """A closed type."""

    @property
    def treatment(self) -> str:
        """What becomes of a raw value, in words."""
        return self._treatment()

    @property
    def allowed(self) -> str:
        """Which values there are, in words that follow `must be`."""
        return self._allowed()

    @property
    def size(self) -> int | None:
        """How many values there are; None where they are too many to be a trait of a cluster, as with a digest."""
        return self._size()

    @property
    def columns(self) -> Mapping[str, "Kind"]:
        """The parts of a record, or of each row of a table; empty for anything else."""
        return {}

    def treat(self, raw: object, pseudonym: Pseudonym) -> Json:
        """Return what may leave in the place of `raw`. Raises Untreatable."""
        return self._treat(raw, pseudonym)

    def problems(self, value: Json, path: str) -> Iterator[Problem]:
        """Yield what is wrong with a received value, whatever it is."""
        return self._problems(value, path)

    def json_schema(self) -> dict[str, Any]:
        """Return the type as JSON Schema (2020-12)."""
        return self._json_schema()

    def wrong(self, path: str) -> Problem:
        """Return the problem of a value that is not allowed."""
        return Problem(path, f"must be {self._allowed()}")

    @abstractmethod
    def _treatment(self) -> str: ...

    @abstractmethod
    def _allowed(self) -> str: ...

    def _size(self) -> int | None:
        return None

    @abstractmethod
    def _treat(self, raw: object, pseudonym: Pseudonym) -> Json: ...

    @abstractmethod
    def _problems(self, value: Json, path: str) -> Iterator[Problem]: ...

    @abstractmethod
    def _json_schema(self) -> dict[str, Any]: ...


class Bool(Kind):
    """Yes or no: the one type whose raw values are its own."""

    def _treatment(self) -> str:
        return "as it is"

    def _allowed(self) -> str:
        return "true or false"

    def _size(self) -> int:
        return 2

    def _treat(self, raw: object, _pseudonym: Pseudonym) -> Json:
        if type(raw) is not bool:
            raise Untreatable("neither true nor false")
        return raw

    def _problems(self, value: Json, path: str) -> Iterator[Problem]:
        if type(value) is not bool:
            yield self.wrong(path)

    def _json_schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


class Labels(Kind):
    """One of a few words; what they stand for is up to the types below."""

    labels: Sequence[str]
    """Every word, in the order of the schema."""

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.labels)

    def _allowed(self) -> str:
        return f"one of {', '.join(self.labels)}"

    def _size(self) -> int:
        return len(self.labels)

    def _problems(self, value: Json, path: str) -> Iterator[Problem]:
        if type(value) is not str or value not in self._known:
            yield self.wrong(path)

    def _json_schema(self) -> dict[str, Any]:
        return {"enum": list(self.labels)}


@dataclass(frozen=True)
class Choice(Labels):
    """A word of a list; one that is not on it reads `other`."""

    words: Mapping[str, str]
    """Raw word -> word on the wire; several may share one."""

    @classmethod
    def of(cls, words: Sequence[str]) -> "Choice":
        """Let each word stand for itself."""
        return cls({word: word for word in words})

    @classmethod
    def grouped(cls, groups: Mapping[str, Sequence[str]]) -> "Choice":
        """Let the name of each group stand for its words."""
        return cls({word: group for group, words in groups.items() for word in words})

    @cached_property
    def labels(self) -> Sequence[str]:  # type: ignore[override]  # an attribute for readers, computed once
        """Every word, in order."""
        return tuple(sorted({*self.words.values(), OTHER}))

    def _treatment(self) -> str:
        groups = ((group, [word for word, label in self.words.items() if label == group]) for group in self.labels)
        merged = "; ".join(f"{group}: {', '.join(words)}" for group, words in groups if words not in ([], [group]))
        return f"the word if it is listed, else `{OTHER}`{f' ({merged})' if merged else ''}"

    def _treat(self, raw: object, _pseudonym: Pseudonym) -> Json:
        if not isinstance(raw, str):
            raise Untreatable("no word")
        return self.words.get(raw, OTHER)


@dataclass(frozen=True)
class Constant(Labels):
    """The one word that stands in this place of a document."""

    word: str

    @property
    def labels(self) -> Sequence[str]:  # type: ignore[override]  # an attribute for readers
        """The word."""
        return (self.word,)

    def _treatment(self) -> str:
        return "always the same"

    def _treat(self, _raw: object, _pseudonym: Pseudonym) -> Json:
        return self.word


@dataclass(frozen=True)
class Pattern(Kind):
    """A word of a fixed form, made by the agent itself out of keys and the calendar."""

    pattern: str
    length: int
    words: str
    """What it is, in words."""

    def _treatment(self) -> str:
        return "made for the document"

    def _allowed(self) -> str:
        return self.words

    def _treat(self, raw: object, _pseudonym: Pseudonym) -> Json:
        if not isinstance(raw, str) or not self._matches(raw):
            raise Untreatable("another form")
        return raw

    def _problems(self, value: Json, path: str) -> Iterator[Problem]:
        if type(value) is not str or not self._matches(value):
            yield self.wrong(path)

    def _json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{self.pattern}$", "maxLength": self.length}

    def _matches(self, text: str) -> bool:
        return len(text) == self.length and re.fullmatch(self.pattern, text) is not None


CLUSTER_ID = Pattern(f"{_BASE32}{{{CLUSTER_ID_LENGTH}}}", CLUSTER_ID_LENGTH, "a cluster's pseudonym, 26 characters")
VOTER = Pattern(f"{_BASE32}{{{DIGEST_LENGTH}}}", DIGEST_LENGTH, "a voter's pseudonym of one week, 20 characters")
SCHEMA_DIGEST = Pattern(f"[0-9a-f]{{{SCHEMA_DIGEST_LENGTH}}}", SCHEMA_DIGEST_LENGTH, "the digest of the schema")
WEEK = Pattern(r"20[0-9]{2}-W(0[1-9]|[1-4][0-9]|5[0-3])", 8, "an ISO week such as 2026-W07")


class Day(Pattern):
    """A day of the calendar."""

    def __init__(self) -> None:
        super().__init__(r"20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])", 10, "a day such as 2026-02-28")

    def _matches(self, text: str) -> bool:
        if not super()._matches(text):
            return False
        try:
            date.fromisoformat(text)
        except ValueError:
            return False
        return True


DAY = Day()


@dataclass(frozen=True)
class Digest(Kind):
    """An object's name under a key that never leaves and that changes every month."""

    of: str
    """The kind of object; equal names of two kinds have digests without a relation."""

    def _treatment(self) -> str:
        return "HMAC-SHA256 of the name under this month's key, 96 bits"

    def _allowed(self) -> str:
        return "a digest, 20 characters"

    def _treat(self, raw: object, pseudonym: Pseudonym) -> Json:
        if not isinstance(raw, str):
            raise Untreatable("no name")
        return pseudonym(self.of, raw)

    def _problems(self, value: Json, path: str) -> Iterator[Problem]:
        if next(VOTER.problems(value, path), None):
            yield self.wrong(path)

    def _json_schema(self) -> dict[str, Any]:
        return VOTER.json_schema()
