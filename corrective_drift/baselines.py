"""The latest release, as everybody gets it: the same bytes for each, known by their ETag."""

import hashlib
import threading
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


NOTHING_YET = Published(EMPTY.model_dump_json().encode(), hashlib.sha256(EMPTY.model_dump_json().encode()).hexdigest())


class Baselines:
    """Keeps the latest release in memory; a question to the database tells whether there is a later one."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._published = NOTHING_YET

    def latest(self) -> Published:
        """Return the latest release, or the empty one. Raises Unusable where the database is out of reach."""
        with reading(self._engine) as connection:
            digest = releases.latest_digest(connection)
            if digest is None:
                return NOTHING_YET
            with self._lock:
                if self._published.sha256 != digest:
                    kept = releases.latest(connection)
                    self._published = NOTHING_YET if kept is None else Published(kept.document.encode(), kept.sha256)
                return self._published
