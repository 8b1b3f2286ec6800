"""Proof 1 over the whole cycle: marked names of a cluster get into nothing that is written, sent or said."""

import gzip

import pytest

from agent.wire.fields import check
from tests.agent.daemon.canary_cluster import answer
from tests.agent.daemon.parts import Agent, Place
from tests.agent.delivery.service import Service
from tests.agent.privacy.canaries import leaks
from tests.standin.list_server import serving_lists


def written(place: Place) -> bytes:
    """All that the agent keeps; what the outbox holds compressed is looked at where it arrives."""
    files = [path for path in place.state.rglob("*") if path.is_file()]
    assert {"audit.jsonl", "outbox.db", "consent.json"} <= {path.name for path in files}
    return b"\n".join(path.read_bytes() for path in files)


@pytest.mark.parametrize(
    ("level", "form"), [("minimal", "console"), ("standard", "json"), ("detailed", "console"), ("detailed", "json")]
)
def test_no_name_of_a_cluster_gets_out_of_one_cycle(level: str, form: str, place: Place, service: Service) -> None:
    place.write(privacy_level=level, log_format=form)
    with serving_lists(answer, place.directory) as (server, kubeconfig):
        place.variables["KUBECONFIG"] = str(kubeconfig)
        done = place.run("once")
        assert done.returncode == 0, done.stderr
        shown = place.run("preview", "--explain")
        assert len(server.requests) >= 4
    said = done.stdout + done.stderr + shown.stdout + shown.stderr
    assert "collect" in said
    assert leaks(said) == []
    assert leaks(written(place)) == []
    received = [gzip.decompress(seen.body) for seen in service.seen if seen.path == "/v1/collect"]
    assert bool(received) is (level != "minimal")
    assert leaks(b"\n".join(received)) == []
    for document in service.counted:
        assert check(document) == ()
        assert document["nodes"]["count"] == "16-31"
    if level == "detailed":
        [document] = service.counted
        assert document["collected"]["workloads"] in {"forbidden", "failed"}
        assert len(document["workloads"]["storage_classes"]) == 16


def test_no_name_of_a_cluster_gets_into_the_metrics_of_the_daemon(place: Place, service: Service) -> None:
    place.write(privacy_level="detailed", log_format="json", collection_rules={"collect_benchmarks": False})
    place.make_due()
    with serving_lists(answer, place.directory) as (_, kubeconfig):
        place.variables["KUBECONFIG"] = str(kubeconfig)
        with Agent(place) as agent:
            agent.wait_until(lambda: service.counted)
            assert agent.metric("collector_runs_total", collector="nodes", status="ok")
            assert leaks(agent.get("/metrics")[1] + agent.log) == []


def test_the_search_would_find_them() -> None:
    assert leaks(answer("/api/v1/nodes", {}).body)
