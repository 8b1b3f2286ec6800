"""Liveness, readiness, metrics, schema."""

from pathlib import Path

from sqlalchemy import Engine

from agent.levels import Level
from agent.wire.fields import schema, schema_digest
from corrective_drift.service import Settings
from corrective_drift.store.engine import open_engine
from corrective_drift.store.migrate import EMPTY, migrate
from corrective_drift.tokens import digest
from tests.corrective_drift import postgresql
from tests.corrective_drift.documents import keys
from tests.corrective_drift.running import Files, Running, running
from tests.corrective_drift.test_collect import body, new_id


def test_a_service_over_tables_of_another_release_is_alive_and_not_ready(service: Running) -> None:
    assert service.http.get("/healthz").json() == service.http.get("/readyz").json() == {"status": "ok"}
    migrate(service.service.engine, EMPTY)
    assert service.http.get("/healthz").status_code == 200
    assert service.http.get("/readyz").json()["error"] == "unavailable"


def test_while_the_database_is_gone_agents_are_told_to_come_again(server: str, files: Files, tmp_path: Path) -> None:
    administrator = server.format("postgres")
    postgresql.execute(administrator, "CREATE DATABASE going TEMPLATE migrated")
    engine = open_engine(server.format("going"))
    with running(engine, files, tmp_path) as service:
        assert service.collect(body(1), new_id(), keys(1).token).status_code == 200
        engine.dispose()
        postgresql.execute(administrator, "ALTER DATABASE going RENAME TO gone")
        batch = new_id()
        answer = service.collect(body(1, hour=1), batch, keys(1).token)
        assert (answer.status_code, int(answer.headers["retry-after"]) > 0) == (503, True)
        assert service.http.get("/readyz").status_code == 503
        assert service.http.get(f"/v1/receipts/{'0' * 32}").status_code == 503
        postgresql.execute(administrator, "ALTER DATABASE gone RENAME TO going")
        assert service.collect(body(1, hour=1), batch, keys(1).token).status_code == 200
        words = [each["event"] for each in service.events]
    assert words.count("store_failed") == words.count("store_recovered") == 1
    engine.dispose()
    postgresql.execute(administrator, "DROP DATABASE going WITH (FORCE)")


def test_metrics_count_by_endpoint_and_never_by_path(refusing: Running) -> None:
    refusing.http.get(f"/v1/receipts/{'a' * 32}")
    refusing.http.get("/somebody/was/here")
    told = refusing.http.get("/metrics").text
    assert 'corrective_drift_requests_total{endpoint="/v1/receipts/{receipt}",status="404"}' in told
    assert "a" * 32 not in told
    assert "somebody" not in told


def test_what_is_called_directly_is_a_route_like_the_others(refusing: Running) -> None:
    assert refusing.collect(b"{", new_id(), keys(1).token).status_code == 400
    assert 'endpoint="/v1/collect",status="400"}' in refusing.http.get("/metrics").text
    answer = refusing.http.get("/v1/collect")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert "/v1/collect" in refusing.http.get("/openapi.json").json()["paths"]


def test_pages_are_counted_by_where_they_stand(refusing: Running) -> None:
    for path in ("/", "/trends", "/stored/reports/somebody", "/somebody"):
        refusing.http.get(f"/dashboard{path}")
    told = refusing.http.get("/metrics").text
    for label in ("/dashboard/", "/dashboard/trends", "/dashboard/stored/reports/{report:path}"):
        assert f'corrective_drift_requests_total{{endpoint="{label}",' in told
    assert 'endpoint="/trends"' not in told
    assert "somebody" not in told


def test_the_schema_is_the_agents_and_known_by_its_digest(refusing: Running) -> None:
    answer = refusing.http.get("/v1/schema")
    assert answer.json()["digest"] == schema_digest()
    assert answer.json()["levels"] == {level.value: schema(level) for level in Level}
    again = refusing.http.get("/v1/schema", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_where_there_are_api_keys_premium_insights_need_one(engine: Engine, files: Files, tmp_path: Path) -> None:
    settings = Settings(api_keys=frozenset({digest("the-key")}))
    token = {"authorization": f"Bearer {keys(1).token}"}
    with running(engine, files, tmp_path, settings) as service:
        assert service.collect(body(1), new_id(), keys(1).token).status_code == 200
        path = f"/v1/drift/{keys(1).cluster_id}"
        asked = [{}, {"prism-api-key": "another"}, {"prism-api-key": "the-key"}]
        assert [service.http.get(path, headers=token | each).status_code for each in asked] == [403, 403, 200]
