"""The pages for everybody."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from corrective_drift.dashboard import names
from corrective_drift.dashboard.desk import ICON, STYLE, desk_of, page, to_sign_in
from corrective_drift.dashboard.overview import overview
from corrective_drift.problems import Code, Problem
from corrective_drift.store import releases
from corrective_drift.store.engine import reading

# Titles of the API are for who writes programs.
_WORDS = {
    Code.MALFORMED: ("That form was not taken", "{detail}."),
    Code.FORBIDDEN: ("That form was not taken", "{detail}. Nothing was changed."),
    Code.NOT_FOUND: ("There is no such page", "{detail}."),
    Code.METHOD: ("There is no such page", "{detail}."),
    Code.TOO_LARGE: ("That form was not taken", "It is larger than any form of these pages."),
    Code.MEDIA_TYPE: ("That form was not taken", "{detail}."),
    Code.TOO_MANY: (
        "A little too fast",
        "So much was asked for with this cluster's token that it must wait for {wait}: then load the page again.",
    ),
    Code.UNAVAILABLE: (
        "The service can't answer just now",
        "Its store is out of reach or has too much to do. Nothing is lost: try again in {wait}.",
    ),
    Code.FAILED: (
        "Something went wrong on our side",
        "It has been logged, without anything that tells who asked. If it stays so, tell who runs this service.",
    ),
}
# The address of the sheet has its digest, so that it never changes under one.
_FOR_GOOD = {"Cache-Control": "public, max-age=31536000, immutable"}
_FOR_A_DAY = {"Cache-Control": "public, max-age=86400"}


def front(request: Request) -> Response:
    """GET /: what the service knows in general."""
    service = desk_of(request).service
    with reading(service.engine) as connection:
        count, contributors = releases.summary(connection)
    release = service.baselines.latest().release
    return page(request, "overview.html.j2", overview=overview(release, releases=count, contributors=contributors))


async def style(_request: Request) -> Response:
    """GET /static/style.css."""
    return Response(STYLE, headers=_FOR_GOOD, media_type="text/css")


async def icon(_request: Request) -> Response:
    """GET /static/icon.svg."""
    return Response(ICON, headers=_FOR_A_DAY, media_type="image/svg+xml")


async def tell_problem(request: Request, error: Exception) -> Response:
    """Answer a problem by a page that says what is wrong and what to do."""
    assert isinstance(error, Problem)
    if error.code is Code.UNAUTHORIZED:
        return to_sign_in(request)
    title, detail = _WORDS.get(error.code, (error.code.title, "{detail}."))
    wait = names.plural(error.retry_after_seconds or 60, "second")
    shown = detail.format(detail=names.sentence(error.detail), wait=wait)
    answer = page(request, "problem.html.j2", status=error.code.status, title=title, detail=shown)
    answer.headers.update(error.headers())
    return answer


async def tell_http(request: Request, error: Exception) -> Response:
    """Answer what the framework refuses: no such path, no such method."""
    assert isinstance(error, HTTPException)
    code = Code.METHOD if error.status_code == Code.METHOD.status else Code.NOT_FOUND
    return await tell_problem(request, Problem(code, "The address may be mistyped, or of an earlier release"))


async def tell_unusable(request: Request, _error: Exception) -> Response:
    """Answer while the database is out of reach."""
    return await tell_problem(
        request, Problem(Code.UNAVAILABLE, "the database is out of reach", retry_after_seconds=60)
    )


async def tell_failure(request: Request, _error: Exception) -> Response:
    """Answer after a mistake of ours, which is logged by who called."""
    return await tell_problem(request, Problem(Code.FAILED, "it has been logged"))
