"""POST /v1/collect over real TLS, on both stores."""

import asyncio
import gzip
import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Table, func, select

from agent.delivery.answers import Action, Reply, judge
from agent.delivery.batch import frame
from agent.levels import Level
from agent.wire.fields import schema_digest
from corrective_drift.inflate import LARGEST_BODY_BYTES, LARGEST_INFLATED_BYTES, parsed
from corrective_drift.receipts import is_genuine
from corrective_drift.store.engine import reading
from corrective_drift.store.schema import BATCHES, CLUSTERS, FRAGMENTS, REPORTS
from tests.corrective_drift.documents import CONSENT, document, keys, outgoing
from tests.corrective_drift.running import TODAY, Running


def new_id() -> str:
    return str(uuid.uuid4())


def rows(service: Running, table: Table) -> int:
    with reading(service.service.engine) as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


def body(*numbers: int, level: Level = Level.STANDARD, hour: int = 0) -> bytes:
    return frame([document(number, TODAY, level, hour=hour) for number in numbers])


def fragments(number: int) -> list[bytes]:
    return [frame([each.body], alone=True) for each in outgoing(number, TODAY, Level.MINIMAL)]


@pytest.mark.parametrize("level", [Level.STANDARD, Level.DETAILED])
def test_a_document_is_stored_as_it_came_and_its_receipt_is_signed(service: Running, level: Level) -> None:
    answer = service.collect(body(1, level=level), new_id(), keys(1).token)
    assert answer.status_code == 200
    receipt = answer.json()
    assert (receipt["accepted"], receipt["received_at"]) == (1, "2026-11-20T00:00:00Z")
    assert is_genuine(receipt, service.service.signer.public)
    assert not is_genuine(receipt | {"accepted": 2}, service.service.signer.public)
    with reading(service.service.engine) as connection:
        (row,) = connection.execute(select(REPORTS))
    assert row.document.encode() == document(1, TODAY, level)
    assert (row.cluster_pid, row.day, row.level) == (keys(1).cluster_id, TODAY.isoformat(), level)


def test_what_is_not_canonical_is_stored_canonical(service: Running) -> None:
    loose = json.dumps({"documents": [json.loads(document(1, TODAY))]}, indent=1).encode()
    assert service.collect(loose, new_id(), keys(1).token).status_code == 200
    with reading(service.service.engine) as connection:
        assert connection.scalars(select(REPORTS.c.document)).one().encode() == document(1, TODAY)


def test_a_repeat_gets_the_same_receipt_and_counts_once(service: Running) -> None:
    batch = new_id()
    first = service.collect(body(1), batch, keys(1).token)
    service.calendar.today += timedelta(days=3)
    assert service.collect(body(1), batch, keys(1).token).json() == first.json()
    assert rows(service, REPORTS) == 1
    assert service.http.get(f"/v1/receipts/{first.json()['receipt']}").status_code == 404
    token = {"authorization": f"Bearer {keys(1).token}"}
    assert service.http.get(f"/v1/receipts/{first.json()['receipt']}", headers=token).json() == first.json()


def test_a_key_that_comes_with_another_body_is_refused(service: Running) -> None:
    batch = new_id()
    assert service.collect(body(1), batch, keys(1).token).status_code == 200
    answer = service.collect(body(1, hour=1), batch, keys(1).token)
    assert (answer.status_code, answer.json()["error"]) == (422, "key_reused")
    assert rows(service, REPORTS) == 1


def test_repeats_at_the_same_moment_count_once(service: Running) -> None:
    batches = [new_id() for _ in range(4)]

    def send(at: int) -> dict[str, Any]:
        answer = service.collect(body(1, hour=at % 4), batches[at % 4], keys(1).token)
        assert answer.status_code == 200
        return dict(answer.json())

    with ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(send, range(48)))
    assert all(receipt == receipts[at % 4] for at, receipt in enumerate(receipts))
    assert rows(service, REPORTS) == rows(service, BATCHES) == 4


def test_of_two_bodies_under_one_key_at_the_same_moment_one_counts(service: Running) -> None:
    batch = new_id()

    def send(at: int) -> int:
        return service.collect(body(1, hour=at % 2), batch, keys(1).token).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(send, range(16)))
    assert statuses.count(200) == statuses.count(422) == 8
    assert rows(service, REPORTS) == 1


def test_clusters_may_use_the_same_key(service: Running) -> None:
    batch = new_id()
    for number in (1, 2):
        assert service.collect(body(number), batch, keys(number).token).status_code == 200
    assert rows(service, REPORTS) == 2


def test_another_token_is_refused_and_stores_nothing(service: Running) -> None:
    assert service.collect(body(1), new_id(), keys(1).token).status_code == 200
    answer = service.collect(body(1, hour=1), new_id(), keys(2).token)
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
    assert rows(service, REPORTS) == rows(service, BATCHES) == 1


@pytest.mark.parametrize("authorization", ["", "Basic abc", "Bearer", "Bearer short", "Bearer " + "x" * 300])
def test_without_a_token_documents_are_refused(refusing: Running, authorization: str) -> None:
    answer = refusing.collect(body(1), new_id(), prism_consent=CONSENT, authorization=authorization)
    assert answer.status_code == 401
    assert "Bearer" in answer.headers["www-authenticate"]
    assert rows(refusing, CLUSTERS) == 0


def test_an_anonymous_fragment_counts_once_for_each_voter_and_kind(service: Running) -> None:
    for fragment in fragments(1):
        batch = new_id()
        first = service.collect(fragment, batch)
        assert (first.status_code, first.json()["accepted"]) == (200, 1)
        assert service.collect(fragment, batch).json() == first.json()
        again = service.collect(fragment, new_id())
        assert (again.status_code, again.json()["accepted"]) == (200, 0)
        assert service.http.get(f"/v1/receipts/{first.json()['receipt']}").json() == first.json()
    assert rows(service, FRAGMENTS) == len(fragments(1)) == 5
    assert rows(service, CLUSTERS) == 0
    with reading(service.service.engine) as connection:
        shards = {
            *connection.scalars(select(BATCHES.c.cluster_pid)),
            *connection.scalars(select(FRAGMENTS.c.cluster_pid)),
        }
    assert all(shard.startswith("anonymous-") for shard in shards)


def test_a_fragment_whose_week_is_over_is_taken_and_does_not_count(service: Running) -> None:
    fragment = fragments(1)[0]
    service.calendar.today += timedelta(days=7)
    assert service.collect(fragment, new_id()).json()["accepted"] == 0
    assert rows(service, FRAGMENTS) == 0


@pytest.mark.parametrize("name", ["authorization", "prism_consent", "prism_audit_head", "prism_api_key"])
def test_a_fragment_that_names_its_sender_is_refused(refusing: Running, name: str) -> None:
    value = {"authorization": f"Bearer {keys(1).token}", "prism_consent": CONSENT, "prism_audit_head": f"1:{CONSENT}"}
    answer = refusing.collect(fragments(1)[0], new_id(), **{name: value.get(name, "key")})
    assert answer.status_code == 400
    assert rows(refusing, BATCHES) == 0


def test_fragments_never_share_a_request(refusing: Running) -> None:
    two = frame([each.body for each in outgoing(1, TODAY, Level.MINIMAL)[:2]])
    assert refusing.collect(two, new_id()).status_code == 422
    mixed = frame([document(1, TODAY), outgoing(1, TODAY, Level.MINIMAL)[0].body])
    assert refusing.collect(mixed, new_id(), keys(1).token).status_code == 422
    assert rows(refusing, BATCHES) == 0


def test_documents_of_two_clusters_never_share_a_request(refusing: Running) -> None:
    assert refusing.collect(body(1, 2), new_id(), keys(1).token).status_code == 422


def test_what_is_wrong_is_named_by_its_path(refusing: Running) -> None:
    changed = json.loads(document(1, TODAY))
    changed["nodes"]["count"] = "a name of mine"
    changed["secret-of-mine"] = 1
    answer = refusing.collect(frame([document(1, TODAY), json.dumps(changed).encode()]), new_id(), keys(1).token)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert "documents[1].nodes.count" in {each["path"] for each in answer.json()["errors"]}
    assert "of mine" not in answer.text
    assert rows(refusing, BATCHES) == 0


def test_a_day_in_the_future_is_refused(service: Running) -> None:
    for days, status in ((1, 200), (2, 422)):
        sent = frame([document(1, TODAY + timedelta(days=days))])
        assert service.collect(sent, new_id(), keys(1).token).status_code == status


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"[]", 422),
        (b"{}", 422),
        (b'{"documents":[]}', 422),
        (b'{"documents":{}}', 422),
        (b'{"documents":[],"documents":[]}', 400),
        (b'{"documents":[NaN]}', 400),
        (b'{"documents":[null],"more":1}', 422),
        (b'{"documents":[' + b"[" * 100_000 + b"]" * 100_000 + b"]}", 400),
        (b'{"documents":[' + b",".join([b"1"] * 1001) + b"]}", 422),
        (b'{"documents":[' + b"9" * 5000 + b"]}", 400),
    ],
)  # fmt: skip
def test_what_is_no_batch_is_refused(refusing: Running, content: bytes, status: int) -> None:
    answer = refusing.collect(content, new_id(), keys(1).token)
    assert answer.status_code == status
    assert judge(
        Reply(status=status, body=answer.content), batch_id=new_id(), documents=1, unix_seconds=0
    ).action is Action.BURY  # fmt: skip


def test_a_key_that_stands_twice_is_refused(refusing: Running) -> None:
    twice = document(1, TODAY).replace(b'{"cluster":', b'{"day":"2026-11-19","cluster":', 1)
    assert refusing.collect(frame([twice]), new_id(), keys(1).token).status_code == 400


def test_a_body_is_bounded_before_and_after_it_is_unpacked(service: Running) -> None:
    def post(content: bytes) -> int:
        return service.collect(content, new_id(), keys(1).token, content_encoding="gzip").status_code

    good = gzip.compress(body(1))
    assert post(good) == 200
    assert post(good + good) == 400
    assert post(good[:-4]) == 400
    assert post(b"no gzip") == 400
    assert post(gzip.compress(b" " * (LARGEST_INFLATED_BYTES + 1))) == 413
    assert post(gzip.compress(bytes(200 * 1024**2))) == 413
    assert service.collect(bytes(LARGEST_BODY_BYTES + 1), new_id(), keys(1).token).status_code == 413


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_what_unpacks_to_much_is_judged_beside_the_event_loop_and_by_two_at_once(
    refusing: Running, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    content = b'{"documents":[' + b",".join([b"[]"] * 200_000) + b"]}"
    sent = gzip.compress(content) if encoding == "gzip" else content
    three = threading.Barrier(3)
    met: list[int] = []

    def watched(text: bytes) -> Any:
        with pytest.raises(RuntimeError, match="no running event loop"):
            asyncio.get_running_loop()
        with suppress(threading.BrokenBarrierError):
            met.append(three.wait(timeout=1))
        return parsed(text)

    monkeypatch.setattr("corrective_drift.ingest.parsed", watched)
    with ThreadPoolExecutor(6) as pool:
        asked = [
            pool.submit(refusing.collect, sent, new_id(), keys(1).token, content_encoding=encoding) for _ in range(6)
        ]
        assert [each.result().status_code for each in asked] == [422] * 6
    assert not met
    assert three.broken


def test_the_name_of_a_coding_has_no_case(refusing: Running) -> None:
    answer = refusing.collect(gzip.compress(body(1)), new_id(), content_encoding="GZip")
    assert answer.status_code == 400  # Prism-Consent is missing: the body was read


def test_a_body_of_unknown_length_is_bounded_too(refusing: Running) -> None:
    headers = {"content-type": "application/json", "idempotency-key": new_id(), "prism-schema": schema_digest()}
    sent = (bytes(64 * 1024) for _ in range(64))
    assert refusing.http.post("/v1/collect", content=sent, headers=headers).status_code == 413


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content_type": "text/plain"}, 415),
        ({"content_encoding": "br"}, 415),
        ({"idempotency_key": "no-uuid"}, 400),
        ({"prism_schema": "short"}, 400),
        ({"prism_schema": "0" * 64}, 409),
        ({"prism_consent": "short"}, 400),
        ({"prism_audit_head": "no head"}, 400),
    ],
)
def test_headers_are_judged(refusing: Running, headers: dict[str, str], status: int) -> None:
    assert refusing.collect(body(1), new_id(), keys(1).token, **headers).status_code == status
    assert rows(refusing, BATCHES) == 0
