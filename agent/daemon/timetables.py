"""The timetables as they are kept, so that a restart neither repeats nor forgets anything."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from agent.daemon.schedule import Timetable
from agent.state import read_private, write_private


def read_timetables(path: Path) -> dict[str, Timetable]:
    """Return task -> timetable; none where the file is missing or isn't one: then they begin anew."""
    try:
        kept: dict[str, Any] = json.loads(read_private(path) or b"{}")
        return {name: _timetable(values) for name, values in kept.items()}
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}


def write_timetables(path: Path, timetables: Mapping[str, Timetable]) -> None:
    """Keep them. Raises StateUnusable."""
    write_private(path, json.dumps({name: _values(each) for name, each in timetables.items()}).encode())


def _timetable(values: dict[str, Any]) -> Timetable:
    last, retry, failures = values["last_at"], values.get("retry_at"), values.get("failures", 0)
    if not isinstance(failures, int):
        raise TypeError("a number of failures that is none")
    return Timetable(
        interval=timedelta(seconds=values["interval_seconds"]),
        due_at=_aware(values["due_at"]),
        jitter=timedelta(seconds=values["jitter_seconds"]),
        last_at=None if last is None else _aware(last),
        retry_at=None if retry is None else _aware(retry),
        failures=max(0, failures),
    )


def _aware(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    return at


def _values(timetable: Timetable) -> dict[str, Any]:
    return {
        "interval_seconds": timetable.interval.total_seconds(),
        "due_at": timetable.due_at.isoformat(),
        "jitter_seconds": timetable.jitter.total_seconds(),
        "last_at": None if timetable.last_at is None else timetable.last_at.isoformat(),
        "retry_at": None if timetable.retry_at is None else timetable.retry_at.isoformat(),
        "failures": timetable.failures,
    }
