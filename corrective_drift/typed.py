"""The table of fields as types that msgspec decodes into: a body's documents are read and checked at once. Pure.

`wire.fields.check` is the judge; this is its fast way for what is fine, a twentieth of the cost, and it may only ever
refuse too much: whatever it does not take is read again and judged by `check`, which also names the place. What the
types can't say (an order, a sum) is checked afterwards, and a body counts only if its bytes are the canonical texts of
what was read, in a batch's frame: none has a key twice, a space, or a number written in another way. A test compares
both judges on documents that were changed at random.
"""

from collections.abc import Callable, Sequence
from datetime import date
from operator import le, lt
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from agent.delivery.batch import frame
from agent.levels import Level
from agent.wire.documents import FRAGMENTS, Documents
from agent.wire.numbers import Histogram, Index
from agent.wire.records import Closed, Rows, Several
from agent.wire.types import VOTER, Bool, Constant, Day, Digest, Kind, Labels, Pattern

Holds = Callable[[Any], bool]
# Types that are made while the program runs: to a type checker, values like any others.
_annotated: Any = Annotated
_literal: Any = Literal
_list: Any = list
_tuple: Any = tuple


class Reader:
    """Reads bodies of up to `most` documents of a table of fields."""

    def __init__(self, documents: Documents, most: int) -> None:
        wholes = [documents.shape(level) for level in (Level.STANDARD, Level.DETAILED)]
        shapes = [*wholes, *(documents.fragments[each] for each in FRAGMENTS)]
        # In this order each is tried; a wrong one ends at the first key or word that it does not know.
        self._ways = [_way(shape, documents.digest, most) for shape in shapes]
        self._encode = msgspec.json.Encoder().encode

    def read(self, content: bytes) -> Sequence[tuple[Any, bytes]] | None:
        """Return good documents of one shape, each as an object with its parts, and as its canonical text.

        None is for anything that only `check` can judge.
        """
        for decode, holds in self._ways:
            try:
                found = decode(content).documents
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                continue
            # Parts are encoded in the order of their definition, which is that of canonical texts.
            texts = list(map(self._encode, found))
            return list(zip(found, texts, strict=True)) if frame(texts) == content and all(map(holds, found)) else None
        return None


def _way(shape: Closed, digest: str, most: int) -> tuple[Callable[[bytes], Any], Holds]:
    document, holds = _closed(Closed({**shape.parts, "schema": Constant(digest)}, optional=shape.optional))
    documents = _annotated[_list[document], Meta(min_length=1, max_length=most)]
    body = msgspec.defstruct("Body", [("documents", documents)], forbid_unknown_fields=True)
    decoder: Any = msgspec.json.Decoder(body)
    return decoder.decode, holds or _fine


def _typed(kind: Kind) -> tuple[Any, Holds | None]:  # noqa: PLR0911 - a line for each kind
    """Return the type of a kind, and what else must hold of its values; None where the type says it all."""
    match kind:
        case Bool():
            return bool, None
        case Labels():
            return _literal[tuple(kind.labels)], None
        case Pattern():
            # \Z, since $ lets a newline follow.
            pattern = Meta(pattern=rf"^(?:{kind.pattern})\Z", max_length=kind.length)
            return _annotated[str, pattern], _is_day if isinstance(kind, Day) else None
        case Digest():
            return _typed(VOTER)
        case Index():
            return _annotated[int, Meta(ge=kind.first, le=kind.last, multiple_of=kind.step)], None
        case Histogram():
            pair = _tuple[_typed(kind.index)[0], _annotated[int, Meta(ge=1, le=kind.TOTAL)]]
            return _annotated[_list[pair], Meta(min_length=1, max_length=kind.most)], _is_histogram(kind.TOTAL)
        case Several():
            words, _ = _typed(kind.choice)
            return _annotated[_list[words], Meta(max_length=len(kind.choice.labels))], _ascends
        case Closed():
            return _closed(kind)
        case Rows():
            row, holds = _closed(kind.row)
            return _annotated[_list[row], Meta(max_length=kind.most)], _are_rows(holds or _fine)
    raise TypeError(f"{type(kind).__name__} has no type here: add its line")


def _closed(kind: Closed) -> tuple[type[Struct], Holds | None]:
    fields: list[Any] = []
    checks: list[tuple[str, Holds]] = []
    for name, part in sorted(kind.parts.items()):
        type_, holds = _typed(part)
        fields.append((name, type_ | UnsetType, UNSET) if name in kind.optional else (name, type_))
        if holds is not None:
            checks.append((name, holds))
    struct = msgspec.defstruct("Part", fields, forbid_unknown_fields=True, kw_only=True, gc=False)
    return struct, _all_hold(checks) if checks else None


def _all_hold(checks: Sequence[tuple[str, Holds]]) -> Holds:
    def holds(found: Any) -> bool:
        for name, check in checks:
            value = getattr(found, name)
            if value is not UNSET and not check(value):
                return False
        return True

    return holds


def _are_rows(holds: Holds) -> Holds:
    encode = msgspec.json.Encoder().encode

    def are_rows(rows: list[Any]) -> bool:
        texts = list(map(encode, rows))
        return all(map(holds, rows)) and all(map(le, texts, texts[1:]))

    return are_rows


def _is_histogram(total: int) -> Holds:
    def is_histogram(pairs: list[tuple[int, int]]) -> bool:
        indexes, shares = zip(*pairs, strict=True)
        return sum(shares) == total and all(map(lt, indexes, indexes[1:]))

    return is_histogram


def _ascends(words: list[str]) -> bool:
    return all(map(lt, words, words[1:]))


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _fine(_found: Any) -> bool:
    return True
