"""A task's process: the settings on its input, its report on its output, and nothing else there.

SIGTERM asks it to end soon. Collecting and measuring end at once and in order, sending after the request that is under
way; all else is short and goes on to its end. What is killed meanwhile has lost nothing that was kept.
"""

import os
import signal
import sys
import threading
import time
from dataclasses import replace
from types import FrameType

from agent.daemon.handover import taken_over
from agent.daemon.tasks import Ending, Task, TaskReport
from agent.log import Log
from agent.quiet import places, silence, silence_packages


def main() -> None:
    """Carry out the task that the first argument names, for the process that the second one names."""
    silence()
    silence_packages()
    task, parent_pid = Task(sys.argv[1]), int(sys.argv[2])
    from probes.process import die_with_parent  # noqa: PLC0415  a fault at import must not come before its time

    die_with_parent(parent_pid)
    stopping = _asked_to_stop()
    report_to = _own_output()
    begin = time.monotonic()
    report = _performed(task, sys.stdin.buffer.read(), stopping)
    os.write(report_to, replace(report, seconds=time.monotonic() - begin).to_json())


def _asked_to_stop() -> threading.Event:
    """Return what SIGTERM sets."""
    stopping = threading.Event()

    def note(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, note)
    return stopping


def _own_output() -> int:
    """Return a descriptor for the report; what any library prints goes nowhere.

    Nor is this a terminal then: where it is one, the Kubernetes client lets a login's plugin write to it, with names.
    """
    report_to = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return report_to


def _performed(task: Task, handed_over: bytes, stopping: threading.Event) -> TaskReport:
    try:
        from agent.daemon.cycle import Cycle  # noqa: PLC0415  a fault at import is a fault of the task

        settings = taken_over(handed_over)
        log = Log(settings.configuration.telemetry.log_format)
        return Cycle(settings, log, stopping=stopping.is_set).perform(task)
    except Exception as error:  # noqa: BLE001  the daemon must hear of it in any case
        return TaskReport(ending=Ending.FAILED, problem=f"a fault of its own in the task {task}: {places(error)}")


if __name__ == "__main__":
    main()
