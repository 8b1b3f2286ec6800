"""pytest-benchmark's JSON, judged by pytest-benchmark itself."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_benchmark.stats import Stats
from pytest_benchmark.utils import parse_compare_fail

from agent.export.pytest_benchmark import export, seconds_of, statistics_of
from probes.measure.result import Better
from probes.measure.units import Unit
from tests.probes.measure.synthetic import latency, rate, result, run

seconds = st.lists(st.floats(1e-9, 1e3), min_size=1, max_size=40)


@given(values=seconds)
def test_statistics_are_those_that_pytest_benchmark_computes(values: list[float]) -> None:
    theirs = Stats()
    for value in values:
        theirs.update(value)
    ours = statistics_of(np.array(values))
    for field in ("min", "max", "mean", "stddev", "rounds", "median", "iqr", "q1", "q3", "ops", "total"):
        # Differences of quartiles cancel: compare them on the scale of the values.
        assert ours[field] == pytest.approx(getattr(theirs, field), rel=1e-9, abs=1e-12 * max(values)), field


@given(values=st.lists(st.integers(1, 2000), min_size=1, max_size=40))
def test_fences_and_outliers_are_theirs_too(values: list[int]) -> None:
    theirs = Stats()
    for value in values:
        theirs.update(float(value))
    ours = statistics_of(np.array(values, np.float64))
    for field in ("ld15iqr", "hd15iqr", "iqr_outliers"):
        assert ours[field] == getattr(theirs, field), field


def test_every_field_of_their_format_is_there() -> None:
    ours = statistics_of(np.array([1.0, 2.0]))
    assert ours.keys() == {*Stats.fields, "data", "iterations"}


def test_times_are_in_seconds_and_rates_are_the_time_of_one_unit_of_work() -> None:
    def of(value: float, unit: Unit) -> float:
        better = Better.LOWER if unit is Unit.NANOSECONDS else Better.HIGHER
        found = seconds_of(rate("m", [value], unit=unit, better=better))
        assert found is not None
        return float(found[0])

    assert of(1500.0, Unit.NANOSECONDS) == pytest.approx(1.5e-6)
    assert of(20_000.0, Unit.OPERATIONS_PER_SECOND) == pytest.approx(50e-6)
    assert of(2.0**30, Unit.BYTES_PER_SECOND) == pytest.approx(1 / 1024)
    assert of(1e9, Unit.BITS_PER_SECOND) == pytest.approx(1e-3)


def test_what_has_no_time_or_no_good_direction_is_left_out() -> None:
    told = json.loads(
        export(
            run(
                result(
                    rate("loss", [0.1], unit=Unit.RATIO, better=Better.LOWER),
                    rate("retransmits", [3.0], unit=Unit.COUNT),
                    rate("free", [3.0], unit=Unit.BYTES),
                    rate("stalled", [1.0, 0.0]),
                    rate("disk_read", [1.0], better=Better.NEITHER),
                    rate("read_throughput", [1.0]),
                )
            )
        )
    )
    assert [benchmark["name"] for benchmark in told["benchmarks"]] == ["storage.read_throughput"]


@pytest.mark.parametrize(("share", "failures"), [(0.80, 1), (0.95, 0), (1.25, 0)])
def test_a_slower_rate_is_what_compare_fail_calls_a_regression(share: float, failures: int) -> None:
    def of(value: float) -> dict[str, Any]:
        found = seconds_of(rate("m", [value] * 3))
        assert found is not None
        return statistics_of(found)

    check = parse_compare_fail("median:10%")
    assert len([fail for fail in [check.fails(of(100.0 * share), of(100.0))] if fail]) == failures


def test_neither_a_path_nor_the_machines_name_is_told() -> None:
    text = export(run(result(rate("m", [1.0]), spec={"path": "/home/someone", "profile": "quick"})))
    assert "/home/someone" not in text
    assert json.loads(text)["machine_info"]["node"] == ""


def pytest_benchmark(*arguments: str, directory: Path) -> "subprocess.CompletedProcess[str]":
    program = Path(sys.executable).with_name("pytest-benchmark")
    return subprocess.run([program, *arguments], cwd=directory, capture_output=True, text=True, check=False)


def test_their_compare_prints_its_own_table_of_two_runs(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for name, factor in (("a", 1.0), ("b", 2.0)):
        samples = [rng.lognormal(11, 0.2, 500) * factor for _ in range(6)]
        measured = run(result(latency("read_latency", samples), rate("read_iops", [100 / factor] * 6)))
        (tmp_path / f"{name}.json").write_text(export(measured))
    shown = pytest_benchmark("compare", "a.json", "b.json", directory=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "benchmark 'storage: read_latency': 2 tests" in shown.stdout
    # Half the rate is twice the time: b is ranked below a by a factor of 2.
    (line,) = (line for line in shown.stdout.splitlines() if line.startswith("storage.read_iops") and "b)" in line)
    assert "(2.00)" in line
    grouped = pytest_benchmark("compare", "a.json", "b.json", "--group-by=fullname", "--csv=c.csv", directory=tmp_path)
    assert grouped.returncode == 0, grouped.stderr
    assert len((tmp_path / "c.csv").read_text().splitlines()) == 5


def test_probe_run_writes_what_their_compare_reads(probe: Any, tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        ran = probe("run", "latency", "--duration", "100ms", "--export", "pytest-benchmark", name, "--no-history")
        assert ran.returncode == 0, ran.stderr
    shown = pytest_benchmark("compare", "a.json", "b.json", directory=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "latency.connect (a)" in shown.stdout
    assert "latency.connect (b)" in shown.stdout
