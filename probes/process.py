"""Processes that never outlive us.

Each child asks the kernel for SIGKILL when its parent dies (PR_SET_PDEATHSIG, prctl(2)), so that even kill -9 of the
top of a tree takes the whole tree with it, without any code of ours that might not run.
"""

import ctypes
import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import psutil

from probes.errors import ToolFailed, Unavailable

_PR_SET_PDEATHSIG = 1
_GRACE_SECONDS = 2.0
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """A tool that ran to its own end."""

    returncode: int
    stdout: str
    stderr: str


def die_with_parent(parent_pid: int) -> None:
    """Ask the kernel to kill this process when the thread that started it ends. Call it first thing in a child.

    `parent_pid` is the starter's; had it died before the call, no signal would ever come, so that is checked.
    """
    _libc.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
    if os.getppid() != parent_pid:
        os.kill(os.getpid(), signal.SIGKILL)


def ending_signals() -> list[signal.Signals]:
    """Return the signals that end a run in order: a closed terminal's, too, unless it was to outlive that (nohup)."""
    always = [signal.SIGINT, signal.SIGTERM]
    return always if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else [*always, signal.SIGHUP]


def run_tool(argv: Sequence[str], *, deadline_seconds: float, pass_fds: Sequence[int] = ()) -> Completed:
    """Run `argv` to its end with the C locale and no standard input; the whole tree is killed whatever happens.

    Raises Unavailable where the program can't be started and ToolFailed where it outlives `deadline_seconds`.
    """
    try:
        process = psutil.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=os.environ | {"LC_ALL": "C"},
            pass_fds=tuple(pass_fds),
            preexec_fn=partial(die_with_parent, os.getpid()),
        )
    except FileNotFoundError as error:
        raise Unavailable(f"{argv[0]} is not installed: install the package {argv[0]}") from error
    except OSError as error:
        raise Unavailable(f"{argv[0]} can't be started: {error.strerror}") from error
    try:
        stdout, stderr = process.communicate(timeout=deadline_seconds)
    except subprocess.TimeoutExpired as error:
        raise ToolFailed(
            f"{argv[0]} did not end within {deadline_seconds:.0f} s and was killed: is the device responding?"
        ) from error
    finally:
        kill_tree(process, grace_seconds=_GRACE_SECONDS)
        # Not `with process`, which waits without end: on a dead device a process outlives even SIGKILL.
        process.stdout.close()
        process.stderr.close()
        process.poll()
    return Completed(returncode=process.returncode, stdout=stdout, stderr=stderr)


def kill_tree(root: psutil.Process, *, grace_seconds: float) -> None:
    """End `root` and all below it: SIGTERM, `grace_seconds` to comply, then SIGKILL. Missing ones are fine.

    Takes a process rather than a pid, because psutil then knows a pid that somebody else has got since, and spares him.
    """
    with suppress(psutil.NoSuchProcess):
        # Listed before the first signal: once a parent is gone its orphans can't be found (fio's workers call setsid,
        # so that a process group would not hold them either).
        tree = {root, *root.children(recursive=True)}
        with suppress(psutil.NoSuchProcess):
            root.terminate()
        psutil.wait_procs([root], timeout=grace_seconds)
        survivors = _frozen(tree)
        for process in survivors:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(survivors, timeout=grace_seconds)


def _frozen(tree: set[psutil.Process]) -> list[psutil.Process]:
    """Stop all that is left of `tree`, with what it started meanwhile; nothing that is stopped can start more."""
    stopped: set[psutil.Process] = set()
    while fresh := tree - stopped:
        for process in fresh:
            with suppress(psutil.NoSuchProcess):
                process.suspend()
                tree = tree | set(process.children(recursive=True))
        stopped |= fresh
    return [process for process in stopped if process.is_running()]
