import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.delivery.answers import Failure, Reply
from agent.results.baseline_store import read_baselines, refresh

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY, WEEK = timedelta(days=1), timedelta(weeks=1)
FIRST = Reply(status=200, body=b'{"week": "2026-W47"}')


def by(answer: Reply | Failure, asked: list[None]) -> Callable[[], Reply | Failure]:
    def fetch() -> Reply | Failure:
        asked.append(None)
        return answer

    return fetch


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "baselines.json"


def test_a_release_is_kept_for_a_week_and_then_fetched_again(path: Path) -> None:
    asked: list[None] = []
    assert refresh(path, by(FIRST, asked), NOW)
    assert refresh(path, by(FIRST, asked), NOW + WEEK - timedelta(seconds=1))
    assert len(asked) == 1
    assert refresh(path, by(FIRST, asked), NOW + WEEK)
    assert len(asked) == 2
    kept = read_baselines(path)
    assert kept is not None
    assert (kept.release, kept.fetched_at) == ({"week": "2026-W47"}, NOW + WEEK)


def test_what_was_kept_with_an_etag_is_read_and_the_etag_forgotten(path: Path) -> None:
    path.write_text(json.dumps({"fetched_at": NOW.isoformat(), "etag": '"r1"', "release": {"week": "2026-W46"}}))
    kept = read_baselines(path)
    assert kept is not None
    assert (kept.release, kept.fetched_at) == ({"week": "2026-W46"}, NOW)
    assert refresh(path, by(FIRST, []), NOW + WEEK)
    assert "r1" not in path.read_text()


def test_a_new_release_takes_the_place_of_the_one_before(path: Path) -> None:
    refresh(path, by(FIRST, []), NOW)
    assert refresh(path, by(Reply(status=200, body=b'{"week": "2026-W48"}'), []), NOW + 2 * WEEK)
    kept = read_baselines(path)
    assert kept is not None
    assert kept.release == {"week": "2026-W48"}


@pytest.mark.parametrize(
    "answer",
    [
        Failure.TIMEOUT,
        Reply(status=503),
        Reply(status=404),
        Reply(status=304),
        Reply(status=200, body=b"[1]"),
        Reply(status=200, body=b"{"),
    ],
)
def test_an_answer_that_is_no_release_changes_nothing(answer: Reply | Failure, path: Path) -> None:
    assert not refresh(path, by(answer, []), NOW)
    assert not path.exists()
    refresh(path, by(FIRST, []), NOW)
    before = path.read_bytes()
    assert not refresh(path, by(answer, []), NOW + WEEK)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", ["", "null", "[]", "{}", '{"fetched_at": "2026-11-24T12:00:00", "release": {}}'])
def test_a_file_that_is_none_is_as_good_as_no_file(content: str, path: Path) -> None:
    path.write_text(content)
    assert read_baselines(path) is None
    assert refresh(path, by(FIRST, []), NOW)
    assert json.loads(path.read_text())["release"] == {"week": "2026-W47"}


def test_a_clock_that_was_set_back_has_them_fetched_again(path: Path) -> None:
    asked: list[None] = []
    refresh(path, by(FIRST, asked), NOW)
    refresh(path, by(FIRST, asked), NOW - DAY)
    assert len(asked) == 2
