"""Every page in a real browser: nothing sticks out, nothing complains, nobody is kept out."""

import re
from collections.abc import Callable
from urllib.parse import quote

import pytest

from corrective_drift.dashboard.guard import POLICY
from tests.corrective_drift.dashboard import sample
from tests.corrective_drift.dashboard.visitor import Visitor
from tests.corrective_drift.running import Running

Visit = Callable[..., Visitor]
REPORT = quote(f"0199d5a0-0000-7000-8000-{sample.DAYS - 1:012}:0")
PUBLIC = {"/": "How clusters do", "/sign-in": "Sign in"}
OWN = {
    "/cluster": "Your cluster",
    "/trends": "Trends",
    "/recommendations": "Recommendations",
    "/stored": "What is stored",
    "/stored/clusters": "The cluster",
    "/stored/consents": "Consents",
    "/stored/reports": "Reports",
    "/stored/batches": "Requests",
    "/stored/votes?page=2": "Votes",
    f"/stored/reports/{REPORT}": "Report of 2026-11-20",
    "/erase": "Erase this cluster",
}
WIDTHS = (320, 768, 1280)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_both_widths_and_has_no_barrier_in_either_theme(
    visit: Visit, site: Running, scheme: str
) -> None:
    one = visit(site, color_scheme=scheme, reduced_motion="reduce")
    for path, heading in PUBLIC.items():
        look(one, path, heading, scheme)
    one.sign_in(sample.OURS.token)
    for path, heading in OWN.items():
        look(one, path, heading, scheme)


def look(one: Visitor, path: str, heading: str, scheme: str) -> None:
    answered = one.goto(path)
    assert answered.status == 200, path
    assert answered.headers["content-security-policy"] == POLICY
    assert heading in one.page.get_by_role("heading", level=1).inner_text()
    # What stands for a character that can't be seen.
    assert "\N{REPLACEMENT CHARACTER}" not in one.page.content()
    one.unfold()
    for width in WIDTHS if scheme == "dark" else reversed(WIDTHS):
        assert one.outside(width) == [], (path, width)
    # What is folded has the same parts again and again. Of all rules only contrast depends on the theme.
    one.unfold(2)
    assert one.barriers(*(["color-contrast"] if scheme == "dark" else [])) == [], path


def test_a_barrier_would_be_found(visit: Visit, empty_site: Running) -> None:
    one = visit(empty_site)
    one.goto("/")
    one.page.evaluate("document.querySelector('.lead').style.color = '#ccc'")
    one.page.evaluate("document.querySelector('main').append(document.createElement('input'))")
    assert {found.partition(":")[0] for found in one.barriers()} == {"color-contrast", "label"}


def test_what_sticks_out_would_be_found(visit: Visit, empty_site: Running) -> None:
    one = visit(empty_site)
    one.goto("/")
    one.page.evaluate("document.querySelector('h1').style.width = '400px'")
    assert one.outside(1280) == []
    assert one.outside(320)


def test_the_theme_follows_the_browser_s(visit: Visit, site: Running) -> None:
    seen = set()
    for scheme in ("light", "dark"):
        one = visit(site, color_scheme=scheme)
        one.goto("/")
        seen.add(one.page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert seen == {"rgb(246, 247, 248)", "rgb(18, 21, 24)"}


def test_keys_alone_lead_past_the_bar_and_to_the_form(visit: Visit, site: Running) -> None:
    one = visit(site)
    one.goto("/sign-in")
    one.page.keyboard.press("Tab")
    focused = one.page.locator(":focus")
    assert focused.inner_text() == "Skip to the content"
    assert focused.bounding_box()["x"] >= 0  # type: ignore[index]
    one.page.keyboard.press("Enter")
    one.page.keyboard.press("Tab")
    assert one.page.locator(":focus").get_attribute("name") == "token"
    one.page.keyboard.type(sample.OURS.token)
    one.page.keyboard.press("Enter")
    one.page.wait_for_url("**/dashboard/cluster")


def test_a_cluster_is_shown_with_its_cohort_its_changes_and_its_advice(visit: Visit, site: Running) -> None:
    one = visit(site)
    one.sign_in(sample.OURS.token)
    main = one.page.get_by_role("main")
    assert "EKS on AWS in Europe with Kubernetes 1.34" in main.inner_text()
    slow = main.get_by_role("article").filter(has=one.page.get_by_role("heading", name="TCP connect")).first
    assert "worse quarter" in slow.inner_text()
    assert "k = " in slow.inner_text()
    assert "95 % interval 84 to 100 %" in slow.locator("desc").text_content()  # type: ignore[operator]
    one.goto("/trends")
    changed = main.get_by_role("article").filter(has_text=sample.CHANGED.isoformat())
    assert changed.count() >= 4
    assert "worse" in changed.first.inner_text()
    assert re.search(r"From \d+\sµs to \d+\sµs on 2026-10-28 \(\+\d+\s%, p\s=\s0\.\d+\)", changed.first.inner_text())
    assert "Kubernetes version" in main.get_by_role("table").last.inner_text()
    one.goto("/recommendations")
    advice = main.get_by_role("article").filter(has_text="Requests that are never used").first.inner_text()
    for part in ("Risk", "How to undo it", "Evidence", "could be given back", "confidence: high", "“CPU unused share”"):
        assert part in advice
    assert "Looked for, and not found" in main.inner_text()
    assert "slow-" not in main.inner_text()
