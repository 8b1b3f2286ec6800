"""Runs probes: each in a fresh process of its own, within a deadline, with nothing left of it afterwards.

The child is spawned, not forked, so that no state of ours (or of an earlier probe) reaches the measurement. It tells
its phases and at last its result through a pipe. Whatever kills the parent kills the child with it, and whatever kills
the child leaves a reason in the result.
"""

import multiprocessing
import os
import resource
import signal
import sys
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

from probes import environment
from probes.catalogue import load
from probes.errors import Interrupted, InvalidRequest, ProbeError
from probes.measure.result import PhaseKind, ProbeResult, RunResult, Status, Usage
from probes.probe import Context, Plan, Profile, Spec
from probes.process import die_with_parent, ending_signals, kill_tree

# A probe may take twice what it planned before it stops beginning rounds, and this much longer before it is killed.
_BUDGET_FACTOR = 2.0
_DEADLINE_SLACK_SECONDS = 30.0
_GRACE_SECONDS = 2.0

PhaseListener = Callable[[str, PhaseKind], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One probe to run, with everything decided but the measuring."""

    name: str
    spec: Spec
    plan: Plan


@dataclass(slots=True, kw_only=True)
class Run:
    """A run under way: the results so far, and what surrounds them."""

    profile: Profile
    run_id: uuid.UUID = field(default_factory=uuid.uuid4)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    results: list[ProbeResult] = field(default_factory=list)
    _start: float = field(default_factory=time.monotonic)

    def result(self) -> RunResult:
        """Return what is there: all of it after the last probe, a part of it after an interruption."""
        return RunResult(
            run_id=self.run_id,
            started_at=self.started_at,
            duration_seconds=time.monotonic() - self._start,
            version=version("prism-telemetry-agent"),
            profile=self.profile.value,
            target="local",
            environment=environment.describe(),
            results=tuple(self.results),
        )


def prepare(name: str, profile: Profile, options: dict[str, object]) -> Request:
    """Decide what the probe `name` will do. Raises InvalidRequest for an unknown name or options it can't accept."""
    probe = load(name)
    spec = probe.spec(profile, options)
    return Request(name=name, spec=spec, plan=probe.plan(spec))


def run_probe(request: Request, on_phase: PhaseListener) -> ProbeResult:
    """Run one probe to its end, its deadline or its death. Raises InvalidRequest where it refuses the request."""
    budget_seconds = request.plan.seconds * _BUDGET_FACTOR
    deadline = time.monotonic() + budget_seconds + _DEADLINE_SLACK_SECONDS
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(sender, os.getpid(), request, budget_seconds))
    start = time.monotonic()
    try:
        with receiver:
            child.start()
            sender.close()
            outcome = _listen(receiver, deadline, on_phase)
        if outcome is None:
            return _unavailable(request, _death(child, deadline), time.monotonic() - start)
    finally:
        if child.pid is not None:
            with suppress(psutil.NoSuchProcess):
                kill_tree(psutil.Process(child.pid), grace_seconds=_GRACE_SECONDS)
            child.join()
    if isinstance(outcome, InvalidRequest):
        raise outcome
    return outcome


@contextmanager
def signals_interrupt() -> Iterator[None]:
    """Turn signals that end into Interrupted while the block runs, so that clean-up happens and can be told."""

    def interrupt(number: int, _frame: FrameType | None) -> None:
        raise Interrupted(number)

    before = {number: signal.signal(number, interrupt) for number in ending_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def signals_held() -> Iterator[None]:
    """Keep signals that end until the block has ended by itself, and have them then; only in the main thread."""
    held: list[int] = []
    before = {number: signal.signal(number, lambda number, _: held.append(number)) for number in ending_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if held:
            signal.raise_signal(held[0])


def _listen(receiver: Connection, deadline: float, on_phase: PhaseListener) -> ProbeResult | InvalidRequest | None:
    """Pass phases on until the outcome arrives; None where the child died or ran out of time first."""
    while receiver.poll(max(0.0, deadline - time.monotonic())):
        try:
            message = receiver.recv()
        except EOFError:
            return None
        if not isinstance(message, tuple):
            outcome: ProbeResult | InvalidRequest = message
            return outcome
        on_phase(*message)
    return None


def _death(child: multiprocessing.process.BaseProcess, deadline: float) -> str:
    child.join(timeout=_GRACE_SECONDS if time.monotonic() < deadline else 0)
    if child.exitcode is None:
        return "the probe did not end within its deadline and was stopped: is something it waits for not responding?"
    if child.exitcode == -signal.SIGKILL:
        return "the probe's process was killed (signal 9): is memory short? See the kernel's log"
    return f"the probe's process ended by itself (exit code {child.exitcode}) without a result"


def _unavailable(request: Request, reason: str, duration_seconds: float) -> ProbeResult:
    return ProbeResult(
        probe=request.name,
        status=Status.UNAVAILABLE,
        reason=reason,
        spec=_facts(request.spec),
        duration_seconds=duration_seconds,
    )


def _facts(spec: Spec) -> dict[str, Any]:
    """The specification as plain values; options that were left open are absent, lists become text."""
    values = spec.model_dump(mode="json", exclude_none=True)
    return {key: ",".join(map(str, value)) if isinstance(value, list) else value for key, value in values.items()}


def _child(sender: Connection, parent_pid: int, request: Request, budget_seconds: float) -> None:
    die_with_parent(parent_pid)
    # A session of its own: Ctrl-C in a terminal reaches the parent alone, which ends the tree in order.
    os.setsid()
    try:
        outcome: ProbeResult | InvalidRequest = _measure(sender, request, budget_seconds)
    except InvalidRequest as error:
        outcome = error
    sender.send(outcome)


def _measure(sender: Connection, request: Request, budget_seconds: float) -> ProbeResult:
    context = Context(budget_seconds=budget_seconds, on_phase=lambda name, kind: sender.send((name, kind)))
    start = time.monotonic()
    before = environment.snapshot()
    try:
        probe = load(request.name)
        measurement = probe.measure(request.spec, context)
    except InvalidRequest:
        raise
    except ProbeError as error:
        return _unavailable(request, str(error), time.monotonic() - start)
    except Exception as error:  # noqa: BLE001  a bug in one probe must not cost the others their results
        traceback.print_exc(file=sys.stderr)
        reason = f"the probe failed by a fault of its own ({type(error).__name__}): please report the trace above"
        return _unavailable(request, reason, time.monotonic() - start)
    return ProbeResult(
        probe=request.name,
        status=Status.MEASURED,
        spec=_facts(request.spec),
        facts=measurement.facts,
        tools=measurement.tools,
        phases=context.phases,
        metrics=measurement.metrics,
        flags=measurement.flags
        + environment.doubts(before, environment.snapshot(), wants_idle_machine=probe.wants_idle_machine),
        usage=_usage(),
        duration_seconds=time.monotonic() - start,
    )


def _usage() -> Usage:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_seconds = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
    # ru_maxrss would include what the parent had at the moment of the spawn; VmHWM begins with this program.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    high_water_kib = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))
    return Usage(cpu_seconds=cpu_seconds, peak_memory_bytes=high_water_kib * 1024)
