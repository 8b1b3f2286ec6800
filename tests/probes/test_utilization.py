import os
import subprocess
import sys

import pytest

from probes.errors import InvalidRequest
from probes.measure.result import Metric
from probes.measure.stability import FlagCode
from probes.probe import Context, Measurement, Profile
from probes.utilization import PROBE


def measure(duration: str) -> Measurement:
    return PROBE.measure(PROBE.spec(Profile.QUICK, {"duration": duration}), Context(budget_seconds=60))


def by_name(measurement: Measurement) -> dict[str, Metric]:
    return {metric.name: metric for metric in measurement.metrics}


@pytest.fixture(scope="module")
def short() -> Measurement:
    return measure("700ms")


def test_each_sample_of_the_window_is_a_round(short: Measurement) -> None:
    assert {len(metric.rounds) for metric in short.metrics} == {6}
    assert {"cpu_used", "cpu_headroom", "run_queue", "memory_used", "memory_headroom"} <= set(by_name(short))


def test_shares_are_shares(short: Measurement) -> None:
    shares = [metric for metric in short.metrics if metric.unit.value == "ratio"]
    assert shares
    assert all(0 <= value <= 1 for metric in shares for value in metric.rounds)


def test_the_facts_tell_the_least_that_was_left(short: Measurement) -> None:
    metrics = by_name(short)
    assert short.facts["cpu_headroom_cores"] == metrics["cpu_headroom"].summary.minimum
    assert short.facts["memory_headroom_bytes"] == metrics["memory_headroom"].summary.minimum
    assert float(short.facts["load_average_1m"]) >= 0


def test_the_work_of_others_is_seen() -> None:
    spin = "import time\nwhile time.process_time() < 5: pass"
    workers = [subprocess.Popen([sys.executable, "-I", "-S", "-c", spin]) for _ in os.sched_getaffinity(0)]
    try:
        loaded = by_name(measure("1200ms"))
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    assert loaded["cpu_used"].summary.median > 0.8
    assert loaded["run_queue"].summary.maximum >= 1


def test_samples_shorter_than_ticks_can_fill_are_indicative() -> None:
    (flag,) = measure("100ms").flags
    assert flag.code is FlagCode.INDICATIVE
    assert "ticks" in flag.reason


def test_a_spent_budget_is_flagged() -> None:
    spec = PROBE.spec(Profile.QUICK, {"duration": "1200ms"})
    measurement = PROBE.measure(spec, Context(budget_seconds=0.3))
    assert [flag.code for flag in measurement.flags] == [FlagCode.BUDGET_SPENT]


@pytest.mark.parametrize("duration", ["soon", "", "0", "-1", "50ms", "2h", "nan", "inf", "1e3"])
def test_nonsense_durations_are_refused_in_one_line(duration: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        PROBE.spec(Profile.QUICK, {"duration": duration})
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("profile", "seconds", "samples"),
    [(Profile.QUICK, 3, 6), (Profile.STANDARD, 30, 30), (Profile.THOROUGH, 120, 120)],
)
def test_a_profile_decides_the_window(profile: Profile, seconds: float, samples: int) -> None:
    spec = PROBE.spec(profile, {})
    assert PROBE.plan(spec).seconds == seconds
    assert spec.samples == samples
    assert spec.sample_seconds <= 1


def test_checking_tells_what_can_be_read() -> None:
    assert {"disks", "interfaces", "link_speed", "cpu_limit"} <= set(PROBE.check(PROBE.spec(Profile.QUICK, {})))
