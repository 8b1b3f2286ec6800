"""What the tests of the history are built from."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent.results.history import History
from agent.results.history_file import opened
from probes.measure.result import ProbeResult, RunResult
from tests.probes.measure.synthetic import rate, result, run

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


def run_at(hours: float, *results: ProbeResult) -> RunResult:
    measured = results or (result(rate("read_iops", [100.0, 101.0, 99.0])),)
    return run(*measured).model_copy(update={"started_at": BEGINNING + timedelta(hours=hours)})


@contextmanager
def reopened(path: Path, told: list[str], *, create: bool = True) -> Iterator[History]:
    with opened(path, create=create, tell=told.append) as connection:
        yield History(connection)
