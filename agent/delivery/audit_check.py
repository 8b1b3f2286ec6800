"""Whether an audit trail is as it was written. Reads; needs nothing that could have been changed with it.

The chain alone shows a change, removal or reordering of lines by whoever doesn't write all that follows anew. That the
end was cut off, or lines written anew, shows against heads that were told to somebody else: each receipt of the service
holds one. Heads from before the first line were removed with their lines by age, and tell nothing: a whole new
trail that claims to begin after all of them can't be told from one.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from agent.delivery.audit import NO_HEAD, Head
from agent.delivery.audit_events import Rotated
from agent.errors import StateUnusable


class Breach(StrEnum):
    """What is wrong with a trail, as a sentence about the line."""

    UNREADABLE = "is no line of an audit trail"
    CHANGED = "does not follow from the line before: that one was changed, or lines were removed or put in between"
    BEGINNING_REMOVED = "is the first, and no later line accounts for those before it"
    CUT_SHORT = "is cut short: a crash did that if it is the last (the agent's next start mends it)"
    NOT_AS_TOLD = "is not the line that a receipt names"
    END_REMOVED = "is the last, and a receipt names a later one"


@dataclass(frozen=True, slots=True)
class Broken:
    """The first thing that is wrong."""

    line: int
    """In the file, from 1."""
    breach: Breach

    def __str__(self) -> str:
        return f"line {self.line} {self.breach}"


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    previous: str
    digest: str
    record: dict[str, object]


def verify(path: Path, heads: Iterable[str] = ()) -> Head | Broken:
    """Return the end of the chain, or what is wrong first; `heads` are those that receipts hold.

    Raises StateUnusable where the file can't be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StateUnusable(
            f"can't read the audit trail {path} ({error.strerror}): is this the state directory?"
        ) from error
    lines: list[_Line] = []
    for position, raw in enumerate(content.splitlines(keepends=True), start=1):
        line = _parsed(raw)
        if not raw.endswith(b"\n"):
            return Broken(position, Breach.CUT_SHORT)
        if line is None:
            return Broken(position, Breach.UNREADABLE)
        if lines and (line.previous, line.number) != (lines[-1].digest, lines[-1].number + 1):
            return Broken(position, Breach.CHANGED)
        lines.append(line)
    if not lines:
        return _against(Head(0, NO_HEAD), lines, heads)
    if not _begins_well(lines):
        return Broken(1, Breach.BEGINNING_REMOVED)
    return _against(Head(lines[-1].number, lines[-1].digest), lines, heads)


def _parsed(raw: bytes) -> _Line | None:
    text = raw.removesuffix(b"\n")
    try:
        record = json.loads(text)
        number, previous = record["n"], record["previous"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    if type(number) is not int or not isinstance(previous, str):
        return None
    return _Line(number, previous, hashlib.sha256(text).hexdigest(), record)


def _begins_well(lines: Sequence[_Line]) -> bool:
    first = lines[0]
    if first.number == 1:
        return first.previous == NO_HEAD
    return any(
        line.record.get("event") == Rotated.name
        and (line.record.get("lines"), line.record.get("head")) == (first.number - 1, first.previous)
        for line in lines
    )


def _against(end: Head, lines: Sequence[_Line], heads: Iterable[str]) -> Head | Broken:
    for told in heads:
        count, _, digest = told.partition(":")
        position = int(count) - (lines[0].number if lines else 1)
        if position >= len(lines):
            return Broken(len(lines), Breach.END_REMOVED)
        # What lies before the first line was removed by age; but of the last of that the first line has the digest.
        if position == -1 and lines and lines[0].previous != digest:
            return Broken(1, Breach.CHANGED)
        if position >= 0 and lines[position].digest != digest:
            return Broken(position + 1, Breach.NOT_AS_TOLD)
    return end
