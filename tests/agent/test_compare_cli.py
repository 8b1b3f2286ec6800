"""`probe compare`: files, kept runs and addresses in; a table, JSON and an exit code out."""

import http.server
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from probes.measure.metric import Description, from_samples
from probes.measure.result import Better, ProbeResult, RunResult, Status
from probes.measure.units import Unit


def run_of(factor: float, number: int, *, block_bytes: int = 4096) -> RunResult:
    """A run whose one latency has a median of about 100 µs × factor; every number is another run."""
    rng = np.random.default_rng(number)
    level = 100_000 * factor * rng.lognormal(0, 0.005)
    rounds = [level * rng.lognormal(0, 0.1, 400) for _ in range(6)]
    described = Description(
        name="read_latency",
        title="random read latency",
        unit=Unit.NANOSECONDS,
        better=Better.LOWER,
        conditions={"block_bytes": block_bytes},
    )
    result = ProbeResult(
        probe="storage", status=Status.MEASURED, spec={"profile": "quick"}, metrics=(from_samples(described, rounds),)
    )
    return RunResult(
        run_id=UUID(int=number),
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        duration_seconds=1.0,
        version="0.1.0",
        profile="quick",
        target="local",
        environment={"kernel": "6.1"},
        results=(result,),
    )


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Six runs each of a baseline, of the same again, and of one that is a fifth slower; joined by commas."""
    groups = {"old": (1.0, 100), "again": (1.0, 200), "slow": (1.2, 300)}
    joined = {}
    for name, (factor, first) in groups.items():
        paths = [tmp_path / f"{name}{n}.json" for n in range(6)]
        for n, path in enumerate(paths):
            path.write_text(run_of(factor, first + n).model_dump_json())
        joined[name] = ",".join(map(str, paths))
    return joined


def test_a_slower_candidate_is_worse_and_fails_where_asked(probe: Any, files: dict[str, str]) -> None:
    shown = probe("compare", files["old"], files["slow"], "--fail-on", "10%")
    assert shown.returncode == 1
    assert "worse" in shown.stdout
    assert "regression beyond 10%" in shown.stderr


def test_without_fail_on_a_regression_is_told_and_not_failed(probe: Any, files: dict[str, str]) -> None:
    shown = probe("compare", files["old"], files["slow"])
    assert shown.returncode == 0
    assert "worse" in shown.stdout


def test_a_regression_within_the_share_asked_for_does_not_fail(probe: Any, files: dict[str, str]) -> None:
    assert probe("compare", files["old"], files["slow"], "--fail-on", "50%").returncode == 0


def test_a_check_of_single_runs_says_that_it_can_hardly_fail(probe: Any, files: dict[str, str]) -> None:
    before, after = (files[name].split(",")[0] for name in ("old", "slow"))
    shown = probe("compare", before, after, "--fail-on", "10%")
    assert shown.returncode == 0
    assert "give five or more" in shown.stderr


def test_equal_runs_are_the_same(probe: Any, files: dict[str, str]) -> None:
    shown = json.loads(probe("compare", files["old"], files["again"], "--format", "json").stdout)
    assert [metric["verdict"] for metric in shown["metrics"]] == ["same"]


def test_baseline_turns_the_direction_round(probe: Any, files: dict[str, str]) -> None:
    shown = json.loads(probe("compare", files["slow"], "--baseline", files["old"], "--format", "json").stdout)
    assert shown["metrics"][0]["verdict"] == "worse"


def test_equal_input_gives_equal_output(probe: Any, files: dict[str, str]) -> None:
    first, second = (probe("compare", files["old"], files["slow"], "--format", "json").stdout for _ in range(2))
    assert first == second


def test_unlike_results_are_refused_and_the_field_is_named(probe: Any, files: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text(run_of(1.0, 400, block_bytes=8192).model_dump_json())
    refused = probe("compare", files["old"], "other.json")
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert "conditions.block_bytes" in refused.stderr


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("", "JSON"),
        ('{"schema_version": 1, "run_id"', "JSON"),
        ('{"benchmarks": []}', "result"),
        ('{"schema_version": 99}', "99"),
        ("[1, 2]", "result"),
        ("\x00\x01", "JSON"),
    ],
)
@pytest.mark.parametrize("command", ["compare", "report"])
def test_a_file_that_is_no_result_is_one_clear_line(
    probe: Any, files: dict[str, str], tmp_path: Path, command: str, content: str, word: str
) -> None:
    (tmp_path / "bad.json").write_text(content)
    before = sorted(tmp_path.iterdir())
    more = ["-o", "page.html"] if command == "report" else []
    refused = probe(command, files["old"].split(",")[0], "bad.json", *more)
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert "bad.json" in refused.stderr
    assert word in refused.stderr
    assert refused.stdout == ""
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("arguments", [("only.json",), ("a.json", "b.json", "--baseline", "c.json")])
def test_one_baseline_is_needed_and_no_more(probe: Any, arguments: tuple[str, ...]) -> None:
    refused = probe("compare", *arguments)
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize("share", ["ten", "0", "-5%", "200%"])
def test_a_share_that_is_none_is_refused(probe: Any, files: dict[str, str], share: str) -> None:
    assert probe("compare", files["old"], files["slow"], "--fail-on", share).returncode == 2


@pytest.fixture
def server(files: dict[str, str]) -> Iterator[str]:
    """A real HTTP server on loopback that serves the directory of the results."""
    directory = str(Path(files["old"].split(",")[0]).parent)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=directory)

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002  http.server's name
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()
        thread.join()


def test_a_baseline_is_fetched_from_an_address(probe: Any, files: dict[str, str], server: str) -> None:
    shown = probe("compare", files["slow"], "--baseline", f"{server}/old0.json", "--format", "json")
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout)["baseline_runs"] == 1


def test_an_address_without_a_result_is_one_clear_line(probe: Any, files: dict[str, str], server: str) -> None:
    refused = probe("compare", files["slow"], "--baseline", f"{server}/absent.json")
    assert refused.returncode == 3
    assert "404" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_a_baseline_is_not_fetched_without_tls_from_elsewhere(probe: Any, files: dict[str, str]) -> None:
    refused = probe("compare", files["slow"], "--baseline", "http://192.0.2.1/baseline.json")
    assert refused.returncode == 2
    assert "https" in refused.stderr
