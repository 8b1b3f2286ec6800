"""A dashboard to look at in a real browser, and one to ask directly with a clock that is moved by hand."""

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, sync_playwright
from sqlalchemy import Engine
from starlette.applications import Starlette

from corrective_drift.dashboard.desk import Desk
from corrective_drift.dashboard.routes import mount
from corrective_drift.log import Log
from corrective_drift.receipts import load_signer
from corrective_drift.service import Service
from tests.corrective_drift.dashboard import sample
from tests.corrective_drift.dashboard.visitor import FLAGS, Visitor, visitor
from tests.corrective_drift.running import Files, Running, running_on_sqlite


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's chromium. For a module: while it is there, no other loop of asyncio can run in this thread."""
    program = shutil.which("chromium")
    if program is None:
        reason = "no chromium here to look at the dashboard with: scripts/debian-packages.sh chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def site(files: Files, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A running service over the sample store; nothing is changed in it."""
    with running_on_sqlite(files, tmp_path_factory.mktemp("site"), sample.fill) as one:
        yield one


@pytest.fixture
def small_site(files: Files, tmp_path: Path) -> Iterator[Running]:
    """A running service over a store of its own, with the cluster's last days."""
    with running_on_sqlite(files, tmp_path, partial(sample.fill, days=3, fleet=0)) as one:
        yield one


@pytest.fixture
def empty_site(files: Files, tmp_path: Path) -> Iterator[Running]:
    """A running service where nobody has ever reported."""
    with running_on_sqlite(files, tmp_path) as one:
        yield one


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visitor]]:
    """Begin to visit a site; what the browser complained of is asserted at the end."""
    visitors: list[Visitor] = []

    def begin(site: Running, **context: object) -> Visitor:
        visitors.append(visitor(browser, site, **context))
        return visitors[-1]

    yield begin
    for each in visitors:
        each.page.context.close()
        assert each.complaints == []
        assert {url for url in each.asked if not url.startswith(f"{each.url}/")} == set()


class Clock:
    """Seconds, moved by hand."""

    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class Client:
    """Asks an application directly, as a browser would: with the cookies that it was given, and saying where from."""

    def __init__(self, app: Starlette) -> None:
        self.app, self.cookies = app, httpx.Cookies()

    def get(self, path: str) -> httpx.Response:
        return self.ask("GET", path)

    def post(self, path: str, **form: str) -> httpx.Response:
        return self.ask("POST", path, data=form)

    def ask(self, method: str, path: str, **how: Any) -> httpx.Response:
        headers = {"sec-fetch-site": "same-origin"} | how.pop("headers", {})
        return asyncio.run(self._ask(method, f"/dashboard{path}", headers=headers, **how))

    async def _ask(self, method: str, path: str, **how: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="https://localhost", cookies=self.cookies) as http:
            answered = await http.request(method, path, **how)
            self.cookies = http.cookies
        return answered


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(engine: Engine, clock: Clock, tmp_path: Path) -> Iterator["Client"]:
    """A client of a dashboard over a small store, on both engines; it keeps cookies as a browser does."""
    sample.fill(engine, days=3, fleet=0)
    service = Service(
        engine=engine,
        signer=load_signer(tmp_path / "signing-key.pem"),
        log=Log("json"),
        today=lambda: sample.TODAY,
    )
    app = Starlette()
    mount(app, Desk(service=service, monotonic=clock))
    service.writer.start()
    try:
        yield Client(app)
    finally:
        service.writer.stop()
