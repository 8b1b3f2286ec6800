"""Single plots: what they are, and that their parts tell the truth."""

import math
import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.page.marks import TEXT_SIZE
from agent.page.single import plot
from agent.page.subject import samples_of, subject_of
from agent.page.text import clean, tick
from agent.page.ticks import linear_ticks, log_ticks
from probes.measure.comparison import Side
from probes.measure.result import RunResult
from probes.measure.units import Unit
from tests.agent.page.sample_runs import latency, measured, plain_run, rate, run

SVG = "{http://www.w3.org/2000/svg}"
READ_LATENCY = "storage/read_latency"


def draw(*runs: RunResult, metric: str = READ_LATENCY, form: str = "svg", over_runs: bool = False) -> bytes:
    return plot(runs, (), metric, form=form, over_runs=over_runs)


def tree(svg: bytes) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314  matplotlib wrote it


def texts(svg: bytes) -> list[str]:
    return ["".join(e.itertext()) for e in tree(svg).iter(f"{SVG}text")]


def test_an_svg_is_one_with_the_title_and_the_percentiles_as_text() -> None:
    svg = draw(plain_run(0))
    assert tree(svg).tag == f"{SVG}svg"
    shown = texts(svg)
    assert "random read latency, 4 KiB" in shown
    assert {text.split()[0] for text in shown if text.startswith("p")} == {"p50", "p90", "p99"}


def test_a_png_is_one_of_twice_the_width_of_a_phone() -> None:
    png = draw(plain_run(0), form="png")
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert int.from_bytes(png[16:20]) == 720


@pytest.mark.parametrize("form", ["svg", "png"])
@pytest.mark.parametrize("metric", [READ_LATENCY, "storage/read_iops"])
def test_the_same_result_makes_the_same_bytes(form: str, metric: str) -> None:
    assert draw(plain_run(0), metric=metric, form=form) == draw(plain_run(0), metric=metric, form=form)


def test_a_trend_draws_a_line_at_the_change_only() -> None:
    steady = [plain_run(n) for n in range(20)]
    changed = [plain_run(n, slowdown=1.0 if n < 10 else 1.5) for n in range(20)]
    worse = "#ad3800"
    assert worse not in draw(*steady, over_runs=True).decode()
    assert worse in draw(*changed, over_runs=True).decode()


def test_a_trend_that_hardly_moves_has_values_that_differ_on_its_scale() -> None:
    rng = np.random.default_rng(0)
    runs = [
        run(measured(rate(rng, center=22.4 * 2**30 * (1 + number / 10_000), unit=Unit.BYTES)), number=number)
        for number in range(5)
    ]
    marked = [text for text in texts(draw(*runs, metric="storage/read_iops", over_runs=True)) if "GiB" in text]
    assert 2 <= len(marked) == len({*marked})


def test_the_values_of_a_trend_stand_below_its_title() -> None:
    for seed in range(20):
        svg = tree(draw(*(plain_run(seed + n) for n in range(3)), over_runs=True))
        *values, title = sorted((float(each.attrib["y"]) for each in svg.iter(f"{SVG}text")), reverse=True)
        assert min(values) - 0.75 * TEXT_SIZE > title


def test_an_unknown_metric_suggests_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean storage/read_latency"):
        draw(plain_run(0), metric="storage/raed_latency")


def test_a_trend_of_two_runs_is_refused() -> None:
    with pytest.raises(ValueError, match="fewer than 3 runs"):
        draw(plain_run(0), plain_run(1), over_runs=True)


def test_letters_that_no_font_has_and_formulas_are_drawn_as_they_are() -> None:
    title = "漢字 $\\frac{$ <&>"
    svg = draw(run(measured(latency(np.random.default_rng(0), title=title))))
    assert title in texts(svg)


def test_the_dots_of_rounds_are_as_many_as_there_are_rounds() -> None:
    svg = tree(draw(plain_run(0), metric="storage/read_iops"))
    most = max(len(re.findall("M ", path.attrib["d"])) for path in svg.iter(f"{SVG}path"))
    assert most == 6


def test_without_a_baseline_only_the_newest_of_three_is_a_sample() -> None:
    samples = samples_of(subject_of([plain_run(n) for n in (2, 0, 1)]), "storage", "read_latency")
    assert list(samples) == [Side.CANDIDATE]
    assert samples[Side.CANDIDATE].summary == plain_run(2).results[0].metrics[0].summary


def test_a_side_of_several_runs_has_the_percentiles_of_all_samples() -> None:
    runs = [plain_run(n) for n in range(4)]
    pooled = samples_of(subject_of(runs[2:], runs[:2]), "storage", "read_latency")[Side.BASELINE]
    parts = [each.results[0].metrics[0].histogram for each in runs[:2]]
    assert parts[0] is not None
    assert parts[1] is not None
    assert pooled.summary.percentiles["p99"].value == (parts[0] + parts[1]).quantile(0.99)
    assert pooled.values == tuple(each.results[0].metrics[0].summary.median for each in runs[:2])


@given(st.floats(1e-3, 1e15), st.floats(1.5, 1e9), st.sampled_from(Unit))
def test_a_logarithmic_scale_is_marked_at_two_to_five_places_within_it(low: float, factor: float, unit: Unit) -> None:
    places = log_ticks(low, low * factor, unit)
    assert 2 <= len(places) <= 5
    assert all(low <= place <= low * factor for place in places)


@given(st.floats(-1e12, 1e12), st.floats(1e-6, 1e12), st.sampled_from(Unit))
def test_a_linear_scale_is_marked_within_it(low: float, width: float, unit: Unit) -> None:
    high = low + max(width, abs(low) * 1e-6)
    places = linear_ticks(low, high, unit)
    assert 1 <= len(places) <= 6
    assert all(low <= place <= high for place in places)


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0, Unit.NANOSECONDS, "0"),
        (1e4, Unit.NANOSECONDS, "10 µs"),
        (2.5e6, Unit.NANOSECONDS, "2.5 ms"),
        (1e5, Unit.OPERATIONS_PER_SECOND, "100 k/s"),
        (512 * 1024**2, Unit.BYTES_PER_SECOND, "512 MiB/s"),
        (0.05, Unit.RATIO, "5 %"),
        (-1.5, Unit.COUNT, "-1.5"),
    ],
)
def test_a_mark_of_a_scale_has_no_idle_zeros(value: float, unit: Unit, shown: str) -> None:
    assert tick(value, unit) == shown


@given(st.text())
def test_cleaned_text_is_one_line_of_what_can_be_seen_and_is_clean(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    assert all(c.isprintable() for c in once)
    assert math.isclose(len(once), len(" ".join(text.split())))
