"""`corrective-drift` as a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from probes.process import die_with_parent
from tests.corrective_drift.running import Files

PROGRAM = Path(sys.executable).with_name("corrective-drift")


@dataclass(frozen=True, kw_only=True)
class Serving:
    """A process that serves."""

    process: "subprocess.Popen[str]"
    url: str


@contextmanager
def serving(database: str, state_dir: Path, files: Files, *options: str) -> Iterator[Serving]:
    """Start the service on a free port and wait until it says that it answers; it is killed in the end."""
    arguments = ["--database", database, "--state-dir", str(state_dir), "--port", "0"]
    arguments += ["--tls-cert", str(files.certificate), "--tls-key", str(files.key), *options]
    with subprocess.Popen(
        [PROGRAM, "serve", *arguments],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        preexec_fn=partial(die_with_parent, os.getpid()),  # noqa: PLW1509 - two system calls, no lock
    ) as process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            if not line.startswith("{"):
                raise RuntimeError(f"the service did not start: {line}{process.stderr.read()}")
            yield Serving(process=process, url=f"https://localhost:{json.loads(line)['port']}")
        finally:
            process.kill()
