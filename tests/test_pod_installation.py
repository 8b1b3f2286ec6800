"""What the image of pods has is enough to measure: all else that is installed here is hidden, in each process."""

import json
import re
from pathlib import Path

import pytest

from probes.catalogue import CATALOGUE
from probes.errand import Measure
from probes.frame import Whole, read
from probes.measure.result import Status
from tests.installation import GROUPS, PROJECT, hide_all_but, ran

COMMAND = "from agent.cli.probe import main; main()"


@pytest.fixture
def pod(tmp_path: Path) -> dict[str, str]:
    environment, hidden = hide_all_but(GROUPS["pod"], tmp_path)
    assert {"kubernetes", "httpx", "urllib3", "prometheus_client", "yaml", "msgspec"} <= hidden
    return environment


def test_what_is_hidden_is_hidden(pod: dict[str, str]) -> None:
    assert "No module named 'kubernetes'" in ran(pod, "-c", "import kubernetes").stderr


def test_a_probe_measures_as_in_a_pod(pod: dict[str, str]) -> None:
    errand = Measure(probe="utilization", options={"duration": "1s"}).model_dump_json()
    done = ran(pod, "-m", "probes", errand)
    told = read(done.stdout.encode())
    assert isinstance(told, Whole), done.stderr
    assert told.result.status is Status.MEASURED


@pytest.mark.parametrize("name", CATALOGUE)
def test_all_that_a_probe_imports_is_there(pod: dict[str, str], name: str) -> None:
    done = ran(pod, "-c", f"from probes.catalogue import load; import probes.perform; load({name!r})")
    assert done.returncode == 0, done.stderr


def test_the_command_measures_this_machine(pod: dict[str, str]) -> None:
    done = ran(pod, "-c", COMMAND, "run", "utilization", "--duration", "1s", "--no-history", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["results"][0]["status"] == "measured"


def test_what_takes_more_is_refused_in_one_line(pod: dict[str, str]) -> None:
    done = ran(pod, "-c", COMMAND, "cleanup")
    assert done.returncode == 3
    assert re.fullmatch(r"probe: \w+ is not installed here: [^\n]+\n", done.stderr), done.stderr


def test_the_group_asks_for_no_other_versions_than_the_package() -> None:
    assert set(GROUPS["pod"]) <= set(PROJECT["dependencies"])
