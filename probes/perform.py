"""Carries out one errand, and tells its result in frames; `python -m probes` says what an errand is."""

import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from probes import errand, frame, reach
from probes.echo import parse_address
from probes.errand import Measure, Reach
from probes.errors import Interrupted, InvalidRequest
from probes.measure.result import ProbeResult, Status
from probes.runner import prepare, run_probe, signals_interrupt

_TERMINATION_LOG = "/dev/termination-log"


def run_errand() -> int:
    """Run the errand; return the exit code."""
    text = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("PROBE_ERRAND", "")
    try:
        told = errand.parse(text)
        with signals_interrupt():
            return _reach(told) if isinstance(told, Reach) else _measure(told)
    except InvalidRequest as error:
        print(f"probes: {error}", file=sys.stderr)  # noqa: T201  a command's own words
        return 2
    except Interrupted as error:
        return 128 + error.signal_number


def _measure(told: Measure) -> int:
    start = time.monotonic()
    code, reason = 0, None
    try:
        result = _measured(told)
    except InvalidRequest as error:
        reason = str(error)
    except Interrupted as error:
        reason = f"stopped by signal {error.signal_number} before the probe had ended: see why its pod was ended"
        code = 128 + error.signal_number
    if reason is not None:
        result = ProbeResult(
            probe=told.probe,
            status=Status.UNAVAILABLE,
            reason=reason,
            spec={"profile": told.profile.value},
            duration_seconds=time.monotonic() - start,
        )
    for line in frame.write(result):
        _say(line)
    # Another container runtime may not have it, and somewhere else it may be read-only: the log has the result, too.
    with suppress(OSError):
        _write_existing(Path(os.environ.get("PROBE_TERMINATION_LOG", _TERMINATION_LOG)), frame.write_short(result))
    return code


def _measured(told: Measure) -> ProbeResult:
    request = prepare(told.probe, told.profile, dict(told.options))
    if told.await_server is not None:
        server = parse_address(told.await_server)
        reach.reach_all({"server": server}, seconds=told.await_seconds, told=lambda *_: None)
    return run_probe(request, lambda phase, _kind: print(f"{told.probe}: {phase}", file=sys.stderr, flush=True))  # noqa: T201  for whoever looks at the log


def _reach(told: Reach) -> int:
    targets = {label: parse_address(text) for label, text in told.targets.items()}
    _say(frame.REACHING)
    reached = reach.reach_all(
        targets, seconds=told.seconds, told=lambda label, attempts: _say(frame.write_reached(label, attempts))
    )
    return 0 if reached else 3


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201  what whoever started us reads


def _write_existing(path: Path, text: str) -> None:
    """Overwrite a file that is there. To create one would leave it behind."""
    with path.open("r+b") as file:
        file.truncate()
        file.write(text.encode("ascii"))
