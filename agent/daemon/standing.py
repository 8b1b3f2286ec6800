"""How things stand in the state directory, as the resident process looks at them: what waits, what has changed."""

import math
import time
from datetime import timedelta
from pathlib import Path

from agent.daemon.metrics import Metrics
from agent.delivery.outbox import Limits, opened
from agent.delivery.outbox_view import next_seconds, stats
from agent.errors import StateUnusable
from agent.state import State

# An outbox changes by our own tasks, after which it is looked at anew; by others, such as an export, hardly ever.
_LOOK_SECONDS = 60.0


class Standing:
    """Looks at the outbox and at the consent; never changes them."""

    def __init__(self, state: State, *, flush_interval: timedelta) -> None:
        self._state = state
        self._flush_seconds = flush_interval.total_seconds()
        # A limit of age means nothing to who only looks.
        self._limits = Limits(age_seconds=0)
        self._consent_seen = _mark(state.consent)
        self._look_at = -math.inf
        self._due_at = math.inf
        self._halt: str | None = None

    def has_changed(self) -> bool:
        """Tell, once for each change, whether somebody has granted or revoked consent."""
        before, self._consent_seen = self._consent_seen, _mark(self._state.consent)
        return before != self._consent_seen

    def expect_change(self) -> None:
        """Look at the outbox anew the next time."""
        self._look_at = -math.inf

    def look(self, metrics: Metrics) -> bool:
        """Look at the outbox, unless that was done a moment ago, and tell the metrics.

        Returns whether something has come to stand against sending since, or does no more: such as a deletion.
        """
        now = time.monotonic()
        if now < self._look_at or not self._state.outbox.exists():
            return False
        self._look_at = now + _LOOK_SECONDS
        try:
            with opened(self._state.outbox, self._limits) as outbox:
                figures, seconds = stats(outbox), next_seconds(outbox, self._flush_seconds)
        except StateUnusable:
            # The next task says so; here it means that nothing can be sent.
            self._due_at = math.inf
            return False
        self._due_at = math.inf if seconds is None else now + seconds
        metrics.note_outbox(
            documents=figures.waiting_documents,
            size_bytes=figures.bytes,
            oldest_seconds=figures.oldest_age_seconds,
            dead_letters=figures.dead_documents,
        )
        before, self._halt = self._halt, figures.halt
        return before is not figures.halt

    def seconds_until_due(self) -> float:
        """Return in how many seconds something is to be sent, 0 for now, infinity where nothing is."""
        return max(0.0, self._due_at - time.monotonic())

    def waiting_documents(self) -> int:
        """Return how many documents wait."""
        if not self._state.outbox.exists():
            return 0
        try:
            with opened(self._state.outbox, self._limits) as outbox:
                return stats(outbox).waiting_documents
        except StateUnusable:
            return 0


def _mark(path: Path) -> tuple[int, int] | None:
    """What changes whenever the file is written: it is always replaced, so that its inode alone nearly does."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns
