"""mountinfo and sysfs: what is read from them, and what is not told."""

import os
from pathlib import Path

import pytest

from probes.filesystem import Mount, device_facts, free_bytes_in, in_memory, mount_of, other_than_directory, parse_mount

IN_MEMORY = "/dev/shm"  # noqa: S108  nothing is written there
NFS = (
    "77 29 0:52 /alice /home/alice rw,noatime shared:41 - nfs4 nas.example.org:/export/alice "
    "rw,vers=4.2,rsize=1048576,hard,clientaddr=10.0.0.7,addr=10.0.0.9,sec=krb5"
)


def test_no_path_server_or_address_is_told_of_a_mount() -> None:
    mount = parse_mount(NFS)
    assert mount.kind == "nfs4"
    assert mount.options == ("hard", "noatime", "rsize=1048576", "rw", "vers=4.2")


def test_an_overlay_does_not_tell_its_layers() -> None:
    line = "1 0 0:40 / / rw,relatime - overlay overlay rw,lowerdir=/var/lib/x/1:/var/lib/x/2,upperdir=/var/lib/x/up"
    assert parse_mount(line).options == ("relatime", "rw")


def test_a_mount_without_optional_fields_or_with_several_is_read_alike() -> None:
    several = NFS.replace("shared:41", "shared:41 master:7")
    none = NFS.replace("shared:41 ", "")
    assert parse_mount(NFS) == parse_mount(several) == parse_mount(none)


def test_the_mount_of_a_directory_is_the_one_the_kernel_names(tmp_path: Path) -> None:
    assert mount_of("/proc").kind == "proc"
    mount, number = mount_of(str(tmp_path)), tmp_path.stat().st_dev
    if not mount.device_number.startswith("0:"):
        assert mount.device_number == f"{os.major(number)}:{os.minor(number)}"


def test_a_link_leads_to_the_mount_of_its_target(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("/proc")
    assert mount_of(str(link)).kind == "proc"


def test_memory_is_recognized_by_file_system_and_by_device(tmp_path: Path) -> None:
    assert in_memory(Mount(kind="tmpfs", options=(), device_number="0:27", source="tmpfs"))
    assert in_memory(mount_of(IN_MEMORY))
    assert not in_memory(Mount(kind="ext4", options=(), device_number="999:999", source="/dev/nothing"))


def sysfs(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "dev" / "block").mkdir(parents=True)
    return root


def test_a_partition_is_told_by_its_disk(tmp_path: Path) -> None:
    root = sysfs(
        tmp_path,
        {
            "block/nvme0n1/queue/rotational": "0\n",
            "block/nvme0n1/queue/scheduler": "[none] mq-deadline kyber\n",
            "block/nvme0n1/queue/write_cache": "write back\n",
            "block/nvme0n1/device/model": "Example   Disk 9000    \n",
            "block/nvme0n1/nvme0n1p1/partition": "1\n",
        },
    )
    (root / "dev" / "block" / "259:1").symlink_to(root / "block/nvme0n1/nvme0n1p1")
    mount = Mount(kind="ext4", options=(), device_number="259:1", source="/dev/root")
    assert device_facts(mount, root) == {
        "device": "nvme0n1",
        "device_model": "Example Disk 9000",
        "rotational": False,
        "scheduler": "none",
        "write_cache": "write back",
    }


def test_what_sysfs_does_not_know_is_absent(tmp_path: Path) -> None:
    mount = Mount(kind="nfs4", options=(), device_number="0:52", source="nas:/export")
    assert device_facts(mount, sysfs(tmp_path, {})) == {}


@pytest.mark.parametrize(
    ("path", "found"),
    [("/dev/null", "a character device"), (__file__, "a file"), ("/", None), ("/no/such/path", None)],
)
def test_what_is_no_directory_is_named(path: str, found: str | None) -> None:
    assert other_than_directory(path) == found


def test_free_space_is_what_an_ordinary_user_may_use(tmp_path: Path) -> None:
    found = os.statvfs(tmp_path)
    assert 0 <= free_bytes_in(str(tmp_path)) <= found.f_bfree * found.f_frsize
