import getpass
import os
import socket
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes import environment
from probes.cgroup import NO_THROTTLING
from probes.environment import CpuSnapshot
from probes.measure.stability import FlagCode
from probes.procfs import CpuTimes

IDLE = CpuTimes(processes=0.0, interrupts=0.0, stolen=0.0, idle=0.0)
BEFORE = CpuSnapshot(
    monotonic_seconds=100.0,
    wall_seconds=1_700_000_000.0,
    throttling=NO_THROTTLING,
    cpus={0: IDLE, 1: IDLE, 2: IDLE},
    usable=frozenset({0, 1}),
    own_seconds=0.0,
    cpu_pressure_seconds=0.0,
)
AFTER = replace(BEFORE, monotonic_seconds=110.0, wall_seconds=1_700_000_010.0)


def busy(processes: float) -> CpuTimes:
    return replace(IDLE, processes=processes)


def codes(after: CpuSnapshot, before: CpuSnapshot = BEFORE) -> list[FlagCode]:
    return [flag.code for flag in environment.doubts(before, after)]


def test_the_description_names_what_results_depend_on() -> None:
    facts = environment.describe()
    assert facts["kernel"] == os.uname().release
    assert facts["cpus_usable"] == len(os.sched_getaffinity(0))
    assert int(facts["memory_bytes"]) > 0
    assert {"architecture", "virtualization", "container", "python"} <= set(facts)


def test_the_description_names_no_host_no_address_and_no_user() -> None:
    words = {str(value) for value in environment.describe().values()}
    assert socket.gethostname() not in words
    assert getpass.getuser() not in words
    assert not any("127.0.0.1" in word for word in words)


def test_a_machine_that_kept_still_raises_no_doubt() -> None:
    assert codes(AFTER) == []


def test_one_throttled_period_is_told() -> None:
    assert codes(replace(AFTER, throttling=replace(NO_THROTTLING, throttled_periods=1, seconds=0.05))) == [
        FlagCode.THROTTLED
    ]


def test_stolen_time_of_the_cpus_we_may_use_is_told_and_of_others_is_not() -> None:
    stolen = replace(IDLE, stolen=1.0)
    assert codes(replace(AFTER, cpus={0: IDLE, 1: stolen, 2: IDLE})) == [FlagCode.CPU_STOLEN]
    assert codes(replace(AFTER, cpus={0: IDLE, 1: IDLE, 2: stolen})) == []


def test_other_processes_on_our_cpus_are_told_and_our_own_work_is_not() -> None:
    loaded = replace(AFTER, cpus={0: busy(9.0), 1: busy(1.0), 2: busy(10.0)})
    assert codes(replace(loaded, own_seconds=10.0)) == []
    (flag,) = environment.doubts(BEFORE, replace(loaded, own_seconds=2.0, cpu_pressure_seconds=5.0))
    assert flag.code is FlagCode.INTERFERENCE
    assert "40%" in flag.reason
    assert "50%" in flag.reason


def test_interference_is_told_where_the_kernel_knows_no_pressure() -> None:
    loaded = replace(AFTER, cpus={0: busy(10.0), 1: IDLE, 2: IDLE}, cpu_pressure_seconds=None)
    assert codes(loaded) == [FlagCode.INTERFERENCE]


def test_work_on_cpus_we_may_not_use_is_no_interference() -> None:
    assert codes(replace(AFTER, cpus={0: IDLE, 1: IDLE, 2: busy(10.0)})) == []


def test_a_cpu_that_went_offline_is_left_out() -> None:
    assert codes(replace(AFTER, cpus={0: busy(1.0)})) == []


@given(step=st.one_of(st.floats(-1e9, -1.0), st.floats(1.0, 1e9)), processes=st.floats(0.0, 10.0))
def test_a_wall_clock_that_is_set_changes_nothing_but_one_flag(step: float, processes: float) -> None:
    after = replace(AFTER, cpus={0: busy(processes), 1: IDLE, 2: IDLE})
    straight = environment.doubts(BEFORE, after)
    *others, last = environment.doubts(BEFORE, replace(after, wall_seconds=after.wall_seconds + step))
    assert tuple(others) == straight
    assert last.code is FlagCode.CLOCK_UNCERTAIN


@pytest.mark.parametrize("drift_seconds", [-0.05, 0.05])
def test_a_clock_that_is_slewed_raises_no_doubt(drift_seconds: float) -> None:
    assert codes(replace(AFTER, wall_seconds=AFTER.wall_seconds + drift_seconds)) == []


def test_snapshots_take_their_time_from_the_clocks_they_are_given() -> None:
    before = environment.snapshot(monotonic=lambda: 5.0, wall=lambda: 1000.0)
    after = environment.snapshot(monotonic=lambda: 6.0, wall=lambda: 400.0)
    assert FlagCode.CLOCK_UNCERTAIN in codes(after, before)
    assert "-601.00 s" in environment.doubts(before, after)[-1].reason


def test_the_work_of_children_counts_as_our_own_while_they_live_and_after_they_were_reaped() -> None:
    spin = "import time\nwhile time.process_time() < 0.3: pass\nprint(flush=True)\ninput()"
    before = environment.snapshot()
    with subprocess.Popen([sys.executable, "-I", "-c", spin], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        alive = environment.snapshot()
        child.communicate(b"\n")
    reaped = environment.snapshot()
    assert alive.own_seconds - before.own_seconds >= 0.25
    assert reaped.own_seconds >= alive.own_seconds - 0.02


def test_processes_of_somebody_else_are_seen_as_interference() -> None:
    # The shell ends at once, so that what it started is no child of ours; it ends by itself after a while.
    spin = f"{sys.executable} -I -S -c 'import time\nwhile time.process_time() < 5: pass'"
    script = f"for cpu in $(seq {len(os.sched_getaffinity(0))}); do {spin} >/dev/null 2>&1 & echo $!; done"
    before = environment.snapshot()
    pids = [int(pid) for pid in subprocess.check_output(["sh", "-c", script]).split()]
    try:
        time.sleep(1.0)
        after = environment.snapshot()
    finally:
        for pid in pids:
            os.kill(pid, 9)
    assert FlagCode.INTERFERENCE in codes(after, before)


@pytest.mark.parametrize(
    ("cpuinfo", "model"),
    [
        ("processor\t: 0\nmodel\t\t: 167\nmodel name\t: Intel(R) Xeon(R) Processor\n", "Intel(R) Xeon(R) Processor"),
        ("processor\t: 0\nBogoMIPS\t: 243.75\nCPU implementer\t: 0x41\n", None),
        ("", None),
    ],
)
def test_the_cpu_model_is_read_where_the_kernel_names_it(cpuinfo: str, model: str | None) -> None:
    assert environment.parse_cpu_model(cpuinfo) == model
