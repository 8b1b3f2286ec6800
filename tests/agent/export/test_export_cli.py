"""`probe run --export`: checked first, written whole, as often as asked."""

import csv
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

CHEAP = ("run", "utilization", "--duration", "200ms", "--no-history")


def test_one_run_can_be_exported_to_every_format_at_once(probe: Any, tmp_path: Path) -> None:
    ran = probe(*CHEAP, "--export", "csv", "new/a.csv", "--export", "openmetrics", "a.om", "--output", "a.json")
    assert ran.returncode == 0, ran.stderr
    # Without universal newlines: a carriage return more or less would pass unseen.
    with (tmp_path / "new/a.csv").open(newline="") as file:
        assert all(row["probe"] == "utilization" for row in csv.DictReader(file))
    assert list(text_string_to_metric_families((tmp_path / "a.om").read_text()))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.om", "new"]
    for name in ("a.csv", "a.om", "a.json"):
        assert f"{name}\n" in ran.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("--export", "xml", "a"),
        ("--export", "csv"),
        ("--export", "csv", "directory"),
        ("--export", "csv", "/proc/a/b.csv"),
        ("--export", "csv", "same", "--export", "openmetrics", "same"),
        ("--export", "csv", "same", "--output", "./same"),
    ],
)
def test_what_cannot_be_exported_is_refused_before_measuring(
    probe: Any, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    (tmp_path / "directory").mkdir()
    refused = probe(*CHEAP, *arguments)
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1), refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["directory"]
