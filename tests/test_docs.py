"""Pages whose examples are carried out."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def blocks() -> list[str]:
    """The Python code of docs/adding-a-probe.md, in order: the probe, its line in the catalogue, its test."""
    return re.findall(
        r"^```python\n(.*?)^```$", (ROOT / "docs" / "adding-a-probe.md").read_text(), re.MULTILINE | re.DOTALL
    )


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which somebody has followed docs/adding-a-probe.md."""
    copy = tmp_path_factory.mktemp("project")
    for package in ("agent", "probes"):
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    probe, line, test = blocks()
    (copy / "probes" / "entropy.py").write_text(probe)
    (copy / "test_entropy.py").write_text(test)

    catalogue = copy / "probes" / "catalogue.py"
    before, end, after = catalogue.read_text().partition("    )\n}\n")
    assert end, "the table of the catalogue ends in another way"
    catalogue.write_text(before + line + end + after)

    project, count = re.subn(r'("storage \| latency [^"]*)"', r'\1 | entropy"', (ROOT / "pyproject.toml").read_text())
    assert count == 1, "the layer of the probes begins in another way"
    (copy / "pyproject.toml").write_text(project)
    return copy


def run(followed: Path, *command: str) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    return subprocess.run(
        [sys.executable, *command], cwd=followed, env=env, capture_output=True, text=True, timeout=110, check=False
    )


def test_the_probe_of_the_page_measures(followed: Path) -> None:
    start = "import sys; from agent.cli.probe import main; sys.argv = 'probe run entropy --format json'.split(); main()"
    ran = run(followed, "-c", start)
    assert ran.returncode == 0, ran.stderr
    (result,) = json.loads(ran.stdout)["results"]
    assert result["probe"] == "entropy"
    assert result["metrics"][0]["summary"]["interval"]["method"] == "rounds"


def test_the_test_of_the_page_passes(followed: Path) -> None:
    ran = run(followed, "-m", "pytest", "-q", "test_entropy.py")
    assert ran.returncode == 0, ran.stdout


def test_the_code_of_the_page_is_in_standard_form(followed: Path) -> None:
    files = ["probes/entropy.py", "probes/catalogue.py"]
    for check in (["check", *files], ["format", "--check", *files]):
        ran = run(followed, "-m", "ruff", *check)
        assert ran.returncode == 0, ran.stdout


def test_the_layer_of_the_page_satisfies_import_linter(followed: Path) -> None:
    ran = run(followed, "-c", "import sys; from importlinter.cli import lint_imports_command; lint_imports_command()")
    assert ran.returncode == 0, ran.stdout
