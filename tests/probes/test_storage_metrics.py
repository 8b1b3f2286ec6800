"""What reports become: rates a round, pooled latencies, conditions that tell what may be compared."""

from dataclasses import replace

import pytest

from probes.fio import Flow, Job, Latency, Report
from probes.measure.histogram import Histogram
from probes.measure.result import Metric
from probes.measure.stability import FlagCode
from probes.storage_metrics import (
    FSYNC,
    MIXED,
    READ_IOPS,
    READ_LATENCY,
    SECTIONS,
    WRITE_LATENCY,
    etcd_facts,
    gaps,
    metrics_of,
    settled,
)

QUIET = Latency(histogram=Histogram(), minimum=0, maximum=0, mean=0)


def latency(value_ns: float, count: int = 1000) -> Latency:
    return Latency(histogram=Histogram.of([value_ns], [count]), minimum=value_ns, maximum=value_ns, mean=value_ns)


def report(iops: float = 100.0, *, latency_ns: float = 1e5, fsync_ns: float = 1e6, count: int = 1000) -> Report:
    flow = Flow(iops=iops, bytes_per_second=iops * 4096, latency=latency(latency_ns, count))
    return Report(version="3.33", read=flow, write=flow, sync=latency(fsync_ns, count))


def metric(name: str, rounds: list[dict[Job, Report]]) -> Metric:
    return next(each for each in metrics_of(rounds, engine="io_uring", size_bytes=2**30) if each.name == name)


def alike(each: Report) -> dict[Job, Report]:
    return dict.fromkeys(SECTIONS, each)


def test_every_section_of_every_round_is_in_a_metric() -> None:
    metrics = metrics_of([alike(report())] * 6, engine="io_uring", size_bytes=2**30)
    assert {each.name for each in metrics} == {
        "read_latency",
        "write_latency",
        "loaded_read_latency",
        "loaded_write_latency",
        "fsync_latency",
        "read_iops",
        "write_iops",
        "read_throughput",
        "write_throughput",
        "mixed_read_iops",
        "mixed_write_iops",
    }
    assert all(len(each.rounds) == 6 for each in metrics)


def test_a_rate_is_the_median_of_rounds() -> None:
    rounds = [alike(report()) | {READ_IOPS: report(iops)} for iops in (10, 20, 30, 40, 50, 900)]
    found = metric("read_iops", rounds)
    assert found.rounds == (10, 20, 30, 40, 50, 900)
    assert found.summary.median == 35


def test_percentiles_come_from_all_operations_of_all_rounds_not_from_the_rounds_percentiles() -> None:
    quiet, slow = report(latency_ns=1e5, count=9900), report(latency_ns=5e7, count=2)
    rounds = [alike(report()) | {READ_LATENCY: each} for each in (quiet, quiet, quiet, quiet, quiet, slow)]
    found = metric("read_latency", rounds).summary
    assert found.count == 5 * 9900 + 2
    assert found.percentiles["p99"].value == pytest.approx(1e5, rel=0.01)
    assert (found.minimum, found.maximum) == (1e5, 5e7)
    assert found.mean == pytest.approx((5 * 9900 * 1e5 + 2 * 5e7) / found.count)


def test_conditions_name_what_was_really_done() -> None:
    metrics = {each.name: each for each in metrics_of([alike(report())], engine="psync", size_bytes=2**30)}
    assert metrics["read_iops"].conditions == {
        "engine": "psync",
        "block_bytes": 4096,
        "queue_depth": 1,
        "jobs": 2,
        "direct": True,
        "size_bytes": 2**30,
    }
    assert metrics["fsync_latency"].conditions == {
        "engine": "sync",
        "block_bytes": 2300,
        "queue_depth": 1,
        "jobs": 1,
        "direct": False,
        "size_bytes": 22 * 2**20,
    }


@pytest.mark.parametrize(("fsync_ns", "good"), [(9e6, True), (12e6, False)])
def test_etcds_question_is_answered_by_the_p99_of_fsync(fsync_ns: float, *, good: bool) -> None:
    metrics = metrics_of([alike(report(fsync_ns=fsync_ns))] * 6, engine="io_uring", size_bytes=2**30)
    assert etcd_facts(metrics) == {"fsync_p99_within_10_ms": good}


def test_etcds_question_stays_open_where_fsyncs_were_too_few() -> None:
    rounds = [alike(report()) | {FSYNC: report(count=20)}] * 6
    assert etcd_facts(metrics_of(rounds, engine="io_uring", size_bytes=2**30)) == {}


def quiet(rounds: int = 1) -> list[dict[Job, Report]]:
    """Rounds in which a write outlasted the section, so that no fdatasync came after it."""
    return [alike(report()) | {FSYNC: replace(report(), sync=QUIET)}] * rounds


def test_a_round_without_an_operation_counts_for_nothing_but_is_told() -> None:
    rounds = [*quiet(2), *[alike(report(fsync_ns=2e6))] * 6]
    found = metric("fsync_latency", rounds)
    assert (found.summary.minimum, found.summary.mean, len(found.rounds)) == (2e6, 2e6, 6)
    (flag,) = gaps(rounds)
    assert flag.code is FlagCode.PARTIAL
    assert "fdatasync after 2300 bytes (etcd)" in flag.reason
    assert "2 of 8 rounds" in flag.reason


def test_a_metric_that_brought_nothing_is_left_out_and_etcds_question_stays_open() -> None:
    rounds = quiet(6)
    metrics = metrics_of(rounds, engine="io_uring", size_bytes=2**30)
    assert len(metrics) == 10
    assert "fsync_latency" not in {each.name for each in metrics}
    assert etcd_facts(metrics) == {}
    assert ["6 of 6 rounds" in flag.reason for flag in gaps(rounds)] == [True]


def test_nothing_is_told_where_every_round_brought_something() -> None:
    assert gaps([alike(report())] * 6) == ()


def test_a_quantity_without_an_operation_has_not_settled_and_one_that_lacks_a_round_may_have() -> None:
    assert not settled(quiet(6))
    lacking = alike(report()) | {WRITE_LATENCY: replace(report(), write=replace(report().write, latency=QUIET))}
    assert settled([lacking, *[alike(report())] * 6])


def test_the_disk_has_settled_only_when_every_quantity_has() -> None:
    steady = [alike(report())] * 6
    assert settled(steady)
    assert not settled(steady[:5])
    rising = [alike(report()) | {MIXED: report(100 + 20 * number)} for number in range(6)]
    assert not settled(rising)
