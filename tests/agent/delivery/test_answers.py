"""The table of answers, and how long they ask to wait."""

import json
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.delivery.answers import LONGEST_RETRY_AFTER_SECONDS, Action, Failure, Reply, judge, retry_after_seconds
from agent.delivery.backoff import Backoff, wait_seconds

NOW = 1_767_225_600.0
RECEIPT = {"receipt": "r-1", "batch": "b", "accepted": 2, "received_at": "2026-01-01T00:00:00Z"}
TABLE = {
    Action.BURY: (400, 413, 415, 422),
    Action.PAUSE: (300, 301, 302, 303, 304, 307, 308, 401, 402, 403, 404, 405, 406, 418, 451),
    Action.STOP: (410,),
    Action.RETRY: (408, 409, 425, 429, 500, 501, 502, 503, 504, 599),
}


def verdict(status: int, body: bytes = b"", retry_after: str | None = None) -> Action:
    reply = Reply(status=status, body=body, retry_after=retry_after)
    return judge(reply, batch_id="b", documents=2, unix_seconds=NOW).action


@pytest.mark.parametrize(("action", "status"), [(action, each) for action, row in TABLE.items() for each in row])
def test_each_status_has_its_row(action: Action, status: int) -> None:
    assert verdict(status) is action


@pytest.mark.parametrize("status", [200, 201, 202])
def test_a_receipt_for_this_batch_is_a_success(status: int) -> None:
    judged = judge(Reply(status=status, body=json.dumps(RECEIPT).encode()), batch_id="b", documents=2, unix_seconds=NOW)
    assert judged.action is Action.DONE
    assert judged.receipt is not None
    assert (judged.receipt.receipt, judged.receipt.accepted) == ("r-1", 2)


@pytest.mark.parametrize(
    "wrong",
    [
        {"batch": "another"},
        {"accepted": 3},
        {"accepted": -1},
        {"accepted": True},
        {"accepted": "2"},
        {"receipt": ""},
        {"receipt": "../../data/x"},
        {"receipt": "r" * 65},
        {"receipt": 5},
        {"received_at": "yesterday"},
        {"received_at": "\u0662026-01-01T00:00:00Z"},
        {"received_at": None},
    ],
    ids=str,
)
def test_a_success_with_a_wrong_receipt_is_no_success(wrong: dict[str, object]) -> None:
    assert verdict(200, json.dumps(RECEIPT | wrong).encode()) is Action.RETRY


@given(body=st.binary(max_size=200) | st.just(b"[" * 100_000) | st.just(b"[1]") | st.just(b"null"))
def test_no_rubbish_is_taken_for_a_receipt(body: bytes) -> None:
    assert verdict(200, body) is Action.RETRY


@pytest.mark.parametrize("failure", Failure)
def test_no_answer_means_to_try_again(failure: Failure) -> None:
    assert judge(failure, batch_id="b", documents=1, unix_seconds=NOW).action is Action.RETRY


def test_only_a_409_that_names_the_consent_asks_for_it() -> None:
    assert verdict(409, b'{"error":"consent_stale"}') is Action.CONSENT
    assert verdict(409, b'{"error":"in_progress"}') is Action.RETRY


@given(seconds=st.integers(0, 10**18 - 1))
def test_a_delay_is_followed_up_to_a_day(seconds: int) -> None:
    asked = retry_after_seconds(Reply(status=503, retry_after=str(seconds)), unix_seconds=NOW)
    assert asked == min(seconds, LONGEST_RETRY_AFTER_SECONDS)


@given(seconds=st.integers(-(10**6), 10**6), skew=st.integers(-(10**8), 10**8))
def test_a_date_is_followed_however_wrong_our_clock_is(seconds: int, skew: int) -> None:
    reply = Reply(status=503, retry_after=formatdate(NOW + seconds, usegmt=True), date=formatdate(NOW, usegmt=True))
    assert retry_after_seconds(reply, unix_seconds=NOW + skew) == min(max(0, seconds), LONGEST_RETRY_AFTER_SECONDS)


def test_a_date_without_the_answers_own_date_is_taken_against_our_clock() -> None:
    reply = Reply(status=429, retry_after=formatdate(NOW + 90, usegmt=True))
    assert retry_after_seconds(reply, unix_seconds=NOW) == 90


@given(text=st.text(max_size=40) | st.sampled_from(["-5", "1.5", "1e3", "²", "Fri, 99 Foo 2026 00:00:00 GMT"]))
def test_an_unreadable_wait_is_none(text: str) -> None:
    if not text.strip().isascii() or not text.strip().isdigit():
        assert retry_after_seconds(Reply(status=503, retry_after=text), unix_seconds=NOW) >= 0.0


@given(
    failures=st.integers(1, 10_000),
    base=st.floats(0.01, 3600),
    retries=st.integers(0, 20),
    flush=st.floats(1, 86_400),
    asked=st.floats(0, 86_400),
    chance=st.floats(0, 1, exclude_max=True),
)
def test_a_wait_is_jittered_bounded_and_never_shorter_than_asked(
    failures: int, base: float, retries: int, flush: float, asked: float, chance: float
) -> None:
    backoff = Backoff(base_seconds=base, max_retries=retries, flush_interval_seconds=flush)
    wait = wait_seconds(failures, backoff, retry_after_seconds=asked, chance=chance)
    assert wait >= asked
    if failures <= retries:
        assert wait <= max(asked, min(900, base * 2**failures))
    else:
        assert max(asked, flush * 0.5) <= wait <= max(asked, flush * 1.5)


def test_quick_retries_double_and_then_wait_for_a_flush() -> None:
    backoff = Backoff(base_seconds=30, max_retries=3, flush_interval_seconds=300)
    waits = [wait_seconds(n, backoff, retry_after_seconds=0, chance=0.5) for n in (1, 2, 3, 4, 400)]
    assert waits == [30, 60, 120, 300, 300]
