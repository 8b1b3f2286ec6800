"""A server's wish for patience that is no number of seconds must not cost more than the wish."""

from datetime import UTC, datetime

import pytest

from agent.kube.errors import read_status, retry_after_seconds
from agent.kube.http import pause_seconds
from agent.kube.wire import StatusWire

NOW = datetime(2026, 11, 25, tzinfo=UTC)


@pytest.mark.parametrize("header", ["\u00b2", "7\u00b2", "3\x1f", "Feb 30 99999999999 12.30.45 0 04:00:00", "soon", ""])
def test_a_wish_that_is_none_is_no_wish(header: str) -> None:
    assert retry_after_seconds(header, StatusWire(), NOW) is None


@pytest.mark.parametrize("body", [b'{"message":' + b"[" * 100_000, b'{"message":"\xff"}', b"<html>"])
def test_a_status_that_cannot_be_read_is_an_empty_one(body: bytes) -> None:
    assert read_status(body) == StatusWire()


def test_a_wish_for_less_than_no_time_is_no_wait() -> None:
    assert pause_seconds(0, -1.0) == 0.0
