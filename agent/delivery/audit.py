"""The audit trail: append-only JSON lines, each with the digest of the one before.

What it can say stands in `audit_events`, how it is checked in `audit_check`. Several processes may write.
"""

import errno
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path

from agent.delivery.audit_events import Begun, Event, File, Recovered, Rotated, SetAside
from agent.errors import StateUnusable
from agent.lock import taken
from agent.state import write_private

# Longer than any line: an event's fields are bounded.
_LONGEST_LINE_BYTES = 4096
_NEVER_OLD = "~"  # sorts after every date: an unreadable line stays for `verify`
# Each rotation writes the file anew, and a line more.
_BETWEEN_ROTATIONS = timedelta(days=1)
NO_HEAD = "0" * 64
"""What the first line names as the digest of the one before."""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: everything up to there is fixed by it."""

    lines: int
    """Counted from the very first, those included that were removed by age."""
    digest: str
    """SHA-256 of the last line without its newline, 64 hexadecimal digits."""

    def __str__(self) -> str:
        return f"{self.lines}:{self.digest}"


class Trail:
    """The trail in one file."""

    def __init__(self, path: Path, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._path = path
        self._lock = path.with_name(path.name + ".lock")
        self._now = now

    def append(self, event: Event) -> Head:
        """Write one line, durable when this returns. Raises StateUnusable."""
        event.values()  # what may not be written is refused before the file is touched
        with self._writing() as descriptor:
            return self._append(descriptor, event, self._end(descriptor))

    def head(self) -> Head:
        """Return the end of the chain; a trail that isn't there is begun. Raises StateUnusable."""
        with self._writing() as descriptor:
            return self._end(descriptor)

    def rotate(self, retention: timedelta) -> None:
        """Remove what is older; the last line says how much that was and what it ended in. Raises StateUnusable.

        At most once a day, however often it is called.
        """
        oldest = _stamp(self._now() - retention)
        with self._writing() as descriptor:
            end = self._end(descriptor)
            lines = os.pread(descriptor, os.fstat(descriptor).st_size, 0).splitlines()
            if str(_member(lines[0], "at") or _NEVER_OLD) >= _stamp(self._now() - retention - _BETWEEN_ROTATIONS):
                return
            old = list(takewhile(lambda line: str(_member(line, "at") or _NEVER_OLD) < oldest, lines))
            last = _head(old[-1]) if old else None
            if last is None:
                return
            self._append(descriptor, Rotated(lines=last.lines, head=last.digest), end)
            kept = os.pread(descriptor, os.fstat(descriptor).st_size, 0).splitlines(keepends=True)[len(old) :]
            write_private(self._path, b"".join(kept))

    @contextmanager
    def _writing(self) -> Iterator[int]:
        """Yield the file, ours alone. The lock is another file, since rotation puts a new one in the place of this."""
        try:
            with taken(self._lock):
                if not self._path.exists():
                    write_private(self._path, b"")  # the name itself must outlive a power cut
                descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW)
                try:
                    yield descriptor
                finally:
                    os.close(descriptor)
        except OSError as error:
            raise StateUnusable(
                f"can't write the audit trail {self._path} ({error.strerror}): make room, make it writable, "
                f"or set telemetry.state_dir"
            ) from error

    def _end(self, descriptor: int) -> Head:
        """Return the end of the chain, after mending what a crash has left."""
        size = os.fstat(descriptor).st_size
        begin = max(0, size - _LONGEST_LINE_BYTES)
        tail = os.pread(descriptor, size - begin, begin)
        whole, newline, cut = tail.rpartition(b"\n")
        if not newline and begin:
            return self._begin_anew(descriptor)
        if cut:
            os.ftruncate(descriptor, size - len(cut))
        if newline:
            head = _head(whole.rpartition(b"\n")[2]) or self._begin_anew(descriptor)
        else:
            head = self._append(descriptor, Begun(), Head(0, NO_HEAD))
        return self._append(descriptor, Recovered(bytes=len(cut)), head) if cut else head

    def _begin_anew(self, descriptor: int) -> Head:
        """Begin a new chain where nothing can be chained to the end: zeros after a power cut, or somebody's edit."""
        self._set_aside(descriptor)
        return self._append(descriptor, SetAside(file=File.AUDIT), self._append(descriptor, Begun(), Head(0, NO_HEAD)))

    def _set_aside(self, descriptor: int) -> None:
        number = 1
        while (aside := self._path.with_name(f"{self._path.name}.damaged-{number}")).exists():
            number += 1
        write_private(aside, os.pread(descriptor, os.fstat(descriptor).st_size, 0))
        os.ftruncate(descriptor, 0)

    def _append(self, descriptor: int, event: Event, after: Head) -> Head:
        record = {"n": after.lines + 1, "at": _stamp(self._now()), "event": event.name, **event.values()}
        line = json.dumps(record | {"previous": after.digest}, separators=(",", ":")).encode()
        size = os.fstat(descriptor).st_size
        written = 0
        try:
            written = os.write(descriptor, line + b"\n")
        finally:
            if written != len(line) + 1:
                os.ftruncate(descriptor, size)
        if written != len(line) + 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(descriptor)
        return Head(after.lines + 1, _digest(line))


def _head(line: bytes) -> Head | None:
    number = _member(line, "n")
    return Head(number, _digest(line)) if type(number) is int else None


def _member(line: bytes, name: str) -> object:
    try:
        return json.loads(line)[name]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def _stamp(now: datetime) -> str:
    return now.astimezone(UTC).isoformat(timespec="seconds")
