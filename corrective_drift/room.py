"""Memory for long bodies, from when they begin to come until they are judged: so much for all together.

Each connection may send one and be slow about it; without this, the service would need room for as many as there may be
connections. Short ones need none, lest whoever holds all of it keep an agent's reports out.
"""

from types import TracebackType
from typing import Self

from corrective_drift.problems import Code, Problem

SHORT_BYTES = 64 * 1024
"""Of each body, uncounted: 32 MiB where every connection sends one."""
MOST_BYTES = 64 * 1024**2
_RETRY_AFTER_SECONDS = 5


class Room:
    """What is left of it. For one thread."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self.taken_bytes = 0

    def share(self) -> "Share":
        """Return what one request takes of it, nothing yet; to be used in `with`, which gives it back."""
        return Share(self)

    def take(self, more_bytes: int) -> None:
        """Take so much more. Raises Problem where there is not as much left."""
        if self.taken_bytes + more_bytes > self._most_bytes:
            detail = "too many long bodies are under way"
            raise Problem(Code.UNAVAILABLE, detail, retry_after_seconds=_RETRY_AFTER_SECONDS)
        self.taken_bytes += more_bytes


class Share:
    """One request's."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._taken_bytes = 0

    def __enter__(self) -> Self:
        """Begin with nothing."""
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        """Give all of it back."""
        self._room.taken_bytes -= self._taken_bytes

    def hold(self, body_bytes: int) -> None:
        """Hold a body that has come to a length. Raises Problem where there is no room for it."""
        more_bytes = body_bytes - SHORT_BYTES - self._taken_bytes
        if more_bytes > 0:
            self._room.take(more_bytes)
            self._taken_bytes += more_bytes
