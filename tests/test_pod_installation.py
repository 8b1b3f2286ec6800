"""What the image of pods has is enough to measure: all else that is installed here is hidden, in each process."""

import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest

from probes.catalogue import CATALOGUE
from probes.errand import Measure
from probes.frame import Whole, read
from probes.measure.result import Status

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
GROUP = PROJECT["dependency-groups"]["pod"]
COMMAND = "from agent.cli.probe import main; main()"
# Python imports this by itself in each process, those that a probe spawns included.
HIDING = """\
import sys


class Hidden:
    names = frozenset({names})

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)


sys.meta_path.insert(0, Hidden())
"""


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def with_dependencies(lines: list[str]) -> set[str]:
    """The distributions of requirement lines, and all that they require without an extra."""
    found: set[str] = set()
    waiting = list(lines)
    while waiting:
        line = waiting.pop()
        match = re.match(r"[\w.-]+", line)
        if match and "extra ==" not in line and canonical(match[0]) not in found:
            found.add(canonical(match[0]))
            waiting += requires(match[0]) or []
    return found


@pytest.fixture
def pod(tmp_path: Path) -> dict[str, str]:
    """The environment of a process for which nothing is installed but the group's packages and our own."""
    there = with_dependencies(GROUP) | {PROJECT["project"]["name"]}
    hidden = {
        module
        for module, distributions in packages_distributions().items()
        if not there & {canonical(each) for each in distributions}
    } - {"agent", "jobs", "probes"}
    assert {"kubernetes", "httpx", "urllib3", "prometheus_client", "yaml", "msgspec"} <= hidden
    (tmp_path / "sitecustomize.py").write_text(HIDING.format(names=sorted(hidden)))
    return os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT}", "NO_COLOR": "1"}


def ran(pod: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments], env=pod, cwd=pod["PYTHONPATH"].partition(":")[0], capture_output=True, text=True,
        timeout=110, check=False,
    )  # fmt: skip


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
    done = ran(pod, "-c", f"from probes.catalogue import load; import probes.__main__; load({name!r})")
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
    assert set(GROUP) <= set(PROJECT["project"]["dependencies"])
