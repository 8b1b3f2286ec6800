"""The small calls beside reports: where each goes, and what it carries."""

from pathlib import Path

import pytest

from agent.delivery.answers import Reply
from agent.delivery.service_calls import ServiceCalls
from tests.agent.delivery.parts import TOKEN, client, status_of
from tests.agent.delivery.service import Service, answer


def test_the_small_calls_go_where_they_belong(service: Service, ca_bundle: Path) -> None:
    service.otherwise = answer(200, b"{}", ETag='"1"')
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


def test_baselines_are_fetched_by_nobody_in_particular_and_only_if_new(service: Service, ca_bundle: Path) -> None:
    service.script.extend([answer(200, b"{}", ETag='"1"'), answer(304)])
    calls = ServiceCalls(client(service.url, ca_bundle))
    first = calls.baselines(None)
    assert isinstance(first, Reply)
    assert status_of(calls.baselines(first.etag)) == 304
    assert [seen.headers.get("if-none-match") for seen in service.seen] == [None, '"1"']
    assert not any("authorization" in seen.headers for seen in service.seen)


@pytest.mark.parametrize("wrong", ["../consent", "", "ABC", "a" * 25, "a" * 26 + "/x"])
def test_nothing_but_an_id_gets_into_an_address(service: Service, ca_bundle: Path, wrong: str) -> None:
    calls = ServiceCalls(client(service.url, ca_bundle))
    for call in (calls.delete_data, calls.recommendations):
        with pytest.raises(ValueError, match="cluster id"):
            call(wrong)
    assert service.connections == 0
