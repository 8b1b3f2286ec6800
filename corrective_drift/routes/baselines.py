"""GET /v1/baselines: the latest release, the same for everybody. There is no way to ask about a cohort or a cluster."""

import json

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from corrective_drift.routes.answers import good, problems
from corrective_drift.service import service_of
from probes.measure.baselines import EMPTY, FORMAT, VERSION

router = APIRouter()
# Releases are weekly; who asks once an hour learns of one soon enough.
_CACHED = "public, max-age=3600"
_SHAPE = {
    "type": "object",
    "required": ["format", "version", "week", "gamma", "ladder", "metrics"],
    "properties": {
        "format": {"const": FORMAT},
        "version": {"const": VERSION},
        "week": {"type": ["string", "null"], "description": "Null as long as there is no baseline yet."},
        "gamma": {"type": "number"},
        "ladder": {"type": "array", "items": {"type": "array", "items": {"type": "string"}}},
        "metrics": {"type": "array", "items": {"type": "object"}},
    },
}


@router.get(
    "/v1/baselines",
    summary="The community's baselines",
    response_class=Response,
    responses=good("The latest release.", _SHAPE, json.loads(EMPTY.model_dump_json()))
    | {304: {"description": "The release of If-None-Match is the latest."}}
    | problems(),
)
async def show_baselines(request: Request) -> Response:
    """All of a week's release in one file, which is compared with where it is wanted."""
    baselines = service_of(request).baselines
    published = baselines.in_memory
    if published is None:
        published = await run_in_threadpool(baselines.latest)
    headers = {"ETag": published.etag, "Cache-Control": _CACHED}
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if known & {published.etag, "*"}:
        return Response(status_code=304, headers=headers)
    return Response(published.body, headers=headers, media_type="application/json")
