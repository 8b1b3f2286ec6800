"""CSV, read back by an independent reader."""

import csv
import io
import json

import numpy as np

from agent.export.csv import COLUMNS, export
from probes.measure.result import ProbeResult, RunResult, Status
from probes.measure.stability import Flag, FlagCode
from tests.probes.measure.synthetic import latency, rate, result, run


def rows(exported: RunResult) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(export(exported), newline=""), strict=True))


def test_each_metric_is_one_row_with_its_numbers_in_its_unit() -> None:
    metric = latency("read_latency", [np.arange(1.0, 1001.0)] * 6)
    first, second = rows(run(result(metric, rate("read_iops", [1.0], conditions={"engine": "a,b"}))))
    assert metric.summary.interval is not None
    assert float(first["median"]) == metric.summary.median
    assert float(first["low"]) == metric.summary.interval.low
    assert float(first["p99"]) == metric.summary.percentiles["p99"].value
    assert (first["unit"], first["count"], first["rounds"], first["interval_over"]) == ("ns", "6000", "6", "rounds")
    assert (second["metric"], second["low"], second["p99"]) == ("read_iops", "", "")
    assert json.loads(second["conditions"]) == {"engine": "a,b"}


def test_an_unavailable_probe_is_one_row_with_its_reason() -> None:
    reason = 'no "fio",\nsays fio'
    (row,) = rows(run(ProbeResult(probe="storage", status=Status.UNAVAILABLE, reason=reason, spec={})))
    assert (row["status"], row["reason"], row["metric"], row["median"]) == ("unavailable", reason, "", "")


def test_the_flags_of_metric_and_probe_stand_in_the_last_column() -> None:
    flag = Flag(code=FlagCode.THROTTLED, reason="a limit")
    (row,) = rows(run(result(rate("m", [1.0]), flags=(flag,))))
    assert row["flags"].split() == ["few-rounds", "throttled"]


def test_lines_end_as_rfc_4180_asks_and_all_have_every_column() -> None:
    text = export(run(result(rate("a", [1.0]), rate("b", [2.0]))))
    lines = text.split("\r\n")
    assert lines.pop() == ""
    assert "\n" not in "".join(lines)
    assert lines[0] == ",".join(COLUMNS)
    assert [len(line) for line in csv.reader(lines, strict=True)] == [len(COLUMNS)] * 3


def test_a_run_without_results_is_a_header() -> None:
    assert export(run()) == ",".join(COLUMNS) + "\r\n"
