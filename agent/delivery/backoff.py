"""How long to wait after a failure. Pure: chance is an argument; what is waited for is kept in the outbox.

Full jitter, which spreads the clients of a service that has come back better than any fixed share of the wait
(M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
"""

from dataclasses import dataclass

# A quarter of an hour: after a base of many seconds and many retries, doubling would outgrow any flush interval.
_LONGEST_QUICK_SECONDS = 900.0
# After refused credentials or a redirect only a person can help; asking hourly notices that without a restart.
PAUSE_SECONDS = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """The configuration's part."""

    base_seconds: float
    max_retries: int
    flush_interval_seconds: float


def wait_seconds(failures: int, backoff: Backoff, *, retry_after_seconds: float, chance: float) -> float:
    """Return the wait after the `failures`-th failure in a row (from 1); `chance` is uniform in [0, 1).

    The first `max_retries` waits are U(0, min(cap, base · 2ⁿ)); then comes the next flush, spread by half of its
    interval either way. Never less than the service asks for.
    """
    if failures <= backoff.max_retries:
        wait = chance * min(_LONGEST_QUICK_SECONDS, backoff.base_seconds * 2.0 ** min(failures, 32))
    else:
        wait = backoff.flush_interval_seconds * (0.5 + chance)
    return max(retry_after_seconds, wait)
