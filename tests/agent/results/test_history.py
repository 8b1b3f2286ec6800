"""The history as a store: what goes in comes out, by its names, and joins what was measured alike."""

import uuid
import zlib
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from agent.results.history import MAXIMUM_AGE, History, resolve
from agent.results.history_file import opened
from probes.errors import InvalidRequest, Unavailable
from probes.measure.result import ProbeResult, Status
from tests.agent.results.parts import reopened, run_at
from tests.probes.measure.synthetic import latency, rate, result


def test_what_was_kept_comes_back_without_loss(history: History) -> None:
    samples = np.arange(1000.0, 1500.0)
    kept = run_at(0, result(latency("read_latency", [samples, samples]), rate("read_iops", [1.0] * 6)))
    history.keep(kept)
    assert history.load(history.find("latest")) == kept


def test_runs_are_listed_by_when_they_began_not_by_when_they_were_kept(history: History) -> None:
    middle, newest, oldest = run_at(1), run_at(2), run_at(0)
    for each in (middle, newest, oldest):
        history.keep(each)
    assert [kept.run_id for kept in history.runs()] == [str(each.run_id) for each in (newest, middle, oldest)]
    assert history.find("latest~2").run_id == str(oldest.run_id)


def test_time_zones_do_not_change_the_order(history: History) -> None:
    early = run_at(0).model_copy(update={"started_at": datetime.fromisoformat("2026-01-01T23:00:00+09:00")})
    late = run_at(0).model_copy(update={"started_at": datetime.fromisoformat("2026-01-01T15:00:00+00:00")})
    history.keep(late)
    history.keep(early)
    assert history.find("latest").run_id == str(late.run_id)


def test_a_run_is_kept_once(history: History) -> None:
    kept = run_at(0)
    history.keep(kept)
    history.keep(kept)
    assert len(history.runs()) == 1
    assert len(history.series("storage", "read_iops").points) == 1


def test_the_beginning_of_an_id_is_enough_where_it_is_unique(history: History) -> None:
    first, second = (
        run_at(0).model_copy(update={"run_id": uuid.UUID(f"abcd{n}000-0000-4000-8000-000000000000")}) for n in (1, 2)
    )
    history.keep(first)
    history.keep(second)
    assert history.find("ABCD1").run_id == str(first.run_id)
    with pytest.raises(InvalidRequest, match="2 runs of the history"):
        history.find("abcd")
    with pytest.raises(InvalidRequest, match="no run"):
        history.find("abc")


def test_an_unknown_name_suggests_the_nearest_tag(history: History) -> None:
    history.keep(run_at(0))
    history.tag(history.find("latest"), "before-upgrade")
    with pytest.raises(InvalidRequest, match="did you mean before-upgrade"):
        history.find("before-upgade")
    with pytest.raises(InvalidRequest, match="holds 1"):
        history.find("latest~1")


def test_a_tag_names_one_run_and_moves_when_it_is_given_again(history: History) -> None:
    old, new = run_at(0), run_at(1)
    history.keep(old)
    history.keep(new)
    history.tag(history.find("latest~1"), "good")
    assert history.find("good").run_id == str(old.run_id)
    history.tag(history.find("latest"), "good")
    assert history.find("good").run_id == str(new.run_id)
    assert history.untag("good").run_id == str(new.run_id)
    with pytest.raises(InvalidRequest, match="no run of the history has the tag 'good'"):
        history.untag("good")


@pytest.mark.parametrize("name", ["latest", "latest~3", "", "-x", "a b", "a/b", "ü", "x" * 65, "a\n"])
def test_a_tag_that_could_be_mistaken_is_refused(history: History, name: str) -> None:
    history.keep(run_at(0))
    with pytest.raises(InvalidRequest, match="can't be a tag"):
        history.tag(history.find("latest"), name)


def test_removing_a_run_takes_its_tags_and_values_with_it(history: History) -> None:
    history.keep(run_at(0))
    history.keep(run_at(1))
    history.tag(history.find("latest"), "good")
    history.remove(history.find("good"))
    assert [kept.tags for kept in history.runs()] == [()]
    assert len(history.series("storage", "read_iops").points) == 1


def test_the_oldest_untagged_runs_go_first(path: Path, told: list[str]) -> None:
    with opened(path, create=True, tell=told.append) as connection:
        history = History(connection, maximum_runs=3)
        runs = [run_at(hours) for hours in range(6)]
        history.keep(runs[0])
        history.tag(history.find("latest"), "first")
        for each in runs[1:]:
            history.keep(each)
        assert [kept.run_id for kept in history.runs()] == [str(runs[index].run_id) for index in (5, 4, 3, 0)]


def test_what_is_older_than_two_years_goes_unless_tagged(history: History) -> None:
    for hours in (0, 1):
        history.keep(run_at(hours))
    history.tag(history.find("latest~1"), "first")
    history.keep(run_at(MAXIMUM_AGE / timedelta(hours=1) + 2))
    assert len(history.runs()) == 2
    assert history.find("first") == history.runs()[1]


def test_a_series_joins_only_what_was_measured_alike(history: History) -> None:
    metric = rate("read_iops", [100.0], conditions={"engine": "io_uring"})
    alike = [run_at(hours, result(metric, spec={"path": "/a", "profile": "quick"})) for hours in (0, 1)]
    otherwise = [
        run_at(2, result(metric, spec={"path": "/b", "profile": "quick"})),
        run_at(3, result(metric, spec={"path": "/a", "profile": "standard"})),
        run_at(
            4,
            result(rate("read_iops", [100.0], conditions={"engine": "psync"}), spec={"path": "/a", "profile": "quick"}),
        ),
        run_at(5, result(metric, probe="other", spec={"path": "/a", "profile": "quick"})),
        run_at(6, result(rate("write_iops", [1.0]), spec={"path": "/a", "profile": "quick"})),
    ]
    for each in (*otherwise, *alike):
        history.keep(each)
    series = history.series("storage", "read_iops", history.find(str(alike[0].run_id)))
    assert [point.run.run_id for point in series.points] == [str(each.run_id) for each in alike]
    assert series.others == 3
    newest = history.series("storage", "read_iops")
    assert [point.run.run_id for point in newest.points] == [str(otherwise[2].run_id)]


def test_a_series_has_the_medians_and_their_intervals(history: History) -> None:
    history.keep(run_at(0, result(rate("read_iops", [5.0, 1.0, 3.0]))))
    history.keep(run_at(1, result(rate("read_iops", [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))))
    first, second = history.series("storage", "read_iops").points
    assert (first.median, first.low, first.high) == (3.0, None, None)
    assert (second.median, second.low, second.high) == (3.5, 1.0, 6.0)


def test_an_unknown_metric_names_the_known_ones(history: History) -> None:
    history.keep(run_at(0))
    with pytest.raises(InvalidRequest, match="did you mean read_iops"):
        history.series("storage", "raed_iops")
    with pytest.raises(InvalidRequest, match="it has read_iops"):
        history.series("storage", "zzz")
    with pytest.raises(InvalidRequest, match="probe run dns"):
        history.series("dns", "lookup")


def test_an_unavailable_probe_is_kept_and_has_no_values(history: History) -> None:
    unavailable = ProbeResult(probe="storage", status=Status.UNAVAILABLE, reason="no fio", spec={})
    history.keep(run_at(0, unavailable))
    assert history.runs()[0].probes == ("storage",)
    with pytest.raises(InvalidRequest):
        history.series("storage", "read_iops")


def test_a_reference_is_a_file_or_a_kept_run(path: Path, tmp_path: Path, told: list[str]) -> None:
    kept, written = run_at(0), run_at(1)
    with reopened(path, told) as history:
        history.keep(kept)
        history.tag(history.find("latest"), "good")
    file = tmp_path / "result.json"
    file.write_text(written.model_dump_json())
    assert resolve(str(file), history=path, tell=told.append) == written
    for reference in ("good", "latest", str(kept.run_id)[:8]):
        assert resolve(reference, history=path, tell=told.append) == kept


WHOLE = run_at(0).model_dump_json()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        WHOLE[: len(WHOLE) // 2].encode(),
        b"{}",
        b"[]",
        b'{"benchmarks": []}',
        WHOLE.replace('"schema_version":1', '"schema_version":2').encode(),
        WHOLE.replace('"results"', '"outcomes"').encode(),
    ],
    ids=["empty", "binary", "cut off", "no fields", "a list", "foreign", "future", "other fields"],
)
def test_a_file_that_is_no_result_is_refused_in_one_line_that_names_it(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "odd.json"
    file.write_bytes(content)
    with pytest.raises(InvalidRequest) as refused:
        resolve(str(file), history=tmp_path / "none", tell=print)
    assert str(file) in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("reference", ["missing.json", "missing", "./missing", "."])
def test_what_is_neither_file_nor_run_is_refused(
    reference: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidRequest, match=r"can't read|no file"):
        resolve(reference, history=tmp_path / "none", tell=print)
    assert list(tmp_path.iterdir()) == []


def test_a_kept_result_of_a_later_schema_is_refused(history: History) -> None:
    history.keep(run_at(0))
    found = history.find("latest")
    future = WHOLE.replace('"schema_version":1', '"schema_version":2')
    history._connection.execute("UPDATE runs SET document = ?", (zlib.compress(future.encode()),))
    with pytest.raises(InvalidRequest, match=f"run {found.short_id} of the history is a result in schema version 2"):
        history.load(found)


def test_a_damaged_document_is_unavailable_and_says_what_to_do(history: History) -> None:
    history.keep(run_at(0))
    history._connection.execute("UPDATE runs SET document = x'00'")
    with pytest.raises(Unavailable, match="probe history remove"):
        history.load(history.find("latest"))
