"""The `probe` command line: arguments, streams and exit codes, with real probes behind it."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from probes.catalogue import CATALOGUE
from probes.measure.result import json_schema

CHEAP = ("run", "utilization", "--duration", "200ms")


def one_line(text: str) -> str:
    assert text.count("\n") == 1, f"more than one line: {text!r}"
    return text


def test_help_names_every_command(probe: Any) -> None:
    shown = probe("--help")
    assert shown.returncode == 0
    for command in ("run", "list", "doctor", "serve", "schema"):
        assert command in shown.stdout


def test_without_a_command_the_help_is_shown_as_it_is(probe: Any) -> None:
    shown = probe()
    assert shown.returncode == 2
    assert shown.stderr == probe("--help").stdout


@pytest.mark.parametrize("command", ["run", "list", "doctor", "serve", "schema"])
def test_each_command_has_help(probe: Any, command: str) -> None:
    shown = probe(command, "--help")
    assert shown.returncode == 0
    assert shown.stdout.startswith("Usage: probe " + command)


def test_list_shows_every_probe_with_its_needs(probe: Any) -> None:
    rows = json.loads(probe("list", "--format", "json").stdout)
    assert [row["name"] for row in rows] == list(CATALOGUE)
    assert all(row["needs"] and row["quick_seconds"] > 0 for row in rows)


def test_the_quick_profile_of_everything_is_planned_within_a_minute(probe: Any) -> None:
    rows = json.loads(probe("list", "--format", "json").stdout)
    assert sum(row["quick_seconds"] for row in rows) <= 60


def test_the_schema_is_the_one_that_results_obey(probe: Any) -> None:
    assert json.loads(probe("schema").stdout) == json.loads(json.dumps(json_schema()))
    result = probe(*CHEAP, "--format", "json")
    assert result.returncode == 0, result.stderr
    jsonschema.validate(json.loads(result.stdout), json_schema())


@pytest.mark.parametrize(("wrong", "right"), [("stroage", "storage"), ("dsn", "dns"), ("latencies", "latency")])
def test_an_unknown_probe_name_suggests_the_nearest(probe: Any, wrong: str, right: str) -> None:
    refused = probe("run", wrong)
    assert refused.returncode == 2
    assert f"did you mean {right}?" in one_line(refused.stderr)
    assert refused.stdout == ""


def test_an_unknown_command_suggests_the_nearest(probe: Any) -> None:
    refused = probe("rnu")
    assert refused.returncode == 2
    assert "did you mean `probe run`?" in one_line(refused.stderr)


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "storage", "--size", "huge"),
        ("run", "storage", "--size", "-1"),
        ("run", "storage", "--duration", "0"),
        ("run", "utilization", "--duration", "soon"),
        ("run", "latency", "--rate", "fast"),
        ("run", "latency", "--rate", "0"),
        ("run", "latency", "--server", "host:port:more"),
        ("run", "latency", "throughput", "--server", "localhost:5209"),
        ("run", "dns", "--name", "bad name"),
        ("run", "storage", "--server", "localhost"),
        ("run", "--profile", "sloppy"),
        ("run", "--no-such-option"),
    ],
)
def test_nonsense_is_one_clear_line_and_exit_code_2(probe: Any, arguments: tuple[str, ...]) -> None:
    refused = probe(*arguments)
    assert refused.returncode == 2, refused.stderr
    assert one_line(refused.stderr).startswith("probe: ")
    assert refused.stdout == ""


def test_a_mistake_in_one_request_is_found_before_any_other_is_measured(probe: Any) -> None:
    refused = probe("run", "utilization", "stroage")
    assert refused.returncode == 2
    assert "[1/2]" not in refused.stderr


def test_data_goes_to_stdout_and_everything_else_to_stderr(probe: Any) -> None:
    result = probe(*CHEAP, "--format", "json")
    assert json.loads(result.stdout)["results"][0]["probe"] == "utilization"
    assert "utilization" in result.stderr


def test_output_writes_what_json_prints(probe: Any, tmp_path: Path) -> None:
    result = probe(*CHEAP, "--format", "json", "--output", "new/result.json")
    assert json.loads((tmp_path / "new/result.json").read_text()) == json.loads(result.stdout)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["result.json"]


def test_an_output_that_cannot_be_written_is_refused_before_measuring(probe: Any, tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    refused = probe(*CHEAP, "--output", "directory")
    assert refused.returncode == 2
    one_line(refused.stderr)


def test_an_unavailable_probe_says_why_and_the_others_still_run(probe: Any, tmp_path: Path) -> None:
    result = probe("run", "storage", "utilization", "--path", "/proc", "--duration", "200ms", "--format", "json")
    assert result.returncode == 3
    storage, utilization = json.loads(result.stdout)["results"]
    assert storage["status"] == "unavailable"
    assert "/proc" in storage["reason"]
    assert utilization["status"] == "measured"


def test_a_reader_that_leaves_early_causes_no_traceback(probe_program: str, tmp_path: Path) -> None:
    shell = subprocess.run(
        ["bash", "-c", f"{probe_program} schema | head -c 1"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert shell.stdout == "{"
    assert shell.stderr == ""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_stopped_run_keeps_what_had_finished(probe_program: str, tmp_path: Path, number: int, code: int) -> None:
    arguments = ["run", "utilization", "storage", "--duration", "500ms", "--path", str(tmp_path), "--output", "r.json"]
    with subprocess.Popen(
        [probe_program, *arguments],
        cwd=tmp_path,
        env=os.environ | {"NO_COLOR": "1"},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(line)
            if line.startswith("[2/2]"):
                break
        time.sleep(1.0)
        process.send_signal(number)
        stderr = process.stderr.read()
        assert process.wait(timeout=20) == code
    assert "stopped; 1 of 2 probes had finished and are in r.json" in stderr
    kept = json.loads((tmp_path / "r.json").read_text())
    assert [each["probe"] for each in kept["results"]] == ["utilization"]
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]
