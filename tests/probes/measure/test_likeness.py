import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.measure.compare import compare
from probes.measure.comparison import Absence, Comparison, Difference, Side
from probes.measure.result import Better, Facts, Metric, ProbeResult, RunResult, Status
from probes.measure.units import Unit
from tests.probes.measure.synthetic import rate, result, run

FACTS = st.dictionaries(st.sampled_from(["engine", "block_bytes", "depth"]), st.integers(0, 2) | st.booleans())


def _compare(baseline: list[RunResult], candidate: list[RunResult]) -> Comparison:
    return compare(baseline, candidate, rng=np.random.default_rng(0))


def _iops(**changed: object) -> Metric:
    fields: dict[str, object] = {"unit": Unit.OPERATIONS_PER_SECOND, "conditions": {"engine": "io_uring", "depth": 32}}
    return rate("iops", [100.0], **fields | changed)  # type: ignore[arg-type]


def _unavailable(reason: str) -> ProbeResult:
    return ProbeResult(probe="storage", status=Status.UNAVAILABLE, reason=reason, spec={"profile": "quick"})


@pytest.mark.parametrize(
    ("changed", "field", "baseline", "candidate"),
    [
        ({"unit": Unit.COUNT}, "unit", "ops/s", "count"),
        ({"better": Better.LOWER}, "better", "higher", "lower"),
        ({"conditions": {"engine": "psync", "depth": 32}}, "conditions.engine", "io_uring", "psync"),
        ({"conditions": {"engine": "io_uring", "depth": 1}}, "conditions.depth", 32, 1),
        ({"conditions": {"engine": "io_uring"}}, "conditions.depth", 32, None),
    ],
)
def test_a_metric_measured_otherwise_is_refused_by_the_field_that_differs(
    changed: dict[str, object], field: str, baseline: object, candidate: object
) -> None:
    comparison = _compare([run(result(_iops()))], [run(result(_iops(**changed)))])
    assert comparison.metrics == ()
    (refusal,) = comparison.incomparable
    assert (refusal.probe, refusal.metric, refusal.field) == ("storage", "iops", field)
    assert (refusal.baseline, refusal.candidate) == ((baseline,), (candidate,))


@pytest.mark.parametrize(
    ("spec", "field", "candidate"),
    [
        ({"profile": "standard", "size": 1024}, "spec.profile", "standard"),
        ({"profile": "quick", "size": 2048}, "spec.size", 2048),
        ({"profile": "quick"}, "spec.size", None),
    ],
)
def test_a_probe_asked_for_something_else_is_refused_whole(spec: Facts, field: str, candidate: object) -> None:
    asked: Facts = {"profile": "quick", "size": 1024}
    comparison = _compare([run(result(_iops(), spec=asked))], [run(result(_iops(), spec=spec))])
    assert comparison.metrics == ()
    (refusal,) = comparison.incomparable
    assert (refusal.probe, refusal.metric, refusal.field) == ("storage", None, field)
    assert refusal.candidate == (candidate,)


def test_runs_that_differ_within_a_side_are_refused_with_both_values() -> None:
    small, large = ({"profile": "quick", "size": size} for size in (1, 2))
    mixed = [run(result(_iops(), spec=small)), run(result(_iops(), spec=large))]
    comparison = _compare(mixed, [run(result(_iops(), spec=small))])
    assert comparison.metrics == ()
    assert comparison.incomparable == (
        Difference(probe="storage", metric=None, field="spec.size", baseline=(1, 2), candidate=(1,)),
    )


def test_one_metric_that_is_unlike_leaves_the_others_compared() -> None:
    comparison = _compare(
        [run(result(_iops(), rate("throughput", [1.0])))],
        [run(result(_iops(unit=Unit.COUNT), rate("throughput", [1.0])))],
    )
    assert [metric.name for metric in comparison.metrics] == ["throughput"]
    assert [refusal.metric for refusal in comparison.incomparable] == ["iops"]


@given(FACTS, FACTS)
def test_every_condition_that_differs_is_named_and_nothing_else(first: Facts, second: Facts) -> None:
    comparison = _compare([run(result(_iops(conditions=first)))], [run(result(_iops(conditions=second)))])
    differing = {f"conditions.{key}" for key in first.keys() | second.keys() if first.get(key) != second.get(key)}
    assert {refusal.field for refusal in comparison.incomparable} == differing
    assert bool(comparison.metrics) != bool(differing)


def test_another_machine_path_or_tool_is_a_note_and_no_refusal() -> None:
    def measured(kernel: str, path: str, fio: str, device: str) -> RunResult:
        spec: Facts = {"profile": "quick", "path": path}
        found = result(_iops(), spec=spec, facts={"device": device, "free_bytes": len(path)})
        return run(found.model_copy(update={"tools": {"fio": fio}}), environment={"kernel": kernel, "cpus": 2})

    comparison = _compare([measured("6.1", "/a", "3.33", "sda")], [measured("6.18", "/data", "3.36", "nvme0n1")])
    assert len(comparison.metrics) == 1
    assert comparison.incomparable == ()
    assert {(note.probe, note.field, note.baseline, note.candidate) for note in comparison.notes} == {
        (None, "environment.kernel", ("6.1",), ("6.18",)),
        ("storage", "spec.path", ("/a",), ("/data",)),
        ("storage", "tools.fio", ("3.33",), ("3.36",)),
        ("storage", "facts.device", ("sda",), ("nvme0n1",)),
    }


def test_an_unavailable_probe_is_listed_with_its_reason_and_its_side() -> None:
    comparison = _compare([run(result(_iops()))], [run(_unavailable("fio is missing: install it"))])
    assert comparison.metrics == ()
    assert comparison.absences == (
        Absence(probe="storage", metric=None, side=Side.CANDIDATE, runs=1, reason="fio is missing: install it"),
    )


def test_a_probe_unavailable_in_some_runs_is_compared_by_the_others() -> None:
    comparison = _compare(
        [run(result(_iops())), run(_unavailable("the disk was full")), run(result(_iops()))], [run(result(_iops()))]
    )
    assert [len(metric.baseline.values) for metric in comparison.metrics] == [2]
    assert [(absence.runs, absence.reason) for absence in comparison.absences] == [(1, "the disk was full")]


def test_a_metric_or_a_probe_of_one_side_only_is_listed_not_dropped() -> None:
    comparison = _compare(
        [run(result(_iops(), rate("throughput", [1.0])), result(rate("lookup", [1.0]), probe="dns"))],
        [run(result(_iops()))],
    )
    assert [metric.name for metric in comparison.metrics] == ["iops"]
    assert {(absence.probe, absence.metric, absence.side) for absence in comparison.absences} == {
        ("storage", "throughput", Side.CANDIDATE),
        ("dns", None, Side.CANDIDATE),
    }


def test_a_probe_that_neither_side_could_measure_is_listed_for_both() -> None:
    comparison = _compare([run(_unavailable("no fio"))], [run(_unavailable("no disk"))])
    assert [(absence.side, absence.reason) for absence in comparison.absences] == [
        (Side.BASELINE, "no fio"),
        (Side.CANDIDATE, "no disk"),
    ]
