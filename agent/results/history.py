"""Runs kept on this machine: found by id, tag or age, and joined into series where they measured alike."""

import difflib
import hashlib
import json
import re
import sqlite3
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent.results.history_file import opened
from agent.sqlite_file import transaction
from probes.errors import InvalidRequest, Unavailable
from probes.measure.result import Better, Facts, Metric, ProbeResult, RunResult, read_results
from probes.measure.units import Unit

# A quick run of all probes takes some 20 KiB, so that a history stays around 20 MB. Two years are what it takes to see
# whether something comes back with the season; a run every night fills 730 of the places.
MAXIMUM_RUNS = 1000
MAXIMUM_AGE = timedelta(days=730)
SHORT_ID_LENGTH = 8
# Git's rule as well: less than four characters is a typing error rather than an id.
_SHORTEST_PREFIX = 4
_LATEST = re.compile(r"latest(?:~(\d{1,9}))?")
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# A run has tens of KiB, some of them hundreds; what is larger is something else and must not fill the memory.
_LARGEST_FILE_BYTES = 64 * 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRun:
    """A line of the history."""

    run_id: str
    started_at: datetime
    profile: str
    target: str
    probes: tuple[str, ...]
    tags: tuple[str, ...]

    @property
    def short_id(self) -> str:
        """The beginning of the id, for people."""
        return self.run_id[:SHORT_ID_LENGTH]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One run's value of a metric, in the metric's unit."""

    run: KeptRun
    median: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The values of one metric over the runs that measured it alike, oldest first."""

    probe: str
    metric: str
    title: str
    unit: Unit
    better: Better
    conditions: Facts
    points: tuple[Point, ...]
    others: int
    """How many more runs have this metric, measured in another way."""


class History:
    """The runs behind a connection of `agent.results.history_file.opened`."""

    def __init__(self, connection: sqlite3.Connection, *, maximum_runs: int = MAXIMUM_RUNS) -> None:
        self._connection = connection
        self._maximum_runs = maximum_runs

    def keep(self, run: RunResult) -> None:
        """Keep a run, and let go of untagged ones that are too old or too many. A run is kept once."""
        with transaction(self._connection):
            added = self._connection.execute(
                "INSERT OR IGNORE INTO runs VALUES (?, ?, ?, ?, ?, ?)",
                (
                    str(run.run_id),
                    _as_text(run.started_at),
                    run.profile,
                    run.target,
                    json.dumps([result.probe for result in run.results]),
                    zlib.compress(run.model_dump_json().encode()),
                ),
            )
            if added.rowcount:
                self._connection.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?, ?, ?)", _rows(run))
                self._forget_old(run.started_at)

    def runs(self) -> list[KeptRun]:
        """Return all runs, the newest first."""
        rows = self._connection.execute(
            "SELECT run_id, started_at, profile, target, probes,"
            " (SELECT json_group_array(name) FROM tags WHERE tags.run_id = runs.run_id)"
            " FROM runs ORDER BY started_at DESC, rowid DESC"
        )
        return [
            KeptRun(
                run_id=run_id,
                started_at=datetime.fromisoformat(started_at),
                profile=profile,
                target=target,
                probes=tuple(json.loads(probes)),
                tags=tuple(sorted(json.loads(tags))),
            )
            for run_id, started_at, profile, target, probes, tags in rows
        ]

    def find(self, reference: str) -> KeptRun:
        """Return the run that a tag, `latest`, `latest~N` or the beginning of an id means. Raises InvalidRequest."""
        runs = self.runs()
        tagged = [run for run in runs if reference in run.tags]
        if tagged:
            return tagged[0]
        if latest := _LATEST.fullmatch(reference):
            steps = int(latest[1] or 0)
            if steps < len(runs):
                return runs[steps]
            raise InvalidRequest(f"there is no run {reference!r}: the history holds {len(runs)}, see `probe history`")
        prefix = reference.lower()
        found = [run for run in runs if len(prefix) >= _SHORTEST_PREFIX and run.run_id.startswith(prefix)]
        if len(found) == 1:
            return found[0]
        if found:
            raise InvalidRequest(f"{len(found)} runs of the history have ids that begin with {prefix}: give more of it")
        near = difflib.get_close_matches(reference, [tag for run in runs for tag in run.tags], n=1)
        hint = f"did you mean {near[0]}?" if near else "see `probe history`"
        raise InvalidRequest(f"no run of the history has the id or the tag {reference!r}: {hint}")

    def load(self, run: KeptRun) -> RunResult:
        """Return all that a run measured. Raises InvalidRequest for a result that this release can't read."""
        row = self._connection.execute("SELECT document FROM runs WHERE run_id = ?", (run.run_id,)).fetchone()
        if row is None:
            raise InvalidRequest(f"run {run.short_id} was removed from the history a moment ago: see `probe history`")
        try:
            return read_results(zlib.decompress(row[0]).decode())
        except zlib.error as error:
            raise Unavailable(f"run {run.short_id} is damaged: remove it with `probe history remove`") from error
        except ValueError as error:
            raise InvalidRequest(f"run {run.short_id} of the history is {error}") from error

    def tag(self, run: KeptRun, name: str) -> None:
        """Give a run a name, which another run may lose by it. Raises InvalidRequest for a name that can't be one."""
        if not _TAG.fullmatch(name) or _LATEST.fullmatch(name):
            raise InvalidRequest(f"{name!r} can't be a tag: use letters, digits, dots, dashes; `latest` is taken")
        with transaction(self._connection):
            self._connection.execute("INSERT OR REPLACE INTO tags VALUES (?, ?)", (name, run.run_id))

    def untag(self, name: str) -> KeptRun:
        """Take a tag away; return the run that had it. Raises InvalidRequest where none has."""
        for run in self.runs():
            if name in run.tags:
                with transaction(self._connection):
                    self._connection.execute("DELETE FROM tags WHERE name = ?", (name,))
                return run
        raise InvalidRequest(f"no run of the history has the tag {name!r}: see `probe history`")

    def remove(self, run: KeptRun) -> None:
        """Forget a run with its tags."""
        with transaction(self._connection):
            self._connection.execute("DELETE FROM runs WHERE run_id = ?", (run.run_id,))

    def series(self, probe: str, metric: str, like: KeptRun | None = None) -> Series:
        """Join the runs that measured a metric as `like` did, by default the newest run that has it.

        Raises InvalidRequest where there is none.
        """
        rows = self._connection.execute(
            "SELECT run_id, alike, median, low, high FROM metrics WHERE probe = ? AND metric = ?", (probe, metric)
        ).fetchall()
        values = {row[0]: row[1:] for row in rows}
        measured = [run for run in self.runs() if run.run_id in values]
        if not measured:
            raise InvalidRequest(self._unknown(probe, metric))
        anchor = like or measured[0]
        if anchor.run_id not in values:
            raise InvalidRequest(f"run {anchor.short_id} has not measured {metric} of {probe}: give another")
        alike = [run for run in reversed(measured) if values[run.run_id][0] == values[anchor.run_id][0]]
        described = _metric_of(self.load(anchor), probe, metric)
        points = []
        for run in alike:
            _, median, low, high = values[run.run_id]
            points.append(Point(run=run, median=median, low=low, high=high))
        return Series(
            probe=probe,
            metric=metric,
            title=described.title,
            unit=described.unit,
            better=described.better,
            conditions=described.conditions,
            points=tuple(points),
            others=len(measured) - len(alike),
        )

    def measured(self) -> list[tuple[str, str]]:
        """Return probe and metric of everything that any run has measured, in order."""
        rows = self._connection.execute("SELECT DISTINCT probe, metric FROM metrics ORDER BY probe, metric")
        return [(probe, metric) for probe, metric in rows]

    def _forget_old(self, now: datetime) -> None:
        self._connection.execute(
            "DELETE FROM runs WHERE run_id NOT IN (SELECT run_id FROM tags) AND (started_at < ? OR run_id NOT IN ("
            "SELECT run_id FROM runs WHERE run_id NOT IN (SELECT run_id FROM tags)"
            " ORDER BY started_at DESC, rowid DESC LIMIT ?))",
            (_as_text(now - MAXIMUM_AGE), self._maximum_runs),
        )

    def _unknown(self, probe: str, metric: str) -> str:
        known = [
            name
            for (name,) in self._connection.execute("SELECT DISTINCT metric FROM metrics WHERE probe = ?", (probe,))
        ]
        near = difflib.get_close_matches(metric, known, n=1)
        if near:
            return f"no run of the history has {metric!r} of {probe}: did you mean {near[0]}?"
        hint = f"it has {', '.join(known)}" if known else f"measure it with `probe run {probe}`"
        return f"no run of the history has {metric!r} of {probe}: {hint}"


def resolve(reference: str, *, history: Path, tell: Callable[[str], None]) -> RunResult:
    """Return the result that `reference` means: a file if there is one or its name looks like one, else a kept run.

    Raises InvalidRequest for what is no result or unknown, and Unavailable where the history can't be used.
    """
    path = Path(reference)
    if path.exists() or "/" in reference or path.suffix == ".json":
        return _read_file(path)
    with opened(history, create=False, tell=tell) as connection:
        kept = History(connection)
        try:
            run = kept.find(reference)
        except InvalidRequest as error:
            raise InvalidRequest(f"there is no file {reference!r}, and {error}") from error
        return kept.load(run)


def _read_file(path: Path) -> RunResult:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE_BYTES + 1)
        if len(data) > _LARGEST_FILE_BYTES:
            raise InvalidRequest(f"{path} has more than {_LARGEST_FILE_BYTES} bytes: it is not a result")
        return read_results(data.decode())
    except OSError as error:
        raise InvalidRequest(
            f"can't read {path} ({error.strerror}): give a result's file or see `probe history`"
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{path} is not a result: it is no text") from error
    except ValueError as error:
        raise InvalidRequest(f"{path}: {error}") from error


def _rows(run: RunResult) -> list[tuple[str, str, str, str, float, float | None, float | None, str]]:
    rows = []
    for result in run.results:
        for metric in result.metrics:
            interval = metric.summary.interval
            low, high = (interval.low, interval.high) if interval else (None, None)
            place = (result.probe, metric.name, _alike(result, metric), str(run.run_id))
            rows.append((*place, metric.summary.median, low, high, metric.unit.value))
    return rows


def _alike(result: ProbeResult, metric: Metric) -> str:
    """Digest what must be equal within a series: all that `compare` asks for, and what was measured (path) as well."""
    held = {
        "spec": result.spec,
        "unit": metric.unit.value,
        "better": metric.better.value,
        "conditions": metric.conditions,
    }
    return hashlib.sha256(json.dumps(held, sort_keys=True).encode()).hexdigest()


def _metric_of(run: RunResult, probe: str, metric: str) -> Metric:
    return next(
        each for result in run.results if result.probe == probe for each in result.metrics if each.name == metric
    )


def _as_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
