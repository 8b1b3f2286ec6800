"""A history of runs on a disk of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.results.history import History
from tests.agent.results.parts import reopened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "history.sqlite3"


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def history(path: Path, told: list[str]) -> Iterator[History]:
    with reopened(path, told) as opened_one:
        yield opened_one
