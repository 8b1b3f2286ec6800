"""One agent to a state directory: a lock that the kernel drops with its holder, however that one ends."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from agent.errors import Locked, StateUnusable


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock file; the process id in it is for people. Raises Locked where another process has it."""
    with _opened(path) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
            raise Locked(
                f"another agent (process {holder}) works with {path.parent}: stop it, or set telemetry.state_dir"
            ) from error
        with suppress(OSError):  # a full disk keeps nobody from holding it
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
        yield


@contextmanager
def taken(path: Path) -> Iterator[None]:
    """Hold the lock file for an instant; others wait for their turn."""
    with _opened(path) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    try:
        # A link here would have whatever it leads to overwritten.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise StateUnusable(
            f"can't lock {path} ({_reason(error)}): make it writable, or set telemetry.state_dir"
        ) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _reason(error: OSError) -> str | None:
    return "it is a symbolic link" if error.errno == errno.ELOOP else error.strerror
