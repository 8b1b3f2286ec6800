"""The storage probe with the real fio on small files, and with tools in its place that misbehave."""

import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from probes.errors import InvalidRequest, ToolFailed, Unavailable
from probes.filesystem import in_memory, mount_of
from probes.measure.result import Metric, PhaseKind
from probes.measure.stability import FlagCode
from probes.measure.units import Unit
from probes.probe import Context, Measurement, Profile
from probes.storage import PROBE, StorageSpec, check, measure, plan, specify

MIB = 2**20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """An empty directory that is not in memory."""
    if not in_memory(mount_of(str(tmp_path))):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        yield Path(name)


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program `fio` before the real one on PATH, to be written; `$REAL` in it is the real one."""
    real = shutil.which("fio")
    assert real is not None
    directory = tmp_path_factory.mktemp("bin")
    monkeypatch.setenv("PATH", f"{directory}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("REAL", real)
    script = directory / "fio"
    script.touch(0o755)
    return script


def small(directory: Path, **changes: object) -> StorageSpec:
    values = {
        "path": str(directory),
        "size_bytes": 4 * MIB,
        "round_seconds": 0.1,
        "ramp_seconds": 0.0,
        "minimum_rounds": 1,
        "maximum_rounds": 1,
    }
    return StorageSpec.model_validate(values | changes)


def run(spec: StorageSpec, budget_seconds: float = 60.0) -> tuple[Measurement, Context]:
    context = Context(budget_seconds=budget_seconds)
    return measure(spec, context), context


@pytest.fixture(scope="module")
def two_rounds(tmp_path_factory: pytest.TempPathFactory) -> tuple[Measurement, Context]:
    directory = tmp_path_factory.mktemp("disk")
    if in_memory(mount_of(str(directory))):
        pytest.skip("the temporary directory is in memory: set TMPDIR to a directory on a disk")
    return run(small(directory, minimum_rounds=2, maximum_rounds=2))


def by_name(measurement: Measurement) -> dict[str, Metric]:
    return {each.name: each for each in measurement.metrics}


def test_every_metric_is_measured_in_its_unit(two_rounds: tuple[Measurement, Context]) -> None:
    metrics = by_name(two_rounds[0])
    assert {name for name, each in metrics.items() if each.unit is Unit.NANOSECONDS} == {
        "read_latency",
        "write_latency",
        "loaded_read_latency",
        "loaded_write_latency",
        "fsync_latency",
    }
    assert len(metrics) == 11
    assert all(each.summary.minimum > 0 and len(each.rounds) == 2 for each in metrics.values())


def test_rates_and_latencies_of_one_section_agree_by_littles_law(two_rounds: tuple[Measurement, Context]) -> None:
    metrics = by_name(two_rounds[0])
    for direction in ("read", "write"):
        rate, latency = metrics[f"{direction}_iops"], metrics[f"loaded_{direction}_latency"]
        under_way = rate.summary.mean * latency.summary.mean / 1e9
        assert 64 / 3 < under_way <= 64 * 1.1


def test_mixed_reads_and_writes_are_70_to_30(two_rounds: tuple[Measurement, Context]) -> None:
    metrics = by_name(two_rounds[0])
    reads, writes = metrics["mixed_read_iops"].summary.median, metrics["mixed_write_iops"].summary.median
    assert reads / (reads + writes) == pytest.approx(0.7, abs=0.1)


def test_rounds_are_interleaved_and_every_stretch_has_its_phase(two_rounds: tuple[Measurement, Context]) -> None:
    phases = two_rounds[1].phases
    assert [(phase.name, phase.kind) for phase in phases[:2]] == [
        ("engine", PhaseKind.PREPARE),
        ("fill", PhaseKind.PREPARE),
    ]
    measured = [phase.name for phase in phases if phase.kind is PhaseKind.MEASURE]
    assert len(measured) == 16
    assert [name.rpartition(" ")[2] for name in measured] == ["1"] * 8 + ["2"] * 8
    assert [name.partition(",")[0] for name in measured[:8]] == [name.partition(",")[0] for name in measured[8:]]


def test_the_result_names_engine_tool_and_file_system(two_rounds: tuple[Measurement, Context]) -> None:
    measurement, _ = two_rounds
    assert measurement.facts["engine"] == by_name(measurement)["read_latency"].conditions["engine"]
    assert measurement.facts["size_bytes"] == 4 * MIB
    assert {"free_bytes", "file_system", "mount_options"} <= measurement.facts.keys()
    assert measurement.tools["fio"][0].isdigit()
    assert {FlagCode.INDICATIVE, FlagCode.CACHED} <= {flag.code for flag in measurement.flags}


def test_no_name_appears_in_the_directory_at_any_time(disk: Path) -> None:
    over = threading.Event()
    names: set[str] = set()

    def watch() -> None:
        while not over.is_set():
            names.update(os.listdir(disk))  # noqa: PTH208  nothing but the names is wanted, often
            time.sleep(0.001)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        run(small(disk))
    finally:
        over.set()
        watcher.join()
    assert names == set()
    assert list(disk.iterdir()) == []


def test_check_tells_what_would_be_used_without_leaving_anything(disk: Path) -> None:
    facts = check(small(disk))
    assert facts["engine"] in {"io_uring", "libaio", "psync"}
    assert str(facts["fio"])[0].isdigit()
    assert list(disk.iterdir()) == []


def test_a_spent_budget_ends_the_rounds_and_is_told(disk: Path) -> None:
    measurement, _ = run(small(disk, minimum_rounds=3, maximum_rounds=3), budget_seconds=0.0)
    assert len(by_name(measurement)["read_iops"].rounds) == 1
    flag = next(flag for flag in measurement.flags if flag.code is FlagCode.BUDGET_SPENT)
    assert "1 of 3 rounds" in flag.reason


def test_an_engine_that_is_refused_gives_way_to_the_next_and_the_result_says_so(disk: Path, stand_in: Path) -> None:
    stand_in.write_text(
        '#!/bin/sh\ncase "$*" in *io_uring*|*libaio*) echo "fio: engine not permitted" >&2; exit 1;; esac\n'
        'exec "$REAL" "$@"\n'
    )
    measurement, _ = run(small(disk))
    flag = next(flag for flag in measurement.flags if flag.code is FlagCode.ENGINE_FALLBACK)
    assert "measured with psync" in flag.reason
    assert "engine not permitted" in flag.reason
    conditions = by_name(measurement)["read_iops"].conditions
    assert (conditions["engine"], conditions["queue_depth"]) == ("psync", 1)


def test_a_section_that_ended_before_its_first_fdatasync_costs_its_own_metric_alone(disk: Path, stand_in: Path) -> None:
    # Of two options the later one counts: no fdatasync is due within the section, as behind a write that outlasts it.
    stand_in.write_text(
        '#!/bin/sh\ncase "$*" in *--fdatasync=1*) exec "$REAL" "$@" --fdatasync=1000000;; esac\nexec "$REAL" "$@"\n'
    )
    measurement, _ = run(small(disk))
    assert len(measurement.metrics) == 10
    assert "fsync_latency" not in by_name(measurement)
    assert "fsync_p99_within_10_ms" not in measurement.facts
    flag = next(flag for flag in measurement.flags if flag.code is FlagCode.PARTIAL)
    assert "fdatasync" in flag.reason


def test_a_missing_fio_is_unavailable_and_says_what_to_install(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(disk))
    with pytest.raises(Unavailable, match="fio is not installed: install"):
        run(small(disk))


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo rubbish", "something else than the JSON"),
        ("exit 0", "something else than the JSON"),
        ("echo 'fio: the disk is on fire' >&2; exit 3", "the disk is on fire"),
        ("kill -9 $$", "killed by signal 9"),
        ('for word; do case $word in --output=*) echo \'{"jobs": []}\' >"${word#*=}";; esac; done', "something else"),
    ],
)
def test_a_fio_that_is_none_is_a_failed_tool(disk: Path, stand_in: Path, script: str, said: str) -> None:
    stand_in.write_text(f"#!/bin/sh\n{script}\n")
    with pytest.raises(ToolFailed, match=said) as caught:
        run(small(disk))
    assert "\n" not in str(caught.value)
    assert list(disk.iterdir()) == []


@pytest.mark.parametrize("signal", ["TERM", "INT", "KILL"])
def test_a_fio_killed_in_the_middle_is_a_failed_tool_not_a_result(disk: Path, stand_in: Path, signal: str) -> None:
    # The first section alone: the trial of the engine and the fill must pass. fio is at work well before a second.
    stand_in.write_text(
        '#!/bin/sh\ncase "$*" in *--rw=randread*--numjobs=1\\ *) (sleep 1; kill -'
        f'{signal} $$) >/dev/null 2>&1 & esac\nexec "$REAL" "$@"\n'
    )
    with pytest.raises(ToolFailed, match=r"random read latency: fio was (asked to end|killed by signal)"):
        run(small(disk, round_seconds=5.0))
    assert list(disk.iterdir()) == []
    assert not any("fio" in child.name() for child in psutil.Process().children(recursive=True))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"size": "plenty"}, "--size: 'plenty' is not a size: .* such as 512MiB"),
        ({"size": "-1GiB"}, "--size"),
        ({"size": "64KiB"}, "at least 1MiB"),
        ({"duration": "soon"}, "--duration: 'soon' is not a duration: .* such as 500ms"),
        ({"duration": "1ms"}, "100ms to 1h, not for 1ms"),
        ({"duration": "2h"}, "100ms to 1h, not for 2h"),
        ({"path": "/dev/null"}, "a character device"),
    ],
)
def test_nonsense_is_refused_with_what_is_allowed(options: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        specify(Profile.QUICK, options)


def test_a_size_that_does_not_fit_is_refused_before_anything_is_written(disk: Path) -> None:
    spec = specify(Profile.QUICK, {"path": str(disk), "size": "1000000GiB"})
    for refuse in (check, lambda each: measure(each, Context(budget_seconds=1))):
        with pytest.raises(InvalidRequest, match=r"exceeds .* a quarter of the"):
            refuse(spec)


def test_a_file_that_took_the_directorys_place_is_not_overwritten(disk: Path) -> None:
    precious = disk / "precious"
    precious.write_text("data")
    with pytest.raises(Unavailable, match="precious"):
        run(small(precious))
    assert precious.read_text() == "data"


@pytest.mark.parametrize("profile", Profile)
def test_the_plan_says_where_how_much_and_how_long(profile: Profile, disk: Path) -> None:
    told = plan(specify(profile, {"path": str(disk)}))
    text = " ".join(told.intentions)
    assert str(disk) in text
    assert "GiB" in text
    assert "quarter of the free space" in text
    assert "never has a name" in text


def test_options_change_what_the_plan_expects() -> None:
    short, long = (plan(specify(Profile.STANDARD, {"duration": each})).seconds for each in ("1s", "10s"))
    assert long - short == pytest.approx(8 * 6 * 9)
    assert "64.0 MiB" in plan(specify(Profile.THOROUGH, {"size": "64MiB"})).intentions[0]


def test_quick_fits_its_share_of_a_minute() -> None:
    assert PROBE.plan(PROBE.spec(Profile.QUICK, {})).seconds <= 26


def test_metrics_survive_json(two_rounds: tuple[Measurement, Context]) -> None:
    for each in two_rounds[0].metrics:
        assert Metric.model_validate_json(json.dumps(each.model_dump(mode="json"))) == each
