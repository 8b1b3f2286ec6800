"""How often who may ask: a bucket of requests for each token, and one for everybody whose token isn't known yet.

Who is anonymous must stay so: no bucket is an address's. They share one, and so do tokens at their first request, lest
made-up tokens cost nothing.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

from corrective_drift.problems import Code, Problem

# Of about 200 bytes each. Whose bucket is forgotten starts with a full one.
_MOST_BUCKETS = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """So many in the long run, and so many at once."""

    per_second: float
    burst: int


OWN_RATE = Rate(per_second=2, burst=120)
"""An agent sends once in minutes; after an outage its outbox holds a hundred batches at most (10 000 documents)."""
SHARED_RATE = Rate(per_second=500, burst=5000)
"""A million clusters of the minimal level send five fragments a week: 8 a second."""


@dataclass(slots=True)
class _Bucket:
    left: float
    at_seconds: float

    def wait_seconds(self, rate: Rate, now: float) -> float:
        """Take one; return how long to wait where there is none."""
        self.left = min(float(rate.burst), self.left + (now - self.at_seconds) * rate.per_second)
        self.at_seconds = now
        if self.left < 1:
            return (1 - self.left) / rate.per_second
        self.left -= 1
        return 0.0


class Limits:
    """The buckets of one process."""

    def __init__(self, *, own: Rate, shared: Rate, monotonic: Callable[[], float]) -> None:
        self._own, self._shared_rate, self._monotonic = own, shared, monotonic
        self._shared = _Bucket(shared.burst, monotonic())
        self._buckets: OrderedDict[bytes, _Bucket] = OrderedDict()

    def admit(self, token_sha256: bytes | None) -> None:
        """Count a request. Raises Problem where there were too many."""
        now = self._monotonic()
        bucket = self._buckets.get(token_sha256) if token_sha256 is not None else None
        if bucket is not None and token_sha256 is not None:
            self._buckets.move_to_end(token_sha256)
            _refuse(bucket.wait_seconds(self._own, now))
            return
        _refuse(self._shared.wait_seconds(self._shared_rate, now))
        if token_sha256 is not None:
            self._buckets[token_sha256] = _Bucket(self._own.burst - 1, now)
            if len(self._buckets) > _MOST_BUCKETS:
                self._buckets.popitem(last=False)


def _refuse(wait_seconds: float) -> None:
    if wait_seconds:
        raise Problem(Code.TOO_MANY, "ask again after Retry-After", retry_after_seconds=ceil(wait_seconds))
