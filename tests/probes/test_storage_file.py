"""Where the test file goes, how large it is, and that it takes its space at once."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.errors import InvalidRequest, Unavailable
from probes.filesystem import Mount
from probes.measure.stability import FlagCode
from probes.storage_file import (
    GIB,
    MIB,
    allocated_file,
    decide_size,
    default_directory,
    given_directory,
    grown_size,
    require_direct_io,
    surroundings,
)

IN_MEMORY = "/dev/shm"  # noqa: S108  nothing is written there
FALLBACK = "/var/tmp"  # noqa: S108  the same
EXT4 = Mount(kind="ext4", options=(), device_number="0:0", source="")


@given(st.integers(0, 2**50), st.sampled_from([GIB, 4 * GIB]), st.none() | st.integers(MIB, 2**45))
def test_no_size_ever_exceeds_a_quarter_of_what_is_free(free: int, default: int, asked: int | None) -> None:
    try:
        size, _ = decide_size(asked, default_bytes=default, free_bytes=free)
    except (InvalidRequest, Unavailable):
        return
    assert MIB <= size <= free / 4
    assert size % MIB == 0


@given(st.integers(GIB, 2**40))
def test_a_default_that_fits_is_kept_and_one_that_does_not_is_halved_until_it_does(free: int) -> None:
    size, flags = decide_size(None, default_bytes=4 * GIB, free_bytes=free)
    assert size == max(4 * GIB >> step for step in range(5) if 4 * GIB >> step <= free / 4)
    assert [flag.code for flag in flags] == ([] if size == 4 * GIB else [FlagCode.CACHED])


def test_a_default_does_not_start_on_a_disk_that_is_nearly_full() -> None:
    with pytest.raises(Unavailable, match=r"only 512 MiB are free and storage needs 1\.00 GiB"):
        decide_size(None, default_bytes=GIB, free_bytes=512 * MIB)


def test_a_size_that_was_asked_for_is_refused_with_figures_rather_than_changed() -> None:
    with pytest.raises(InvalidRequest, match=r"2\.00 GiB exceeds 1\.00 GiB, a quarter of the 4\.00 GiB"):
        decide_size(2 * GIB, default_bytes=GIB, free_bytes=4 * GIB)


def test_a_size_that_a_device_may_cache_is_doubted() -> None:
    _, flags = decide_size(16 * MIB, default_bytes=GIB, free_bytes=GIB)
    assert [flag.code for flag in flags] == [FlagCode.CACHED]
    assert decide_size(256 * MIB, default_bytes=GIB, free_bytes=GIB) == (256 * MIB, ())


@given(st.floats(0, 1e12), st.integers(16 * GIB, 2**50))
def test_a_grown_file_outlasts_25_seconds_unless_space_forbids(speed: float, free: int) -> None:
    size = grown_size(4 * GIB, write_bytes_per_second=speed, free_bytes=free)
    assert 4 * GIB <= size <= free / 4
    assert size >= min(25 * int(speed), 256 * GIB, free // 8)


def test_a_file_or_device_is_refused_and_stays_as_it_was(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("data")
    link = tmp_path / "link"
    link.symlink_to(precious)
    for path, what in ((precious, "a file"), (link, "a file"), (Path("/dev/null"), "a character device")):
        with pytest.raises(InvalidRequest, match=f"is {what}, and storage never overwrites one: give a directory"):
            given_directory(str(path))
    assert precious.read_text() == "data"


def test_a_relative_path_is_told_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert given_directory("sub") == str(tmp_path / "sub")


def test_a_relative_path_from_a_directory_that_is_gone_is_a_wrong_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(InvalidRequest, match="give an absolute path"):
        given_directory("sub")
    assert default_directory() == FALLBACK


def test_the_current_directory_is_the_default_unless_it_is_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(IN_MEMORY)
    assert default_directory() == FALLBACK
    monkeypatch.chdir(tmp_path)
    if surroundings(FALLBACK)[0] == surroundings(str(tmp_path))[0]:
        assert default_directory() == str(tmp_path)


def test_memory_is_no_storage() -> None:
    with pytest.raises(Unavailable, match=rf"{IN_MEMORY} is in memory \(tmpfs\).*give --path"):
        surroundings(IN_MEMORY)


@pytest.mark.parametrize("path", ["/no/such/directory", "/dev/null"])
def test_what_is_no_directory_is_unavailable(path: str) -> None:
    with pytest.raises(Unavailable, match="can't look into"):
        surroundings(path)


def test_a_directory_that_takes_no_file_is_unavailable() -> None:
    with pytest.raises(Unavailable, match=r"can't create a file in /proc .*give --path"), allocated_file("/proc", MIB):
        pass


def test_a_file_that_finds_no_space_is_unavailable_at_once(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="can't allocate a test file"), allocated_file(str(tmp_path), 2**60):
        pass


def test_an_allocated_file_has_all_its_blocks_and_no_name(tmp_path: Path) -> None:
    with allocated_file(str(tmp_path), MIB) as descriptor:
        found = os.fstat(descriptor)
        assert (found.st_size, found.st_nlink) == (MIB, 0)
        assert found.st_blocks * 512 >= MIB
        assert list(tmp_path.iterdir()) == []


def test_a_fault_of_the_user_of_the_file_is_not_blamed_on_the_directory(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="mine"), allocated_file(str(tmp_path), MIB):
        raise OSError("mine")


def test_a_file_that_has_no_direct_io_is_refused() -> None:
    descriptor = os.open("/proc/version", os.O_RDONLY)
    try:
        with pytest.raises(Unavailable, match=r"\(ext4\) has no direct I/O.*give --path"):
            require_direct_io(descriptor, EXT4)
    finally:
        os.close(descriptor)
