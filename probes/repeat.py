"""How often to measure: calibrate the length of a round, then repeat rounds until they agree or the time is spent."""

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

# Against the first call's own start-up costs and one passing disturbance.
_CONFIRMATIONS = 2


def calibrate(run: Callable[[int], float], *, target_seconds: float, upper_bound: int) -> int:
    """Return how many iterations take about `target_seconds`, at most `upper_bound`.

    `run(n)` carries out n iterations and returns the seconds they took. n grows until a trial is long enough for its
    rate to be trusted (a tenth of the target), at most tenfold at a time. One that seems long enough is repeated, and
    the fastest counts: what disturbs a trial can only make it slower, and so the count too small.
    """
    count = 1
    while True:
        seconds = run(count)
        for _ in range(_CONFIRMATIONS):
            if count < upper_bound and seconds >= target_seconds / 10:
                seconds = min(seconds, run(count))
        if count >= upper_bound:
            return upper_bound
        if seconds >= target_seconds / 10:
            return max(1, min(upper_bound, round(count * target_seconds / seconds)))
        growth = target_seconds / 5 / seconds if seconds > 0 else 10.0
        count = min(upper_bound, max(count + 1, int(count * min(10.0, growth))))


def repeat(
    measure: Callable[[], T],
    *,
    minimum: int,
    maximum: int,
    enough: Callable[[Sequence[T]], bool],
    remaining_seconds: Callable[[], float],
) -> list[T]:
    """Call `measure` until at least `minimum` rounds are `enough`, or `maximum` is reached, or the time is spent.

    No round is begun that would not fit, judged by the longest so far; the first one always is.
    """
    rounds: list[T] = []
    longest = 0.0
    while len(rounds) < maximum:
        before = remaining_seconds()
        if rounds and before <= longest:
            break
        rounds.append(measure())
        longest = max(longest, before - remaining_seconds())
        if len(rounds) >= minimum and enough(rounds):
            break
    return rounds
