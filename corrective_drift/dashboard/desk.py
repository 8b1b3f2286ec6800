"""What all pages need: the service, who is signed in, and how a page is made."""

import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from anyio import CapacityLimiter, to_thread
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from corrective_drift.dashboard.guard import COOKIE
from corrective_drift.dashboard.sessions import SESSION_SECONDS, Session, Sessions
from corrective_drift.limits import Limits, Rate
from corrective_drift.service import Service
from corrective_drift.store.clusters import owns
from corrective_drift.store.engine import reading

# Of all wrong tokens together: who is wrong more often is no person. A right one is let in all the same, or anybody
# could lock everybody out; nobody guesses one of 2²⁵⁶.
WRONG_RATE = Rate(per_second=0.5, burst=20)
STYLE = (files("corrective_drift.dashboard") / "static" / "style.css").read_bytes()
ICON = (files("corrective_drift.dashboard") / "static" / "icon.svg").read_bytes()
_STYLE_DIGEST = sha256(STYLE).hexdigest()[:16]
# Pages of clusters that are made at a time: however many are asked for, threads are left for those who report.
_AT_ONCE = CapacityLimiter(4)
# Within `64 B`, `584 µs`, `4.7 Gbit/s`, `95 %` and `p = 0.01`.
_UNBROKEN = re.compile(
    r"(?<=\bp) (?==)|(?<=\bp =) (?=\d)|(?<=\d) (?=(?:[nµm]?s|[kKMGTP]?i?(?:B|bit)?/s|[KMGTP]?i?B|%)(?![\w/]))"
)

NEEDED = "needed"
"""In the address of the sign-in: that somebody was sent there."""

Page = Callable[["Desk", Request, Session, Connection], Response]


@dataclass(kw_only=True)
class Desk:
    """The parts of a dashboard."""

    service: Service
    monotonic: Callable[[], float] = time.monotonic
    sessions: Sessions = field(init=False)
    wrong_tokens: Limits = field(init=False)

    def __post_init__(self) -> None:
        self.sessions = Sessions(self.monotonic)
        self.wrong_tokens = Limits(own=WRONG_RATE, shared=WRONG_RATE, monotonic=self.monotonic)

    def session(self, request: Request) -> Session | None:
        """Return who is signed in."""
        return self.sessions.find(request.cookies.get(COOKIE, ""))


def desk_of(request: Request) -> Desk:
    """Return the desk that a request came to."""
    desk: Desk = request.app.state.desk
    return desk


def page(request: Request, template: str, *, status: int = 200, **shown: Any) -> Response:
    """Return a page."""
    session = desk_of(request).session(request)
    html = _environment().get_template(template).render(
        base=base_of(request),
        style_digest=_STYLE_DIGEST,
        session=session,
        signed_in=session is not None and session.receipt is None,
        path=request.url.path.removeprefix(base_of(request)),
        **shown,
    )  # fmt: skip
    return HTMLResponse(html, status)


def base_of(request: Request) -> str:
    """Return the path that the dashboard is mounted at."""
    return str(request.scope.get("root_path", ""))


def redirect(request: Request, path: str) -> Response:
    """Send the browser to another page, by GET."""
    return RedirectResponse(base_of(request) + path, 303)


def to_sign_in(request: Request) -> Response:
    """Send who asked for a page of a cluster to the sign-in, which says why."""
    return redirect(request, f"/sign-in?{NEEDED}=1")


def own(show: Page) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint that is for who is signed in as a cluster that still exists; others come to the sign-in."""

    async def endpoint(request: Request) -> Response:
        desk = desk_of(request)
        session = desk.session(request)
        if session is None:
            return to_sign_in(request)
        if session.receipt is not None:
            return redirect(request, "/erased")
        desk.service.limits.admit(session.token_sha256)
        return await to_thread.run_sync(_shown, show, request, session, limiter=_AT_ONCE)

    return endpoint


def _shown(show: Page, request: Request, session: Session) -> Response:
    desk = desk_of(request)
    with reading(desk.service.engine) as connection:
        if owns(connection, session.cluster_id, session.token_sha256):
            return show(desk, request, session, connection)
    # Erased, or under another token by now.
    desk.sessions.end(request.cookies.get(COOKIE, ""))
    return with_cookie(to_sign_in(request), None)


def with_cookie(response: Response, word: str | None) -> Response:
    """Give a browser the word of a session, or take it away."""
    age = 0 if word is None else SESSION_SECONDS
    response.set_cookie(COOKIE, word or "", max_age=age, path="/", secure=True, httponly=True, samesite="strict")
    return response


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("corrective_drift.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: value if isinstance(value, Markup) else _visible(str(value)),
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _visible(text: str) -> str:
    """What can't be seen could hide or turn around what stands beside it; a number stays with its unit."""
    seen = "".join(each if each.isprintable() or each in "\n\t" else "\N{REPLACEMENT CHARACTER}" for each in text)
    return _UNBROKEN.sub("\N{NO-BREAK SPACE}", seen)
