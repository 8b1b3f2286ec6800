"""The dashboard as an application of its own, mounted into the service's."""

from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from corrective_drift.dashboard import erasing, own_pages, public_pages, signing
from corrective_drift.dashboard.desk import Desk
from corrective_drift.dashboard.guard import Headers
from corrective_drift.errors import Unusable
from corrective_drift.problems import Problem

_ROUTES = (
    ("/", public_pages.front),
    ("/static/style.css", public_pages.style),
    ("/static/icon.svg", public_pages.icon),
    ("/sign-in", signing.ask),
    ("/cluster", own_pages.cluster),
    ("/trends", own_pages.trends),
    ("/recommendations", own_pages.recommendations),
    ("/stored", own_pages.kept),
    ("/stored.json", own_pages.download),
    ("/stored/{table}", own_pages.rows),
    ("/stored/reports/{report:path}", own_pages.report),
    ("/erase", erasing.ask),
    ("/erased", erasing.erased),
    ("/erased/receipt.json", erasing.download),
)
_FORMS = (("/sign-in", signing.sign_in), ("/sign-out", signing.sign_out), ("/erase", erasing.carry_out))


PATH = "/dashboard"
"""Where it stands in the service."""


def mount(app: Starlette, desk: Desk) -> None:
    """Add the dashboard to a service's application; who comes without a path is sent to it."""
    app.router.routes += [Mount(PATH, dashboard(desk)), Route(PATH, _to_front), Route("/", _to_front)]


async def _to_front(request: Request) -> Response:
    return RedirectResponse(f"{request.scope.get('root_path', '')}{PATH}/", 307)


def dashboard(desk: Desk) -> ASGIApp:
    """Return the dashboard of a service."""
    app = Starlette(
        routes=[
            *(_route(path, endpoint, "GET") for path, endpoint in _ROUTES),
            *(_route(path, endpoint, "POST") for path, endpoint in _FORMS),
        ],
        exception_handlers={
            Problem: public_pages.tell_problem,
            HTTPException: public_pages.tell_http,
            Unusable: public_pages.tell_unusable,
            Exception: public_pages.tell_failure,
        },
    )
    app.state.desk = desk
    return Headers(app)


def _route(path: str, endpoint: Callable[[Request], Any], method: str) -> Route:
    route = Route(path, endpoint, methods=[method])
    # Requests are counted by this; what is matched is another attribute, which lacks where the dashboard stands.
    route.path = f"{PATH}{path}"
    return route
