"""The file that the storage probe measures on: in which directory, how large, and how it comes to be."""

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from probes.errors import InvalidRequest, Unavailable
from probes.filesystem import Mount, free_bytes_in, in_memory, mount_of, other_than_directory
from probes.measure.stability import Flag, FlagCode
from probes.measure.units import Unit, format_quantity
from probes.scratch import fd_path, unnamed_file

MIB, GIB = 1024**2, 1024**3
# A disk that is nearly full is slow, and somebody else needs the space: a quarter of what is free is ours for a while.
SHARE_OF_FREE = 0.25
# Hard disks carry caches of up to 256 MiB (their data sheets): a smaller file can live in one.
_SMALLEST_BYTES = 256 * MIB
# A file that takes 25 s to write outgrows the cache of an array as well: kbench's rule
# (https://github.com/yasker/kbench). The bound is for arrays of tens of GB/s.
_UNCACHED_SECONDS = 25
_LARGEST_BYTES = 256 * GIB


def given_directory(path: str) -> str:
    """Return the absolute path. Raises InvalidRequest for what exists and is no directory: nothing is overwritten."""
    found = other_than_directory(path)
    if found is not None:
        raise InvalidRequest(f"{path} is {found}, and storage never overwrites one: give a directory on that disk")
    try:
        return os.path.abspath(path)  # noqa: PTH100  Path.absolute keeps `..` in what is told
    except OSError as error:
        raise InvalidRequest(f"{path} is relative to a directory that is gone: give an absolute path") from error


def default_directory() -> str:
    """Return the current directory, or /var/tmp where that is in memory, read-only or gone.

    /tmp is no choice: it is in memory on many machines, whereas /var/tmp survives a reboot (FHS 3.0, section 5.15).
    Where neither will do, /var/tmp is returned all the same, and `surroundings` says what is wrong with it.
    """
    with suppress(OSError):
        current = os.getcwd()  # noqa: PTH109  the same as Path.cwd, as text
        if os.access(current, os.W_OK) and not in_memory(mount_of(current)):
            return current
    return "/var/tmp"  # noqa: S108  no file in it ever has a name


def surroundings(directory: str) -> tuple[Mount, int]:
    """Return the mount that holds the directory and its free bytes. Raises Unavailable where it is no storage."""
    try:
        mount, free_bytes = mount_of(directory), free_bytes_in(directory)
    except OSError as error:
        raise Unavailable(f"can't look into {directory} ({error.strerror}): create it, or give --path DIR") from error
    if in_memory(mount):
        raise Unavailable(f"{directory} is in memory ({mount.kind}), which is no storage: give --path DIR on a disk")
    return mount, free_bytes


def decide_size(asked_bytes: int | None, *, default_bytes: int, free_bytes: int) -> tuple[int, tuple[Flag, ...]]:
    """Return the size of the test file in bytes, whole MiB, and a flag where a cache may hold all of it.

    A default shrinks to a power of two (so that repeated runs stay comparable) within a quarter of the free space; a
    size that was asked for does not. Raises InvalidRequest if that doesn't fit, Unavailable if too little is free.
    """
    share_bytes = int(free_bytes * SHARE_OF_FREE)
    share = f"{_size(share_bytes)}, a quarter of the {_size(free_bytes)} that are free"
    if asked_bytes is not None:
        if asked_bytes > share_bytes:
            raise InvalidRequest(f"a test file of {_size(asked_bytes)} exceeds {share}: give a smaller --size")
        size_bytes = asked_bytes - asked_bytes % MIB
        if size_bytes >= _SMALLEST_BYTES:
            return size_bytes, ()
        return size_bytes, (_cached(f"the test file has {_size(size_bytes)}"),)
    if share_bytes < _SMALLEST_BYTES:
        needed = f"storage needs {_size(_SMALLEST_BYTES / SHARE_OF_FREE)} free to use a quarter of it"
        raise Unavailable(f"only {_size(free_bytes)} are free and {needed}: free some, or give --path or --size")
    if default_bytes <= share_bytes:
        return default_bytes, ()
    size_bytes = _power_of_two_within(share_bytes)
    return size_bytes, (_cached(f"the test file has {_size(size_bytes)} within {share}"),)


def grown_size(size_bytes: int, *, write_bytes_per_second: float, free_bytes: int) -> int:
    """Return the power of two that takes 25 s to write at least, within a quarter of the free space; never less."""
    wanted = 2 * _power_of_two_within(int(_UNCACHED_SECONDS * write_bytes_per_second))
    return max(size_bytes, min(wanted, _LARGEST_BYTES, _power_of_two_within(int(free_bytes * SHARE_OF_FREE))))


@contextmanager
def allocated_file(directory: str, size_bytes: int) -> Iterator[int]:
    """Yield the descriptor of an unnamed file of this size. Raises Unavailable where there can't be one."""
    with ExitStack() as stack:
        try:
            descriptor = stack.enter_context(unnamed_file(directory))
        except OSError as error:
            reason = f"can't create a file in {directory} ({error.strerror})"
            raise Unavailable(f"{reason}: make it writable, or give --path DIR") from error
        allocate(descriptor, size_bytes)
        yield descriptor


def allocate(descriptor: int, size_bytes: int) -> None:
    """Give the file all its blocks now: a full disk shows here, not in a measurement. Raises Unavailable."""
    try:
        os.posix_fallocate(descriptor, 0, size_bytes)
    except OSError as error:
        reason = f"can't allocate a test file of {_size(size_bytes)} ({error.strerror})"
        raise Unavailable(f"{reason}: free space or quota, or give a smaller --size") from error


def require_direct_io(descriptor: int, mount: Mount) -> None:
    """Raise Unavailable unless the file can be opened past the page cache, which would answer in the disk's place."""
    try:
        os.close(os.open(fd_path(descriptor), os.O_RDONLY | os.O_DIRECT | os.O_CLOEXEC))
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        reason = f"the file system ({mount.kind}) has no direct I/O, so that memory would be measured"
        raise Unavailable(f"{reason}: give --path DIR on a local disk or a volume") from error


def _cached(what: str) -> Flag:
    return Flag(code=FlagCode.CACHED, reason=f"{what}: the device's own cache may hold much of it")


def _power_of_two_within(size_bytes: int) -> int:
    """The largest power of two that is not above `size_bytes`; 0 for less than one."""
    return 1 << size_bytes.bit_length() >> 1


def _size(size_bytes: float) -> str:
    return format_quantity(size_bytes, Unit.BYTES)
