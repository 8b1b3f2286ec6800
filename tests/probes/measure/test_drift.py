from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.measure.drift import Course, Kind, drifted, reconfigured
from probes.measure.result import Better
from probes.measure.units import Unit

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def course(medians: list[float], *, metric: str = "read_latency", better: Better = Better.LOWER) -> Course:
    return Course(
        probe="storage",
        metric=metric,
        title=metric,
        unit=Unit.NANOSECONDS,
        better=better,
        medians=medians,
        times=[BEGIN + timedelta(days=day) for day in range(len(medians))],
    )


def noise(seed: int, size: int, level: float = 100.0) -> list[float]:
    return list(np.random.default_rng(seed).normal(level, 2.0, size))


def test_a_step_is_found_with_its_day_and_told_as_worse() -> None:
    (finding,) = drifted([course(noise(1, 30) + noise(2, 30, 120.0))])
    assert (finding.kind, finding.worse) == (Kind.CHANGED, True)
    assert finding.since is not None
    assert abs((finding.since - BEGIN).days - 30) <= 2
    assert float(finding.after) > float(finding.before)


def test_the_same_step_in_a_metric_that_should_be_high_is_better() -> None:
    (finding,) = drifted([course(noise(1, 30) + noise(2, 30, 120.0), better=Better.HIGHER)])
    assert finding.worse is False


def test_a_fact_without_a_merit_is_neither() -> None:
    (finding,) = drifted([course(noise(1, 30) + noise(2, 30, 120.0), better=Better.NEITHER)])
    assert finding.worse is None


def test_the_last_days_of_a_long_quiet_series_raise_an_early_warning() -> None:
    quiet = [course(noise(seed, 64), metric=f"m{seed}") for seed in range(10, 60)]
    findings = drifted([*quiet, course(noise(3, 60) + noise(4, 4, 106.0))])
    assert [finding.kind for finding in findings if finding.what == "read_latency"] == [Kind.DRIFTING]


def test_better_values_of_the_last_days_are_no_warning() -> None:
    assert drifted([course(noise(3, 60) + noise(4, 4, 90.0))]) == ()


def test_among_many_quiet_series_few_are_found() -> None:
    quiet = [course(noise(seed, 60), metric=f"m{seed}") for seed in range(60)]
    changed = [finding for finding in drifted(quiet) if finding.kind is Kind.CHANGED]
    assert len(changed) <= 2


def test_one_change_among_many_quiet_series_is_found() -> None:
    quiet = [course(noise(seed, 60), metric=f"m{seed}") for seed in range(30)]
    stepped = course(noise(1, 30) + noise(2, 30, 130.0), metric="stepped")
    assert "stepped" in {finding.what for finding in drifted([*quiet, stepped]) if finding.kind is Kind.CHANGED}


@given(st.lists(st.floats(0.001, 1e6), max_size=40))
@settings(max_examples=40, deadline=None)
def test_no_series_however_short_or_flat_is_an_error(medians: list[float]) -> None:
    drifted([course(medians), course([1.0] * len(medians), metric="flat")])


def test_words_that_differ_are_told_and_what_only_one_has_is_not() -> None:
    before = {"cluster": {"minor": "1.35", "provider": "aws"}, "platform": {"ebpf": ["cilium"]}}
    after = {"cluster": {"minor": "1.36", "provider": "aws", "distribution": "eks"}, "platform": {"ebpf": []}}
    fields = ["cluster.minor", "cluster.provider", "cluster.distribution", "platform.ebpf", "nodes.count"]
    found = reconfigured(before, after, fields, at=BEGIN)
    assert [(each.title, each.before, each.after) for each in found] == [
        ("cluster.minor", "1.35", "1.36"),
        ("platform.ebpf", "cilium", ""),
    ]
