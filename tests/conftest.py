"""What all tests share."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes depends on what else the machine does, and says nothing about the law.
settings.register_profile("untimed", settings.default, deadline=None)
settings.load_profile("untimed")

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what no cluster was there for, by the reports, which come from wherever the tests ran."""
    skipped = [each for each in terminalreporter.stats.get("skipped", ()) if each.nodeid.startswith("tests/cluster/")]
    if skipped:
        lacking = skipped[0].longrepr[-1].removeprefix("Skipped: ")
        why = f"tests/cluster: {len(skipped)} tests need a real cluster and were skipped; {lacking}"
        terminalreporter.write_line(why, yellow=True)


@pytest.fixture(scope="session", autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the runs of all tests out of the history of whoever runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session")
def probe_program() -> str:
    """The installed `probe`, as a person runs it."""
    return str(Path(sys.executable).with_name("probe"))


@pytest.fixture
def probe(probe_program: str, tmp_path: Path) -> Run:
    """Run `probe` in an empty directory and return its exit code and streams."""

    def run(*arguments: str, env: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [probe_program, *arguments],
            cwd=tmp_path,
            env=os.environ | {"NO_COLOR": "1"} | (env or {}),
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )

    return run
