"""`telemetry-agent drift`: storage classes by name for the operator, and by digest wherever anything is kept."""

import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from agent.daemon.keeping import history
from agent.daemon.unnamed import unnamed
from agent.privacy.install_secret import prepare_keys
from agent.privacy.keys import Pseudonyms
from agent.state import State
from jobs.collect import Collected
from jobs.merge import merged
from probes.measure.metric import Description, from_rates
from probes.measure.result import Better, ProbeResult, RunResult, Status
from probes.measure.units import Unit
from tests.agent.daemon.canary_cluster import items
from tests.agent.daemon.parts import Place
from tests.agent.results.test_merge import run
from tests.standin.list_server import Answer, serving_lists, status

CLASS = "premium-canary-class"
CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


def a_day(day: int) -> RunResult:
    """What a class brings that becomes half as fast after twenty days."""
    described = Description(
        name="read_iops",
        title="x",
        unit=Unit.OPERATIONS_PER_SECOND,
        better=Better.HIGHER,
        conditions={"queue_depth": 8},
    )
    rate = (1000.0 if day < 20 else 500.0) + day * 7 % 5
    result = ProbeResult(
        probe="storage", status=Status.MEASURED, spec={}, metrics=(from_rates(described, [rate, rate + 1, rate + 2]),)
    )
    brought = [Collected(result=result, what={"volume": "claim", "storage_class": CLASS})]
    return run(merged("storage", brought)).model_copy(
        update={"run_id": uuid.UUID(int=day), "started_at": BEGINNING + timedelta(days=day)}
    )


@pytest.fixture
def pseudonym(place: Place) -> Pseudonyms:
    state = State(place.state)
    state.prepare()
    names = prepare_keys(state.secret).kept_names
    with history(state.history, print) as kept:
        for day in range(40):
            kept.keep(unnamed(a_day(day), names))
    return names


def test_a_class_is_shown_by_its_name_where_the_cluster_tells_it_and_kept_nowhere(
    place: Place, pseudonym: Pseudonyms
) -> None:
    digest = pseudonym("storage_class", CLASS)
    with serving_lists(lambda _path, _query: items(["other", CLASS]), place.directory) as (server, kubeconfig):
        place.variables["KUBECONFIG"] = str(kubeconfig)
        shown, as_json = place.run("drift"), place.run("drift", "--format", "json")
        assert {request.partition("?")[0] for request in server.requests} == {CLASSES}
    assert shown.returncode == as_json.returncode == 1
    assert f"read iops, claim, {CLASS}: worse from" in shown.stdout
    assert shown.stderr == ""
    [finding] = json.loads(as_json.stdout)
    assert (finding["title"], finding["what"]) == (f"read iops, claim, {CLASS}", f"read_iops_claim_{digest}")
    assert not any(CLASS.encode() in path.read_bytes() for path in place.state.rglob("*") if path.is_file())


@pytest.mark.parametrize("answer", [items(["other"]), status(403, "Forbidden", f'cannot list "{CLASS}"'), None])
def test_else_by_its_digest(answer: Answer | None, place: Place, pseudonym: Pseudonyms) -> None:
    with serving_lists(lambda _path, _query: answer or status(500), place.directory) as (_, kubeconfig):
        if answer is not None:
            place.variables["KUBECONFIG"] = str(kubeconfig)
        shown = place.run("drift")
    assert shown.returncode == 1
    assert f"read iops, claim, {pseudonym('storage_class', CLASS)}: worse" in shown.stdout
    assert CLASS not in shown.stdout + shown.stderr
    assert ("by their digests" in shown.stderr) is (answer is None or answer.code != 200)
