"""What the image of the service has is enough to serve: all else that is installed here is hidden."""

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from urllib.request import urlopen

import pytest

from probes.process import die_with_parent
from tests.installation import GROUPS, PROJECT, hide_all_but, ran

COMMAND = "from corrective_drift.cli import main; main()"
# alembic alone can run the last ones, which `migrate` has it do.
EVERYTHING = """\
from importlib import import_module
from pkgutil import walk_packages
import corrective_drift

for module in walk_packages(corrective_drift.__path__, "corrective_drift."):
    if not module.name.startswith("corrective_drift.store.migrations."):
        import_module(module.name)
"""


@pytest.fixture
def service(tmp_path: Path) -> dict[str, str]:
    environment, hidden = hide_all_but(GROUPS["service"] + PROJECT["optional-dependencies"]["service"], tmp_path)
    assert {"kubernetes", "httpx", "urllib3", "iperf3", "psutil", "rich"} <= hidden
    return environment


def test_what_is_hidden_is_hidden(service: dict[str, str]) -> None:
    assert "No module named 'kubernetes'" in ran(service, "-c", "import kubernetes").stderr


def test_all_that_the_service_imports_is_there(service: dict[str, str]) -> None:
    done = ran(service, "-c", EVERYTHING)
    assert done.returncode == 0, done.stderr


def test_postgresql_is_spoken_without_a_library_of_the_system(service: dict[str, str]) -> None:
    done = ran(service, "-c", "import psycopg; print(psycopg.pq.__impl__)")
    assert done.stdout == "binary\n", done.stderr


def test_the_command_serves(service: dict[str, str], tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", COMMAND, "serve", "--state-dir", str(tmp_path / "state"), "--port", "0"],
        env=service,
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=partial(die_with_parent, os.getpid()),  # noqa: PLW1509 - two system calls, no lock
    ) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith("{"), line + process.stderr.read()
        with urlopen(f"http://127.0.0.1:{json.loads(line)['port']}/healthz", timeout=60) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0


def test_the_group_asks_for_no_other_versions_than_the_package() -> None:
    assert set(GROUPS["service"]) <= set(PROJECT["dependencies"])
