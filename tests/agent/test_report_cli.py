"""`probe report`: arguments, files and exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.agent.page.sample_runs import plain_run


@pytest.fixture
def results(tmp_path: Path) -> list[str]:
    names = [f"r{n}.json" for n in range(4)]
    for number, name in enumerate(names):
        (tmp_path / name).write_text(plain_run(number).model_dump_json())
    return names


def refused(shown: Any, code: int, *parts: str) -> None:
    assert shown.returncode == code, shown.stderr
    assert shown.stdout == ""
    assert shown.stderr.startswith("probe: ")
    assert shown.stderr.count("\n") == 1
    for part in parts:
        assert part in shown.stderr


def test_a_page_is_written_and_named(probe: Any, results: list[str], tmp_path: Path) -> None:
    shown = probe("report", results[0], "-o", "new/report.html")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout == f"Report: {tmp_path / 'new' / 'report.html'}\n"
    assert (tmp_path / "new" / "report.html").read_text().startswith("<!DOCTYPE html>")


def test_each_process_writes_the_same_bytes_for_the_same_results(
    probe: Any, results: list[str], tmp_path: Path
) -> None:
    (tmp_path / "matplotlibrc").write_text("lines.linewidth: 7\nsvg.fonttype: path\n")
    for seed in ("1", "2"):
        shown = probe("report", *results, "-o", f"{seed}.html", env={"PYTHONHASHSEED": seed})
        assert shown.returncode == 0, shown.stderr
        (tmp_path / "matplotlibrc").unlink(missing_ok=True)
    assert (tmp_path / "1.html").read_bytes() == (tmp_path / "2.html").read_bytes()


def test_a_baseline_may_be_repeated_or_joined_by_commas(probe: Any, results: list[str], tmp_path: Path) -> None:
    probe("report", results[3], "--baseline", results[0], "--baseline", results[1], "-o", "a.html")
    probe("report", results[3], "--baseline", ",".join(results[:2]), "-o", "b.html")
    assert (tmp_path / "a.html").read_text() == (tmp_path / "b.html").read_text()
    assert "Baseline: 2 runs" in (tmp_path / "a.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "begins"),
    [
        (("-o", "plot.png"), b"\x89PNG"),
        (("-o", "plot.svg"), b"<?xml"),
        (("-o", "plot", "--format", "png"), b"\x89PNG"),
        (("-o", "plot.svg", "--trend"), b"<?xml"),
    ],
)
def test_a_single_plot_is_what_its_name_or_format_says(
    probe: Any, results: list[str], tmp_path: Path, arguments: tuple[str, ...], begins: bytes
) -> None:
    shown = probe("report", *results, "--metric", "storage/read_latency", *arguments)
    assert shown.returncode == 0, shown.stderr
    assert (tmp_path / arguments[1]).read_bytes().startswith(begins)


def test_a_kept_run_can_be_reported_by_its_tag(probe: Any, tmp_path: Path) -> None:
    assert probe("run", "utilization", "--duration", "100ms").returncode == 0
    assert probe("history", "tag", "latest", "for-a-report").returncode == 0
    assert probe("report", "for-a-report", "-o", "kept.html").returncode == 0
    assert "CPU in use" in (tmp_path / "kept.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("-o", "x.png"), ("--metric PROBE/METRIC",)),
        (("-o", "x.html", "--metric", "storage/read_iops"), (".png or .svg",)),
        (("-o", "x.html", "--trend"), ("--trend",)),
        (("-o", "x.svg", "--metric", "storage/raed_iops"), ("did you mean storage/read_iops?",)),
        (("-o", "x.svg", "--metric", "storage/read_iops", "--trend"), ("fewer than 3 runs",)),
        (("-o", "x.html", "--baseline", "r0.json"), ("twice",)),
        (("-o", "."), ()),
    ],
)
def test_what_makes_no_sense_is_one_line_and_writes_nothing(
    probe: Any, results: list[str], tmp_path: Path, arguments: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    refused(probe("report", results[0], *arguments), 2, *parts)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(results)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema_version": 99}', '{"schema_version": 1}', "\x00"])
def test_a_file_that_is_no_result_is_one_line_and_writes_nothing(probe: Any, tmp_path: Path, content: str) -> None:
    (tmp_path / "foreign.json").write_text(content)
    refused(probe("report", "foreign.json", "-o", "x.html"), 2, "foreign.json")
    assert not (tmp_path / "x.html").exists()


@pytest.mark.parametrize("module", ["matplotlib", "jinja2"])
def test_without_the_extra_one_line_names_it(probe: Any, results: list[str], tmp_path: Path, module: str) -> None:
    absent = tmp_path / "path"
    absent.mkdir()
    (absent / f"{module}.py").write_text(f"raise ModuleNotFoundError('none', name='{module}')\n")
    path = os.pathsep.join([str(absent), *filter(None, [os.environ.get("PYTHONPATH")])])
    shown = probe("report", results[0], "-o", "x.html", env={"PYTHONPATH": path})
    refused(shown, 3, module, "prism-telemetry-agent[report]")


def test_nothing_that_draws_is_loaded_before_there_is_something_to_draw() -> None:
    code = (
        "import sys; import agent.cli.probe, agent.cli.report;"
        "print([m for m in ('matplotlib', 'jinja2') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(shown.stdout) == []
