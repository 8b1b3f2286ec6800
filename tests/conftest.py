"""What all tests share."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


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
