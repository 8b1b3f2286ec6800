"""When the daemon begins what: the timetables of reports and probes, kept over restarts (see `schedule`)."""

import math
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from agent.daemon.schedule import Timetable, begin, done, is_due, put_off, resumed
from agent.daemon.tasks import Task
from agent.daemon.timetables import read_timetables, write_timetables
from agent.daemon.window import in_window


class Rhythm:
    """The timetables; what has a window is begun within it alone."""

    def __init__(
        self,
        path: Path,
        intervals: Mapping[Task, timedelta],
        windows: Mapping[Task, str | None],
        *,
        chance: Callable[[], float],
    ) -> None:
        """`chance` returns numbers that are uniform in [0, 1)."""
        self._path = path
        self._intervals = intervals
        self._windows = windows
        self._chance = chance
        self._timetables: dict[Task, Timetable] = {}
        self._before: dict[Task, Timetable] = {}

    def begin(self, now: datetime) -> None:
        """Take up what is kept, or begin at a random share of the interval. Raises StateUnusable."""
        kept = read_timetables(self._path)
        for task, interval in self._intervals.items():
            self._timetables[task] = (
                resumed(kept[task], interval, now, chance=self._chance())
                if task in kept
                else begin(interval, now, phase=self._chance(), chance=self._chance())
            )
        self._keep()

    def due(self, now: datetime) -> Iterator[Task]:
        """Yield what is to be begun; a clock that was set back puts nothing off by more than an interval."""
        for task, interval in self._intervals.items():
            timetable = self._timetables[task] = resumed(self._timetables[task], interval, now, chance=self._chance())
            if is_due(timetable, now) and in_window(self._windows.get(task), now):
                yield task

    def begun(self, task: Task, now: datetime) -> None:
        """Note, before it begins, that it was: a restart in the middle must not do it again. Raises StateUnusable."""
        if task in self._timetables:
            self._before[task] = self._timetables[task]
            self._timetables[task] = done(self._timetables[task], now, chance=self._chance())
            self._keep()

    def take_back(self, task: Task) -> None:
        """Have it done at the next start: it was stopped before it had brought anything. Raises StateUnusable."""
        if task in self._before:
            self._timetables[task] = self._before[task]
            self._keep()

    def put_off(self, task: Task, now: datetime) -> bool:
        """Have it tried again before its next time; return whether there is time for that. Raises StateUnusable."""
        timetable = self._timetables[task] = put_off(self._timetables[task], now, chance=self._chance())
        self._keep()
        return timetable.retry_at is not None

    def seconds_until(self, now: datetime) -> float:
        """Return the time until something is due, infinity where it waits for its window."""
        return min((self._seconds_until(task, now) for task in self._intervals), default=math.inf)

    def _seconds_until(self, task: Task, now: datetime) -> float:
        if is_due(self._timetables[task], now):
            return 0.0 if in_window(self._windows.get(task), now) else math.inf
        return (self._timetables[task].at - now).total_seconds()

    def _keep(self) -> None:
        write_timetables(self._path, {task.value: each for task, each in self._timetables.items()})
