"""A cluster whose API server hangs, restarts or takes permissions away while it is read."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta

import psutil

from tests.agent.daemon.canary_cluster import answer
from tests.agent.daemon.parts import Agent, Place
from tests.agent.delivery.service import Service
from tests.standin.list_server import Answer, Query, serving_lists, status


def changing(path: str, *answers: Callable[[Query], Answer]) -> Callable[[str, Query], Answer]:
    """Answer as usual, but requests for `path` by these, the last one for ever."""
    left = list(answers)

    def answering(asked: str, query: Query) -> Answer:
        if asked != path:
            return answer(asked, query)
        return (left.pop(0) if len(left) > 1 else left[0])(query)

    return answering


def usual(path: str) -> Callable[[Query], Answer]:
    return lambda query: answer(path, query)


def hanging(_query: Query) -> Answer:
    return Answer(body=b'{"items":[', sent_bytes=10, hangs=True)


def test_a_stop_while_a_cluster_is_read_is_made_good_at_the_next_start(place: Place, service: Service) -> None:
    place.make_due()
    answering = changing("/api/v1/nodes", hanging, usual("/api/v1/nodes"))
    with serving_lists(answering, place.directory) as (server, kubeconfig):
        place.variables["KUBECONFIG"] = str(kubeconfig)
        with Agent(place) as agent:
            agent.wait_until(lambda: any("nodes" in request for request in server.requests))
            assert agent.stop() == 0
            assert "Traceback" not in agent.log
        due_at = datetime.fromisoformat(place.schedule()["report"]["due_at"])
        assert due_at < datetime.now(due_at.tzinfo)
        with Agent(place) as agent:
            agent.wait_until(lambda: service.counted)
    assert len(service.counted) == 1


def test_kill_nine_while_a_cluster_is_read_leaves_no_process_and_a_state_that_opens(place: Place) -> None:
    place.make_due()
    with serving_lists(changing("/api/v1/nodes", hanging), place.directory) as (server, kubeconfig):
        place.variables["KUBECONFIG"] = str(kubeconfig)
        with Agent(place) as agent:
            agent.wait_until(lambda: any("nodes" in request for request in server.requests))
            family = agent.process.children(recursive=True)
            assert family
            agent.process.kill()
            assert psutil.wait_procs(family, timeout=20)[1] == []
    with Agent(place) as agent:
        agent.wait_ready()


def test_an_api_server_that_restarts_costs_what_was_being_read(place: Place, service: Service) -> None:
    answering = changing("/api/v1/nodes", lambda _: Answer(body=b'{"items":[{', sent_bytes=5), usual("/api/v1/nodes"))
    with serving_lists(answering, place.directory) as (_, kubeconfig):
        place.variables["KUBECONFIG"] = str(kubeconfig)
        assert place.run("once").returncode == 0
    [document] = service.counted
    assert document["collected"]["nodes"] == "ok"


def test_a_permission_that_is_removed_costs_its_fields_only_and_is_said(place: Place, service: Service) -> None:
    cannot = 'User "agent" cannot list resource "nodes" in API group ""'
    answering = changing("/api/v1/nodes", lambda _: status(403, "Forbidden", cannot))
    with serving_lists(answering, place.directory) as (_, kubeconfig):
        place.variables["KUBECONFIG"] = str(kubeconfig)
        done = place.run("once")
    assert done.returncode == 0
    assert "the collector nodes could not read all: forbidden" in done.stderr
    [document] = service.counted
    assert document["collected"]["nodes"] == "forbidden"
    assert "count" not in document.get("nodes", {})
    assert document["platform"]


def test_a_cluster_that_is_not_there_is_said_and_no_empty_report_is_sent(place: Place, service: Service) -> None:
    with serving_lists(answer, place.directory) as (_, kubeconfig):
        place.variables["KUBECONFIG"] = str(kubeconfig)
    done = place.run("once")
    assert done.returncode == 3
    assert "the cluster can't be used (Unavailable)" in done.stderr.splitlines()[-1]
    place.variables["KUBECONFIG"] = str(place.directory / "missing")
    unreachable = place.run("once")
    assert unreachable.returncode == 3
    assert "the cluster can't be used (InvalidRequest)" in unreachable.stderr.splitlines()[-1]
    assert "collected" not in place.audit()
    assert service.seen == []


def test_a_cluster_that_is_away_for_a_while_costs_no_report(place: Place, service: Service) -> None:
    place.make_due()
    with serving_lists(answer, place.directory) as (_, kubeconfig):
        place.variables["KUBECONFIG"] = str(kubeconfig)
    with Agent(place) as agent:
        agent.wait_until(lambda: agent.metric("tasks_total", task="report", ending="put_off") == 1)
        assert agent.get("/readyz")[0] == 200
        assert agent.stop() == 0
        assert agent.log.count("the task report ended without success: put_off") == 1
    schedule = place.schedule()
    assert schedule["report"]["failures"] == 1
    assert "again after 1 failure" in place.run("status").stdout
    due_at, retry_at = (datetime.fromisoformat(schedule["report"][name]) for name in ("due_at", "retry_at"))
    assert retry_at < due_at
    # As if so much time had gone by.
    schedule["report"]["retry_at"] = (retry_at - timedelta(minutes=1)).isoformat()
    (place.state / "schedule.json").write_text(json.dumps(schedule))
    with serving_lists(answer, place.directory) as (_, kubeconfig), Agent(place) as agent:
        agent.wait_until(lambda: service.counted)
        assert agent.stop() == 0
    assert datetime.fromisoformat(place.schedule()["report"]["due_at"]) == due_at
    assert len(service.counted) == 1


def test_a_server_that_answers_nothing_is_asked_little(place: Place) -> None:
    with serving_lists(lambda _path, _query: status(500), place.directory) as (server, kubeconfig):
        place.variables["KUBECONFIG"] = str(kubeconfig)
        assert place.run("once").returncode == 3
        assert {request.partition("?")[0] for request in server.requests} == {"/version", "/apis"}


def test_where_each_collector_lacks_something_what_all_else_tells_is_reported(place: Place) -> None:
    """At the minimal level both collectors want the version, and have the nodes without it."""
    place.write(privacy_level="minimal")
    with serving_lists(changing("/version", lambda _: status(500)), place.directory) as (_, kubeconfig):
        place.variables["KUBECONFIG"] = str(kubeconfig)
        done = place.run("once")
    assert done.returncode == 0
    assert "collected" in place.audit()


def test_an_amount_that_can_not_be_read_is_counted_in_log_and_metrics(place: Place, service: Service) -> None:
    def spoiled(query: Query) -> Answer:
        told = json.loads(answer("/apis/metrics.k8s.io/v1beta1/nodes", query).body)
        told["items"][0]["usage"]["cpu"] = "much"
        return Answer(body=json.dumps(told).encode())

    place.make_due()
    with serving_lists(changing("/apis/metrics.k8s.io/v1beta1/nodes", spoiled), place.directory) as (_, kubeconfig):
        place.variables["KUBECONFIG"] = str(kubeconfig)
        with Agent(place) as agent:
            agent.wait_until(lambda: service.counted)
            assert agent.metric("unreadable_objects_total", collector="usage") == 1
            assert "the collector usage left out 1 objects: amounts in them can't be read" in agent.log
        assert "usage: 1 objects were left out" in place.run("preview").stderr
    assert service.counted[0]["collected"]["usage"] == "ok"
