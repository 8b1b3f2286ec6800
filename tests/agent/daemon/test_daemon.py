"""The daemon as it runs: what it does by itself, how it stops, and what a kill leaves."""

import json
import selectors
from datetime import UTC, datetime

import psutil
import pytest

from agent.daemon.daemon import Daemon
from agent.daemon.handover import handed_over, resident
from agent.daemon.tasks import Ending, Task, TaskReport
from agent.delivery.outbox import Limits, opened
from agent.delivery.outbox_rows import Halt
from agent.log import Log
from agent.privacy.stops import Stop
from agent.settings import load
from agent.state import State
from agent.wire.fields import check
from tests.agent.daemon.parts import Agent, Place
from tests.agent.delivery.service import Service, answer, stay_silent


def test_it_reports_once_says_so_and_sends_nothing_again_after_a_restart(place: Place, service: Service) -> None:
    place.make_due()
    with Agent(place) as agent:
        agent.wait_until(lambda: agent.metric("documents_sent_total") == 1)
        agent.wait_ready()
        assert agent.get("/healthz") == (200, "ok\n")
        assert agent.get("/somewhere")[0] == 404
        assert agent.metric("tasks_total", task="report", ending="done") == 1
        assert agent.metric("collector_runs_total", collector="cluster", status="ok") == 1
        assert agent.metric("requests_total", outcome="done") == 1
        assert agent.metric("last_success_timestamp_seconds", task="send") > 0
        assert agent.metric("outbox_documents") == 0
        assert agent.stop() == 0
        said = agent.log
    [document] = service.counted
    assert check(document) == ()
    assert "over TLS 1.3" in said
    assert "consent revoke" in said
    assert said.endswith("stopped; documents waiting in the outbox: 0\n")
    assert place.audit()[-3:] == ["collected", "sending", "delivered"]
    assert place.schedule()["report"]["last_at"] is not None
    with Agent(place) as agent:
        agent.wait_ready()
        assert agent.stop() == 0
    assert len(service.counted) == 1


def test_it_says_that_it_works_when_it_does_and_not_before(place: Place) -> None:
    with Agent(place) as agent:
        agent.wait_ready()
        agent.stop()
        assert agent.log.count("the agent works at the level standard") == 1
    place.write(enabled=False)
    with Agent(place) as agent:
        agent.wait_paused("not_enabled")
        agent.stop()
        assert "looking whether it may work at the level standard" in agent.log
        assert "the agent works" not in agent.log


@pytest.mark.parametrize(
    "before",
    [TaskReport(ending=Ending.PAUSED, stop=Stop.SERVICE_GONE.value), TaskReport(ending=Ending.UNUSABLE)],
    ids=["halted", "unusable"],
)
def test_what_began_before_a_pause_and_ends_after_it_does_not_end_it(before: TaskReport, place: Place) -> None:
    daemon = Daemon(resident(handed_over(load(place.config))), Log("console"))
    daemon._note(Task.START, TaskReport(ending=Ending.DONE))
    assert daemon._unready() is None
    daemon._note(Task.SEND, before)
    paused = daemon._unready()
    assert paused is not None
    daemon._note(Task.REPORT, TaskReport(ending=Ending.DONE))
    assert daemon._unready() == paused
    daemon._note(Task.CHECK, TaskReport(ending=Ending.DONE))
    assert daemon._unready() is None


def test_a_pause_that_was_over_when_a_task_told_of_it_is_looked_at_again(place: Place) -> None:
    daemon = Daemon(resident(handed_over(load(place.config))), Log("console"))
    daemon._note(Task.START, TaskReport(ending=Ending.DONE))
    daemon._note(Task.CHECK, TaskReport(ending=Ending.DONE))
    daemon._note(Task.SEND, TaskReport(ending=Ending.PAUSED, stop=Stop.CONSENT_REVOKED.value))
    assert list(daemon._due()) == [Task.CHECK]


def test_what_a_command_has_halted_is_checked_by_the_daemon(place: Place) -> None:
    daemon = Daemon(resident(handed_over(load(place.config))), Log("console"))
    state = State(place.state)
    state.prepare()
    with opened(state.outbox, Limits(age_seconds=1)) as outbox, selectors.DefaultSelector() as selector:
        daemon._rhythm.begin(datetime.now(UTC))
        daemon._note(Task.START, TaskReport(ending=Ending.DONE))
        daemon._turn(selector)
        assert not daemon._children
        outbox.stop(Halt.GONE)
        daemon._note(Task.CHECK, TaskReport(ending=Ending.DONE))
        daemon._turn(selector)
        [child] = daemon._children.values()
        assert (child.task, child.report().stop) == (Task.CHECK, Stop.SERVICE_GONE.value)


def test_the_first_report_comes_after_a_random_share_of_the_interval(place: Place, service: Service) -> None:
    with Agent(place) as agent:
        agent.wait_ready()
        assert agent.stop() == 0
    assert place.schedule()["report"]["last_at"] is None
    assert "collected" not in place.audit()
    assert service.seen == []


def test_a_service_that_is_away_costs_nothing_and_a_dead_letter_is_shown(place: Place, service: Service) -> None:
    service.script.extend([answer(503), answer(422)])
    place.make_due()
    with Agent(place) as agent:
        agent.wait_until(lambda: agent.metric("outbox_dead_letters") == 1)
        assert agent.metric("requests_total", outcome="retry") == 1
        agent.stop()
        assert agent.log.count("takes nothing now") == 1
        assert agent.log.count("refused a batch (422)") == 1
    assert place.status()["dead_letters"][0]["status"] == 422


def test_readiness_says_that_the_service_refuses_us(place: Place, service: Service) -> None:
    service.otherwise = answer(401)
    place.make_due()
    with Agent(place) as agent:
        agent.wait_paused("refused_by_service")
        assert agent.metric("paused", reason="refused_by_service") == 1
        assert agent.get("/healthz")[0] == 200


def test_a_stop_while_something_is_sent_loses_nothing(place: Place, service: Service) -> None:
    service.script.append(stay_silent)
    place.make_due()
    with Agent(place) as agent:
        agent.wait_until(lambda: service.seen)
        assert agent.stop() == 0
    assert place.status()["outbox"]["waiting_documents"] == 1
    with Agent(place) as agent:
        agent.wait_until(lambda: service.counted)
    first, *others = (seen for seen in service.seen if seen.path == "/v1/collect")
    assert {(seen.key, seen.body) for seen in others} == {(first.key, first.body)}
    assert len(service.counted) == 1


def test_a_stop_while_probes_measure_leaves_no_process(place: Place) -> None:
    place.write(privacy_level="detailed")
    place.make_due("probe")
    with Agent(place) as agent:
        agent.wait_for_child("probe")
        agent.wait_until(lambda: len(agent.process.children(recursive=True)) > 1)
        family = agent.process.children(recursive=True)
        assert agent.stop() == 0
        assert psutil.wait_procs(family, timeout=10)[1] == []


def test_kill_nine_takes_the_children_along_and_the_state_opens_again(place: Place, service: Service) -> None:
    service.script.append(stay_silent)
    place.make_due()
    with Agent(place) as agent:
        agent.wait_until(lambda: service.seen)
        child = agent.wait_for_child("send")
        agent.process.kill()
        child.wait(timeout=20)
    with Agent(place) as agent:
        agent.wait_until(lambda: service.counted)
        agent.stop()
    assert len(service.counted) == 1
    verified = place.run("audit", "verify")
    assert verified.returncode == 0, verified.stderr


def test_a_second_agent_on_a_state_directory_says_whose_it_is_and_ends(place: Place) -> None:
    with Agent(place) as agent:
        agent.wait_until(lambda: agent.get("/healthz")[0] == 200)
        second = place.run()
        assert second.returncode == 3
        last = second.stderr.splitlines()[-1]
        assert f"another agent (process {agent.process.pid}) works with {place.state}" in last


def test_a_port_that_is_taken_is_said(place: Place, service: Service) -> None:
    place.write(listen=service.url.removeprefix("https://").replace("localhost", "127.0.0.1"))
    ended = place.run()
    assert ended.returncode == 3
    assert "can't listen at" in ended.stderr.splitlines()[-1]


def test_what_was_collected_waits_when_the_agent_is_small_between_runs(place: Place) -> None:
    with Agent(place) as agent:
        agent.wait_ready()
        agent.wait_until(lambda: not agent.process.children())
        loaded = {path.rpartition("/")[2] for path in (m.path for m in agent.process.memory_maps())}
        assert not any(name.startswith(("_multiarray_umath", "_pydantic_core")) for name in loaded)
        assert psutil.Process(agent.process.pid).cmdline()[1:4] == ["-P", "-m", "agent.daemon.daemon"]


def test_a_log_in_json_is_json_in_every_line(place: Place) -> None:
    place.write(log_format="json", enabled=False)
    with Agent(place) as agent:
        agent.wait_paused("not_enabled")
        agent.stop()
        events = [json.loads(line)["event"] for line in agent.log.splitlines()]
    assert events == ["statement", "started", "paused", "problem", "stopping", "stopped"]
