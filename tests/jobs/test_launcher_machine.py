"""Startup is timed by the launcher: what disturbs its machine disturbs the times."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from jobs.guard import Limits
from jobs.launch import run
from jobs.outcome import Done, Watched, results
from jobs.plan import plan
from jobs.step import PodStartup
from probes.measure.stability import Flag, FlagCode
from tests.jobs.factories import SECONDS, nodes, request, site
from tests.jobs.memory import Memory
from tests.jobs.test_launch import startup_play
from tests.jobs.test_startup_metrics import startup, wave

MADE = plan(
    request("startup", startup_pods=4, startup_rate_per_second=4.0), nodes=nodes(2), classes=[], seconds=SECONDS
)


@contextmanager
def all_cpus_busy() -> Iterator[None]:
    """Have processes that are no children of ours, which would count as our own work, compute for a while at most."""
    shell = "timeout 60 sh -c 'while :; do :; done' >/dev/null 2>&1 & echo $!"
    count = len(os.sched_getaffinity(0))
    started = [
        int(subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=True).stdout)
        for _ in range(count)
    ]
    try:
        yield
    finally:
        for process_id in started:
            with suppress(ProcessLookupError):
                os.kill(process_id, signal.SIGTERM)


def test_others_that_take_the_launchers_cpus_are_a_doubt_about_startup() -> None:
    with all_cpus_busy():
        outcome = run(Memory(play=startup_play), MADE, site(owner=None), Limits(), start_seconds=30.0)
    flags = [flag for flag in outcome.results[0].flags if flag.code is FlagCode.INTERFERENCE]
    assert len(flags) == 1
    assert flags[0].reason.startswith("on the machine of the launcher, which took the times: ")
    assert "other processes used" in flags[0].reason


def test_a_doubt_of_both_kinds_of_startup_is_told_once() -> None:
    doubt = (Flag(code=FlagCode.CPU_STOLEN, reason="the host is busy"),)
    waves = (wave(startup("p", 0.1, 0.2, 0.3, 1.0)),)
    done = [
        Done(step=step, begin=0.0, end=1.0, doubts=doubt, waves=waves if isinstance(step, PodStartup) else ())
        for step in MADE.steps
    ]
    (found,) = results(MADE, done, Watched(startups=(), pulls={}, begin=0.0))
    (flag,) = (each for each in found.flags if each.code is FlagCode.CPU_STOLEN)
    assert flag.reason.endswith("service-startup, pod-startup, 2 times: the host is busy")
