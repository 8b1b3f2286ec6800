"""The preview: valid documents, the very bytes of the wire, and neither a connection nor a trace on the disk."""

import gzip
import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from agent.levels import Level
from agent.wire.fields import check, schema
from tests.agent.daemon.parts import Place
from tests.agent.delivery.service import Service

EXAMPLE = Path(__file__).parents[3] / "examples" / "config.yaml"


@pytest.mark.parametrize("level", Level)
def test_a_dry_run_on_a_bare_machine_prints_valid_documents_listens_and_connects_nowhere_and_writes_nothing(
    level: Level, place: Place, strace: tuple[str, ...]
) -> None:
    place.variables |= {"TELEMETRY_PRIVACY_LEVEL": level, "XDG_STATE_HOME": str(place.state)}
    place.config.write_text(EXAMPLE.read_text())
    shown = place.run("--dry-run", before=strace)
    assert shown.returncode == 0, shown.stderr
    documents = [document for line in shown.stdout.splitlines() for document in json.loads(line)["documents"]]
    assert documents
    for document in documents:
        jsonschema.validate(document, schema(level))
        assert check(document) == ()
        assert document["level"] == level
    assert {document.get("cluster", {}).get("distribution") for document in documents} >= {"standalone"}
    calls = (place.directory / "strace").read_text()
    assert "listen(" not in calls
    assert "connect(" not in calls
    assert "sendto(" not in calls
    assert not place.state.exists()
    assert sorted(path.name for path in place.directory.iterdir()) == ["config.yaml", "strace"]


def test_the_preview_is_byte_for_byte_what_the_service_receives(place: Place, service: Service) -> None:
    # What is used changes from moment to moment; all else is the same a second later.
    place.write(collection_rules={"collect_resource_usage": False})
    assert place.run("once").returncode == 0
    [received] = (gzip.decompress(seen.body) for seen in service.seen if seen.path == "/v1/collect")
    assert place.run("preview").stdout.encode() == received + b"\n"


def test_a_preview_needs_no_consent_and_no_agent_that_is_enabled(place: Place, service: Service) -> None:
    place.consent = None
    place.write(enabled=False)
    place.variables["DO_NOT_TRACK"] = "1"
    shown = place.run("preview")
    assert shown.returncode == 0
    assert json.loads(shown.stdout)["documents"]
    assert service.connections == 0
    assert not place.state.exists()


def test_explained_is_each_field_that_is_shown(place: Place) -> None:
    shown = place.run("preview", "--explain", "--pretty")
    [document] = json.loads(shown.stdout)["documents"]
    named = {
        f"{subject}.{attribute}" for subject in ("cluster", "nodes", "usage") for attribute in document.get(subject, {})
    }
    explained = {line.partition(" ")[0] for line in shown.stderr.splitlines() if ": " in line and "." in line}
    assert named <= explained


def test_results_of_probes_join_at_the_detailed_level_and_a_screen_is_enough_to_see_them(
    place: Place, probe_program: str
) -> None:
    measured = place.directory / "result.json"
    probed = place.run_program(probe_program, "run", "latency", "--duration", "100ms", "--output", str(measured))
    assert probed.returncode == 0, probed.stderr
    shown = place.run("preview", "--level", "detailed", "--results", "result.json", "--brief", "--output", "all.json")
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert len(lines) < 40
    assert max(map(len, lines)) <= 110
    assert any(line.startswith('    "latency": [') for line in lines)
    assert "all.json" in shown.stderr
    [document] = json.loads((place.directory / "all.json").read_bytes())["documents"]
    assert check(document) == ()
    assert document["benchmarks"]["latency"]


def test_the_example_is_what_its_comments_say() -> None:
    assert yaml.safe_load(EXAMPLE.read_text())["telemetry"]["privacy_level"] == "standard"
