"""The page: what it shows, and what it must never do."""

import re
from collections.abc import Iterator
from itertools import pairwise
from xml.etree.ElementTree import Element

import html5lib
import numpy as np
import pytest

from agent.page.document import render
from probes.measure.histogram import Histogram
from probes.measure.result import Better, Metric, RunResult
from probes.measure.stability import MEANINGS, Flag, FlagCode
from probes.measure.summary import Interval, IntervalMethod, Percentile
from probes.measure.units import Unit, format_quantity
from tests.agent.page.sample_runs import full_run, latency, measured, plain_run, rate, run, unavailable, with_flags

HOSTILE = "</title></style><script>alert(1)</script><img src=//evil.example onerror=alert(2)> \"'&{{7*7}} $\\frac{$"
UNPRINTABLE = "a\x00b\u202ec\u200bd\ue000"


def parsed(html: str) -> Element:
    """The page's tree; raises for anything that the HTML standard calls a parse error."""
    tree: Element = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(html)
    return tree


def words(element: Element) -> str:
    return " ".join(" ".join(element.itertext()).split())


def named(tree: Element, name: str) -> Iterator[Element]:
    """Elements of a name in HTML or SVG."""
    return (e for e in tree.iter() if isinstance(e.tag, str) and e.tag.rpartition("}")[2] == name)


def card(tree: Element, title: str) -> Element:
    return next(c for c in named(tree, "article") if words(next(named(c, "h3"))) == title)


PAGES = {
    "one run": [plain_run(0)],
    "two runs": [plain_run(0), plain_run(1)],
    "many runs": [plain_run(n, slowdown=1.0 if n < 12 else 1.5) for n in range(20)],
    "a run of nothing": [run()],
}


@pytest.fixture(scope="module", params=PAGES)
def page(request: pytest.FixtureRequest) -> str:
    return render(PAGES[request.param])


def test_the_page_is_valid_html_with_headings_in_order(page: str) -> None:
    tree = parsed(page)
    levels = [int(e.tag[1]) for e in tree.iter() if isinstance(e.tag, str) and re.fullmatch(r"h\d", e.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_the_page_needs_nothing_from_outside_and_no_javascript(page: str) -> None:
    assert not re.search(r"https?:|//[a-z]|@import|@font-face", page)
    tree = parsed(page)
    assert not list(named(tree, "script")) + list(named(tree, "link")) + list(named(tree, "img"))
    for element in tree.iter():
        for name, value in element.attrib.items():
            assert not name.startswith("on")
            if name in {"src", "href"}:
                assert value.startswith("#")
            assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)", value))


def test_ids_are_unique_and_every_reference_meets_one(page: str) -> None:
    tree = parsed(page)
    ids = [e.attrib["id"] for e in tree.iter() if "id" in e.attrib]
    assert len(ids) == len(set(ids))
    referred = set(re.findall(r"url\(#([^)]+)\)", page)) | set(re.findall(r'href="#([^"]+)"', page))
    for value in re.findall(r'aria-labelledby="([^"]+)"', page):
        referred |= set(value.split())
    assert referred <= set(ids)


def test_every_plot_is_named_described_and_has_its_numbers_beneath(page: str) -> None:
    tree = parsed(page)
    for svg in named(tree, "svg"):
        assert svg.attrib["role"] == "img"
        assert words(next(named(svg, "title")))
        assert words(next(named(svg, "desc")))
    for each in named(tree, "article"):
        assert list(named(each, "svg"))
        assert list(named(next(named(each, "details")), "table"))


def test_every_color_of_a_plot_follows_light_and_dark(page: str) -> None:
    drawn = "".join(re.findall(r"<svg.*?</svg>", page, re.DOTALL))
    assert not re.search(r"#[0-9a-f]{6}\b", drawn)


def test_equal_results_make_equal_bytes(page: str) -> None:
    assert page in {render(runs) for runs in PAGES.values()}


@pytest.mark.parametrize("code", FlagCode)
def test_a_flag_stands_in_plain_words_with_the_metric_it_touches(code: FlagCode) -> None:
    rng = np.random.default_rng(0)
    flagged = with_flags(rate(rng, name="a", title="flagged"), code)
    tree = parsed(render([run(measured(flagged, with_flags(rate(rng, name="b", title="sound"))))]))
    meaning, _, what_follows = MEANINGS[code].partition(":")
    shown = words(card(tree, "flagged")).lower()
    assert meaning.lower() in shown
    assert not what_follows or what_follows not in shown  # the reason says it
    assert f"seen: {code.value}" in words(card(tree, "flagged"))
    assert MEANINGS[code].lower() not in words(card(tree, "sound")).lower()


def test_a_flag_of_a_whole_probe_stands_in_its_section() -> None:
    flag = Flag(code=FlagCode.CACHED, reason="read faster than the bus")
    html = render([run(measured(rate(np.random.default_rng(0)), flags=[flag]), measured(probe="dns"))])
    storage, dns = (words(s) for s in named(parsed(html), "section") if s.attrib["aria-labelledby"].startswith("probe"))
    assert "A cache may have answered in the device's place read faster than the bus" in storage
    assert "cache" not in dns


def test_a_doubt_of_both_sides_is_told_once_with_both_reasons() -> None:
    rng = np.random.default_rng(0)
    runs = []
    for number in range(2):
        metric = rate(rng).model_copy(update={"flags": (Flag(code=FlagCode.OUTLIERS, reason=f"reason {number}"),)})
        runs.append(run(measured(metric), number=number))
    shown = words(card(parsed(render(runs)), "random read, 4 KiB, deep queue"))
    assert shown.count("More than 1 %") == 1
    assert "baseline, candidate reason 0 reason 1" in shown


def test_an_unavailable_probe_says_why() -> None:
    tree = parsed(render([run(unavailable("dns", "no resolver answered"))]))
    assert "Unavailable: no resolver answered" in words(tree)
    assert "0 of 1 probes" in words(next(named(tree, "h1")))


def test_the_numbers_are_those_of_the_summary() -> None:
    metric = latency(np.random.default_rng(0))
    shown = words(card(parsed(render([run(measured(metric))])), metric.title))
    for expected in (
        format_quantity(metric.summary.median, metric.unit),
        "p99",
        "samples 2400",
        "engine io_uring",
        "block 4.00 KiB",
        "direct yes",
    ):
        assert expected in shown


def test_path_facts_tools_and_environment_are_told() -> None:
    shown = words(parsed(render([plain_run(0)])))
    for expected in ("path /data", "file system ext4", "version of fio 3.33", "kernel 6.18", "memory 16.0 GiB"):
        assert expected in shown


def test_two_runs_are_compared_the_older_being_the_baseline() -> None:
    html = render([plain_run(1, slowdown=50.0), plain_run(0)])
    tree = parsed(html)
    assert "1 metric of 2 is worse" in words(next(named(tree, "h1")))
    assert "✗ worse storage: random read latency, 4 KiB" in words(tree)
    assert "→ 4.5" in words(card(tree, "random read latency, 4 KiB"))
    assert html == render([plain_run(0), plain_run(1, slowdown=50.0)])


def test_what_cannot_be_compared_is_named_with_the_reason() -> None:
    rng = np.random.default_rng(0)
    other = rate(rng).model_copy(update={"conditions": {"engine": "psync"}})
    html = render([run(measured(rate(rng)), number=0), run(measured(other), number=1)])
    shown = words(parsed(html))
    assert "Nothing could be compared" in shown
    assert "storage, read_iops: not comparable, conditions.engine is io_uring against psync" in shown


def test_a_baseline_of_several_runs_is_pooled_not_averaged() -> None:
    runs = [plain_run(n) for n in range(12)]
    shown = words(card(parsed(render(runs[6:], runs[:6])), "random read latency, 4 KiB"))
    assert "samples 14400 14400" in shown
    assert "= same" in shown


def test_a_change_over_the_runs_is_marked_with_its_date_and_direction() -> None:
    tree = parsed(render(PAGES["many runs"]))
    assert words(next(named(tree, "h1"))) == "1 metric changed over 20 runs: 1 worse"
    changed = words(card(tree, "storage: random read latency, 4 KiB"))
    assert "worse from 13 March 2026, 09:30 UTC on" in changed
    steady = words(card(tree, "storage: random read, 4 KiB, deep queue"))
    assert "worse" not in steady


def test_few_runs_say_why_no_change_can_be_told() -> None:
    assert "No change of level can be told from chance yet" in words(parsed(render([plain_run(n) for n in range(3)])))


def hostile_run(text: str) -> RunResult:
    rng = np.random.default_rng(0)
    flag = Flag(code=FlagCode.CACHED, reason=text)
    told = {"title": text, "conditions": {text: text}, "flags": (flag,)}
    metrics = [metric.model_copy(update=told) for metric in (latency(rng), rate(rng))]
    facts: dict[str, bool | int | float | str] = {text: text}
    result = measured(*metrics, probe=text, flags=[flag], facts=facts, tools={text: text})
    broken = unavailable(text, text)
    return run(result, broken, environment=facts, profile=text)


def test_markup_in_a_result_is_shown_as_text() -> None:
    others = [hostile_run(HOSTILE).model_copy(update={"run_id": plain_run(n).run_id}) for n in range(1, 4)]
    for runs in ([hostile_run(HOSTILE)], [hostile_run(HOSTILE), others[0]], others):
        html = render(runs)
        tree = parsed(html)
        assert not list(named(tree, "script")) + list(named(tree, "img"))
        assert not any(name.startswith("on") for e in tree.iter() for name in e.attrib)
        assert " ".join(HOSTILE.split()) in words(tree)


def test_what_nobody_can_see_is_replaced() -> None:
    html = render([hostile_run(UNPRINTABLE)])
    assert not set(html) & set("\x00\u202e\u200b\ue000")
    assert "a\ufffdb\ufffdc\ufffdd\ufffd" in words(parsed(html))


@pytest.mark.parametrize("unit", Unit)
def test_any_numbers_make_a_page(unit: Unit) -> None:
    odd = [[0.0] * 6, [1e-300] * 6, [-5.0, -1.0], [1e99, 1.0], [5.0], [3.0] * 6, [-1.7976e308, 1.7976e308]]
    metrics = []
    for number, values in enumerate(odd):
        metric = rate(np.random.default_rng(0), name=f"odd_{number}", unit=unit)
        metrics.append(metric.model_copy(update={"rounds": tuple(values), "summary": summary_of(metric, values)}))
    parsed(render([run(measured(*metrics), number=n) for n in range(3)]))
    del metrics[-1]  # the difference of the largest floats is none, so that they can't be compared
    parsed(render([run(measured(*metrics), number=n) for n in range(2)]))


def summary_of(metric: Metric, values: list[float]) -> object:
    extremes = {"minimum": min(values), "maximum": max(values), "median": values[0], "interval": None}
    return metric.summary.model_copy(update=extremes)


@pytest.mark.parametrize("value", [0.0, -1.0, 1e-300, 1e300])
def test_a_summary_that_belies_its_samples_makes_a_page(value: float) -> None:
    metric = latency(np.random.default_rng(0))
    forged = Interval(low=value, high=value, confidence=0.95, method=IntervalMethod.SAMPLES)
    percentiles = {name: Percentile(value=value, interval=forged) for name in metric.summary.percentiles}
    summary = metric.summary.model_copy(update={"median": value, "interval": forged, "percentiles": percentiles})
    parsed(render([run(measured(metric.model_copy(update={"summary": summary, "rounds": (value,)})))]))


@pytest.mark.parametrize("values", [[1e-300, 1e300], [1e-300], [1e300], [0.0], [0.0, 5.0]])
def test_any_samples_make_a_page(values: list[float]) -> None:
    metric = latency(np.random.default_rng(0))
    odd = metric.model_copy(update={"histogram": Histogram.of(values * 50)})
    parsed(render([run(measured(odd))]))


def test_a_metric_without_rounds_or_samples_makes_a_page() -> None:
    metric = latency(np.random.default_rng(0), better=Better.NEITHER).model_copy(update={"rounds": ()})
    parsed(render([run(measured(metric))]))


def test_a_page_of_six_probes_stays_below_a_megabyte() -> None:
    assert len(render([full_run()]).encode()) < 1_000_000


def test_a_caveat_that_all_metrics_share_is_said_once() -> None:
    shown = words(parsed(render([plain_run(0), plain_run(1)])))
    assert shown.count("ne run on a side") == 1
    assert "Against the baseline" in shown
