"""The service against its own OpenAPI document; `make test-long` asks thousands of times."""

from pathlib import Path
from typing import Any

import pytest

from tests.corrective_drift.openapi_cases import run
from tests.corrective_drift.running import Files, Running


def test_requests_out_of_the_document_are_answered_as_it_says(tmp_path: Path, files: Files) -> None:
    for cases in run(f"sqlite:///{tmp_path / 'store.db'}", tmp_path, files, examples=30, quick=True):
        assert cases.holds, cases.told


@pytest.fixture
def described(refusing: Running) -> dict[str, Any]:
    document: dict[str, Any] = refusing.http.get("/openapi.json").json()
    return document


def test_every_endpoint_is_described_with_an_example_and_its_problems(described: dict[str, Any]) -> None:
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            place = f"{method} {path}"
            assert operation["summary"], place
            assert operation["description"], place
            content = operation["responses"]["200"]["content"]
            assert all("example" in each for each in content.values()) or "text/plain" in content, place
            assert "HTTPValidationError" not in str(operation), place


def test_the_endpoints_that_were_promised_are_there(described: dict[str, Any]) -> None:
    assert {
        "/v1/collect",
        "/v1/recommendations/{cluster_id}",
        "/v1/consent",
        "/v1/data/{cluster_id}",
        "/v1/baselines",
        "/v1/schema",
        "/v1/receipts/{receipt}",
        "/healthz",
        "/readyz",
        "/metrics",
    } <= described["paths"].keys()
