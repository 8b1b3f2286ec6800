"""The client against a real server that misbehaves: TLS, time limits, bounded answers, proxies, stops."""

import gzip
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from agent.delivery.answers import Failure
from agent.delivery.batch import Batch, compress, frame, preview
from agent.delivery.outbox import Outbox
from agent.delivery.outbox_seal import Ripeness
from agent.delivery.send import Patience
from agent.errors import InvalidSettings, NotAllowed
from agent.levels import Level
from agent.privacy.stops import Stop
from tests.agent.delivery.parts import CONSENT, SCHEMA, TOKEN, client, document, fragment, status_of
from tests.agent.delivery.proxy import Proxy, proxying
from tests.agent.delivery.service import (
    Behavior,
    Service,
    accept,
    answer,
    break_off,
    drip,
    flood,
    lose_answer,
    serving,
    stay_silent,
)

SHORT = Patience(step_seconds=0.3, total_seconds=1.0)


def batch(level: Level = Level.STANDARD, body: bytes = b'{"id":1}') -> Batch:
    return Batch(
        batch_id="018f-key",
        level=level,
        consent_digest=CONSENT,
        schema_digest=SCHEMA,
        documents=1,
        alone=level is Level.MINIMAL,
        body=compress(frame([body])),
        audit_head="1:ab",
    )


def test_a_batch_arrives_as_it_is_with_what_the_service_needs(service: Service, ca_bundle: Path) -> None:
    sent = batch()
    assert status_of(client(service.url, ca_bundle).send(sent)) == 201
    (seen,) = service.seen
    assert (seen.method, seen.path, seen.body) == ("POST", "/v1/collect", sent.body)
    wanted = {
        "content-type": "application/json",
        "content-encoding": "gzip",
        "idempotency-key": sent.batch_id,
        "prism-schema": SCHEMA,
        "prism-consent": CONSENT,
        "prism-audit-head": "1:ab",
        "authorization": f"Bearer {TOKEN}",
        "prism-api-key": "the-key",
    }
    assert wanted.items() <= seen.headers.items()


def test_a_minimal_batch_carries_nothing_that_tells_whose_it_is(service: Service, ca_bundle: Path) -> None:
    client(service.url, ca_bundle).send(batch(Level.MINIMAL))
    assert set(service.seen[0].headers) == {
        "accept", "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "host",
        "idempotency-key", "prism-schema", "user-agent",
    }  # fmt: skip
    assert service.seen[0].headers["user-agent"] == "prism-telemetry-agent"


def test_each_request_has_a_connection_of_its_own(service: Service, ca_bundle: Path) -> None:
    sender = client(service.url, ca_bundle)
    for _ in range(3):
        sender.send(batch(Level.MINIMAL))
    assert [seen.connection for seen in service.seen] == [1, 2, 3]


def test_what_is_previewed_is_what_goes_over_the_wire(service: Service, ca_bundle: Path, outbox: Outbox) -> None:
    records = [document(n) for n in range(7)] + [fragment(8), document(9, level=Level.DETAILED)]
    outbox.put(records, consent_digest=CONSENT)
    outbox.seal(Ripeness(batch_size=3, flush_interval_seconds=300, everything=True), audit_head=None)
    sender = client(service.url, ca_bundle)
    for each in outbox.batches():
        sender.send(each)
    assert sorted(gzip.decompress(seen.body) for seen in service.seen) == sorted(preview(records, 3))
    expected = [compress(each, alone=each.endswith(b" ")) for each in preview(records, 3)]
    assert sorted(seen.body for seen in service.seen) == sorted(expected)


@pytest.mark.parametrize("stop", Stop)
def test_a_stop_opens_no_connection(service: Service, ca_bundle: Path, stop: Stop) -> None:
    sender = client(service.url, ca_bundle, may_send=lambda: stop)
    with pytest.raises(NotAllowed, match=r"."):
        sender.send(batch())
    assert (service.connections, service.seen) == (0, [])


def test_it_is_asked_before_each_request_whether_it_may_be_made(service: Service, ca_bundle: Path) -> None:
    answers: list[Stop | None] = [None, Stop.CONSENT_REVOKED]
    sender = client(service.url, ca_bundle, may_send=lambda: answers.pop(0))
    sender.send(batch())
    with pytest.raises(NotAllowed):
        sender.send(batch())
    assert service.connections == 1


def server_context(authority: trustme.CA, newest: ssl.TLSVersion, name: str = "localhost") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = newest
    authority.issue_cert(name).configure_cert(context)
    return context


def test_a_server_without_tls_1_3_is_refused(authority: trustme.CA, ca_bundle: Path) -> None:
    with serving(server_context(authority, ssl.TLSVersion.TLSv1_2)) as old:
        assert client(old.url, ca_bundle).send(batch()) is Failure.TLS
        assert old.seen == []
    with serving(server_context(authority, ssl.TLSVersion.TLSv1_3)) as new:
        assert status_of(client(new.url, ca_bundle).send(batch())) == 201


def test_a_certificate_of_another_authority_is_refused(ca_bundle: Path) -> None:
    with serving(server_context(trustme.CA(), ssl.TLSVersion.TLSv1_3)) as stranger:
        assert client(stranger.url, ca_bundle).send(batch()) is Failure.CERTIFICATE
        assert stranger.seen == []


def test_a_certificate_for_another_name_is_refused(authority: trustme.CA, ca_bundle: Path) -> None:
    with serving(server_context(authority, ssl.TLSVersion.TLSv1_3, "elsewhere.example")) as other:
        assert client(other.url, ca_bundle).send(batch()) is Failure.CERTIFICATE
        assert other.seen == []


def test_the_systems_trust_knows_no_test_authority(service: Service) -> None:
    assert client(service.url, None).send(batch()) is Failure.CERTIFICATE


def test_session_keys_are_written_nowhere(
    service: Service, ca_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    client(service.url, ca_bundle).send(batch())
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(service: Service, ca_bundle: Path, status: int) -> None:
    with serving(None) as elsewhere:
        service.script.append(answer(status, Location=f"{elsewhere.url}/v1/collect"))
        assert status_of(client(service.url, ca_bundle).send(batch())) == status
        assert elsewhere.connections == 0
    assert len(service.seen) == 1


@pytest.mark.parametrize(
    ("behavior", "failure"),
    [
        (stay_silent, Failure.TIMEOUT),
        (drip, Failure.TIMEOUT),
        (flood, Failure.OVERSIZED),
        (lose_answer, Failure.BROKEN_OFF),
        (break_off, Failure.BROKEN_OFF),
    ],
)
def test_no_server_can_hold_or_flood_a_request(
    service: Service, ca_bundle: Path, behavior: Behavior, failure: Failure
) -> None:
    service.script.append(behavior)
    sender = client(service.url, ca_bundle, patience=SHORT)
    assert sender.send(batch()) is failure
    assert status_of(sender.send(batch())) in {200, 201}, "and the next request is none the worse"


def test_one_deadline_ends_a_request_whatever_its_steps_may_take(service: Service, ca_bundle: Path) -> None:
    service.script.append(stay_silent)
    patient_in_steps = Patience(step_seconds=3600, total_seconds=0.5)
    assert client(service.url, ca_bundle, patience=patient_in_steps).send(batch()) is Failure.TIMEOUT


def test_a_handshake_that_never_ends_is_given_up(service: Service, ca_bundle: Path) -> None:
    service.stall_before_tls = True
    assert client(service.url, ca_bundle, patience=SHORT).send(batch()) is Failure.TIMEOUT


def test_nobody_at_the_address_and_no_such_name_are_unreachable(ca_bundle: Path) -> None:
    assert client("https://127.0.0.1:1", ca_bundle).send(batch()) is Failure.UNREACHABLE
    assert client("https://nobody.invalid", ca_bundle).send(batch()) is Failure.UNREACHABLE
    assert client(f"https://{'x' * 70}.invalid", ca_bundle).send(batch()) is Failure.UNREACHABLE


def test_what_is_no_http_is_broken_off(ca_bundle: Path) -> None:
    with serving(None) as plain:
        url = plain.url.replace("http:", "https:")
        assert client(url, ca_bundle, patience=SHORT).send(batch()) in {Failure.TLS, Failure.BROKEN_OFF}
        assert plain.seen == []


def test_plain_http_to_loopback_works_and_never_over_a_proxy(ca_bundle: Path) -> None:
    with serving(None) as plain, proxying(1) as proxy:
        assert status_of(client(plain.url, None, proxy=proxy.url).send(batch())) == 201
        assert proxy.asked == []


@pytest.fixture
def proxy(service: Service) -> Iterator[Proxy]:
    with proxying(int(service.url.rsplit(":", 1)[1])) as running:
        yield running


def test_a_proxy_sees_the_name_of_the_service_and_no_more(service: Service, proxy: Proxy, ca_bundle: Path) -> None:
    address = proxy.url.replace("://", "://us%40er:pass@")
    assert status_of(client("https://telemetry.example", ca_bundle, proxy=address).send(batch())) == 201
    (head,) = proxy.asked
    assert head.startswith(b"CONNECT telemetry.example:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic dXNAZXI6cGFzcw==" in head
    assert TOKEN.encode() not in head
    assert "proxy-authorization" not in service.seen[0].headers


def test_a_proxy_that_refuses_is_told_apart(service: Service, proxy: Proxy, ca_bundle: Path) -> None:
    proxy.refuses = True
    assert client("https://telemetry.example", ca_bundle, proxy=proxy.url).send(batch()) is Failure.PROXY


def test_the_environment_is_not_asked_for_a_proxy(
    service: Service, ca_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert status_of(client(service.url, ca_bundle).send(batch())) == 201


def test_a_bundle_that_holds_no_certificate_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path / "empty"):
        if path.name == "empty":
            path.write_text("no certificate")
        with pytest.raises(InvalidSettings, match="ca_bundle") as raised:
            client("https://telemetry.example", path)
        assert "\n" not in str(raised.value)


def test_an_accepted_batch_that_is_sent_again_gets_the_same_receipt(service: Service, ca_bundle: Path) -> None:
    service.script.append(lose_answer)
    service.otherwise = accept
    sender = client(service.url, ca_bundle)
    assert sender.send(batch()) is Failure.BROKEN_OFF
    assert status_of(sender.send(batch())) == 200
    assert (len(service.counted), service.conflicts) == (1, [])
