"""The server as a process: TLS, signals, and what connections may cost."""

import asyncio
import gc
import json
import signal
import socket
import ssl
import threading
import time
import weakref
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from agent.wire.fields import schema_digest
from corrective_drift.cli import main
from corrective_drift.errors import InvalidOption
from corrective_drift.protocol import LARGEST_HEAD_BYTES, MOST_PIPELINED, Bounded
from corrective_drift.receipts import load_signer
from corrective_drift.room import SHORT_BYTES, Room
from corrective_drift.server import Address
from tests.corrective_drift.documents import keys
from tests.corrective_drift.processes import serving
from tests.corrective_drift.running import Files, Running
from tests.corrective_drift.test_collect import body, new_id


def connected(service: Running, version: ssl.TLSVersion) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=service.files.ca)
    context.maximum_version = version
    plain = socket.create_connection(("localhost", int(service.url.rpartition(":")[2])), timeout=30)
    return context.wrap_socket(plain, server_hostname="localhost")


def test_tls_1_3_is_spoken_and_1_2_is_not(refusing: Running) -> None:
    with connected(refusing, ssl.TLSVersion.TLSv1_3) as connection:
        assert connection.version() == "TLSv1.3"
    with pytest.raises(ssl.SSLError):
        connected(refusing, ssl.TLSVersion.TLSv1_2)


@pytest.mark.parametrize("head", [b"GET /" + b"x" * LARGEST_HEAD_BYTES, b"GET / HTTP/1.1\r\nA: " + b"x" * 200_000])
def test_a_head_that_never_ends_is_cut_off(refusing: Running, head: bytes) -> None:
    with connected(refusing, ssl.TLSVersion.TLSv1_3) as connection:
        try:
            connection.sendall(head)
            received = connection.recv(1)
        except (ssl.SSLError, ConnectionError):
            received = b""
    assert received == b""


def asked(connection: ssl.SSLSocket) -> bytes:
    """One record of TLS out of the answer to a request."""
    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return connection.recv(65_536)


def test_the_head_and_the_body_of_an_answer_leave_together(refusing: Running) -> None:
    with connected(refusing, ssl.TLSVersion.TLSv1_3) as connection:
        for _ in range(2):
            head, _, content = asked(connection).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            assert json.loads(content) == {"status": "ok"}


def test_a_connection_that_asks_for_its_end_is_answered_first(refusing: Running) -> None:
    with connected(refusing, ssl.TLSVersion.TLSv1_3) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        received = b""
        while part := connection.recv(65_536):
            received += part
    assert received.endswith(b'{"status":"ok"}')


@pytest.mark.parametrize("before", [0, 1])
def test_a_head_that_comes_too_slowly_is_cut_off(
    refusing: Running, monkeypatch: pytest.MonkeyPatch, before: int
) -> None:
    monkeypatch.setattr("corrective_drift.protocol.HEAD_SECONDS", 0.2)
    with connected(refusing, ssl.TLSVersion.TLSv1_3) as connection:
        for _ in range(before):
            asked(connection)
        connection.sendall(b"GET /healthz HTTP/1.1\r\n")
        try:
            received = connection.recv(1)
        except (ssl.SSLError, ConnectionError):
            received = b""
    assert received == b""


def ended(connection: socket.socket) -> bool:
    """Whether the other end closes the connection, rather than wait for more until this end gives up."""
    try:
        while connection.recv(65_536):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


@pytest.mark.parametrize(
    ("sent", "after"),
    [
        (b"GET /healthz HTTP/1.1\r\n\r\n", b"\r\n"),
        (b"GET /healthz HTTP/1.1\r\nContent-Length: 9\r\n\r\n", b"1"),
        (b"POST /v1/collect HTTP/1.1\r\nContent-Length: 9\r\n\r\n", b"1"),
        (b"POST /v1/collect HTTP/1.1\r\nContent-Length: 9\r\n\r\n", b"123456789"),
        (b"POST /v1/collect HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"9\r\n1"),
    ],
)
def test_a_connection_that_was_answered_keeps_no_place_by_bytes_that_are_no_request(
    refusing: Running, monkeypatch: pytest.MonkeyPatch, sent: bytes, after: bytes
) -> None:
    monkeypatch.setattr("corrective_drift.protocol.HEAD_SECONDS", 0.2)
    with connected(refusing, ssl.TLSVersion.TLSv1_3) as connection:
        connection.settimeout(10)
        connection.sendall(sent)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 ")
        connection.sendall(after)
        assert ended(connection)


def test_a_body_that_was_refused_early_may_still_come_and_another_request_follow(refusing: Running) -> None:
    with connected(refusing, ssl.TLSVersion.TLSv1_3) as connection:
        connection.sendall(b"POST /v1/collect HTTP/1.1\r\nContent-Length: 9\r\n\r\n")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 415 ")
        connection.sendall(b"123456789")
        assert asked(connection).startswith(b"HTTP/1.1 200 ")


def test_requests_without_end_before_the_first_answer_are_cut_off(refusing: Running) -> None:
    one = b"GET /healthz HTTP/1.1\r\n\r\n"
    for several, cut_off in ((MOST_PIPELINED, False), (MOST_PIPELINED + 2, True)):
        with connected(refusing, ssl.TLSVersion.TLSv1_3) as connection:
            connection.settimeout(10)
            # In one record, which is read at once.
            connection.sendall(one * several + (b"" if cut_off else one[:-2] + b"Connection: close\r\n\r\n"))
            received = b""
            try:
                while part := connection.recv(65_536):
                    received += part
            except OSError:
                assert cut_off
        assert received.count(b"HTTP/1.1 200 ") == (0 if cut_off else several + 1)


def test_slow_long_bodies_have_so_much_memory_together_and_short_ones_pass_by(refusing: Running) -> None:
    service = refusing.service
    kept, service.room = service.room, Room(100_000)
    try:
        with connected(refusing, ssl.TLSVersion.TLSv1_3) as connection:
            named = {"content-type": "application/json", "idempotency-key": new_id(), "prism-schema": schema_digest()}
            head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
            connection.sendall(f"POST /v1/collect HTTP/1.1\r\n{head}Content-Length: 150000\r\n\r\n".encode())
            connection.sendall(bytes(149_999))
            while service.room.taken_bytes < 149_999 - SHORT_BYTES:
                time.sleep(0.005)
            refused = refusing.collect(bytes(150_000), new_id())
            assert (refused.status_code, refused.json()["error"]) == (503, "unavailable")
            assert int(refused.headers["retry-after"]) >= 1
            assert refusing.collect(bytes(SHORT_BYTES), new_id()).status_code == 400
            connection.sendall(b"\x00")
            assert connection.recv(65_536).startswith(b"HTTP/1.1 400 ")
        assert refusing.collect(bytes(150_000), new_id()).status_code == 400
        assert service.room.taken_bytes == 0
    finally:
        service.room = kept


def test_what_is_no_http_is_told_as_any_problem(refusing: Running) -> None:
    with connected(refusing, ssl.TLSVersion.TLSv1_3) as connection:
        connection.sendall(b"POST /v1/collect HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n")
        head, _, content = connection.recv(65_536).partition(b"\r\n\r\n")
        assert ended(connection)
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: application/problem+json" in head
    assert json.loads(content)["error"] == "malformed"


def test_what_is_no_http_is_counted_with_all_other_answers(refusing: Running) -> None:
    before = counted(refusing, 400)
    with connected(refusing, ssl.TLSVersion.TLSv1_3) as connection:
        connection.sendall(b"\x00\r\n\r\n")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 400 ")
    assert counted(refusing, 400) == before + 1


def counted(service: Running, status: int) -> float:
    """How many answers of a status were for no route."""
    line = f'corrective_drift_requests_total{{endpoint="none",status="{status}"}} '
    told = service.http.get("/metrics").text
    return sum(float(each.removeprefix(line)) for each in told.splitlines() if each.startswith(line))


def test_who_comes_when_all_places_are_taken_is_told_to_come_again(
    refusing: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = counted(refusing, 503)
    with connected(refusing, ssl.TLSVersion.TLSv1_3):
        monkeypatch.setattr("corrective_drift.protocol.MOST_CONNECTIONS", 0)
        refused = refusing.http.get("/healthz")
        assert (refused.status_code, refused.json()["error"]) == (503, "unavailable")
        assert (int(refused.headers["retry-after"]) >= 1, refused.headers["connection"]) == (True, "close")
        monkeypatch.undo()
    assert refusing.http.get("/healthz").status_code == 200
    assert counted(refusing, 503) == before + 1


def test_a_header_that_says_one_thing_may_not_come_twice(refusing: Running) -> None:
    twice = [("Prism-Consent", "0" * 64), ("X-Forwarded-For", "a"), ("X-Forwarded-For", "b")]
    assert refusing.http.get("/healthz", headers=twice).status_code == 200
    refused = refusing.http.get("/healthz", headers=[*twice, ("prism-consent", "1" * 64)])
    assert (refused.status_code, refused.json()["detail"]) == (400, "the header Prism-Consent stands twice")


def test_a_connection_that_has_ended_is_not_kept_in_memory(refusing: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corrective_drift.protocol.LINGER_SECONDS", 3600.0)
    held = weakref.WeakSet[Bounded]()
    made = Bounded.connection_made

    def hold(self: Bounded, transport: asyncio.Transport) -> None:
        held.add(self)
        made(self, transport)

    monkeypatch.setattr(Bounded, "connection_made", hold)
    for _ in range(3):
        with connected(refusing, ssl.TLSVersion.TLSv1_3) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n")
            assert ended(connection)
    until = time.monotonic() + 30
    while gc.collect() or len(held) > 0:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_rubbish_behind_a_request_is_never_the_answer_to_it(refusing: Running) -> None:
    with connected(refusing, ssl.TLSVersion.TLSv1_3) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n\r\n\x00rubbish\r\n\r\n")
        try:
            received = connection.recv(65_536)
        except OSError:
            received = b""
    assert not received.startswith(b"HTTP/1.1 400")


def test_serving_in_the_clear_needs_a_word_unless_it_stays_on_the_machine(files: Files) -> None:
    for host in ("127.0.0.1", "::1", "localhost"):
        Address(host=host)
    Address(host="0.0.0.0", behind_proxy=True)  # noqa: S104 - nothing is listened on
    Address(host="0.0.0.0", certificate=files.certificate, key=files.key)  # noqa: S104 - the same
    with pytest.raises(InvalidOption, match="behind-proxy"):
        Address(host="0.0.0.0")  # noqa: S104 - the same
    with pytest.raises(InvalidOption, match="belong together"):
        Address(certificate=files.certificate)


def test_sigterm_ends_it_after_what_was_taken_is_answered(tmp_path: Path, files: Files) -> None:
    with (
        serving(f"sqlite:///{tmp_path / 'store.db'}", tmp_path, files) as one,
        httpx.Client(base_url=one.url, verify=ssl.create_default_context(cafile=files.ca), timeout=60) as client,
    ):
        answered: list[int] = []
        begun = threading.Event()

        def slowly() -> None:
            def parts() -> object:
                content = body(1)
                yield content[:10]
                begun.set()
                one.process.send_signal(signal.SIGTERM)
                yield content[10:]

            headers = {"content-type": "application/json", "idempotency-key": new_id()}
            document = json.loads(body(1))["documents"][0]
            headers |= {"prism-schema": document["schema"], "prism-consent": "c0" * 32}
            headers |= {"authorization": f"Bearer {keys(1).token}"}
            answered.append(client.post("/v1/collect", content=parts(), headers=headers).status_code)  # type: ignore[arg-type]  # an iterator

        sending = threading.Thread(target=slowly)
        sending.start()
        sending.join(timeout=60)
        assert one.process.wait(timeout=60) == 0
        assert begun.is_set()
        assert answered == [200]
        assert one.process.stderr is not None
        events = [json.loads(line)["event"] for line in one.process.stderr]
    assert events[-2:] == ["stopping", "stopped"]


def test_wrong_options_are_said_in_one_line(tmp_path: Path, files: Files) -> None:
    state = ["--state-dir", str(tmp_path / "state")]
    foreign = tmp_path / "foreign.pem"
    foreign.write_text("no key")
    for code, *arguments in (
        (2, "serve", *state, "--database", "mysql://localhost/x"),
        (2, "serve", *state, "--database", "nonsense"),
        (2, "serve", *state, "--tls-cert", str(foreign), "--tls-key", str(files.key)),
        (2, "serve", *state, "--host", "0.0.0.0"),  # noqa: S104 - refused
        (2, "serve", *state, "--api-keys", str(foreign)),
        (2, "import", *state, str(foreign)),
        (3, "serve", *state, "--signing-key", str(foreign)),
        (3, "migrate", *state, "--database", f"sqlite:///{tmp_path / 'no' / 'such' / 'directory.db'}"),
        (3, "migrate", *state, "--to", "no-such-revision"),
    ):
        ran = CliRunner().invoke(main, arguments)
        assert (ran.exit_code, ran.stdout) == (code, ""), arguments
        assert ran.stderr.startswith("Error: ")
        assert ran.stderr.count("\n") == 1, ran.stderr


def test_the_signing_key_is_for_its_owner_alone_and_stays(tmp_path: Path) -> None:
    first = load_signer(tmp_path / "state" / "key.pem")
    assert (tmp_path / "state" / "key.pem").stat().st_mode & 0o077 == 0
    assert load_signer(tmp_path / "state" / "key.pem").public == first.public


def test_a_shared_database_is_migrated_by_a_person_only(server: str, tmp_path: Path) -> None:
    ran = CliRunner().invoke(main, ["serve", "--state-dir", str(tmp_path), "--database", server.format("postgres")])
    assert ran.exit_code == 3
    assert "corrective-drift migrate" in ran.stderr
