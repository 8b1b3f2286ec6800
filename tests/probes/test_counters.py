"""From two readings to shares and rates, by laws and by numbers that can be worked out in the head."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes import counters, procfs
from probes.cgroup import NO_THROTTLING, Group, Limit, Throttling
from probes.counters import Machine, Reading
from probes.procfs import CpuTimes, Stat

LEVEL = Path("/cg/pod")
MACHINE = Machine(
    cpus=frozenset({0, 1}),
    cpu_group=None,
    cpu_limits=(),
    memory_group=None,
    memory_limits=(),
    disks=frozenset({"sda", "sdb"}),
    links={"eth0": 1_000_000_000, "eth1": 0},
    pressure=True,
    facts={},
)
LIMITED = replace(MACHINE, cpu_limits=(Limit(amount=1.0, level=LEVEL),))
ZERO = CpuTimes(processes=0.0, interrupts=0.0, stolen=0.0, idle=0.0)
BEFORE = Reading(
    monotonic_seconds=0.0,
    own_seconds=0.0,
    stat=Stat(cpus={0: ZERO, 1: ZERO, 2: ZERO}, runnable=1),
    group_seconds={LEVEL: 0.0},
    throttling=NO_THROTTLING,
    memory_used_share=0.25,
    memory_headroom_bytes=3_000,
    disks={"sda": (0.0, 0, 0), "sdb": (0.0, 0, 0)},
    interfaces={"eth0": (0, 0), "eth1": (0, 0)},
    pressures=dict.fromkeys(procfs.PRESSURES, 0.0),
)


def after(*cpus: CpuTimes, seconds: float = 10.0, **changes: object) -> Reading:
    stat = Stat(cpus=dict(enumerate((*cpus, ZERO))), runnable=4)
    return replace(BEFORE, monotonic_seconds=seconds, stat=stat, **changes)  # type: ignore[arg-type]


def times(busy: float, idle: float) -> CpuTimes:
    return CpuTimes(processes=busy, interrupts=0.0, stolen=0.0, idle=idle)


def test_what_is_not_idle_is_in_use_whatever_it_is() -> None:
    for field in ("processes", "interrupts", "stolen"):
        values = counters.between(BEFORE, after(replace(times(0, 5), **{field: 5.0}), times(0, 10)), MACHINE)
        assert values["cpu_used"] == pytest.approx(0.25)
        assert values["cpu_headroom"] == pytest.approx(1.5)


def test_our_own_work_counts_as_idle() -> None:
    values = counters.between(BEFORE, after(times(5, 5), times(0, 10), own_seconds=4.0), MACHINE)
    assert values["cpu_used"] == pytest.approx(0.05)
    assert values["cpu_headroom"] == pytest.approx(1.9)


def test_the_limit_of_a_control_group_bounds_the_headroom() -> None:
    idle = after(times(0, 10), times(0, 10), group_seconds={LEVEL: 6.0}, own_seconds=1.0)
    assert counters.between(BEFORE, idle, LIMITED)["cpu_headroom"] == pytest.approx(0.5)
    busy = after(times(9, 1), times(8, 2), group_seconds={LEVEL: 6.0})
    assert counters.between(BEFORE, busy, LIMITED)["cpu_headroom"] == pytest.approx(0.3)


def test_a_limit_whose_use_is_not_told_bounds_nothing() -> None:
    idle = after(times(0, 10), times(0, 10), group_seconds={})
    assert counters.between(BEFORE, idle, LIMITED)["cpu_headroom"] == pytest.approx(2)


def test_throttling_is_a_share_of_the_periods_and_absent_without_a_limit() -> None:
    throttled = after(times(0, 10), times(0, 10), throttling=Throttling(periods=100, throttled_periods=25, seconds=1.0))
    assert counters.between(BEFORE, throttled, LIMITED)["cpu_throttled"] == 0.25
    assert counters.between(BEFORE, after(times(0, 10), times(0, 10)), LIMITED)["cpu_throttled"] == 0
    assert "cpu_throttled" not in counters.between(BEFORE, throttled, MACHINE)


def test_the_reader_is_not_in_its_own_run_queue() -> None:
    assert counters.between(BEFORE, after(times(0, 10), times(0, 10)), MACHINE)["run_queue"] == 3


def test_disks_add_up_and_the_busiest_one_counts() -> None:
    busy = after(times(0, 10), times(0, 10), disks={"sda": (2.0, 1000, 0), "sdb": (5.0, 3000, 500)})
    values = counters.between(BEFORE, busy, MACHINE)
    assert (values["disk_busy"], values["disk_read"], values["disk_written"]) == (0.5, 400, 50)


def test_links_add_up_and_only_those_of_known_speed_have_a_share() -> None:
    loaded = after(times(0, 10), times(0, 10), interfaces={"eth0": (125_000_000, 0), "eth1": (0, 125_000_000)})
    values = counters.between(BEFORE, loaded, MACHINE)
    assert (values["network_received"], values["network_sent"]) == (1e8, 1e8)
    assert values["link_used"] == pytest.approx(0.1)
    unknown = replace(MACHINE, links={"eth0": 0, "eth1": 0})
    assert "link_used" not in counters.between(BEFORE, loaded, unknown)


def test_a_machine_without_disks_interfaces_or_pressure_has_no_such_values() -> None:
    bare = replace(BEFORE, disks={}, interfaces={}, pressures={})
    bare_after = after(times(0, 10), times(0, 10), disks={}, interfaces={}, pressures={})
    assert set(counters.between(bare, bare_after, MACHINE)) == {
        "cpu_used", "cpu_headroom", "run_queue", "memory_used", "memory_headroom",
    }  # fmt: skip


def test_pressure_is_the_share_of_the_time_stalled() -> None:
    stalled = after(times(0, 10), times(0, 10), pressures=dict.fromkeys(procfs.PRESSURES, 0.0) | {("io", "full"): 2.5})
    values = counters.between(BEFORE, stalled, MACHINE)
    assert values["pressure_io_full"] == 0.25
    assert values["pressure_memory_some"] == 0


@given(
    busy=st.tuples(st.floats(0, 100), st.floats(0, 100)),
    idle=st.tuples(st.floats(-1, 100), st.floats(-1, 100)),
    own=st.floats(0, 100),
    group=st.floats(0, 100),
)
def test_shares_stay_shares_whatever_the_counters_do(
    busy: tuple[float, float], idle: tuple[float, float], own: float, group: float
) -> None:
    reading = after(times(busy[0], idle[0]), times(busy[1], idle[1]), own_seconds=own, group_seconds={LEVEL: group})
    values = counters.between(BEFORE, reading, LIMITED)
    assert 0 <= values["cpu_used"] <= 1
    assert 0 <= values["cpu_headroom"] <= 2


def test_hardware_is_told_by_its_device(tmp_path: Path) -> None:
    (tmp_path / "sda/device").mkdir(parents=True)
    (tmp_path / "dm-0").mkdir()
    assert counters.hardware(tmp_path, {"sda": 1, "dm-0": 2, "gone": 3}) == {"sda"}


@pytest.mark.parametrize("version", [1, 2])
def test_memory_headroom_is_what_the_limit_leaves(tmp_path: Path, version: int) -> None:
    usage = "memory.current" if version == 2 else "memory.usage_in_bytes"
    (tmp_path / usage).write_text("600\n")
    limited = replace(
        counters.survey(),
        memory_group=Group(version=version, levels=(tmp_path,)),
        memory_limits=(Limit(amount=1000, level=tmp_path),),
    )
    assert counters.read(limited).memory_headroom_bytes == 400


def test_this_machine_can_be_read() -> None:
    machine = counters.survey()
    before, later = counters.read(machine), counters.read(machine)
    values = counters.between(before, later, machine)
    assert 0 <= values["cpu_used"] <= 1
    assert values["memory_headroom"] > 0
    assert machine.cpus == os.sched_getaffinity(0)
    assert "cpus" not in machine.facts
    assert machine.pressure or "CONFIG_PSI" in str(machine.facts["pressure"])


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None, reason="only root may mount, in a namespace of its own"
)
def test_a_container_whose_cpus_are_numbered_anew_counts_all_that_are_shown(tmp_path: Path) -> None:
    # As lxcfs does it, which mounts a file of its own over /proc/stat.
    stat = tmp_path / "stat"
    here = procfs.read_stat().cpus
    renumbered = re.sub(r"(?m)^cpu(?=\d)", "cpu5000", Path("/proc/stat").read_text(encoding="ascii"))
    stat.write_text(renumbered, encoding="ascii")
    script = (
        "import time\n"
        "from probes import counters\n"
        "machine = counters.survey()\n"
        "before = counters.read(machine)\n"
        "time.sleep(0.01)\n"
        "values = counters.between(before, counters.read(machine), machine)\n"
        "print(len(machine.cpus), machine.facts['cpus'], 'cpu_used' in values, sep='|')\n"
    )
    mounted = f'mount --bind {stat} /proc/stat && exec "$@"'
    command = ("unshare", "--mount", "sh", "-c", mounted, "sh", sys.executable, "-c", script)
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert told.startswith(f"{len(here)}|all that /proc/stat shows")
    assert told.endswith("|True\n")
