"""What a killed task leaves to the daemon, which is the first process of its container."""

import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import suppress

import psutil
import pytest

from tests.agent.daemon.parts import PATIENCE_SECONDS, Agent, Place, as_first_process

# PR_SET_CHILD_SUBREAPER (prctl(2)) outlasts exec: orphans come to it as they do to the first process of a container.
SUBREAPER = "import ctypes, os, sys; ctypes.CDLL(None).prctl(36, 1, 0, 0, 0); os.execvp(sys.argv[1], sys.argv[1:])"


def as_subreaper() -> tuple[str, ...]:
    return (sys.executable, "-c", SUBREAPER)


def below(process: psutil.Process, *words: str) -> Iterator[psutil.Process]:
    """The processes below `process`, itself among them, whose command lines have these words."""
    with suppress(psutil.Error):
        for each in (process, *process.children(recursive=True)):
            with suppress(psutil.Error):
                if set(words) <= set(each.cmdline()):
                    yield each


@pytest.mark.parametrize("before", [as_subreaper, as_first_process])
def test_nothing_of_a_killed_task_stays_as_a_zombie(before: Callable[[], tuple[str, ...]], place: Place) -> None:
    place.write(privacy_level="detailed")
    place.make_due("probe")
    with Agent(place, before=before()) as agent:
        task = agent.wait_until(lambda: next(below(agent.process, "agent.daemon.child", "probe"), None))
        agent.wait_until(lambda: len(task.children(recursive=True)) > 1)
        family = task.children(recursive=True)
        task.kill()
        assert psutil.wait_procs([task, *family], timeout=PATIENCE_SECONDS)[1] == []
        agent.wait_until(lambda: agent.metric("tasks_total", task="probe", ending="failed") == 1)


def test_tasks_keep_their_reports_among_orphans(place: Place) -> None:
    """Orphans end all the time, while tasks do: none of these may lose what it has to tell."""
    orphans = 'for _ in $(seq 200); do (sleep 0.05 &); sleep 0.05; done & exec "$@"'
    place.make_due()
    with Agent(place, before=(*as_subreaper(), "sh", "-c", orphans, "sh")) as agent:
        agent.wait_until(lambda: agent.metric("tasks_total", task="send", ending="done"))
        for task in ("start", "report", "send"):
            assert agent.metric("tasks_total", task=task, ending="failed") == 0
        agent.wait_until(lambda: not agent.process.children())


def test_the_exit_status_of_an_own_child_is_left_to_who_waits_for_it() -> None:
    script = textwrap.dedent("""
        import ctypes, os, subprocess
        from agent.daemon.orphans import reap_orphans

        reap_orphans(())
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
        own = subprocess.Popen(["sh", "-c", "exit 7"])
        orphan = int(subprocess.check_output(["sh", "-c", "sleep 0.1 & echo $!"]))
        for pid in (own.pid, orphan):
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        reap_orphans({own.pid})
        print(own.wait())
        reap_orphans({own.pid})
        try:
            os.waitpid(orphan, os.WNOHANG)
        except ChildProcessError:
            print("reaped")
    """)
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert (ended.stdout.split(), ended.stderr) == (["7", "reaped"], "")
