"""A person with a browser, who notices what a person wouldn't: every complaint, and every host that is asked."""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Browser, ConsoleMessage, Page, Response

from tests.corrective_drift.running import Running

# Alone, without talking to anybody.
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars",
)  # fmt: skip
# What a browser says of every answer that is an error, also where that answer is what was wanted.
_EXPECTED = "Failed to load resource: the server responded with a status of 4"
_SERIOUS = {"serious", "critical"}


@dataclass(kw_only=True)
class Visitor:
    """A browser's window on a site."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)

    def goto(self, path: str) -> Response:
        """Open a page of the dashboard."""
        answered = self.page.goto(f"{self.url}/dashboard{path}")
        assert answered is not None
        return answered

    def sign_in(self, token: str) -> None:
        """Give a token to the sign-in page."""
        self.goto("/sign-in")
        self.page.get_by_label("The cluster's token").fill(token)
        self.page.get_by_role("main").get_by_role("button", name="Sign in").click()

    def unfold(self, most: int = 10_000) -> None:
        """Open the first of what is folded, and fold the rest."""
        self.page.evaluate(
            "most => document.querySelectorAll('details').forEach((each, place) => each.open = place < most)", most
        )

    def outside(self, width: int) -> list[str]:
        """Return what sticks out at a width of the window, a piece of each."""
        self.page.set_viewport_size({"width": width, "height": 900})
        found: list[str] = self.page.evaluate(
            """() => {
              const edge = document.documentElement.clientWidth;
              const parts = [...document.querySelectorAll("body *:not(.unseen, .skip)")]
                .filter(part => part.getBoundingClientRect().right > edge + 0.5 && !part.closest("thead"));
              const wide = document.documentElement.scrollWidth > edge ? ["the page scrolls"] : [];
              return [...wide, ...parts.map(part => part.outerHTML.slice(0, 90))];
            }"""
        )
        return found

    def barriers(self, *rules: str) -> list[str]:
        """Return what axe-core finds serious or critical, by all its rules or by some: the rule, and where."""
        self.page.evaluate(_axe())
        options = {"resultTypes": ["violations"]} | ({"runOnly": list(rules)} if rules else {})
        result: dict[str, Any] = self.page.evaluate("options => axe.run(document, options)", options)
        return [
            f"{found['id']}: {node['html'][:120]}: {node['failureSummary'][:200]}"
            for found in result["violations"]
            if found["impact"] in _SERIOUS
            for node in found["nodes"][:3]
        ]


def visitor(browser: Browser, site: Running, **context: Any) -> Visitor:
    """Open a window of its own, without any cookie."""
    page = browser.new_context(ignore_https_errors=True, **context).new_page()
    came = Visitor(page=page, url=site.url)

    def hear(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(_EXPECTED):
            came.complaints.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: came.complaints.append(str(error)))
    page.on("request", lambda request: came.asked.add(request.url))
    return came


@cache
def _axe() -> str:
    return (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
