"""Tasks in processes of their own, so that what they load and hold ends with them; the daemon stays small."""

import os
import signal
import subprocess
import sys
import time

from agent.daemon.tasks import Task, TaskReport, read_report


class Child:
    """A task that runs. Raises OSError where no process can be started."""

    def __init__(self, task: Task, handed_over: bytes) -> None:
        self.task = task
        self._begin = time.monotonic()
        # A session of its own: a Ctrl-C of the terminal is the daemon's to pass on, in its order. -P: where the daemon
        # happens to be started must not decide whose code runs.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "agent.daemon.child", task.value, str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            self.pidfd = os.pidfd_open(self._process.pid)
            self._hand_over(handed_over)
        except BaseException:
            self._process.kill()
            self._process.communicate()
            raise

    @property
    def pid(self) -> int:
        """The process's number, until its report was taken."""
        return self._process.pid

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        return time.monotonic() - self._begin

    def stop(self) -> None:
        """Ask it to end soon; one that has begun Jobs removes them first."""
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it, and whatever it has started."""
        self._process.kill()

    def report(self) -> TaskReport:
        """Wait for its end, and return what it told."""
        output, _ = self._process.communicate()
        os.close(self.pidfd)
        return read_report(output)

    def _hand_over(self, text: bytes) -> None:
        pipe = self._process.stdin
        if pipe is None:
            raise TypeError("the child was started without an input")
        try:
            pipe.write(text)
            pipe.close()
        except BrokenPipeError:
            # It has died already, which its report will tell.
            pass
        finally:
            self._process.stdin = None
