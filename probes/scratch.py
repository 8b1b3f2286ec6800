"""Files that never have a name, so that nothing of ours can be left behind, whatever kills us."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# What open(2) answers where the file system, or the kernel, has no O_TMPFILE.
_NO_TMPFILE = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT})


@contextmanager
def unnamed_file(directory: str) -> Iterator[int]:
    """Yield the descriptor of an empty read-write file in `directory` that has no name. Raises OSError.

    Its space is freed when the last descriptor closes, however that happens. A child that inherits descriptor n opens
    the file anew as `fd_path(n)`. Where there is no O_TMPFILE (NFS, FUSE), the file has a name for an instant.
    """
    try:
        descriptor = os.open(directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno not in _NO_TMPFILE:
            raise
        descriptor, name = tempfile.mkstemp(prefix=".probe-", dir=directory)
        Path(name).unlink()
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def memory_file(name: str) -> Iterator[int]:
    """Yield the descriptor of a file in anonymous memory (memfd_create(2)); `name` shows only in /proc."""
    descriptor = os.memfd_create(name)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def fd_path(descriptor: int) -> str:
    """Return the path under which a process opens its own descriptor anew."""
    return f"/proc/self/fd/{descriptor}"
