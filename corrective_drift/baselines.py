"""The latest release, as everybody gets it: the same bytes for each, known by their ETag."""

import hashlib
import math
import threading
import time
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Engine

from corrective_drift.store import releases
from corrective_drift.store.engine import reading
from probes.measure.baselines import EMPTY, Release, read_release


@dataclass(frozen=True)
class Published:
    """A release with what it is known by."""

    body: bytes
    sha256: str

    @property
    def etag(self) -> str:
        """As of a header."""
        return f'"{self.sha256}"'

    @cached_property
    def release(self) -> Release:
        """The release, read when it is first asked for."""
        return read_release(self.body)


# Releases are weekly: nobody misses one that is seen some seconds later, and most requests then ask no database.
_EVERY_SECONDS = 10.0
NOTHING_YET = Published(EMPTY.model_dump_json().encode(), hashlib.sha256(EMPTY.model_dump_json().encode()).hexdigest())


class Baselines:
    """Keeps the latest release in memory, and looks now and then whether there is a later one."""

    def __init__(self, engine: Engine, *, every_seconds: float = _EVERY_SECONDS) -> None:
        self._engine, self._every_seconds = engine, every_seconds
        self._lock = threading.Lock()
        self._published = NOTHING_YET
        self._looked_at = -math.inf

    @property
    def in_memory(self) -> Published | None:
        """What was the latest release a moment ago; None where it is time to look, which takes as long as a query."""
        return self._published if time.monotonic() - self._looked_at < self._every_seconds else None

    def latest(self) -> Published:
        """Return the latest release, or the empty one. Raises Unusable where the database is out of reach."""
        with self._lock:
            known = self.in_memory
            if known is None:
                self._published = known = self._looked_up()
                self._looked_at = time.monotonic()
            return known

    def _looked_up(self) -> Published:
        with reading(self._engine) as connection:
            digest = releases.latest_digest(connection)
            if digest == self._published.sha256:
                return self._published
            kept = releases.latest(connection)
            return NOTHING_YET if kept is None else Published(kept.document.encode(), kept.sha256)
