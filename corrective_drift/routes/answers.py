"""How answers look, and how the OpenAPI document tells of them."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import Path
from starlette.requests import Request
from starlette.responses import Response

from agent.wire.records import canonical
from corrective_drift.inflate import LARGEST_BODY_BYTES
from corrective_drift.problems import MEDIA_TYPE, Code, Problem, malformed
from corrective_drift.tokens import bearer

# An agent gives up on a whole request after 30 s (agent.delivery.send).
BODY_SECONDS = 60.0
# What is answered is somebody's own: no cache between us may keep it.
_PRIVATE = {"Cache-Control": "no-store"}
ClusterId = Annotated[
    str, Path(pattern="^[a-z2-7]{26}$", description="The cluster's pseudonym. To know it grants nothing.")
]
SECURED: dict[str, Any] = {"security": [{"token": []}]}
OWNERS_PROBLEMS = (Code.UNAUTHORIZED, Code.FORBIDDEN, Code.INVALID, Code.TOO_MANY)
"""What may be wrong with a request about one cluster."""
SENDERS_PROBLEMS = (Code.MALFORMED, *OWNERS_PROBLEMS, Code.CONSENT_STALE, Code.ERASED, Code.TOO_LARGE)
"""What may be wrong with one that tells something about a cluster, under a consent."""
PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "error"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "error": {"enum": [code.word for code in Code]},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"path": {"type": "string"}, "reason": {"type": "string"}},
                "required": ["path", "reason"],
            },
        },
    },
}


def answer(content: Mapping[str, Any], status: int = 200) -> Response:
    """Return JSON that is for the asker alone."""
    return Response(canonical(content), status, _PRIVATE, media_type="application/json")


def problem_answer(problem: Problem) -> Response:
    """Return a problem as an answer."""
    headers = _PRIVATE | problem.headers()
    return Response(canonical(problem.content()), problem.code.status, headers, media_type=MEDIA_TYPE)


def problems(*codes: Code) -> dict[int | str, dict[str, Any]]:
    """Return what an endpoint may answer instead, for its part of the OpenAPI document."""
    told: dict[int | str, dict[str, Any]] = {}
    # What any endpoint may answer.
    for code in (*codes, Code.UNAVAILABLE):
        before = told.get(code.status, {}).get("description")
        told[code.status] = {
            "description": f"{before}; or: {code.title.lower()}" if before else code.title,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    return told


def good(description: str, schema: Mapping[str, Any], example: Any) -> dict[int | str, dict[str, Any]]:
    """Return what an endpoint answers when all is well."""
    content = {"application/json": {"schema": schema, "example": example}}
    return {200: {"description": description, "content": content}}


def headers_of(request: Request) -> dict[str, str]:
    """Return the headers by their names in lower case; where one stands twice, its first.

    Starlette's own are searched one after the other, and decoded, each time that one is asked for.
    """
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(request.scope["headers"])}


def token_of(request: Request) -> bytes:
    """Return the digest of the bearer token. Raises Problem where there is none."""
    token = bearer(request.headers.get("authorization"))
    if token is None:
        raise token_is_missing()
    return token


def token_is_missing() -> Problem:
    """Return what is wrong with a request that needs the cluster's token, and has none."""
    return Problem(Code.UNAUTHORIZED, "send the cluster's token as Authorization: Bearer TOKEN")


async def body_of(
    request: Request,
    largest_bytes: int = LARGEST_BODY_BYTES,
    *,
    patience_seconds: float = BODY_SECONDS,
    hold: Callable[[int], object] = bool,
) -> bytes:
    """Return the body. Raises Problem for a longer one, as soon as it is known to be, and for one that doesn't come.

    `hold` is told how much has come, and may refuse.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > largest_bytes:
        raise _too_large(largest_bytes)
    body, more = bytearray(), True
    try:
        async with asyncio.timeout(patience_seconds):
            while more:
                message = await request.receive()
                if message["type"] == "http.disconnect":
                    raise malformed("the body was cut off")
                body += message.get("body", b"")
                more = message.get("more_body", False)
                if len(body) > largest_bytes:
                    raise _too_large(largest_bytes)
                hold(len(body))
    except TimeoutError as error:
        raise Problem(Code.UNAVAILABLE, "the body did not come in time", retry_after_seconds=60) from error
    return bytes(body)


def _too_large(largest_bytes: int) -> Problem:
    return Problem(Code.TOO_LARGE, f"the body has more than {largest_bytes} bytes")
