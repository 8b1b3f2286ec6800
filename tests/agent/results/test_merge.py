import uuid
from datetime import UTC, datetime

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agent.results.merge import merge
from agent.wire.facts import ClusterFacts, Facts, StorageClass, WorkloadsFacts
from agent.wire.vocabulary import PATHS
from jobs.collect import Collected, unavailable
from jobs.merge import merged
from jobs.plan import plan
from probes.measure.metric import Description, from_rates, from_samples
from probes.measure.result import Better, Metric, ProbeResult, RunResult, Status
from probes.measure.units import Unit
from tests.jobs.factories import SECONDS, node, nodes, request, storage_class

COLLECTED = Facts(
    cluster=ClusterFacts(minor=36),
    workloads=WorkloadsFacts(storage_classes=(StorageClass(name="fast-1", kind="aws_ebs"),)),
    statuses={"cluster": "ok"},
)


def latency(values: list[float], name: str) -> Metric:
    described = Description(name=name, title=name, unit=Unit.NANOSECONDS, better=Better.LOWER, conditions={"size": 64})
    return from_samples(described, [np.array(values)])


def run(*results: ProbeResult) -> RunResult:
    return RunResult(
        run_id=uuid.UUID(int=1),
        started_at=datetime(2026, 11, 24, tzinfo=UTC),
        duration_seconds=1,
        version="1",
        profile="quick",
        target="cluster",
        environment={},
        results=results,
    )


def measured(probe: str, *metrics: Metric) -> ProbeResult:
    return ProbeResult(probe=probe, status=Status.MEASURED, spec={}, metrics=metrics)


def test_without_a_run_the_facts_stay_as_they_were_collected() -> None:
    assert merge(COLLECTED, None) is COLLECTED


def test_a_result_of_a_planned_storage_step_finds_its_class_and_kind() -> None:
    """The names come from the plan and the merging of pods themselves, so that a change there is noticed here."""
    steps = plan(
        request("storage"), nodes=nodes(1), classes=[storage_class("fast-1"), storage_class("b.c")], seconds=SECONDS
    ).steps
    brought = [
        Collected(result=measured("storage", latency([1e5], "read_latency")), what=step.what)  # type: ignore[attr-defined]
        for step in steps
    ]
    rows = merge(COLLECTED, run(merged("storage", brought))).benchmarks
    assert rows is not None
    assert rows.storage is not None
    found = {(row.metric, row.storage_class, row.storage_kind) for row in rows.storage}
    assert found == {
        ("read_latency", "fast-1", "aws_ebs"),
        ("read_latency", "b.c", None),
        ("read_latency", None, "ephemeral"),
    }


def test_a_result_of_a_planned_network_step_finds_its_path() -> None:
    zoned = [*nodes(2), *(node(f"z{number}", zone=f"zone-{number % 2}") for number in range(3))]
    steps = plan(request("latency", pairs_limit=20), nodes=zoned, classes=[], seconds=SECONDS).steps
    brought = [
        Collected(result=measured("latency", latency([1e5], "request_response_64b")), what=step.what)  # type: ignore[attr-defined]
        for step in steps
    ]
    rows = merge(COLLECTED, run(merged("latency", brought))).benchmarks
    assert rows is not None
    assert {(row.metric, row.path) for row in rows.latency or ()} == {("request_response_64b", path) for path in PATHS}


def test_a_metric_without_a_word_of_its_own_is_left_out_and_its_name_with_it() -> None:
    metric = latency([1e5], "lookup_of_secret_example_com")
    rows = merge(COLLECTED, run(measured("dns", metric))).benchmarks
    assert rows is not None
    assert rows.dns is None


@given(st.lists(st.floats(1, 1e9), min_size=1, max_size=50))
def test_a_distribution_counts_each_sample(values: list[float]) -> None:
    rows = merge(COLLECTED, run(measured("latency", latency(values, "connect")))).benchmarks
    assert rows is not None
    (row,) = rows.latency or ()
    assert row.distribution is not None
    assert sum(row.distribution.counts.values()) == len(values)


def test_a_rate_has_no_distribution_and_doubts_are_codes_without_reasons() -> None:
    described = Description(
        name="send_1_stream", title="s", unit=Unit.BITS_PER_SECOND, better=Better.HIGHER, conditions={}
    )
    rows = merge(COLLECTED, run(measured("throughput", from_rates(described, [1e9])))).benchmarks
    assert rows is not None
    (row,) = rows.throughput or ()
    assert (row.distribution, row.median, row.rounds) == (None, 1e9, 1)
    assert row.doubts == ("few-rounds",)


def test_a_run_in_which_nothing_was_measured_is_a_failed_collector() -> None:
    facts = merge(COLLECTED, run(unavailable("storage", "evicted from node-7")))
    assert facts.statuses == {"cluster": "ok", "benchmarks": "failed"}
    assert facts.benchmarks is not None
    assert facts.benchmarks.storage is None
    assert facts.cluster is COLLECTED.cluster
