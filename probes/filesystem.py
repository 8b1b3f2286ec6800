"""What the kernel tells of the file system that holds a directory, and of the device below it: mountinfo and sysfs.

What is told is allow-listed: no path, no label, no server's name and no serial number gets into the facts.
"""

import os
import re
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from probes.measure.result import Facts

# The kernel's own views of itself are memory as well.
_MEMORY_TYPES = frozenset({"tmpfs", "ramfs", "devtmpfs", "rootfs", "hugetlbfs", "proc", "sysfs", "cgroup", "cgroup2"})
_MEMORY_DEVICE = re.compile(r"z?ram\d+")
# mount(8), ext4(5), xfs(5), btrfs(5), nfs(5): what changes speed or durability, and whose values are words or numbers.
_TOLD_OPTIONS = frozenset(
    """
    ro rw sync dirsync noatime relatime strictatime nodiratime lazytime discard dax
    barrier nobarrier data commit delalloc nodelalloc journal_checksum journal_async_commit auto_da_alloc
    logbsize logbufs allocsize largeio swalloc inode64
    compress compress-force datacow nodatacow datasum nodatasum ssd nossd autodefrag space_cache
    vers proto rsize wsize hard soft nconnect ac noac
    """.split()  # noqa: SIM905  four lines instead of forty
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A line of /proc/self/mountinfo (proc(5)), as far as it matters here."""

    kind: str
    """The type of the file system, such as `ext4`."""
    options: tuple[str, ...]
    """Those of the mount and of the file system that may be told, in alphabetical order."""
    device_number: str
    """`major:minor`; major 0 where the file system is not on one block device."""
    source: str
    """What was mounted; never told."""


def mount_of(directory: str) -> Mount:
    """Return the mount that holds `directory`. Raises OSError where it can't be opened or is no directory."""
    descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        about = Path(f"/proc/self/fdinfo/{descriptor}").read_text(encoding="ascii")
    finally:
        os.close(descriptor)
    mount_id = next(line.split()[1] for line in about.splitlines() if line.startswith("mnt_id:"))
    table = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    return next(parse_mount(line) for line in table.splitlines() if line.split(maxsplit=1)[0] == mount_id)


def parse_mount(line: str) -> Mount:
    """Read one line of mountinfo."""
    first, _, second = line.partition(" - ")
    _, _, device_number, _, _, mount_options, *_ = first.split(" ")
    kind, source, super_options = second.split(" ")
    options = {*mount_options.split(","), *super_options.split(",")}
    told = tuple(sorted(option for option in options if option.partition("=")[0] in _TOLD_OPTIONS))
    return Mount(kind=kind, options=told, device_number=device_number, source=source)


def device_facts(mount: Mount, sysfs: Path = Path("/sys")) -> Facts:
    """Return name, model, kind of medium, scheduler and write cache of the block device; what isn't known is absent."""
    device = (sysfs / "dev" / "block" / _block_device(mount)).resolve()
    if not device.is_dir():
        return {}
    if (device / "partition").exists():
        device = device.parent
    facts: Facts = {"device": device.name}
    with suppress(OSError):
        facts["device_model"] = " ".join((device / "device" / "model").read_text(encoding="ascii").split())
    with suppress(OSError):
        facts["rotational"] = (device / "queue" / "rotational").read_text(encoding="ascii").strip() == "1"
    with suppress(OSError):
        schedulers = (device / "queue" / "scheduler").read_text(encoding="ascii").strip()
        chosen = re.search(r"\[(.+)\]", schedulers)
        facts["scheduler"] = chosen[1] if chosen else schedulers
    with suppress(OSError):
        facts["write_cache"] = (device / "queue" / "write_cache").read_text(encoding="ascii").strip()
    return facts


def in_memory(mount: Mount) -> bool:
    """Tell whether what is written there stays in memory: then it is no storage to measure."""
    device = device_facts(mount).get("device", "")
    return mount.kind in _MEMORY_TYPES or _MEMORY_DEVICE.fullmatch(str(device)) is not None


def free_bytes_in(directory: str) -> int:
    """Return what an ordinary user may still write there. Raises OSError."""
    found = os.statvfs(directory)
    return found.f_bavail * found.f_frsize


def other_than_directory(path: str) -> str | None:
    """Return what `path` is if it exists and is no directory, in words."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116  Path.stat would do the same
    except OSError:
        return None
    kinds = ((stat.S_ISDIR, None), (stat.S_ISBLK, "a block device"), (stat.S_ISCHR, "a character device"))
    return next((name for matches, name in kinds if matches(mode)), "a file")


def _block_device(mount: Mount) -> str:
    """`major:minor` of the device; btrfs has an anonymous number, and names its device as the source."""
    if mount.device_number.startswith("0:") and mount.source.startswith("/dev/"):
        with suppress(OSError):
            number = Path(mount.source).stat().st_rdev
            return f"{os.major(number)}:{os.minor(number)}"
    return mount.device_number
