"""What has changed about a cluster, out of documents as agents make them."""

import json
import random
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from agent.levels import Level
from benchmarks.fleet_clusters import Traits, report, slowed, traits
from corrective_drift.drift import drift, series
from corrective_drift.quantities import better_of, unit_of
from probes.measure.result import Better
from probes.measure.units import Unit

FIRST = date(2026, 9, 28)
DAYS, AT = 56, 28
QUIET = next(each for each in (traits(1, n) for n in range(99)) if each.level is Level.DETAILED and each.swing < 0.5)


def documents(before: Traits, after: Traits | None = None, *, seed: int = 3, days: int = DAYS) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    return [
        json.loads(body)
        for offset in range(days)
        for _, body in report(after if after and offset >= AT else before, FIRST + timedelta(days=offset), chance)
    ]


def test_a_step_is_told_with_its_metric_its_day_and_that_it_is_worse() -> None:
    found = [
        each for each in drift(documents(QUIET, slowed(QUIET, "image_pull", 1.5))).findings if each.kind == "changed"
    ]
    (one,) = found
    assert (one.what, one.unit, one.worse) == ("startup.image_pull standard", "ns", True)
    assert abs((one.since - FIRST).days - AT) <= 2
    assert 1.4 < float(one.after) / float(one.before) < 1.6
    assert one.p_value is not None
    assert one.p_value < 0.01


def test_the_order_of_the_documents_is_of_no_importance() -> None:
    given = documents(QUIET, slowed(QUIET, "image_pull", 1.5))
    assert drift(given[::-1]) == drift(given)


def test_an_upgrade_is_told_exactly_and_once() -> None:
    older = replace(QUIET, minor=35)
    settings = [
        each
        for each in drift(documents(older, replace(older, minor=36))).findings
        if each.kind == "reconfigured" and each.what != "nodes.version_skew"
    ]
    (one,) = settings
    assert (one.what, one.before, one.after) == ("cluster.minor", "1.35", "1.36")
    assert one.since == FIRST + timedelta(days=AT)
    assert one.worse is None


def test_a_setting_that_changes_across_a_report_without_it_is_told() -> None:
    given = documents(replace(QUIET, minor=35), replace(QUIET, minor=36))
    without = (FIRST + timedelta(days=AT)).isoformat()
    for each in given:
        if each["day"] == without:
            each["cluster"].pop("minor", None)
    (one,) = [each for each in drift(given).findings if each.what == "cluster.minor"]
    assert (one.before, one.after, one.since) == ("1.35", "1.36", FIRST + timedelta(days=AT + 1))


@pytest.mark.parametrize("minors", [(35, 36, 35, 36), (36, 35, 36, 35)])
def test_a_setting_that_changes_between_the_reports_of_a_day_is_told_once(minors: tuple[int, ...]) -> None:
    chance = random.Random(3)
    minors_by_day = {FIRST: (35,), FIRST + timedelta(days=1): minors, FIRST + timedelta(days=2): (36,)}
    given = [
        json.loads(body)
        for day, of_day in minors_by_day.items()
        for minor in of_day
        for _, body in report(replace(QUIET, minor=minor), day, chance)
    ]
    (one,) = [each for each in drift(given).findings if each.what == "cluster.minor"]
    assert (one.before, one.after, one.since) == ("1.35", "1.36", FIRST + timedelta(days=1))


def test_a_quiet_cluster_has_no_change_of_level() -> None:
    found = drift(documents(QUIET))
    assert [each for each in found.findings if each.kind == "changed"] == []
    assert found.series > 10
    assert found.too_short == 0


def test_a_few_days_are_said_to_be_too_few() -> None:
    found = drift(documents(QUIET, days=5))
    assert found.series == 0
    assert [each for each in found.findings if each.kind == "changed"] == []
    assert found.too_short > 10
    assert "enough days" in drift(documents(QUIET, days=1)).reason


def test_without_documents_there_is_nothing() -> None:
    found = drift([])
    assert (found.days, found.first_day, found.findings) == (0, None, ())


def test_of_several_reports_of_a_day_the_median_counts() -> None:
    given = documents(QUIET, days=2)
    day = [
        {"day": "2026-11-02", "benchmarks": {"profile": "quick", "startup": [row | {"median": median}]}}
        for median in (100, 300, 200)
        for row in [{"metric": "image_pull", "rounds": "5-7", "doubts": []}]
    ]
    (only,) = series(day)
    assert only.values == pytest.approx((1.02**200,), rel=0.02)
    once = {(each.metric, each.place): each for each in series(given)}
    thrice = {(each.metric, each.place): each for each in series(given + [given[0]] * 2)}
    assert once == thrice


@pytest.mark.parametrize(
    ("metric", "unit", "better"),
    [
        ("storage.fsync_latency", Unit.NANOSECONDS, Better.LOWER),
        ("storage.read_iops", Unit.OPERATIONS_PER_SECOND, Better.HIGHER),
        ("throughput.send_8_streams", Unit.BITS_PER_SECOND, Better.HIGHER),
        ("throughput.udp_loss", Unit.RATIO, Better.LOWER),
        ("throughput.cpu_local", Unit.RATIO, Better.NEITHER),
        ("dns.name_1_failure_ratio", Unit.RATIO, Better.LOWER),
        ("utilization.network_sent", Unit.BITS_PER_SECOND, Better.NEITHER),
        ("utilization.pressure_io_some", Unit.RATIO, Better.LOWER),
        ("usage.cpu_used_p50", Unit.RATIO, Better.NEITHER),
    ],
)
def test_a_metric_has_the_unit_and_the_merit_that_its_probe_gives_it(metric: str, unit: Unit, better: Better) -> None:
    assert (unit_of(metric), better_of(metric)) == (unit, better)
