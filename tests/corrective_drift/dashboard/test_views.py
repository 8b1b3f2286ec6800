"""What pages say: complete, legible, and never more than is known. Pure."""

import re
from datetime import date, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.wire.fields import TABLE
from corrective_drift import votes
from corrective_drift.dashboard import names, overview, stored
from corrective_drift.dashboard.course import Level, course
from corrective_drift.dashboard.desk import ICON, STYLE
from corrective_drift.dashboard.standing import standings
from corrective_drift.dashboard.strip import strip
from corrective_drift.dashboard.svg import ticks
from corrective_drift.dashboard.trends import trends
from corrective_drift.quantities import unit_of
from corrective_drift.store.holdings import HELD
from probes.measure.baselines import EMPTY, CohortBaseline, MetricBaseline, Release, Scale
from probes.measure.position import Position
from probes.measure.units import Unit

METRICS = sorted(votes._MEASURES)
PERCENTILES = {"p5": 600, "p10": 620, "p25": 640, "p50": 660, "p75": 680, "p90": 700, "p95": 720}
# Text, on what it stands.
PAIRS = [
    *product(("ink", "muted", "accent", "better", "worse", "changed"), ("paper", "card")),
    *product(("ink", "muted"), ("wash",)),
    ("worse", "alarm"), ("on-accent", "accent"), ("card", "worse"),
]  # fmt: skip
# Marks that carry meaning, and borders of what can be used (WCAG 2.2, 1.4.11).
MARKS = [("accent", "card"), ("changed", "card"), ("edge", "card"), ("edge", "paper"), ("edge", "zone-0")]


def colors(css: str) -> list[dict[str, str]]:
    return [dict(re.findall(r"--([\w-]+):(#[0-9a-f]{6})", block)) for block in re.findall(r":root\{([^}]+)\}", css)]


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""

    def luminance(color: str) -> float:
        parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_and_marks_can_be_told_from_what_they_stand_on(theme: int) -> None:
    roles = colors(STYLE.decode())[theme]
    assert {pair: ratio for pair in PAIRS if (ratio := contrast(roles[pair[0]], roles[pair[1]])) < 4.5} == {}
    assert {pair: ratio for pair in MARKS if (ratio := contrast(roles[pair[0]], roles[pair[1]])) < 3} == {}


def test_both_themes_have_the_same_roles_and_every_role_that_is_used() -> None:
    css = STYLE.decode()
    light, dark = colors(css)
    assert light.keys() == dark.keys()
    assert set(re.findall(r"var\(--([\w-]+)\)", css)) <= light.keys()


def test_nothing_is_loaded_from_elsewhere() -> None:
    for text in (STYLE.decode(), ICON.decode().replace("http://www.w3.org/2000/svg", "")):
        assert not re.search(r"https?:|//|@import|url\(", text.replace("/*", "").replace("*/", ""))


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_has_a_name_that_people_read_and_a_value_at_either_end(metric: str) -> None:
    title = names.metric_title(metric)
    assert title[0].isupper()
    assert "_" not in title
    assert "{" not in title
    scale = names.scale_of(metric, "standard/aws_ebs")
    assert scale is not None
    for bucket in (scale.first, scale.first + scale.step, scale.last):
        assert names.bucket_value(scale, bucket)


def test_metrics_of_a_subject_have_names_of_their_own() -> None:
    titles = [(metric.partition(".")[0], names.metric_title(metric)) for metric in METRICS]
    assert len(set(titles)) == len(titles)


def test_every_field_has_a_name_of_its_own_within_its_subject() -> None:
    titles = [(field.subject, names.field_title(field.name)) for field in TABLE]
    assert len(set(titles)) == len(titles)
    assert not any("_" in title for _, title in titles)


def test_every_column_that_is_stored_of_a_cluster_is_shown_with_its_purpose() -> None:
    assert {table.name: [column.name for column in table.c] for table in HELD} == {
        table: list(holding.columns) for table, holding in stored.HOLDINGS.items()
    }
    assert all(purpose for holding in stored.HOLDINGS.values() for _, purpose in holding.columns.values())


def release(percentiles: dict[str, int]) -> Release:
    cohort = CohortBaseline(rung=4, cohort=(), week="2026-W46", contributors=100, percentiles=percentiles)
    metric = MetricBaseline(
        metric="latency.connect", place="quick", scale=Scale.LOGARITHMIC, first=-697, last=1745, cohorts=(cohort,)
    )
    return Release(week="2026-W46", metrics=(metric,))


def document(median: int, *, doubts: tuple[str, ...] = ()) -> dict[str, object]:
    row = {"metric": "connect", "median": median, "rounds": "5-7", "doubts": list(doubts)}
    return {"day": "2026-11-19", "benchmarks": {"profile": "quick", "latency": [row]}}


@pytest.mark.parametrize(
    ("median", "mark", "says"),
    [
        (800, "worse", "among the highest 9 %: 95 % interval 91 to 100 %"),
        (660, "", "higher than about 50 % of the cohort"),
        (690, "", "higher than about 82 % of the cohort"),
        (710, "worse", "higher than about 92 % of the cohort"),
        (500, "better", "among the lowest 9 %: 95 % interval 0 to 9 %"),
    ],
)
def test_a_value_is_judged_only_with_its_whole_interval(median: int, mark: str, says: str) -> None:
    found = standings([document(median)], release(PERCENTILES))
    (plot,) = [*found.notable, *(plot for group in found.groups for plot in group.plots)]
    assert plot.mark == mark
    assert says in plot.detail
    assert "rung 4 of 4" in " ".join(plot.remarks)
    assert "k = 100 or more" in " ".join(plot.remarks)
    assert says in plot.drawing


def test_names_of_fields_and_metrics_are_put_in_words() -> None:
    said = {
        "usage.idle_nodes of nodes.count": "“Idle nodes” of “Nodes”",
        "storage.read_latency quick/aws_ebs": "“Random read (quick, AWS EBS)”",
        "no report has usage.cpu_unused_share (it needs metrics.k8s.io)": (
            "no report has “CPU unused share” (it needs metrics.k8s.io)"
        ),
        "cluster.minor 1.34": "“Kubernetes version” 1.34",
        "latency.of_years_ago quick": "latency.of_years_ago quick",
    }
    assert {text: names.in_words(text) for text in said} == said


def test_a_series_that_is_too_short_is_not_called_unchanged() -> None:
    days = [document(660) | {"day": f"2026-11-{day}"} for day in range(10, 14)]
    (group,) = trends(days).steady
    assert [plot.detail for plot in group.plots] == ["Too few days to tell a change from chance."]


def test_what_has_no_cohort_is_listed_with_the_reason() -> None:
    said = document(660) | {"nodes": {"cpu_cores": "5-7"}}
    for given_release, reasons in (
        (EMPTY, {"no baseline yet"}),
        (release(PERCENTILES), {"too few clusters report it as yet"}),
    ):
        found = standings([said], given_release)
        assert found.unplaced is not None
        assert {row[2] for row in found.unplaced.rows} == reasons
    assert "no baseline yet" in standings([document(660)], EMPTY).summary


@pytest.mark.parametrize(("contributors", "says"), [(3, "fewer than 20"), (19, "fewer than 20"), (24, "20 or more")])
def test_the_overview_never_counts_fewer_than_are_told_about(contributors: int, says: str) -> None:
    shown = overview.overview(release(PERCENTILES), releases=3, contributors=contributors)
    assert dict(shown.facts)["contributors"] == says
    assert not re.search(rf"\b{contributors}\b", shown.lead)


SHARES = st.floats(0, 1)


@given(st.one_of(st.none(), SHARES), SHARES, SHARES, st.text())
def test_every_position_is_drawn_within_its_frame(share: float | None, low: float, high: float, words: str) -> None:
    stands = Position(share=share, low=min(low, high), high=max(low, high))
    drawn = strip("one", words, words, stands, [("p50", words)])
    inside(drawn, height=74)


@given(
    st.lists(st.floats(0, 1e15), min_size=1, max_size=40),
    st.sampled_from(list(Unit)),
    st.one_of(st.none(), st.tuples(st.integers(0, 39), st.floats(0, 1e15), st.floats(0, 1e15))),
)
def test_every_series_is_drawn_within_its_frame(
    values: list[float], unit: Unit, change: tuple[int, float, float] | None
) -> None:
    first = date(2026, 1, 1)
    points = [(first + timedelta(days=at), value) for at, value in enumerate(values)]
    level = None
    if change is not None:
        level = Level(day=points[change[0] % len(points)][0], before=change[1], after=change[2])
    inside(course("one", ("title", "description"), points, unit, level), height=168)


def inside(drawn: str, *, height: float) -> None:
    assert "style=" not in drawn
    assert "nan" not in re.sub(r">[^<]*<", "><", drawn)
    for name, limit in (
        ("x", 360),
        ("x1", 360),
        ("x2", 360),
        ("cx", 360),
        ("y", height),
        ("y1", height),
        ("cy", height),
    ):
        assert all(0 <= float(at) <= limit for at in re.findall(rf' {name}="([^"]+)"', drawn))
    assert re.search(r'role="img" aria-labelledby="one-title one-desc"', drawn)


@given(st.floats(-1e15, 1e15), st.floats(1e-6, 1e15))
def test_an_axis_has_round_places_within_it(low: float, span: float) -> None:
    high = low + span
    if high - low < abs(low) * 1e-9:
        return
    found = ticks(low, high)
    assert 1 <= len(found) <= 5
    assert all(low - span * 1e-6 <= each <= high + span * 1e-6 for each in found)


def test_the_unit_of_every_logarithmic_metric_reads_as_what_it_is() -> None:
    read = {
        "latency.connect": "µs", "storage.read_iops": "/s", "storage.read_throughput": "iB/s",
        "throughput.send_1_stream": "bit/s", "usage.cpu_used_p50": "%", "dns.name_1_failure_ratio": "%",
    }  # fmt: skip
    for metric, unit in read.items():
        scale = names.scale_of(metric, "")
        assert scale is not None
        bucket = {"%": -40, "µs": 600}.get(unit, 700)
        assert names.bucket_value(scale, bucket // scale.step * scale.step).endswith(unit), (metric, unit_of(metric))
