"""When what is due. Pure: time and chance are arguments.

Two timetables, one for reports and one for probes, each a grid of its own phase: the first time is a random share of
the interval after the start, so that a fleet that was installed at once does not report at once, and the phase is kept
over restarts. What was missed is made good once, not as often as it was missed. A clock that was set back does not
leave the agent waiting for a time that is days away.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

# On top of the phase: two agents whose phases happen to agree must not meet at every time.
_JITTER_SHARE = 0.05


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

    @property
    def at(self) -> datetime:
        """When it is next done."""
        return self.due_at + self.jitter


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
    return replace(kept, interval=interval, due_at=now + waiting, jitter=_jitter(interval, chance))


def is_due(timetable: Timetable, now: datetime) -> bool:
    """Tell whether it is time."""
    return now >= timetable.at


def done(timetable: Timetable, now: datetime, *, chance: float) -> Timetable:
    """Return the timetable after a run that began at `now`: the next time of the grid that is still to come."""
    missed = max(0, (now - timetable.due_at) // timetable.interval)
    return replace(
        timetable,
        due_at=timetable.due_at + (missed + 1) * timetable.interval,
        jitter=_jitter(timetable.interval, chance),
        last_at=now,
    )


def _jitter(interval: timedelta, chance: float) -> timedelta:
    return chance * _JITTER_SHARE * interval
