"""A result in a log that also holds other lines, and may be cut, rotated or doubled; and its short form. Pure.

A frame is JSON in ASCII, broken into parts of PART_BYTES, each a line of its own:

    probe-result/1 <digest> <bytes> <part>/<parts> <text>

`digest` is the first 16 digits of the whole text's SHA-256, `bytes` its length. Container runtimes break lines of more
than 16 KiB into pieces (containerd's max_container_log_line_size), between which lines of standard error may come to
lie; a part is well below that. Every part names the frame it belongs to, so that any subset of lines, in any order and
however often, tells what is there and what is missing.

The short form, for a place of 4096 bytes (a container's termination message), is one line of zlib and base64: the
result without its histograms and phases, then without ever more.
"""

import base64
import binascii
import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pydantic import ValidationError

from probes.measure.result import ProbeResult

PART_BYTES = 8000
SHORT_BYTES = 4096
REACHING = "probe-reaching/1"
"""What is told before the first attempt to reach anything."""
_MARK, _SHORT_MARK, _REACHED_MARK = "probe-result/1", "probe-short/1", "probe-reached/1"
# Anything may stand before it: a time stamp, or the end of a line that had no line feed.
_LINE = re.compile(_MARK.encode() + rb" ([0-9a-f]{16}) (\d{1,9}) (\d{1,6})/(\d{1,6}) ([\x20-\x7e]*)\r?$")
# Results are some hundred KiB at most; a length beyond this is no frame of ours.
_LARGEST_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """The result as it was written."""

    result: ProbeResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Partial:
    """A result was written, and not all of it is there."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """There is no trace of a result."""


@dataclass(slots=True)
class _Frame:
    digest: str
    size_bytes: int
    parts: int
    texts: dict[int, bytes] = field(default_factory=dict)

    def take(self, number: int, text: bytes) -> None:
        """Keep a part if it has its length; a line that was cut off does not count, and a double changes nothing."""
        if len(text) == self._length(number):
            self.texts.setdefault(number, text)

    def _length(self, number: int) -> int:
        return PART_BYTES if number < self.parts else self.size_bytes - PART_BYTES * (self.parts - 1)

    def missing(self) -> list[int]:
        return [number for number in range(1, self.parts + 1) if number not in self.texts]

    def text(self) -> bytes:
        return b"".join(self.texts[number] for number in sorted(self.texts))


def write(result: ProbeResult) -> Iterator[str]:
    """Yield the lines of the frame, without line feeds."""
    text = _ascii(result)
    digest = _digest(text)
    parts = max(1, -(-len(text) // PART_BYTES))
    for number in range(1, parts + 1):
        part = text[(number - 1) * PART_BYTES : number * PART_BYTES]
        yield f"{_MARK} {digest} {len(text)} {number}/{parts} {part.decode('ascii')}"


def read(log: bytes) -> Whole | Partial | Absent:
    """Read the last frame of a log back."""
    frames = _frames(log.split(b"\n"))
    if not frames:
        return Absent()
    frame = frames[-1]
    missing = frame.missing()
    if missing:
        named = f"part {missing[0]}" if len(missing) == 1 else f"parts {missing[0]} to {missing[-1]}"
        share = f"{len(missing)} of {frame.parts} parts are missing, from {named}"
        return Partial(reason=f"the log holds only a part of the result ({share}): it was cut or rotated")
    if _digest(frame.text()) != frame.digest:
        return Partial(reason="the result in the log was damaged: its checksum is wrong")
    try:
        return Whole(result=ProbeResult.model_validate_json(frame.text()))
    except ValidationError:
        return Partial(reason="the result in the log is of another release: use one image and one launcher")


def write_short(result: ProbeResult) -> str:
    """Return the richest form of the result that fits into SHORT_BYTES."""
    return next(line for line in map(_short_line, _ever_shorter(result)) if len(line) <= SHORT_BYTES)


def read_short(text: str) -> ProbeResult | None:
    """Read a short form back, None where `text` is none or was cut."""
    mark, _, coded = text.strip().partition(" ")
    if mark != _SHORT_MARK:
        return None
    try:
        plain = zlib.decompressobj().decompress(base64.b64decode(coded, validate=True), _LARGEST_BYTES)
        return ProbeResult.model_validate_json(plain)
    except (binascii.Error, zlib.error, ValidationError):
        return None


def write_reached(label: str, attempts: int) -> str:
    """Return the line that tells that a server has answered, at which attempt."""
    return f"{_REACHED_MARK} {label} {attempts}"


def read_reached(line: bytes) -> tuple[str, int] | None:
    """Return label and attempts of such a line, None for another."""
    match line.decode("ascii", "replace").split():
        case [mark, label, attempts] if mark == _REACHED_MARK and attempts.isdigit():
            return label, int(attempts)
        case _:
            return None


def _frames(lines: Iterable[bytes]) -> list[_Frame]:
    """Return the frames in the order of their first lines."""
    frames: dict[tuple[str, int, int], _Frame] = {}
    for line in lines:
        match = _LINE.search(line)
        if match is None:
            continue
        digest, size_bytes, number, parts = match[1].decode(), int(match[2]), int(match[3]), int(match[4])
        # The header must agree with itself: nothing that a stranger wrote may make us count to a million.
        if size_bytes > _LARGEST_BYTES or parts != max(1, -(-size_bytes // PART_BYTES)) or not 1 <= number <= parts:
            continue
        frame = frames.setdefault((digest, size_bytes, parts), _Frame(digest, size_bytes, parts))
        frame.take(number, match[5])
    return list(frames.values())


def _ever_shorter(result: ProbeResult) -> Iterator[ProbeResult]:
    metrics = tuple(metric.model_copy(update={"histogram": None}) for metric in result.metrics)
    shorter = result.model_copy(update={"phases": (), "metrics": metrics})
    yield shorter
    bare = tuple(metric.model_copy(update={"flags": (), "rounds": ()}) for metric in metrics)
    shorter = shorter.model_copy(update={"metrics": bare, "facts": {}, "tools": {}})
    yield shorter
    for count in range(len(bare) - 1, -1, -1):
        yield shorter.model_copy(update={"metrics": bare[:count]})
    yield shorter.model_copy(
        update={"metrics": (), "flags": (), "spec": {}, "reason": (result.reason or "")[:300] or None}
    )


def _short_line(result: ProbeResult) -> str:
    return f"{_SHORT_MARK} {base64.b64encode(zlib.compress(_ascii(result), 9)).decode('ascii')}"


def _ascii(result: ProbeResult) -> bytes:
    """JSON without a byte beyond ASCII, so that no log can recode it, and every part is as long as it says."""
    return json.dumps(result.model_dump(mode="json"), separators=(",", ":"), allow_nan=False).encode("ascii")


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:16]
