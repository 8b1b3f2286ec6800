"""No address of a client is kept, logged or counted, whatever a request says."""

import io
import socket
import ssl
from pathlib import Path

from sqlalchemy import Engine, inspect, select

from agent.levels import Level
from corrective_drift.log import Log, tell_failure
from corrective_drift.store.engine import reading
from corrective_drift.store.schema import METADATA
from tests.corrective_drift.documents import keys
from tests.corrective_drift.running import Running
from tests.corrective_drift.test_collect import body, fragments, new_id

# What a proxy would say about who asks: addresses that occur nowhere else.
FORWARDED = {
    "x_forwarded_for": "203.0.113.77",
    "forwarded": "for=198.51.100.23",
    "x_real_ip": "192.0.2.199",
    "user_agent": "agent-of-203.0.113.77",
}
MARKS = ("203.0.113.77", "198.51.100.23", "192.0.2.199", "127.0.0.1", "::1", "cb00714d", "client_addr")


def whole_store(engine: Engine) -> str:
    with reading(engine) as connection:
        return "\n".join(str(row) for table in METADATA.tables.values() for row in connection.execute(select(table)))


def test_neither_store_nor_log_nor_metrics_know_where_requests_came_from(service: Running, tmp_path: Path) -> None:
    token = keys(1).token
    forwarded = {name.replace("_", "-"): value for name, value in FORWARDED.items()}
    told = [
        service.collect(body(1), new_id(), token, **FORWARDED),
        service.collect(body(1, level=Level.DETAILED), new_id(), keys(2).token, **FORWARDED),
        service.collect(fragments(1)[0], new_id(), **FORWARDED),
        service.collect(b"{", new_id(), token, **FORWARDED),
        service.http.get("/nowhere", headers=forwarded),
        service.http.delete(f"/v1/data/{keys(1).cluster_id}", headers={"authorization": f"Bearer {token}"}),
        service.http.post("/dashboard/sign-in", data={"token": token}, headers=forwarded),
        service.http.get("/dashboard/nowhere", headers=forwarded),
        service.http.get("/metrics"),
        service.http.get("/openapi.json"),
    ]
    assert [each.status_code for each in told] == [200, 403, 200, 400, 404, 200, 403, 404, 200, 200]
    _send_rubbish(service)
    seen = "\n".join([whole_store(service.service.engine), service.said.getvalue(), *(each.text for each in told)])
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    for mark in MARKS:
        assert mark not in seen
        assert not any(mark.encode() in content for content in files)


def test_the_store_knows_no_time_but_days(service: Running) -> None:
    service.collect(body(1), new_id(), keys(1).token)
    service.collect(fragments(1)[0], new_id())
    service.http.delete(f"/v1/data/{keys(1).cluster_id}", headers={"authorization": f"Bearer {keys(1).token}"})
    for name in inspect(service.service.engine).get_table_names():
        for column in inspect(service.service.engine).get_columns(name):
            assert "TIME" not in str(column["type"]).upper(), (name, column["name"])
    assert "T00:00:00Z" in whole_store(service.service.engine)


def test_what_nobody_foresaw_is_logged_by_its_place_and_not_by_its_words(refusing: Running) -> None:
    service = refusing.service
    kept, service.writer = service.writer, None  # type: ignore[assignment]  # what nobody foresaw
    try:
        answer = refusing.collect(body(1), new_id(), keys(1).token)
    finally:
        service.writer = kept
    assert (answer.status_code, answer.json()["error"]) == (500, "failed")
    (event,) = [each for each in refusing.events if each["event"] == "failed"]
    assert (event["kind"], event["file"]) == ("AttributeError", "routes/collect.py")


def test_what_nobody_foresaw_in_a_route_is_told_and_logged_once_too(refusing: Running) -> None:
    service = refusing.service
    before = len(refusing.events)
    kept, service.signer = service.signer, None  # type: ignore[assignment]  # what nobody foresaw
    try:
        answer = refusing.http.get("/v1/keys")
    finally:
        service.signer = kept
    assert (answer.status_code, answer.json()["error"]) == (500, "failed")
    assert [(each["event"], each["file"]) for each in refusing.events[before:]] == [("failed", "routes/receipts.py")]


def test_an_error_is_logged_without_its_text() -> None:
    said = io.StringIO()
    tell_failure(Log("json", said), ValueError("203.0.113.77"))
    assert "203" not in said.getvalue()
    assert "ValueError" in said.getvalue()


def _send_rubbish(service: Running) -> None:
    """What is no HTTP, and what breaks off."""
    context = ssl.create_default_context(cafile=service.files.ca)
    port = int(service.url.rpartition(":")[2])
    for sent in (b"\x00\x01rubbish\r\n\r\n", b"POST /v1/collect HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc", b""):
        with (
            socket.create_connection(("localhost", port)) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as connection,
        ):
            connection.sendall(sent)
    with socket.create_connection(("localhost", port)) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n")  # in the clear, where TLS is spoken
