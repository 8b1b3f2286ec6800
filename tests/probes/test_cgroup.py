"""Control groups: recorded texts of both versions, and directories that look like theirs."""

from pathlib import Path

import pytest

from probes import cgroup
from probes.cgroup import Group

V1_HOST = "9:name=systemd:/\n5:memory:/jobs/one\n2:cpuacct:/jobs/one\n1:cpu,cpuacct:/jobs/one\n0::/\n"
V2_HOST = "0::/kubepods.slice/kubepods-burstable.slice/pod1/container\n"
V2_NAMESPACE = "0::/\n"
GIB = 2**30


def mount(mount_point: Path, kind: str, options: str, root: str = "/") -> str:
    return f"32 31 0:29 {root} {mount_point} rw,relatime shared:9 - {kind} cgroup rw,{options}\n"


def write(directory: Path, **files: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (directory / name.replace("__", ".")).write_text(text)
    return directory


def test_version_1_has_a_hierarchy_for_each_controller_with_all_ancestors() -> None:
    mounts = mount(Path("/cg/cpu"), "cgroup", "cpu,cpuacct") + mount(Path("/cg/memory"), "cgroup", "memory")
    assert cgroup.locate("memory", V1_HOST, mounts) == Group(
        version=1, levels=(Path("/cg/memory/jobs/one"), Path("/cg/memory/jobs"), Path("/cg/memory"))
    )
    assert cgroup.locate("cpu", V1_HOST, mounts).levels[0] == Path("/cg/cpu/jobs/one")  # type: ignore[union-attr]


def test_version_2_has_one_hierarchy_for_all() -> None:
    mounts = mount(Path("/sys/fs/cgroup"), "cgroup2", "nsdelegate")
    group = cgroup.locate("cpu", V2_HOST, mounts)
    assert group == cgroup.locate("memory", V2_HOST, mounts)
    assert group is not None
    assert group.version == 2
    assert group.levels[0] == Path("/sys/fs/cgroup/kubepods.slice/kubepods-burstable.slice/pod1/container")
    assert group.levels[-1] == Path("/sys/fs/cgroup")
    assert len(group.levels) == 5


def test_in_a_namespace_the_mount_point_is_our_own_group() -> None:
    mounts = mount(Path("/sys/fs/cgroup"), "cgroup2", "nsdelegate")
    assert cgroup.locate("cpu", V2_NAMESPACE, mounts) == Group(version=2, levels=(Path("/sys/fs/cgroup"),))


def test_a_container_of_version_1_sees_its_own_group_where_it_is_mounted() -> None:
    mounts = mount(Path("/sys/fs/cgroup/cpu"), "cgroup", "cpu", root="/docker/0a1b")
    group = cgroup.locate("cpu", "3:cpu:/docker/0a1b\n", mounts)
    assert group == Group(version=1, levels=(Path("/sys/fs/cgroup/cpu"),))


@pytest.mark.parametrize("path", ["/../elsewhere", "/elsewhere"])
def test_a_group_outside_of_what_is_mounted_is_never_looked_for_outside(path: str) -> None:
    mounts = mount(Path("/cg"), "cgroup2", "nsdelegate", root="/" if ".." in path else "/docker/0a1b")
    assert cgroup.locate("cpu", f"0::{path}\n", mounts) == Group(version=2, levels=(Path("/cg"),))


def test_in_a_hybrid_a_controller_of_version_1_is_not_looked_for_in_version_2() -> None:
    unified, legacy = mount(Path("/cg/unified"), "cgroup2", "x"), mount(Path("/cg/cpu"), "cgroup", "cpu")
    found = cgroup.locate("cpu", "1:cpu:/\n0::/\n", unified + legacy)
    assert found == Group(version=1, levels=(Path("/cg/cpu"),))


def test_nothing_mounted_is_no_group() -> None:
    assert cgroup.locate("cpu", V1_HOST, "") is None
    assert cgroup.locate("cpu", "", mount(Path("/cg"), "cgroup2", "x")) is None


def test_the_tightest_limit_of_all_ancestors_counts_in_version_2(tmp_path: Path) -> None:
    inner, outer = write(tmp_path / "a/b", cpu__max="400000 100000\n"), write(tmp_path / "a", cpu__max="50000 100000\n")
    group = Group(version=2, levels=(inner, outer, tmp_path))
    limit = cgroup.tightest(cgroup.cpu_limits(group))
    assert limit is not None
    assert (limit.amount, limit.level) == (0.5, outer)


def test_the_tightest_limit_of_all_ancestors_counts_in_version_1(tmp_path: Path) -> None:
    inner = write(tmp_path / "a", cpu__cfs_quota_us="150000\n", cpu__cfs_period_us="100000\n")
    outer = write(tmp_path, cpu__cfs_quota_us="-1\n", cpu__cfs_period_us="100000\n")
    limits = cgroup.cpu_limits(Group(version=1, levels=(inner, outer)))
    assert [limit.amount for limit in limits] == [1.5]


def test_no_limit_has_many_spellings_and_none_is_a_number(tmp_path: Path) -> None:
    v2 = write(tmp_path / "v2", cpu__max="max 100000\n", memory__max="max\n")
    v1 = write(tmp_path / "v1", cpu__cfs_quota_us="-1\n", memory__limit_in_bytes="9223372036854771712\n")
    for group in (Group(version=2, levels=(v2, tmp_path)), Group(version=1, levels=(v1, tmp_path))):
        assert cgroup.cpu_limits(group) == []
        assert cgroup.memory_limits(group, physical_bytes=16 * GIB) == []
    assert cgroup.tightest([]) is None


def test_memory_limits_are_bytes_in_both_versions(tmp_path: Path) -> None:
    v2, v1 = write(tmp_path / "2", memory__max=f"{GIB}\n"), write(tmp_path / "1", memory__limit_in_bytes=f"{GIB}\n")
    for group in (Group(version=2, levels=(v2,)), Group(version=1, levels=(v1,))):
        assert [limit.amount for limit in cgroup.memory_limits(group, physical_bytes=16 * GIB)] == [GIB]


def test_throttling_of_all_levels_adds_up_in_each_versions_own_unit(tmp_path: Path) -> None:
    v2 = "usage_usec 500000\nuser_usec 1\nsystem_usec 1\nnr_periods 10\nnr_throttled 3\nthrottled_usec 250000\n"
    v1 = "nr_periods 10\nnr_throttled 3\nthrottled_time 250000000\n"
    for number, text in ((1, v1), (2, v2)):
        levels = (write(tmp_path / f"{number}/a", cpu__stat=text), write(tmp_path / f"{number}", cpu__stat=text))
        found = cgroup.throttling(Group(version=number, levels=levels))
        assert (found.periods, found.throttled_periods) == (20, 6)
        assert found.seconds == pytest.approx(0.5)


def test_cpu_time_and_memory_in_use_are_read_in_both_versions(tmp_path: Path) -> None:
    v2 = write(
        tmp_path / "2",
        cpu__stat="usage_usec 1500000\n",
        memory__current="1000\n",
        memory__stat="anon 1\ninactive_file 400\n",
    )
    v1 = write(
        tmp_path / "1", cpuacct__usage="1500000000\n", memory__usage_in_bytes="1000\n",
        memory__stat="inactive_file 1\ntotal_inactive_file 400\n",
    )  # fmt: skip
    for number, level in ((1, v1), (2, v2)):
        assert cgroup.cpu_used_seconds(level, number) == pytest.approx(1.5)
        assert cgroup.memory_used_bytes(level, number) == 600
        assert cgroup.cpu_used_seconds(tmp_path, number) is None
        assert cgroup.memory_used_bytes(tmp_path, number) is None


def test_our_own_group_is_found_on_this_machine() -> None:
    group = cgroup.find("cpu")
    if group is None:
        pytest.skip("this machine mounts no control groups")
    assert all(level.is_dir() for level in group.levels)
