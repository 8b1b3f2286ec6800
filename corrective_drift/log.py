"""What the service says while it works: events of a closed list, written by `agent.log`, which takes no other words.

No event has a field that a client's address, an identifier or a document would fit into.
"""

import sys
from collections.abc import Iterator
from enum import Enum, StrEnum
from pathlib import Path
from traceback import walk_tb
from types import TracebackType

from agent.log import Log

__all__ = ["Event", "Log", "tell_failure"]
_PACKAGE = Path(__file__).parent


class Event(StrEnum):
    """What can be said; the value is the word in JSON."""

    STARTED = "started"
    STOPPING = "stopping"
    STOPPED = "stopped"
    STORE_FAILED = "store_failed"
    STORE_RECOVERED = "store_recovered"
    FAILED = "failed"
    ERASED = "erased"
    EXPIRED = "expired"

    @property
    def words(self) -> str:
        """The sentence for people, in which `{field}` stands for a field."""
        return _WORDS[self]


_WORDS = {
    Event.STARTED: "the service answers on port {port}",
    Event.STOPPING: "stopping: what was taken is finished, nothing new is begun",
    Event.STOPPED: "stopped",
    Event.STORE_FAILED: "the database can't be used: requests are answered 503 until it can",
    Event.STORE_RECOVERED: "the database can be used again",
    Event.FAILED: "a request failed by a mistake of ours ({kind} at {file}:{line}): tell the developers this line",
    Event.ERASED: "a cluster was erased: {reports} reports",
    Event.EXPIRED: "the retention has passed for {reports} reports and {batches} receipts: they are removed",
}


def tell_failure(log: Log, error: BaseException) -> None:
    """Say where an unforeseen error came from: its type and our line. Its text may hold what a client sent."""
    file, line = next(_ours(error.__traceback__), ("unknown", 0))
    # Words of the code itself, which no client can choose.
    words = Enum("_Word", {"KIND": type(error).__name__, "FILE": file})  # type: ignore[misc]  # made of two words
    log.say(Event.FAILED, kind=words["KIND"], file=words["FILE"], line=line)


def _ours(traceback: TracebackType | None) -> Iterator[tuple[str, int]]:
    """Yield the lines of ours that an error came through, the innermost first."""
    frames = [(Path(frame.f_code.co_filename), line) for frame, line in walk_tb(traceback)]
    for path, line in reversed(frames):
        if path.is_relative_to(_PACKAGE):
            yield path.relative_to(_PACKAGE).as_posix(), line


def standard_log() -> Log:
    """Return the log of a service that people watch, or that a collector of logs reads."""
    return Log("console" if sys.stderr.isatty() else "json")
