"""Each command on a state directory where nothing has ever happened, and what it is good for afterwards."""

import json
import sqlite3
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click
import pytest

from agent.cli.telemetry.command import _COMMANDS, cli
from agent.delivery.outbox_export import read
from agent.levels import Level
from agent.privacy.consent import read_consent, write_consent
from agent.state import State
from agent.wire.fields import schema_digest
from tests.agent.daemon.parts import Place
from tests.agent.delivery.service import Handler, Seen, Service, accept


def test_every_command_that_is_listed_is_there_and_explains_itself() -> None:
    with click.Context(cli) as ctx:
        for name in _COMMANDS:
            command = cli.get_command(ctx, name)
            assert command is not None
            assert command.help


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("validate",), 0, "The configuration is valid"),
        (("status",), 0, "The daemon has never run here"),
        (("fields",), 0, "nodes.count"),
        (("audit", "show"), 0, "The trail is empty"),
        (("audit", "verify"), 0, '"intact": true'),
        (("drift",), 0, "Nothing has changed"),
        (("export", "out.jsonl"), 0, "Nothing waits: no file was written."),
        (("consent", "show"), 0, "Consent of 2024-01-01"),
        (("recommendations",), 3, "this agent has never sent anything"),
        (("delete-data", "--yes"), 3, "this agent has never sent anything"),
    ],
)
def test_a_command_has_something_sensible_to_say_on_a_fresh_directory_and_leaves_it_so(
    arguments: tuple[str, ...], code: int, says: str, place: Place, service: Service
) -> None:
    ended = place.run(*arguments)
    assert ended.returncode == code, ended.stderr
    assert says in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
    assert not place.state.exists()
    assert service.connections == 0


def test_consent_is_revoked_on_a_fresh_directory_and_that_stays(place: Place, service: Service) -> None:
    revoked = place.run("consent", "revoke")
    assert revoked.returncode == 0
    assert "Revoked." in revoked.stdout
    assert "The service was not told: this agent has never sent anything" in revoked.stdout
    shown = place.run("consent", "show").stdout
    assert "Revoked 20" in shown
    assert "consent was revoked" in shown
    assert place.run("once").returncode == 3
    assert (
        place.run("consent", "revoke").stdout
        == "There is no consent to revoke: nothing is collected, nothing is sent.\n"
    )
    assert service.connections == 0


def test_the_identifiers_are_new_after_a_rotation_also_on_a_fresh_directory(place: Place) -> None:
    assert place.run("rotate-id", "--yes").returncode == 0
    first = State(place.state).secret.read_bytes()
    assert stat.S_IMODE(State(place.state).secret.stat().st_mode) == 0o600
    assert place.run("rotate-id", input="n\n").returncode == 130
    assert State(place.state).secret.read_bytes() == first
    assert place.run("rotate-id", "--yes").returncode == 0
    assert State(place.state).secret.read_bytes() != first


def test_granting_asks_and_a_no_changes_nothing(place: Place) -> None:
    refused = place.run("consent", "grant", input="n\n")
    assert refused.returncode == 3
    assert "nothing has changed" in refused.stderr
    assert not place.state.exists()
    assert place.run("consent", "grant", input="y\n").returncode == 0
    assert "by telemetry" not in place.run("consent", "show").stdout
    assert place.audit() == ["begun", "consent_granted"]


def test_fields_as_json_are_the_whole_dictionary(place: Place) -> None:
    told = json.loads(place.run("fields", "--format", "json").stdout)
    assert told["schema_digest"] == schema_digest()
    assert all({"name", "level", "purpose", "treatment", "permissions"} <= each.keys() for each in told["fields"])
    minimal = json.loads(place.run("fields", "--level", "minimal", "--format", "json").stdout)["fields"]
    assert {each["level"] for each in minimal} == {Level.MINIMAL}


def test_what_once_has_sent_is_in_every_view(place: Place, service: Service) -> None:
    assert place.run("once").returncode == 0
    told = place.status()
    assert told["paused"] is None
    assert told["receipts"] == 1
    assert told["outbox"]["waiting_documents"] == 0
    assert told["baselines"] is not None
    assert "Baselines fetched " in place.run("status").stdout
    shown = [json.loads(line)["event"] for line in place.run("audit", "show").stdout.splitlines()]
    assert shown[-1] == "delivered"
    verified = json.loads(place.run("audit", "verify").stdout)
    assert verified["intact"] is True
    assert verified["receipts"] == 1
    assert len(service.counted) == 1


def test_a_trail_that_somebody_changed_is_broken(place: Place) -> None:
    assert place.run("once").returncode == 0
    trail = place.state / "audit.jsonl"
    trail.write_text(trail.read_text().replace('"level":"standard"', '"level":"minimal"', 1))
    verified = place.run("audit", "verify")
    assert verified.returncode == 1
    assert json.loads(verified.stdout)["intact"] is False
    assert "the audit trail is broken" in verified.stderr
    trail.unlink()
    verified = place.run("audit", "verify")
    assert verified.returncode == 1
    assert "the audit trail is gone" in verified.stderr


def test_what_waits_is_exported_with_the_bytes_of_the_wire_and_then_gone(place: Place, service: Service) -> None:
    service.otherwise = lambda handler, _seen: handler.reply(503, b"")
    assert place.run("once").returncode == 3
    [tried] = (seen for seen in service.seen if seen.path == "/v1/collect")
    exported = place.run("export", "out.jsonl")
    assert exported.returncode == 0, exported.stderr
    [carried] = read(place.directory / "out.jsonl")
    assert carried.body == tried.body
    assert carried.headers["Idempotency-Key"] == tried.key
    assert place.status()["outbox"]["waiting_documents"] == 0


def test_what_was_collected_under_another_consent_is_not_exported(place: Place, service: Service) -> None:
    """Such as by a task that was under way while the identifiers were replaced."""
    service.otherwise = lambda handler, _seen: handler.reply(503, b"")
    assert place.run("once").returncode == 3
    path = State(place.state).consent
    record = read_consent(path)
    assert record is not None
    write_consent(path, record.model_copy(update={"granted_at": datetime.now(UTC)}))
    assert "0 documents" in place.run("export", "out.jsonl").stdout
    assert place.status()["outbox"]["waiting_documents"] == 0


def calls(handler: Handler, seen: Seen) -> None:
    answers: dict[str, dict[str, Any]] = {
        "GET": {"recommendations": [{"title": "Use smaller nodes", "action": "resize", "undo": "resize back"}]},
        "DELETE": {"receipt": "d1", "erased": True},
    }
    if seen.path == "/v1/collect":
        accept(handler, seen)
    else:
        handler.reply(200, json.dumps(answers.get(seen.method, {})).encode())


def test_recommendations_and_deletion_are_asked_with_the_cluster_s_own_token(place: Place, service: Service) -> None:
    service.otherwise = calls
    assert place.run("once").returncode == 0
    assert "Use smaller nodes" in place.run("recommendations").stdout
    deleted = place.run("delete-data", "--yes")
    assert json.loads(deleted.stdout)["receipt"] == "d1"
    cluster_id = service.counted[0]["cluster_id"]
    asked = [(seen.method, seen.path) for seen in service.seen[-2:]]
    assert asked == [("GET", f"/v1/recommendations/{cluster_id}"), ("DELETE", f"/v1/data/{cluster_id}")]
    assert {seen.headers["authorization"] for seen in service.seen if seen.path != "/v1/baselines"} != {None}
    assert "deletion_asked" in place.audit()


def test_a_consent_that_was_written_before_a_deletion_and_not_yet_bound_does_not_end_its_pause(
    place: Place, service: Service
) -> None:
    service.otherwise = calls
    assert place.run("once").returncode == 0
    assert place.consent is not None
    place.consent |= {"timestamp": "2024-02-01T00:00:00Z", "version": "1.1"}
    place.write()
    assert place.run("delete-data", "--yes").returncode == 0
    assert place.run("once").returncode == 3
    assert place.status()["paused"] == "service_gone"
    place.consent |= {"timestamp": datetime.now(UTC).isoformat()}
    place.write()
    assert place.run("once").returncode == 0


def test_after_a_deletion_the_agent_collects_nothing_until_consent_is_given_again(
    place: Place, service: Service
) -> None:
    service.otherwise = calls
    assert place.run("once").returncode == 0
    service.otherwise = lambda handler, _seen: handler.reply(503, b"")
    assert place.run("delete-data", "--yes").returncode == 3
    assert place.status()["paused"] is None
    service.otherwise = calls
    for file in place.state.glob("outbox.db*"):
        file.unlink()
    deleted = place.run("delete-data", "--yes")
    assert "The agent has paused" in deleted.stderr
    assert place.status()["paused"] == "service_gone"
    assert place.audit()[-2:] == ["deletion_asked", "halted"]
    before = place.audit().count("collected")
    assert place.run("once").returncode == 3
    assert place.audit().count("collected") == before
    assert place.run("consent", "grant", "--yes").returncode == 0
    assert place.run("once").returncode == 0
    assert place.audit().count("collected") == before + 1


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("nonsense",), 2, "there is no command 'nonsense'"),
        (("stauts",), 2, "did you mean `telemetry-agent status`?"),
        (("--dry-run", "status"), 2, "--dry-run is for the daemon"),
        (("preview", "--results", "nowhere.json"), 2, "choose the level detailed"),
        (("preview", "--level", "detailed", "--results", "nowhere.json"), 2, "can't read nowhere.json"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    arguments: tuple[str, ...], code: int, says: str, place: Place
) -> None:
    ended = place.run(*arguments)
    assert ended.returncode == code
    assert says in ended.stderr
    assert ended.stderr.count("\n") == 1


def _unknown_key(place: Place) -> None:
    place.write(enabeld=True)


def _no_file(place: Place) -> None:
    place.config.unlink()


@pytest.mark.parametrize(("spoil", "says"), [(_unknown_key, "telemetry.enabeld"), (_no_file, "can't read")])
def test_a_configuration_that_can_not_be_followed_is_exit_code_2_also_for_the_daemon(
    spoil: Callable[[Place], None], says: str, place: Place
) -> None:
    spoil(place)
    for arguments in ((), ("validate",)):
        ended = place.run(*arguments)
        assert ended.returncode == 2
        assert says in ended.stderr


def test_the_state_is_for_its_owner_alone(place: Place) -> None:
    assert place.run("once").returncode == 0
    assert stat.S_IMODE(place.state.stat().st_mode) == 0o700
    for path in place.state.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    with sqlite3.connect(place.state / "outbox.db") as connection:
        assert connection.execute("SELECT count(*) FROM receipts").fetchone() == (1,)
