"""Becomes a container: `python container_init.py SPEC`, with a JSON object as SPEC.

Own mount and process namespaces with the host's files to read, what the pod mounts to write, no capabilities and no
way to new privileges (prctl(2), capabilities(7), mount(2), pid_namespaces(7)). The network is the host's: pods have
addresses of their own on loopback. The user is whoever runs the stand-in, because a Python in somebody's home is for
no other user to run; without capabilities, root is one among others to everything that isn't his.

Uses the standard library alone, for it is run without site packages, which makes it quick.
"""

import ctypes
import fcntl
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

_NEW_MOUNTS, _NEW_PROCESSES = 0x00020000, 0x20000000
_READ_ONLY, _REMOUNT, _BIND, _RECURSIVE, _PRIVATE, _DETACH = 1, 32, 4096, 16384, 1 << 18, 2
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_PDEATHSIG, _NO_NEW_PRIVILEGES, _DROP_FROM_BOUNDING_SET = 1, 38, 24
_CAPABILITY_VERSION_3 = 0x20080522
_libc = ctypes.CDLL(None, use_errno=True)


def main() -> int:
    spec = json.loads(sys.argv[1])
    # Whoever gives the API server priority over the pods, as if they were on other machines, does not mean them.
    os.setpriority(os.PRIO_PROCESS, 0, max(0, os.getpriority(os.PRIO_PROCESS, 0)))
    # Here rather than before the execution: that would take a fork of the stand-in with all its memory.
    _libc.prctl(_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
    if os.getppid() != spec["parent_pid"]:
        return 128
    _checked(_libc.unshare(_NEW_MOUNTS | _NEW_PROCESSES))
    init = os.fork()
    if init == 0:
        _become(spec)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _: os.kill(init, received))
    # Held by the container alone from here on, so that its end tells when the command has been executed.
    os.close(spec["executed_fd"])
    _, status = os.waitpid(init, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _become(spec: dict[str, Any]) -> None:
    """Never returns: ends as the command, or with 128 as a container runtime does where there is no such command."""
    try:
        _libc.prctl(_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
        _mount_root(spec)
        os.chdir(spec["working_directory"])
        fcntl.fcntl(spec["executed_fd"], fcntl.F_SETFD, fcntl.FD_CLOEXEC)
        _drop_privileges()
        os.execvpe(spec["command"][0], spec["command"], spec["environment"])  # noqa: S606 - there is no shell
    except OSError as error:
        sys.stderr.write(f"can't start the container: {error}\n")
    finally:
        os._exit(128)


def _mount_root(spec: dict[str, Any]) -> None:
    """Build a root on a tmpfs of the new namespace: it vanishes with the last process in it."""
    root = Path(spec["root"])
    _mount("none", Path("/"), flags=_RECURSIVE | _PRIVATE)
    _mount("tmpfs", root, kind="tmpfs")
    for entry in Path("/").iterdir():
        place = root / entry.name
        if entry.is_symlink():
            place.symlink_to(entry.readlink())
        elif entry.is_dir() and entry.name not in ("dev", "proc", "tmp", "lost+found"):
            _bind(entry, place, writable=False)
    (root / "tmp").mkdir()
    for program in map(Path, spec["programs"]):
        if program.is_relative_to("/tmp"):  # noqa: S108 - nothing is created there
            _bind(program, root / program.relative_to("/"), writable=False)
    for source, place, writable in spec["mounts"]:
        _bind(Path(source), root / place.lstrip("/"), writable=writable)
    _mount_devices(root, Path(spec["termination_log"]))
    (root / "proc").mkdir()
    _mount("proc", root / "proc", kind="proc")
    # As Docker's and containerd's `resolv.conf` and `hosts`: files of the pod's own over those of its image.
    for name in ("resolv.conf", "hosts"):
        _mount(spec["files"] + "/" + name, (root / "etc" / name).resolve(), flags=_BIND)
    if spec["read_only_root"]:
        _mount("none", root, flags=_REMOUNT | _BIND | _READ_ONLY)
    os.chroot(root)


def _mount_devices(root: Path, termination_log: Path) -> None:
    devices = root / "dev"
    devices.mkdir()
    for name in _DEVICES:
        (devices / name).touch()
        _mount(f"/dev/{name}", devices / name, flags=_BIND)
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        (devices / name).symlink_to(target)
    shared = devices / "shm"
    shared.mkdir()
    _mount("tmpfs", shared, kind="tmpfs")
    log = devices / "termination-log"
    log.touch()
    _mount(str(termination_log), log, flags=_BIND)


def _bind(source: Path, place: Path, *, writable: bool) -> None:
    place.mkdir(parents=True, exist_ok=True)
    _mount(str(source), place, flags=_BIND | _RECURSIVE)
    if not writable:
        _mount("none", place, flags=_REMOUNT | _BIND | _READ_ONLY)


def _mount(source: str, place: Path, *, kind: str = "none", flags: int = 0) -> None:
    _checked(_libc.mount(source.encode(), str(place).encode(), kind.encode(), ctypes.c_ulong(flags), None))


def _drop_privileges() -> None:
    for capability in range(64):
        _libc.prctl(_DROP_FROM_BOUNDING_SET, ctypes.c_ulong(capability))
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _checked(_libc.capset(header, (ctypes.c_uint32 * 6)()))
    _checked(_libc.prctl(_NO_NEW_PRIVILEGES, ctypes.c_ulong(1), *[ctypes.c_ulong(0)] * 3))


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    sys.exit(main())
