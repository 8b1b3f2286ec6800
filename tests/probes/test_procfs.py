import os
from pathlib import Path

import pytest

from probes import procfs
from probes.errors import Unavailable

STAT = """cpu  46506 58812 22374 322600 1490 0 9855 38 0 0
cpu0 19621 27284 10777 167780 285 11 5044 15 7 0
cpu3 26885 31527 11597 154819 1204 0 4811 23 0 0
intr 8511227 0 0
ctxt 29320603
processes 12345
procs_running 3
procs_blocked 0
"""
PRESSURE = """some avg10=81.28 avg60=75.39 avg300=40.48 total=221330635
full avg10=0.00 avg60=0.05 avg300=0.12 total=10943309
"""


def test_cpu_times_are_told_by_the_number_of_the_cpu_in_seconds() -> None:
    stat = procfs.parse_stat(STAT)
    assert set(stat.cpus) == {0, 3}
    tick = 1 / os.sysconf("SC_CLK_TCK")
    times = stat.cpus[0]
    assert times.processes == pytest.approx((19621 + 27284 + 10777) * tick)
    assert times.interrupts == pytest.approx((11 + 5044) * tick)
    assert times.stolen == pytest.approx(15 * tick)
    assert times.idle == pytest.approx((167780 + 285) * tick)
    assert stat.runnable == 3


def test_pressure_is_told_in_seconds() -> None:
    assert procfs.parse_pressure(PRESSURE) == {"some": 221.330635, "full": 10.943309}


def test_this_machines_counters_never_fall() -> None:
    first, second = procfs.read_stat(), procfs.read_stat()
    assert first.runnable >= 1
    assert all(second.cpus[cpu].processes >= times.processes for cpu, times in first.cpus.items())


def test_pressure_is_there_or_its_absence_has_a_reason() -> None:
    if Path("/proc/pressure/cpu").exists():
        assert set(procfs.read_pressures()) == set(procfs.PRESSURES)
    else:
        with pytest.raises(Unavailable, match="CONFIG_PSI"):
            procfs.read_pressures()
