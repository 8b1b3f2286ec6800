"""Consent that is granted and revoked, and a configuration that changes, under a running agent."""

import json
from datetime import UTC, datetime, timedelta

import psutil
import pytest

from agent.daemon.metrics import Metrics
from agent.daemon.standing import Standing
from agent.delivery.outbox import Limits, opened
from agent.delivery.outbox_rows import Halt
from agent.privacy.consent import read_consent
from agent.privacy.keys import Keys
from agent.privacy.stops import Stop
from agent.state import State
from agent.wire.fields import schema_digest
from tests.agent.daemon.parts import PATIENCE_SECONDS, Agent, Place, serve_all
from tests.agent.delivery.service import Service, answer


def test_revoking_stops_and_forgets_and_granting_goes_on_as_another_cluster(place: Place, service: Service) -> None:
    service.otherwise = answer(503)
    place.make_due()
    with Agent(place) as agent:
        agent.wait_until(lambda: agent.metric("requests_total", outcome="retry"))
        secret = State(place.state).secret.read_bytes()
        assert place.status()["outbox"]["waiting_documents"] == 1

        revoked = place.run("consent", "revoke")
        assert revoked.returncode == 0
        assert "the service answered 503" in revoked.stdout
        agent.wait_paused("consent_revoked")
        assert agent.metric("paused", reason="consent_revoked") == 1
        assert place.status()["outbox"]["waiting_documents"] == 0

        service.otherwise = serve_all
        granted = place.run("consent", "grant", "--yes")
        assert "new identifiers" in granted.stdout
        agent.wait_ready()
        assert agent.metric("paused", reason="consent_revoked") == 0
        agent.stop()
        assert agent.log.count(" paused: consent_revoked\n") == 1
        assert agent.log.count(" resumed\n") == 1
    place.make_due()
    with Agent(place) as agent:
        # What was dropped is told to the trail after what was sent.
        agent.wait_until(lambda: service.counted and "dropped" in place.audit())
    [document] = service.counted
    assert document["cluster_id"] != Keys(secret).cluster_id
    assert document["cluster_id"] == Keys(State(place.state).secret.read_bytes()).cluster_id
    trail = place.audit()
    assert {"consent_revoked", "id_rotated", "consent_granted", "dropped"} <= set(trail)


def test_revoking_ends_probes_that_are_under_way(place: Place) -> None:
    place.write(privacy_level="detailed")
    place.make_due("probe")
    with Agent(place) as agent:
        child = agent.wait_for_child("probe")
        agent.wait_until(lambda: "probe Jobs started" in agent.log)
        assert place.run("consent", "revoke").returncode == 0
        assert psutil.wait_procs([child], timeout=PATIENCE_SECONDS)[1] == []
        agent.wait_paused("consent_revoked")
        assert agent.metric("tasks_total", task="probe", ending="interrupted") == 1
    assert not (place.state / "history.db").exists()


def test_an_agent_without_consent_waits_for_it(place: Place, service: Service) -> None:
    place.consent = None
    place.write()
    place.make_due()
    with Agent(place) as agent:
        agent.wait_paused("consent_missing")
        assert service.connections == 0
        assert place.run("consent", "grant", "--yes").returncode == 2
        assert place.run("consent", "grant", "--yes", "--policy", "x").returncode == 2
        assert place.run("consent", "grant", "--yes", "--policy", "1.0").returncode == 0
        agent.wait_until(lambda: service.counted)


def test_a_changed_configuration_acts_at_the_next_start_all_of_it_at_once(place: Place) -> None:
    with Agent(place) as agent:
        agent.wait_ready()
        place.write(enabled=False)
        assert place.run("consent", "grant", "--yes").returncode == 0
        agent.wait_until(lambda: agent.metric("tasks_total", task="check", ending="done"))
        agent.wait_ready()
    with Agent(place) as agent:
        agent.wait_paused("not_enabled")


REFUSALS = {"consent_stale": answer(409, b'{"error":"consent_stale"}'), "service_gone": answer(410)}


@pytest.mark.parametrize("stop", REFUSALS)
def test_a_consent_with_a_later_timestamp_ends_what_the_service_has_halted(
    stop: str, place: Place, service: Service
) -> None:
    service.script.append(REFUSALS[stop])
    assert place.run("once").returncode == 3
    assert "a consent section that is dated after that" in place.run("once").stderr
    assert place.status()["paused"] == stop
    assert place.consent is not None
    # Such as a configuration that is rolled back: it is bound, and answers nothing that was said since.
    place.consent |= {"version": "1.1"}
    place.write()
    assert place.run("once").returncode == 3
    assert place.status()["paused"] == stop
    place.consent |= {"timestamp": datetime.now(UTC).isoformat()}
    place.write()
    assert place.status()["paused"] == stop
    assert place.run("once").returncode == 0
    assert place.status()["paused"] is None
    assert len(service.counted) == 1


def test_a_section_that_is_bound_for_the_first_time_does_not_end_a_halt(place: Place, service: Service) -> None:
    service.script.append(answer(410))
    assert place.run("once").returncode == 3
    (place.state / "consent.json").unlink()
    assert place.run("once").returncode == 3
    assert place.status()["paused"] == "service_gone"


def test_a_section_dated_ahead_of_the_clock_ends_no_later_halt(place: Place) -> None:
    assert place.consent is not None
    place.consent |= {"timestamp": (datetime.now(UTC) + timedelta(hours=8)).isoformat()}
    place.write()
    assert place.run("once").returncode == 0
    assert place.run("consent", "grant", "--yes").returncode == 0
    assert place.run("delete-data", "--yes").returncode == 0
    assert place.run("once").returncode == 3
    assert place.status()["paused"] == "service_gone"


def test_consent_given_again_is_not_in_force_before_the_identifiers_are_new(place: Place) -> None:
    state = State(place.state)
    assert place.run("once").returncode == 0
    assert place.run("consent", "revoke").returncode == 0
    state.secret.unlink()
    state.secret.mkdir()
    assert place.run("consent", "grant", "--yes").returncode == 3
    kept = read_consent(state.consent)
    assert kept is not None
    assert kept.revoked_at is not None


def test_the_daemon_notices_what_a_command_has_halted(place: Place) -> None:
    state = State(place.state)
    state.prepare()
    standing, metrics = Standing(state, flush_interval=timedelta(seconds=1)), Metrics()
    with opened(state.outbox, Limits(age_seconds=1)) as outbox:
        assert not standing.look(metrics)
        outbox.stop(Halt.GONE)
        assert not standing.look(metrics)
        standing.expect_change()
        assert standing.look(metrics)
        standing.expect_change()
        assert not standing.look(metrics)


def _do_not_track(place: Place) -> None:
    place.variables["DO_NOT_TRACK"] = "1"


def _switched_off(place: Place) -> None:
    place.variables["TELEMETRY_ENABLED"] = "false"


def _not_enabled(place: Place) -> None:
    place.write(enabled=False)


def _revoked(place: Place) -> None:
    assert "Revoked" in place.run("consent", "revoke").stdout


def _missing(place: Place) -> None:
    place.consent = None
    place.write()


def _stale(place: Place) -> None:
    assert place.consent is not None
    place.consent["schema_digest"] = "0" * len(schema_digest())
    place.write()


def _not_consented_to(place: Place) -> None:
    place.write(privacy_level="minimal")
    assert place.run("consent", "grant", "--yes").returncode == 0
    place.write(privacy_level="standard")


def _gone(place: Place) -> None:
    State(place.state).prepare()
    with opened(place.state / "outbox.db", Limits(age_seconds=1)) as outbox:
        outbox.stop(Halt.GONE)


ALONE = {
    Stop.DO_NOT_TRACK: _do_not_track,
    Stop.SWITCHED_OFF: _switched_off,
    Stop.NOT_ENABLED: _not_enabled,
    Stop.CONSENT_REVOKED: _revoked,
    Stop.CONSENT_MISSING: _missing,
    Stop.CONSENT_STALE: _stale,
    Stop.NOT_CONSENTED_TO: _not_consented_to,
    Stop.SERVICE_GONE: _gone,
}


@pytest.mark.parametrize("stop", Stop)
def test_each_stop_alone_keeps_every_socket_closed_and_everything_uncollected(
    stop: Stop, place: Place, strace: tuple[str, ...]
) -> None:
    ALONE[stop](place)
    stopped = place.run("once", before=strace)
    assert stopped.returncode == 3
    assert f"paused: {stop.remedy}" in stopped.stderr
    calls = (place.directory / "strace").read_text()
    assert "socket(" not in calls
    assert "connect(" not in calls
    assert "collected" not in place.audit()


def test_the_trace_would_show_a_connection(place: Place, service: Service, strace: tuple[str, ...]) -> None:
    assert place.run("once", before=strace).returncode == 0
    calls = (place.directory / "strace").read_text()
    assert "socket(AF_INET" in calls
    assert "connect(" in calls
    assert len(service.counted) == 1
    assert json.loads((place.state / "baselines.json").read_text())["release"]["week"] == "2026-W47"
