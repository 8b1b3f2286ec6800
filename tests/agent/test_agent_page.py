"""docs/agent.md says what there is: commands, metrics, stops and files."""

import re
from pathlib import Path

import pytest

from agent.cli.telemetry.command import _COMMANDS
from agent.daemon.metrics import Metrics
from agent.privacy.stops import Stop
from agent.state import State

PAGE = (Path(__file__).parents[2] / "docs" / "agent.md").read_text()


def rows(first: str) -> dict[str, list[str]]:
    """The rows of the table whose head begins with this cell: first cell without quotes -> the others."""
    table = PAGE.partition(f"\n| {first} |")[2].partition("\n\n")[0].splitlines()[2:]
    cells = ([cell.strip() for cell in line.strip("|").split("|")] for line in table)
    return {name.strip("`"): others for name, *others in cells}


def test_every_command_is_in_the_table_in_the_words_of_its_help() -> None:
    assert list(rows("command").items())[1:] == [(name, [what]) for name, (_, what) in _COMMANDS.items()]


def test_every_metric_is_in_the_table_with_its_labels_and_its_help() -> None:
    metrics = Metrics()
    there = {}
    for collector in metrics._registry._collector_to_names:
        described = next(iter(collector.describe()))
        name = described.name + ("_total" if described.type == "counter" else "")
        there[name] = [", ".join(collector._labelnames), described.documentation]  # type: ignore[attr-defined]
    assert rows("metric") == there


def test_every_stop_is_in_the_table_in_its_order() -> None:
    assert list(rows("stop")) == [stop.value for stop in Stop]


def test_every_file_of_the_state_directory_is_in_the_table() -> None:
    state = State(Path("/x"))
    names = {
        value.name for name in dir(state) if isinstance(value := getattr(state, name), Path) and name != "directory"
    }
    assert set(rows("file")) == names


@pytest.mark.parametrize("path", re.findall(r"\]\((?!http)([^)#]+)\)", PAGE))
def test_every_link_leads_somewhere(path: str) -> None:
    assert (Path(__file__).parents[2] / "docs" / path).exists()
