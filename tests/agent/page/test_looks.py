"""The page in a real browser: nothing sticks out, and both color schemes take effect."""

import json
import os
import re
import shutil
import subprocess
from html import escape
from pathlib import Path
from typing import Any

import pytest

from agent.page.document import render
from agent.page.theme import DARK, LIGHT
from tests.agent.page.sample_runs import full_run, plain_run, run, unavailable

# Alone, without talking to anybody.
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
)  # fmt: skip
WIDTHS = (320, 360, 768, 1280)
# Stands around the pages, not in them: opens every part, and reads what a reader would see.
MEASURE = """
onload = () => {
  const seen = [...document.querySelectorAll("iframe")].map(frame => {
    const page = frame.contentDocument;
    page.querySelectorAll("details").forEach(part => part.open = true);
    const edge = page.documentElement.clientWidth;
    const outside = [...page.querySelectorAll("h1, h2, h3, p, li, dd, figure, svg, .card, .scroll")]
      .filter(part => part.getBoundingClientRect().right > edge + 0.5).map(part => part.outerHTML.slice(0, 80));
    const drawing = page.querySelector("svg"), line = page.querySelector("svg path[style*='stroke: var(--run)']");
    return {
      asked: frame.width, width: page.documentElement.scrollWidth, outside,
      paper: getComputedStyle(page.body).backgroundColor,
      line: line && getComputedStyle(line).stroke,
      text: drawing && 11 * drawing.getBoundingClientRect().width / 360,
    };
  });
  document.getElementById("seen").textContent = JSON.stringify(seen);
};
"""

PAGES = {
    "one": [full_run()],
    "two": [plain_run(0), plain_run(1)],
    "many": [plain_run(n, slowdown=1.0 if n < 12 else 1.5) for n in range(20)],
    "long words": [run(unavailable("p" * 300, "r" * 500), environment={"f" * 300: "v" * 3000}, profile="q" * 200)],
}


@pytest.fixture(scope="module")
def chromium() -> str:
    program = shutil.which("chromium")
    if program is None:
        reason = "no chromium here to look at the page with: apt-get install chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return program


def look(chromium: str, directory: Path, pages: list[str], *flags: str) -> list[dict[str, Any]]:
    """What is seen of each page at each width."""
    frames = "".join(
        f'<iframe width="{width}" height="900" style="border:0" srcdoc="{escape(page)}"></iframe>'
        for page in pages
        for width in WIDTHS
    )
    around = directory / "around.html"
    around.write_text(f"<meta charset=utf-8><script>{MEASURE}</script>{frames}<pre id=seen></pre>", encoding="utf-8")
    command = [chromium, *FLAGS, *flags, f"--user-data-dir={directory / 'user'}", "--dump-dom", around.as_uri()]
    dumped = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True).stdout
    found = re.search(r'<pre id="seen">(.+?)</pre>', dumped, re.DOTALL)
    assert found, "the pages did not load"
    seen: list[dict[str, Any]] = json.loads(found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    return seen


def rgb(color: str) -> str:
    return "rgb({}, {}, {})".format(*(int(color[i : i + 2], 16) for i in (1, 3, 5)))


def test_nothing_sticks_out_at_any_width_and_plots_stay_legible(chromium: str, tmp_path: Path) -> None:
    seen = look(chromium, tmp_path, [render(runs) for runs in PAGES.values()])
    assert len(seen) == len(PAGES) * len(WIDTHS)
    for each in seen:
        assert each["width"] == int(each["asked"])
        assert each["outside"] == []
        assert each["text"] is None or each["text"] >= 8


@pytest.mark.parametrize(("flag", "colors"), [("1", LIGHT), ("0", DARK)], ids=["light", "dark"])
def test_page_and_plots_follow_the_color_scheme(
    chromium: str, tmp_path: Path, flag: str, colors: dict[str, str]
) -> None:
    seen = look(chromium, tmp_path, [render(PAGES["one"])], f"--blink-settings=preferredColorScheme={flag}")
    assert {each["paper"] for each in seen} == {rgb(colors["paper"])}
    assert {each["line"] for each in seen} == {rgb(colors["run"])}
