"""The application: routes, and what holds for every request.

Nothing here or below looks at where a request comes from. What goes wrong by a mistake of ours ends as one line in the
log that names the place in our code, and as an answer that tells nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from corrective_drift.dashboard.desk import Desk
from corrective_drift.dashboard.routes import mount
from corrective_drift.errors import Unusable
from corrective_drift.log import tell_failure
from corrective_drift.problems import Code, Problem, invalid, malformed
from corrective_drift.routes import (
    baselines,
    collect,
    consent,
    data,
    drift,
    health,
    receipts,
    recommendations,
    schema,
)
from corrective_drift.routes.answers import PROBLEM_SCHEMA, problem_answer
from corrective_drift.service import Service

_ROUTERS = (
    collect.router,
    consent.router,
    data.router,
    receipts.router,
    schema.router,
    baselines.router,
    recommendations.router,
    drift.router,
    health.router,
)
_DESCRIPTION = "Takes the reports of telemetry agents, and gives back baselines and recommendations."


def create_app(service: Service) -> ASGIApp:
    """Return the application over a service, whose writer lives as long as it."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        service.writer.start()
        expiring = asyncio.create_task(service.expire_daily())
        try:
            yield
        finally:
            expiring.cancel()
            with suppress(asyncio.CancelledError, Problem):
                await expiring
            await asyncio.to_thread(service.writer.stop)

    # Pages of documentation would load scripts from elsewhere; the document itself is there.
    app = FastAPI(
        title="Corrective Drift",
        version="1",
        description=_DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.service = service
    for router in _ROUTERS:
        app.include_router(router)
    mount(app, Desk(service=service))
    app.add_exception_handler(Problem, _tell_problem)
    app.add_exception_handler(HTTPException, _tell_http)
    app.add_exception_handler(RequestValidationError, _tell_invalid)
    app.add_exception_handler(Unusable, _tell_unusable)
    app.add_exception_handler(Exception, _tell_failed)
    app.openapi = _openapi(app)  # type: ignore[method-assign]  # FastAPI's own way to add to the document
    return Watch(Direct(app, collect.router), service)


# Fields that say one thing; where one comes twice, a proxy may have taken the other (RFC 9110, 5.3).
_SINGLE = frozenset(
    {b"authorization", b"content-encoding", b"content-length", b"content-type", b"host", b"idempotency-key"}
    | {b"prism-api-key", b"prism-audit-head", b"prism-consent", b"prism-schema"}
)
CROWDED = "corrective_drift.crowded"
"""In a request's scope: whether it came while there were more connections than there may be (`protocol`)."""
_CROWDED_RETRY_SECONDS = 5


class Watch:
    """Counts answers, and turns what nobody foresaw into one. Endpoints are named by their routes, never by paths."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app, self._service = app, service

    def count(self, status: int, route: str = "none") -> None:
        """Count an answer."""
        self._service.metrics.requests.labels(route, str(status)).inc()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Carry out a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await (_refusal(scope) or self._app)(scope, receive, watched)
        except Exception as error:  # noqa: BLE001 - whatever it is; uvicorn would log its text
            tell_failure(self._service.log, error)
            if not status:
                await problem_answer(_failed())(scope, receive, watched)
        finally:
            self.count(status, getattr(scope.get("route"), "path", "none"))


def _refusal(scope: Scope) -> Response | None:
    """Return the answer to a request that is not even looked at; None for all others."""
    if scope.get(CROWDED):
        detail = "too many connections are open"
        answer = problem_answer(Problem(Code.UNAVAILABLE, detail, retry_after_seconds=_CROWDED_RETRY_SECONDS))
        answer.headers["Connection"] = "close"
        return answer
    names = [name for name, _ in scope["headers"]]
    if len(set(names)) < len(names):
        for name in _SINGLE.intersection(names):
            if names.count(name) > 1:
                return problem_answer(malformed(f"the header {name.decode().title()} stands twice"))
    return None


class Direct:
    """Calls a router's endpoints itself: the framework's rounds for a request cost more than taking a document does.

    They stay routes of the application, which describes them and answers what comes by another method.
    """

    def __init__(self, app: FastAPI, router: APIRouter) -> None:
        self._app = app
        routes = (each for each in router.routes if isinstance(each, APIRoute))
        self._routes = {(method, route.path): route for route in routes for method in route.methods or ()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is for one of them."""
        route = self._routes.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if route is None:
            await self._app(scope, receive, send)
            return
        scope["app"], scope["route"] = self._app, route
        try:
            answer = await route.endpoint(Request(scope, receive, send))
        except Problem as problem:
            answer = problem_answer(problem)
        await answer(scope, receive, send)


async def _tell_problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return problem_answer(error)


async def _tell_http(_request: Request, error: Exception) -> Response:
    """What the framework itself refuses: no such path, no such method."""
    assert isinstance(error, HTTPException)
    if error.status_code == Code.METHOD.status:
        answer = problem_answer(Problem(Code.METHOD, "see the header Allow"))
        answer.headers.update(error.headers or {})
        return answer
    return problem_answer(Problem(Code.NOT_FOUND, "see /openapi.json for what there is"))


async def _tell_invalid(_request: Request, error: Exception) -> Response:
    """What stands in the address; the error itself would repeat it."""
    assert isinstance(error, RequestValidationError)
    return problem_answer(invalid(str(error.errors()[0]["loc"][-1]), "must have the form that /openapi.json describes"))


async def _tell_unusable(_request: Request, _error: Exception) -> Response:
    return problem_answer(Problem(Code.UNAVAILABLE, "the database is out of reach", retry_after_seconds=5))


async def _tell_failed(_request: Request, _error: Exception) -> Response:
    """What nobody foresaw; it is raised again, and logged by `Watch`."""
    return problem_answer(_failed())


def _failed() -> Problem:
    return Problem(Code.FAILED, "it has been logged")


def _openapi(app: FastAPI) -> Callable[[], dict[str, Any]]:
    make = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = make()
            components = document.setdefault("components", {})
            components.setdefault("schemas", {})["Problem"] = PROBLEM_SCHEMA
            components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        return app.openapi_schema or document

    return openapi
