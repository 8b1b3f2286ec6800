"""Signing in by a cluster's token, and out."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from corrective_drift.dashboard import names
from corrective_drift.dashboard.desk import NEEDED, Desk, desk_of, page, redirect, with_cookie
from corrective_drift.dashboard.guard import COOKIE, FORM_WORD, MOST_FORM_BYTES, check_origin, form_of
from corrective_drift.dashboard.sessions import Session
from corrective_drift.problems import Code, Problem
from corrective_drift.routes.answers import body_of
from corrective_drift.store.clusters import of_token
from corrective_drift.store.engine import reading
from corrective_drift.tokens import bearer, same

_WRONG = "No cluster here has this token. Has its agent sent a report at the level standard or detailed yet?"
_SEVERAL = "Several clusters share this token: give the id of the one to see."
_TOO_MANY = "Too many wrong tokens were given here just now, by whomever. Wait {} and try again."
_NEEDED = "That page is a cluster's own: sign in to see it. A session ends an hour after it began."


def ask(request: Request) -> Response:
    """GET /sign-in."""
    session = desk_of(request).session(request)
    if session is not None:
        return redirect(request, "/cluster" if session.receipt is None else "/erased")
    return _form(request, note=_NEEDED if NEEDED in request.query_params else "")


async def sign_in(request: Request) -> Response:
    """POST /sign-in: `token`, and `cluster` where several clusters share it."""
    check_origin(request.headers)
    desk = desk_of(request)
    sent = await form(request)
    token = bearer(f"Bearer {sent.get('token', '').strip()}")
    clusters = [] if token is None else await run_in_threadpool(_clusters, desk, token)
    chosen = clusters if len(clusters) < 2 else [each for each in clusters if each == sent.get("cluster", "").strip()]
    if clusters and not chosen:
        return _form(request, status=403, wrong=_SEVERAL, several=True)
    if not chosen or token is None:
        return _refused(request)
    desk.service.limits.admit(token)
    desk.sessions.end(request.cookies.get(COOKIE, ""))
    return with_cookie(redirect(request, "/cluster"), desk.sessions.begin(chosen[0], token))


async def sign_out(request: Request) -> Response:
    """POST /sign-out; a session that is over already is no mistake."""
    if desk_of(request).session(request) is not None:
        await form_of_session(request)
        desk_of(request).sessions.end(request.cookies.get(COOKIE, ""))
    return with_cookie(redirect(request, "/"), None)


async def form_of_session(request: Request) -> tuple[Session, dict[str, str]]:
    """Return who sends a form, and its fields. Raises Problem for a form that our page of this session didn't make."""
    check_origin(request.headers)
    session = desk_of(request).session(request)
    sent = await form(request)
    if session is None:
        raise Problem(Code.UNAUTHORIZED, "the session is over: sign in again")
    if not same(session.form_word.encode(), sent.get(FORM_WORD, "").encode()):
        raise Problem(Code.FORBIDDEN, "the form is not of this session: open its page again")
    return session, sent


async def form(request: Request) -> dict[str, str]:
    """Return the fields of a form. Raises Problem."""
    body = await body_of(request, MOST_FORM_BYTES)
    return form_of(body, request.headers.get("content-type", ""))


def _refused(request: Request) -> Response:
    """Answer a wrong token."""
    try:
        desk_of(request).wrong_tokens.admit(None)
    except Problem as problem:
        wait = names.plural(problem.retry_after_seconds or 1, "second")
        answer = _form(request, status=problem.code.status, wrong=_TOO_MANY.format(wait))
        answer.headers.update(problem.headers())
        return answer
    return _form(request, status=403, wrong=_WRONG)


def _form(request: Request, *, status: int = 200, note: str = "", wrong: str = "", several: bool = False) -> Response:
    return page(request, "sign_in.html.j2", status=status, note=note, wrong=wrong, several=several)


def _clusters(desk: Desk, token_sha256: bytes) -> list[str]:
    with reading(desk.service.engine) as connection:
        return of_token(connection, token_sha256)
