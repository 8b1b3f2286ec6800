"""GET /v1/recommendations and /v1/drift over real TLS, on both stores, and who may ask."""

import json
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from agent.delivery.batch import frame
from agent.levels import Level
from benchmarks.fleet_clusters import SyntheticKeys, traits
from benchmarks.fleet_store import Plan, lifetime
from corrective_drift.drift import drift
from corrective_drift.recommendations.engine import recommend
from corrective_drift.recommendations.prices import read_prices
from corrective_drift.service import Settings
from probes.measure.baselines import EMPTY
from tests.corrective_drift.documents import document, keys
from tests.corrective_drift.running import TODAY, Files, Running, running

PLAN = Plan(seed=1, clusters=40, weeks=3, first=TODAY - timedelta(days=TODAY.weekday() + 21))
FAULT = ("unused-requests", "cpu")
FAULTY = next(n for n in range(999) if traits(1, n).level is Level.DETAILED and FAULT in traits(1, n).planted)
OWN = traits(1, FAULTY).keys
BODIES = [body for _, body in lifetime(PLAN, FAULTY)]
PRICES = read_prices('source = "ours"\ncurrency = "EUR"\ncore_month = 20\n')


def send(service: Running, bodies: list[bytes], token: str) -> int:
    return service.collect(frame(bodies), str(uuid.uuid4()), token).status_code


def ask(service: Running, what: str, cluster_id: str, token: str) -> tuple[int, Any]:
    answer = service.http.get(f"/v1/{what}/{cluster_id}", headers={"authorization": f"Bearer {token}"})
    return answer.status_code, answer.json()


@pytest.fixture
def simulation(engine: Engine, files: Files, tmp_path: Path) -> Any:
    with running(engine, files, tmp_path, Settings(simulation=True, prices=PRICES)) as one:
        assert send(one, BODIES, OWN.token) == 200
        yield one


def test_the_answers_are_what_the_rules_say_of_what_was_sent(simulation: Running) -> None:
    documents = [json.loads(body) for body in BODIES]
    status, found = ask(simulation, "recommendations", OWN.cluster_id, OWN.token)
    expected = recommend(documents, EMPTY, today=TODAY, prices=PRICES).model_dump(mode="json")
    assert (status, found) == (200, {"cluster_id": OWN.cluster_id, **expected})
    assert any(each["rule"] == "unused-requests" for each in found["recommendations"])
    assert "EUR" in json.dumps(found)
    status, found = ask(simulation, "drift", OWN.cluster_id, OWN.token)
    assert (status, found) == (200, {"cluster_id": OWN.cluster_id, **drift(documents).model_dump(mode="json")})


@pytest.mark.parametrize("what", ["recommendations", "drift"])
def test_whose_token_it_is_not_can_not_tell_whether_the_cluster_is_there(simulation: Running, what: str) -> None:
    nobody = SyntheticKeys(10**6)
    there = ask(simulation, what, OWN.cluster_id, nobody.token)
    assert there == ask(simulation, what, nobody.cluster_id, nobody.token)
    assert there[0] == 403
    assert simulation.http.get(f"/v1/{what}/{OWN.cluster_id}").status_code == 401
    assert ask(simulation, what, "no-cluster", OWN.token)[0] == 422


def test_a_simulation_takes_no_real_cluster(simulation: Running) -> None:
    assert send(simulation, [document(1, TODAY)], keys(1).token) == 403


def test_a_service_takes_no_simulated_cluster(service: Running) -> None:
    assert send(service, BODIES[:1], OWN.token) == 403
    assert send(service, [document(1, TODAY)], keys(1).token) == 200
    assert ask(service, "recommendations", OWN.cluster_id, OWN.token)[0] == 403


def test_the_openapi_document_tells_of_both_answers(service: Running) -> None:
    told = service.http.get("/openapi.json").json()
    for what, model in (("recommendations", "AnsweredAdvice"), ("drift", "AnsweredDrift")):
        good = told["paths"][f"/v1/{what}/{{cluster_id}}"]["get"]["responses"]["200"]["content"]["application/json"]
        assert good["schema"] == {"$ref": f"#/components/schemas/{model}"}
        assert good["example"]["reason"]
        assert model in told["components"]["schemas"]
