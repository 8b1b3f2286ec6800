"""When what is due. Pure: time and chance are arguments.

Two timetables, one for reports and one for probes, each a grid of its own phase: the first time is a random share of
the interval after the start, so that a fleet that was installed at once does not report at once, and the phase is kept
over restarts. What was missed is made good once, not as often as it was missed. What failed by something that passes is
tried again before its next time. A clock that was set back does not leave the agent waiting for a time that is days
away.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

# On top of the phase: two agents whose phases happen to agree must not meet at every time.
_JITTER_SHARE = 0.05
# An API server that restarts is back within a minute or two; one that is gone for longer is left alone more and more.
_FIRST_RETRY = timedelta(minutes=1)
# A minute doubled so often is two years: a file that says more can't make numbers that no date holds.
_MOST_DOUBLINGS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Timetable:
    """One task's times."""

    interval: timedelta
    due_at: datetime
    """The next time of the grid, without jitter."""
    jitter: timedelta
    """How long after `due_at` it is done."""
    last_at: datetime | None = None
    """When it was last begun."""
    retry_at: datetime | None = None
    """When it is tried again, before the next time of the grid; None where there is nothing to make good."""
    failures: int = 0
    """How often it has failed since the last time of the grid."""

    @property
    def regular_at(self) -> datetime:
        """When it is next done where there is nothing to make good."""
        return self.due_at + self.jitter

    @property
    def at(self) -> datetime:
        """When it is next done."""
        return self.regular_at if self.retry_at is None else min(self.retry_at, self.regular_at)


def begin(interval: timedelta, now: datetime, *, phase: float, chance: float) -> Timetable:
    """Return a new timetable; `phase` and `chance` are uniform in [0, 1)."""
    return Timetable(interval=interval, due_at=now + phase * interval, jitter=_jitter(interval, chance))


def resumed(kept: Timetable, interval: timedelta, now: datetime, *, chance: float) -> Timetable:
    """Return the timetable after a restart or after the clock was set: as kept, unless it makes no sense any more.

    Another interval, or a time further away than one interval can be, begins a new grid at `now`, with the rest of the
    old waiting time where there is one.
    """
    if kept.interval == interval and kept.due_at <= now + interval:
        return kept
    waiting = min(max(kept.due_at - now, timedelta()), chance * interval)
    return replace(
        kept, interval=interval, due_at=now + waiting, jitter=_jitter(interval, chance), retry_at=None, failures=0
    )


def is_due(timetable: Timetable, now: datetime) -> bool:
    """Tell whether it is time."""
    return now >= timetable.at


def done(timetable: Timetable, now: datetime, *, chance: float) -> Timetable:
    """Return the timetable after a run that began at `now`: the next time of the grid that is still to come."""
    if timetable.retry_at is not None and now < timetable.regular_at:
        return replace(timetable, retry_at=None, last_at=now)
    missed = max(0, (now - timetable.due_at) // timetable.interval)
    return replace(
        timetable,
        due_at=timetable.due_at + (missed + 1) * timetable.interval,
        jitter=_jitter(timetable.interval, chance),
        last_at=now,
        retry_at=None,
        failures=0,
    )


def put_off(timetable: Timetable, now: datetime, *, chance: float) -> Timetable:
    """Return the timetable after a run that failed at `now` by what passes: to be tried again, if there is time.

    The n-th wait is U(½, 1) · 2ⁿ⁻¹ min. What would come later than the next time of the grid is not tried: an interval
    has as many tries as its length has doublings of a minute, six in an hour, eleven in a day.
    """
    wait = _FIRST_RETRY * 2.0 ** min(timetable.failures, _MOST_DOUBLINGS) * (0.5 + chance / 2)
    retry_at = now + wait
    return replace(
        timetable, failures=timetable.failures + 1, retry_at=retry_at if retry_at < timetable.due_at else None
    )


def _jitter(interval: timedelta, chance: float) -> timedelta:
    return chance * _JITTER_SHARE * interval
