import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from probes.scratch import fd_path, memory_file, unnamed_file

MEBIBYTE = 1024 * 1024
SIZE = 64 * MEBIBYTE


def free_bytes(directory: Path) -> int:
    status = os.statvfs(directory)
    return status.f_bfree * status.f_frsize


@pytest.fixture(params=["O_TMPFILE", "no O_TMPFILE"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second is a file system such as NFS, whose refusal the kernel call itself gives here."""
    if request.param == "O_TMPFILE":
        return
    system_open = os.open

    def refusing(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP), path)
        return system_open(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", refusing)


@pytest.mark.usefixtures("either_way")
def test_an_unnamed_file_has_no_directory_entry(tmp_path: Path) -> None:
    with unnamed_file(str(tmp_path)) as descriptor:
        assert list(tmp_path.iterdir()) == []
        assert os.fstat(descriptor).st_nlink == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("either_way")
def test_what_is_written_can_be_read_by_path_from_another_process(tmp_path: Path) -> None:
    with unnamed_file(str(tmp_path)) as descriptor:
        os.write(descriptor, b"content")
        read = subprocess.run(["cat", fd_path(descriptor)], pass_fds=[descriptor], stdout=subprocess.PIPE, check=True)
    assert read.stdout == b"content"


@pytest.mark.usefixtures("either_way")
def test_a_process_that_was_not_given_the_descriptor_does_not_inherit_it(tmp_path: Path) -> None:
    with unnamed_file(str(tmp_path)) as descriptor:
        assert not os.get_inheritable(descriptor)


@pytest.mark.usefixtures("either_way")
def test_an_error_inside_closes_the_file_all_the_same(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), unnamed_file(str(tmp_path)) as descriptor:
        raise RuntimeError
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_directory_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), unnamed_file(str(tmp_path / "missing")):
        pass


def test_kill_nine_returns_the_space_and_leaves_no_entry(tmp_path: Path) -> None:
    script = f"""
import os, sys, time
from probes.scratch import unnamed_file
with unnamed_file({str(tmp_path)!r}) as descriptor:
    os.posix_fallocate(descriptor, 0, {SIZE})
    print(os.fstat(descriptor).st_blocks * 512, flush=True)
    time.sleep(600)
"""
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    ) as holder:
        assert holder.stdout is not None
        assert int(holder.stdout.readline()) >= SIZE
        held = free_bytes(tmp_path)
        assert list(tmp_path.iterdir()) == []
        holder.kill()
        holder.wait()
    assert list(tmp_path.iterdir()) == []
    # Others write to this file system too, and it may free lazily: most of the space must be back before long.
    deadline = time.monotonic() + 20
    while free_bytes(tmp_path) - held < SIZE // 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert free_bytes(tmp_path) - held >= SIZE // 2


def test_a_memory_file_lives_on_no_file_system_and_can_be_read_by_path() -> None:
    with memory_file("probe-test") as descriptor:
        os.write(descriptor, b"content")
        assert "memfd:probe-test" in str(Path(fd_path(descriptor)).readlink())
        assert Path(fd_path(descriptor)).read_bytes() == b"content"
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
