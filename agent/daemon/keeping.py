"""What is kept of runs on this machine, and what its history shows: the agent's side of `agent.results.history`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from agent.errors import StateUnusable
from agent.results.history import History, KeptRun
from agent.results.history_file import opened
from probes.errors import ProbeError
from probes.measure.drift import Course, Finding, drifted
from probes.measure.result import RunResult

# The newest run that a report has carried has this tag; tags move.
_REPORTED = "reported"


@contextmanager
def history(path: Path, tell: Callable[[str], None]) -> Iterator[History]:
    """Yield the history; a damaged one is set aside, which `tell` is told. Raises StateUnusable."""
    try:
        with opened(path, create=True, tell=tell) as connection:
            yield History(connection)
    except ProbeError as error:
        raise StateUnusable(str(error)) from error


def unreported(kept: History, *, since: datetime) -> tuple[KeptRun, RunResult] | None:
    """Return the newest run, unless a report has carried it, or it is of a time before the consent of `since`."""
    newest = next(iter(kept.runs()), None)
    if newest is None or _REPORTED in newest.tags or newest.started_at < since:
        return None
    return newest, kept.load(newest)


def mark_reported(kept: History, run: KeptRun) -> None:
    """Remember that a report has carried this run."""
    kept.tag(run, _REPORTED)


def findings(kept: History) -> tuple[Finding, ...]:
    """Return what has changed or begins to drift, over the series to which the newest runs belong."""
    return drifted([_course(kept, probe, metric) for probe, metric in kept.measured()])


def _course(kept: History, probe: str, metric: str) -> Course:
    series = kept.series(probe, metric)
    return Course(
        probe=probe,
        metric=metric,
        title=series.title,
        unit=series.unit,
        better=series.better,
        medians=[point.median for point in series.points],
        times=[point.run.started_at for point in series.points],
    )
