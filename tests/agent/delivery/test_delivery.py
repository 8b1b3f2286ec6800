"""A flush from end to end, against a service in every mood: what becomes of the batch, and what the trail says."""

import gzip
import json
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from agent.delivery.answers import Action, Failure
from agent.delivery.audit import Head, Trail
from agent.delivery.audit_check import verify
from agent.delivery.flush import Delivery
from agent.delivery.outbox import Limits, Outbox, opened
from agent.delivery.outbox_rows import Halt
from agent.delivery.outbox_view import dead_letters, next_seconds, receipts, stats
from agent.delivery.send import Patience
from agent.errors import NotAllowed, StateUnusable
from agent.levels import Level
from agent.privacy.stops import Stop
from tests.agent.delivery.parts import (
    CONSENT,
    DAY,
    WEEK,
    SimulatedTime,
    client,
    delivery,
    document,
    fragment,
)
from tests.agent.delivery.service import (
    Behavior,
    Service,
    accept,
    answer,
    break_off,
    drip,
    flood,
    lose_answer,
    stay_silent,
)


@pytest.fixture
def delivering(
    outbox: Outbox, service: Service, ca_bundle: Path, trail: Trail, time: SimulatedTime
) -> Callable[[], Delivery]:
    sender = client(service.url, ca_bundle, patience=Patience(step_seconds=2, total_seconds=4))
    outbox.put([document(1)], consent_digest=CONSENT)
    time.pass_by(300)
    return lambda: delivery(outbox, sender, trail, time)


def events(tmp_path: Path) -> list[dict[str, Any]]:
    assert isinstance(verify(tmp_path / "audit.jsonl"), Head)
    return [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]


def names(tmp_path: Path) -> list[str]:
    return [event["event"] for event in events(tmp_path)]


def test_a_report_becomes_a_receipt_and_the_trail_tells_it(
    delivering: Callable[[], Delivery], outbox: Outbox, service: Service, trail: Trail, tmp_path: Path
) -> None:
    flushed = delivering().flush()
    assert [(each.action, each.status, each.documents) for each in flushed.attempts] == [(Action.DONE, 201, 1)]
    assert service.counted == [{"id": 1, "padding": ""}]
    (receipt,) = receipts(outbox)
    begun, sending, delivered = events(tmp_path)
    assert begun["event"] == "begun"
    assert (sending["event"], sending["batch"], sending["sha256"]) == ("sending", receipt.batch_id, receipt.sha256)
    assert (delivered["event"], delivered["receipt"], delivered["accepted"]) == ("delivered", receipt.receipt, 1)
    assert stats(outbox).waiting_documents == 0


def test_receipts_hold_the_end_of_the_trail_so_that_cutting_it_off_shows(
    delivering: Callable[[], Delivery], outbox: Outbox, service: Service, trail: Trail, tmp_path: Path
) -> None:
    delivering().flush()
    assert service.heads == [receipt.audit_head for receipt in receipts(outbox)]
    path = tmp_path / "audit.jsonl"
    assert isinstance(verify(path, service.heads), Head)
    path.write_bytes(b"")
    assert not isinstance(verify(path, service.heads), Head)


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_what_is_refused_for_good_becomes_a_dead_letter(
    status: int, delivering: Callable[[], Delivery], outbox: Outbox, service: Service, trail: Trail, tmp_path: Path
) -> None:
    service.script.append(answer(status))
    delivering().flush()
    delivering().flush()
    assert [letter.status for letter in dead_letters(outbox)] == [status]
    assert len(service.seen) == 1, "never sent again"
    assert events(tmp_path)[-1]["status"] == status


@pytest.mark.parametrize("behavior", [answer(408), answer(425), answer(429), answer(500), answer(502), answer(503),
                                      answer(504), answer(200, b"<html>"), answer(409, b"{}"), lose_answer, break_off,
                                      stay_silent, drip, flood])  # fmt: skip
def test_whatever_may_pass_is_tried_again_with_the_same_bytes_and_counts_once(
    behavior: Behavior, delivering: Callable[[], Delivery], outbox: Outbox, service: Service, time: SimulatedTime
) -> None:
    service.script.append(behavior)
    last = delivering().flush().last
    assert last is not None
    assert last.action is Action.RETRY
    assert delivering().flush().attempts == [], "not before its time"
    time.pass_by(60)  # U(0, 30·2¹)
    flushed = delivering().flush()
    assert flushed.recovered
    assert [each.action for each in flushed.attempts] == [Action.DONE]
    assert len({(seen.key, seen.body) for seen in service.seen}) == 1
    assert (len(service.counted), service.conflicts) == (1, [])


class Unlucky(random.Random):
    def random(self) -> float:
        return 0.0


def test_a_failure_ends_the_flush_even_where_chance_has_it_wait_for_nothing(
    delivering: Callable[[], Delivery], service: Service, tmp_path: Path
) -> None:
    service.script.extend([answer(503), answer(503)])
    working = replace(delivering(), rng=Unlucky())
    assert [len(working.flush().attempts) for _ in range(3)] == [1, 1, 1]
    assert names(tmp_path).count("sending") == 1, "what is repeated left for the first time once"


@pytest.mark.parametrize("status", [401, 403, 302, 404])
def test_refused_credentials_and_wrong_addresses_pause_for_an_hour_and_lose_nothing(
    status: int, delivering: Callable[[], Delivery], outbox: Outbox, service: Service, time: SimulatedTime
) -> None:
    outbox.put([fragment(2)], consent_digest=CONSENT)
    service.script.append(answer(status, Location="https://localhost:1/"))
    flushed = delivering().flush()
    assert [(each.action, each.status) for each in flushed.attempts] == [(Action.PAUSE, status)], "and no other batch"
    time.pass_by(3599)
    assert delivering().flush().attempts == []
    time.pass_by(1)
    assert delivering().flush().attempts[0].action is Action.DONE


@pytest.mark.parametrize(
    ("behavior", "halt"),
    [(answer(410), Halt.GONE), (answer(409, b'{"error":"consent_stale"}'), Halt.CONSENT_STALE)],
)
def test_some_answers_stop_everything_until_a_person_acts(
    behavior: Behavior, halt: Halt, delivering: Callable[[], Delivery], service: Service, time: SimulatedTime
) -> None:
    working = delivering()
    service.script.append(behavior)
    working.flush()
    heard_at = datetime.fromtimestamp(time.wall_seconds, UTC)
    time.pass_by(3 * DAY)
    assert working.flush().attempts == []
    assert (stats(working.outbox).halt, stats(working.outbox).halted_at) == (halt, heard_at)
    working.outbox.resume()
    assert [each.action for each in working.flush().attempts] == [Action.DONE]


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_service_that_asks_for_patience_gets_it(
    form: str, delivering: Callable[[], Delivery], outbox: Outbox, service: Service, time: SimulatedTime
) -> None:
    date = formatdate(time.wall_seconds, usegmt=True)
    until = formatdate(time.wall_seconds + 7000, usegmt=True) if form == "date" else "7000"

    def busy(handler: Any, seen: Any) -> None:
        handler.send_response_only(503)
        for name, value in {"Date": date, "Retry-After": until, "Content-Length": "0"}.items():
            handler.send_header(name, value)
        handler.end_headers()

    service.script.append(busy)
    delivering().flush()
    assert next_seconds(outbox, 300) == pytest.approx(7000, abs=1)
    time.pass_by(6990)
    assert delivering().flush().attempts == []


def test_days_without_a_service_cost_one_request_each_flush_and_one_line_in_the_trail(
    outbox: Outbox, trail: Trail, time: SimulatedTime, tmp_path: Path, service: Service, ca_bundle: Path
) -> None:
    nowhere = client("https://127.0.0.1:1", ca_bundle)
    attempts = 0
    for hour in range(2 * 24):
        outbox.put([document(hour)], consent_digest=CONSENT)
        for _ in range(12):
            time.pass_by(300)
            attempts += len(delivery(outbox, nowhere, trail, time).flush().attempts)
    assert 2 * 24 * 12 * 0.5 < attempts <= 2 * 24 * 12
    assert names(tmp_path).count("failed") == 1
    time.pass_by(86_400)
    flushed = delivery(outbox, client(service.url, ca_bundle), trail, time).flush()
    assert flushed.recovered
    assert sorted(each["id"] for each in service.counted) == list(range(2 * 24))


def test_a_longer_outage_than_the_retention_drops_the_oldest_and_says_how_many(
    outbox_path: Path, trail: Trail, time: SimulatedTime, tmp_path: Path, service: Service, ca_bundle: Path
) -> None:
    nowhere = client("https://127.0.0.1:1", ca_bundle)
    with opened(outbox_path, Limits(age_seconds=WEEK), clock=time.clock()) as outbox:
        for day in range(10):
            outbox.put([document(day)], consent_digest=CONSENT)
            time.pass_by(DAY)
            delivery(outbox, nowhere, trail, time).flush()
        time.pass_by(600)
        delivery(outbox, client(service.url, ca_bundle), trail, time).flush()
    dropped = sum(event["documents"] for event in events(tmp_path) if event["event"] == "dropped")
    assert sorted(each["id"] for each in service.counted) == list(range(dropped, 10))
    assert dropped == 4


def test_a_stop_that_comes_during_a_flush_ends_it_before_the_next_request(
    outbox: Outbox, service: Service, ca_bundle: Path, trail: Trail, time: SimulatedTime
) -> None:
    asked: list[Stop | None] = [None, Stop.CONSENT_REVOKED]
    sender = client(service.url, ca_bundle, may_send=lambda: asked.pop(0))
    outbox.put([document(n) for n in range(20)], consent_digest=CONSENT)
    with pytest.raises(NotAllowed):
        delivery(outbox, sender, trail, time).flush()
    assert service.connections == 1
    assert stats(outbox).waiting_documents == 10


def test_a_flush_that_is_to_stop_leaves_the_rest_for_later(
    delivering: Callable[[], Delivery], outbox: Outbox, service: Service
) -> None:
    assert delivering().flush(stopping=lambda: True).attempts == []
    assert service.connections == 0
    assert stats(outbox).waiting_documents == 1


def test_what_was_collected_under_another_consent_is_never_sent(
    outbox: Outbox, service: Service, ca_bundle: Path, trail: Trail, time: SimulatedTime, tmp_path: Path
) -> None:
    outbox.put([document(1, level=Level.DETAILED)], consent_digest="older")
    outbox.put([document(2)], consent_digest=CONSENT)
    time.pass_by(300)
    flushed = delivery(outbox, client(service.url, ca_bundle), trail, time).flush()
    assert [each["id"] for each in service.counted] == [2]
    assert flushed.lost_documents == 1
    dropped = [event for event in events(tmp_path) if event["event"] == "dropped"]
    assert [(event["reason"], event["documents"]) for event in dropped] == [("consent", 1)]


def test_what_cannot_be_audited_is_not_sent(
    outbox: Outbox, service: Service, ca_bundle: Path, time: SimulatedTime, tmp_path: Path
) -> None:
    outbox.put([document(1)], consent_digest=CONSENT)
    time.pass_by(300)
    unwritable = Trail(tmp_path / "missing" / "audit.jsonl")
    with pytest.raises(StateUnusable):
        delivery(outbox, client(service.url, ca_bundle), unwritable, time).flush()
    assert service.connections == 0


def test_a_wrong_certificate_is_told_in_the_trail(
    outbox: Outbox, service: Service, trail: Trail, time: SimulatedTime, tmp_path: Path
) -> None:
    outbox.put([document(1)], consent_digest=CONSENT)
    time.pass_by(300)
    last = delivery(outbox, client(service.url, None), trail, time).flush().last
    assert last is not None
    assert last.failure is Failure.CERTIFICATE
    assert events(tmp_path)[-1]["failure"] == "certificate"


def test_nothing_of_a_document_gets_into_the_trail_the_figures_or_what_is_printed(
    delivering: Callable[[], Delivery], outbox: Outbox, service: Service, trail: Trail, tmp_path: Path
) -> None:
    outbox.put([document(77_777, padding=40)], consent_digest=CONSENT)
    service.script.extend([accept, answer(422)])
    flushed = delivering().flush()
    printed = f"{flushed!r}{stats(outbox)!r}{list(dead_letters(outbox))!r}{list(outbox.batches())!r}"
    told = (tmp_path / "audit.jsonl").read_text() + printed
    assert "77777" not in told
    assert "padding" not in told
    assert "77777" in gzip.decompress(service.seen[0].body).decode()
