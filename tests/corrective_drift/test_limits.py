"""Rates, without a clock of their own."""

import asyncio
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.types import Message

from corrective_drift.limits import Limits, Rate
from corrective_drift.problems import Code, Problem
from corrective_drift.routes.answers import body_of
from tests.corrective_drift.documents import keys
from tests.corrective_drift.running import Files, running_on_sqlite
from tests.corrective_drift.test_collect import body, fragments, new_id

TOKEN, OTHER = b"t" * 32, b"o" * 32


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def limits(clock: Clock, *, shared: int = 1000) -> Limits:
    return Limits(own=Rate(per_second=2, burst=3), shared=Rate(per_second=0.5, burst=shared), monotonic=clock)


def wait_seconds(limits: Limits, token: bytes | None) -> int | None:
    try:
        limits.admit(token)
    except Problem as problem:
        return problem.retry_after_seconds if problem.code is Code.TOO_MANY else None
    return 0


def test_a_token_may_burst_and_then_goes_on_at_its_rate() -> None:
    clock = Clock()
    mine = limits(clock)
    assert [wait_seconds(mine, TOKEN) for _ in range(4)] == [0, 0, 0, 1]
    clock.seconds += 0.5
    assert [wait_seconds(mine, TOKEN) for _ in range(2)] == [0, 1]
    clock.seconds += 3600
    assert [wait_seconds(mine, TOKEN) for _ in range(4)] == [0, 0, 0, 1]


def test_one_token_costs_another_nothing() -> None:
    mine = limits(Clock())
    assert [wait_seconds(mine, TOKEN) for _ in range(9)][-1] == 1
    assert wait_seconds(mine, OTHER) == 0


def test_made_up_tokens_share_the_bucket_of_those_without_one() -> None:
    mine = limits(Clock(), shared=3)
    assert wait_seconds(mine, None) == 0
    assert [wait_seconds(mine, bytes([n]) * 32) for n in range(3)] == [0, 0, 2]
    assert wait_seconds(mine, None) == 2


@pytest.mark.parametrize("sent", [body(1), fragments(1)[0]], ids=["standard", "minimal"])
def test_too_many_requests_are_told_when_to_come_again(files: Files, tmp_path: Path, sent: bytes) -> None:
    token = keys(1).token if sent == body(1) else None
    with running_on_sqlite(files, tmp_path) as one:
        one.service.limits = limits(Clock(), shared=1)
        answers = [one.collect(sent, new_id(), token) for _ in range(4)]
    assert answers[0].status_code == 200
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1


def test_a_body_that_never_comes_is_not_waited_for() -> None:
    async def ask() -> None:
        never = asyncio.Event()

        async def receive() -> Message:
            await never.wait()
            raise AssertionError

        await body_of(Request({"type": "http", "headers": []}, receive), patience_seconds=0.01)

    with pytest.raises(Problem) as raised:
        asyncio.run(ask())
    assert raised.value.code is Code.UNAVAILABLE
