"""Signals as something that can be waited for beside everything else."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_STOPPING = (signal.SIGINT, signal.SIGTERM)


def hold_stops() -> None:
    """Have SIGTERM and SIGINT wait until `wakeups` listens, across exec, too.

    From a container's first process the kernel keeps what it neither handles nor blocks.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)


@contextmanager
def wakeups() -> Iterator[int]:
    """Yield a descriptor that can be read when SIGTERM or SIGINT has come; only in the main thread."""
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def nothing(_number: int, _frame: FrameType | None) -> None:
        """Be a handler: without one there would be nothing to wake up for."""

    before = {number: signal.signal(number, nothing) for number in _STOPPING}
    previous = signal.set_wakeup_fd(writer)
    mask = signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
    try:
        yield reader
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.set_wakeup_fd(previous)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reader)
        os.close(writer)
