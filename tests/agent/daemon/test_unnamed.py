import uuid
from datetime import UTC, datetime
from pathlib import Path

from agent.daemon.keeping import findings, history, mark_reported, unreported
from agent.daemon.unnamed import unnamed
from agent.privacy.keys import Keys
from agent.results.merge import merge
from agent.wire.facts import Facts, StorageClass, WorkloadsFacts
from jobs.collect import Collected, unavailable
from jobs.merge import merged
from probes.measure.metric import Description, from_rates
from probes.measure.result import Better, ProbeResult, RunResult, Status
from probes.measure.stability import Flag, FlagCode
from probes.measure.units import Unit
from tests.agent.privacy.canaries import CANARIES, leaks
from tests.agent.results.test_merge import latency, run

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = Keys(bytes(range(32))).kept_names
PLACES = (
    {"volume": "ephemeral"},
    {"volume": "claim", "storage_class": "fast-1"},
    {"volume": "claim", "storage_class": CANARIES[0]},
)
COLLECTED = Facts(
    workloads=WorkloadsFacts(
        storage_classes=(StorageClass(name="fast-1", kind="aws_ebs"), StorageClass(name=CANARIES[0], kind="nfs"))
    )
)


def storage_of_a_cluster(mark: str) -> ProbeResult:
    """As `jobs.merge` makes it of pods, each with a marked name wherever a text can stand."""
    described = Description(
        name="read_iops", title=mark, unit=Unit.OPERATIONS_PER_SECOND, better=Better.HIGHER,
        conditions={"engine": mark, "queue_depth": 8},
    )  # fmt: skip
    doubt = Flag(code=FlagCode.THROTTLED, reason=f"{mark} was throttled")
    metrics = (
        latency([1e5, 2e5, 3e5], "read_latency"),
        from_rates(described, [1.0, 2.0, 3.0]).model_copy(update={"flags": (doubt,)}),
        latency([1e5], f"{mark}_own"),
    )
    result = ProbeResult(
        probe="storage", status=Status.MEASURED, spec={"path": mark, "bytes": 1}, facts={"device": mark},
        tools={"fio": mark}, metrics=metrics, flags=(doubt,),
    )  # fmt: skip
    brought = [Collected(result=result, what=place) for place in PLACES]
    gone = Collected(result=unavailable("storage", f"{mark} is gone"), what=PLACES[2])
    return merged("storage", [*brought, gone])


def of_a_cluster(mark: str) -> RunResult:
    return run(storage_of_a_cluster(mark)).model_copy(update={"environment": {"kernel": mark, "cpus": 4}})


def test_no_name_of_a_cluster_is_in_the_history(tmp_path: Path) -> None:
    for mark in CANARIES:
        assert leaks(unnamed(of_a_cluster(mark), NAMES).model_dump_json()) == []
        assert leaks(of_a_cluster(mark).model_dump_json())
    path = tmp_path / "history.db"
    with history(path, print) as kept:
        kept.keep(unnamed(of_a_cluster(CANARIES[0]), NAMES))
        assert {probe for probe, _ in kept.measured()} == {"storage"}
    assert leaks(path.read_bytes()) == []


def test_what_is_reported_is_the_same_as_if_the_names_had_been_kept() -> None:
    measured = of_a_cluster("engine-x")
    plain, restored = merge(COLLECTED, measured), merge(COLLECTED, unnamed(measured, NAMES), pseudonym=NAMES)
    assert plain.benchmarks == restored.benchmarks
    assert plain.benchmarks is not None
    rows = plain.benchmarks.storage or ()
    assert {row.storage_class for row in rows} == {None, "fast-1", CANARIES[0]}
    assert {row.storage_kind for row in rows} == {"ephemeral", "aws_ebs", "nfs"}


def test_runs_of_one_class_are_one_series_and_of_two_are_two(tmp_path: Path) -> None:
    with history(tmp_path / "history.db", print) as kept:
        for day in range(3):
            measured = of_a_cluster("engine-x").model_copy(
                update={"run_id": uuid.UUID(int=day), "started_at": BEGINNING.replace(day=day + 1)}
            )
            kept.keep(unnamed(measured, NAMES))
        metrics = [metric for probe, metric in kept.measured() if metric.startswith("read_latency")]
        assert len(metrics) == len(PLACES)
        assert [len(kept.series("storage", metric).points) for metric in metrics] == [3, 3, 3]
        assert findings(kept) == ()


def test_a_run_is_reported_once_and_one_of_before_the_consent_never(tmp_path: Path) -> None:
    with history(tmp_path / "history.db", print) as kept:
        assert unreported(kept, since=BEGINNING) is None
        kept.keep(unnamed(of_a_cluster("engine-x"), NAMES))
        assert unreported(kept, since=datetime(2026, 12, 1, tzinfo=UTC)) is None
        found = unreported(kept, since=BEGINNING)
        assert found is not None
        mark_reported(kept, found[0])
        assert unreported(kept, since=BEGINNING) is None
