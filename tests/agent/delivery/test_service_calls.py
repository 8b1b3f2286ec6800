"""The small calls beside reports: where each goes, and what it carries."""

from pathlib import Path

import pytest

from agent.delivery.service_calls import ServiceCalls
from tests.agent.delivery.parts import TOKEN, client, status_of
from tests.agent.delivery.service import Service, answer


def test_the_small_calls_go_where_they_belong(service: Service, ca_bundle: Path) -> None:
    service.otherwise = answer(200, b"{}")
    calls = ServiceCalls(client(service.url, ca_bundle))
    cluster_id = "abcdefghijklmnopqrstuvwx23"
    calls.tell_consent(b"{}")
    calls.delete_data(cluster_id)
    calls.recommendations(cluster_id)
    calls.receipt("r-1")
    assert [(seen.method, seen.path) for seen in service.seen] == [
        ("POST", "/v1/consent"),
        ("DELETE", f"/v1/data/{cluster_id}"),
        ("GET", f"/v1/recommendations/{cluster_id}"),
        ("GET", "/v1/receipts/r-1"),
    ]
    assert all(seen.headers["authorization"] == f"Bearer {TOKEN}" for seen in service.seen)


def test_nothing_that_the_service_has_said_comes_back_when_baselines_are_fetched(
    service: Service, ca_bundle: Path
) -> None:
    mark = "mark-of-this-client"
    told = {
        "ETag": f'"{mark}"',
        "Set-Cookie": f"id={mark}",
        "Last-Modified": "Mon, 23 Nov 2026 01:02:03 GMT",
        "Location": f"/{mark}",
        "Retry-After": "12345",
    }
    service.script.extend([answer(status, b"{}", **told) for status in (200, 302, 503, 200)])
    calls = ServiceCalls(client(service.url, ca_bundle))
    assert [status_of(calls.baselines()) for _ in range(4)] == [200, 302, 503, 200]
    first = service.seen[0]
    assert all((seen.path, seen.headers, seen.body) == (first.path, first.headers, b"") for seen in service.seen)
    assert not {"authorization", "cookie", "if-none-match", "if-modified-since"} & first.headers.keys()


@pytest.mark.parametrize("wrong", ["../consent", "", "ABC", "a" * 25, "a" * 26 + "/x"])
def test_nothing_but_an_id_gets_into_an_address(service: Service, ca_bundle: Path, wrong: str) -> None:
    calls = ServiceCalls(client(service.url, ca_bundle))
    for call in (calls.delete_data, calls.recommendations):
        with pytest.raises(ValueError, match="cluster id"):
            call(wrong)
    assert service.connections == 0
