"""OpenMetrics text, judged by the reference parser."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import Metric as Family
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.parser import text_string_to_metric_families as older_families

from agent.export.openmetrics import export
from probes.measure.result import ProbeResult, RunResult, Status
from probes.measure.stability import Flag, FlagCode
from probes.measure.units import Unit
from tests.probes.measure.synthetic import latency, rate, result, run


def families(exported: RunResult) -> dict[str, Family]:
    return {family.name: family for family in text_string_to_metric_families(export(exported))}


def values(family: Family) -> dict[str, float]:
    return {sample.labels["statistic"]: sample.value for sample in family.samples}


def test_the_reference_parser_reads_every_unit_under_a_name_that_tells_it() -> None:
    found = families(run(result(*(rate(f"m{number}", [8.0], unit=unit) for number, unit in enumerate(Unit)))))
    told = {name: family.unit for name, family in found.items() if name.startswith("prism_probe_storage_")}
    assert told == {
        "prism_probe_storage_m0_seconds": "seconds",
        "prism_probe_storage_m1_operations_per_second": "operations_per_second",
        "prism_probe_storage_m2_bytes_per_second": "bytes_per_second",
        "prism_probe_storage_m3_bytes_per_second": "bytes_per_second",
        "prism_probe_storage_m4_bytes": "bytes",
        "prism_probe_storage_m5_ratio": "ratio",
        "prism_probe_storage_m6": "",
    }
    assert values(found["prism_probe_storage_m0_seconds"])["median"] == pytest.approx(8e-9)
    assert values(found["prism_probe_storage_m3_bytes_per_second"])["median"] == 1.0


def test_the_parser_of_the_older_text_format_reads_the_same_values() -> None:
    text = export(run(result(latency("m", [np.arange(1.0, 1001.0)] * 6), rate("n", [1.0]))))
    old, new = (
        {
            (sample.name, tuple(sample.labels.items()), sample.value)
            for family in parse(text)
            for sample in family.samples
        }
        for parse in (older_families, text_string_to_metric_families)
    )
    assert old == new


def test_median_interval_and_percentiles_are_gauges_in_base_units() -> None:
    metric = latency("read_latency", [np.arange(1.0, 1001.0) * 1000] * 6)
    family = families(run(result(metric)))["prism_probe_storage_read_latency_seconds"]
    assert family.type == "gauge"
    found = values(family)
    assert metric.summary.interval is not None
    assert found["median"] == pytest.approx(metric.summary.median * 1e-9)
    assert found["median_low"] == pytest.approx(metric.summary.interval.low * 1e-9)
    assert found["p99"] == pytest.approx(metric.summary.percentiles["p99"].value * 1e-9)
    assert found["maximum"] == pytest.approx(1e-3)


def test_a_percentile_that_was_not_measured_is_absent() -> None:
    family = families(run(result(latency("m", [np.array([1.0, 2.0])]))))["prism_probe_storage_m_seconds"]
    assert "p99" not in values(family)


@given(samples=st.lists(st.floats(0, 1e12).filter(lambda value: value == 0 or value > 1e-3), min_size=1, max_size=200))
def test_the_histogram_counts_exactly_what_lies_below_its_borders(samples: list[float]) -> None:
    family = families(run(result(latency("m", [np.array(samples)]))))["prism_probe_storage_m_distribution_seconds"]
    assert family.type == "histogram"
    buckets = {s.labels["le"]: s.value for s in family.samples if s.name.endswith("_bucket")}
    others = {s.name.rpartition("_")[2]: s.value for s in family.samples if not s.name.endswith("_bucket")}
    assert len(buckets) == 30
    for border, count in buckets.items():
        # A value on the border itself may fall to either side by a floating-point hair.
        below = sum(value * 1e-9 <= float(border) * (1 - 1e-9) for value in samples)
        within = sum(value * 1e-9 <= float(border) * (1 + 1e-9) for value in samples)
        assert below <= count <= within
    assert others["count"] == len(samples)
    assert others["sum"] == pytest.approx(sum(samples) * 1e-9, rel=1e-6, abs=1e-12)


def test_the_borders_of_all_histograms_are_the_same() -> None:
    small, large = (
        families(run(result(latency("m", [np.array([value])]))))["prism_probe_storage_m_distribution_seconds"]
        for value in (300.0, 5e9)
    )
    borders = [[s.labels["le"] for s in each.samples if s.name.endswith("_bucket")] for each in (small, large)]
    assert borders[0] == borders[1]


def test_conditions_are_labels_whatever_they_contain() -> None:
    odd = {"engine": 'a"b\\c\nd', "direct": True, "block_bytes": 4096}
    family = families(run(result(rate("m", [1.0], conditions=odd))))["prism_probe_storage_m_bytes_per_second"]
    assert family.samples[0].labels["engine"] == 'a"b\\c\nd'
    assert family.samples[0].labels["direct"] == "true"
    assert family.samples[0].labels["block_bytes"] == "4096"


def test_an_unavailable_probe_and_every_doubt_can_be_alerted_on() -> None:
    flag = Flag(code=FlagCode.THROTTLED, reason="a limit")
    unavailable = ProbeResult(probe="dns", status=Status.UNAVAILABLE, reason="no resolver", spec={})
    found = families(run(result(rate("m", [1.0]), flags=(flag, flag)), unavailable))
    measured = {sample.labels["probe"]: sample.value for sample in found["prism_probe_measured"].samples}
    assert measured == {"storage": 1, "dns": 0}
    doubts = [tuple(sample.labels.values()) for sample in found["prism_probe_doubt"].samples]
    assert ("throttled", "", "storage") in doubts
    assert len(doubts) == len(set(doubts))


def test_no_path_run_id_or_name_of_the_machine_is_told() -> None:
    exported = run(result(rate("m", [1.0]), spec={"path": "/home/someone", "profile": "quick"}))
    text = export(exported)
    assert "/home/someone" not in text
    assert str(exported.run_id) not in text
