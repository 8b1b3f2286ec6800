"""`telemetry-agent` without a command: say what will be done, and become the daemon."""

import json
import os
import sys
from pathlib import Path
from typing import NoReturn

from agent.daemon.handover import handed_over
from agent.daemon.waking import hold_stops


def run(path: Path | None) -> NoReturn:
    """Become the daemon. Raises InvalidSettings.

    This process is replaced rather than kept: what reading and checking the configuration took of memory goes with it.
    A stop that comes meanwhile is heeded by the daemon.
    """
    hold_stops()
    from agent.cli.telemetry.statement import statement  # noqa: PLC0415  takes a while, in which a stop may come
    from agent.settings import load  # noqa: PLC0415  the same

    settings = load(path)
    as_json = settings.configuration.telemetry.log_format == "json"
    for line in statement(settings):
        text = json.dumps({"event": "statement", "text": line}) if as_json else line
        sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
    descriptor = os.memfd_create("settings", 0)
    os.write(descriptor, handed_over(settings))
    os.lseek(descriptor, 0, os.SEEK_SET)
    # -P: where it happens to be started must not decide whose code runs.
    os.execv(sys.executable, [sys.executable, "-P", "-m", "agent.daemon.daemon", str(descriptor)])  # noqa: S606  no shell is wanted
