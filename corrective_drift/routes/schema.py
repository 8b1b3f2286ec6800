"""GET /v1/schema: what may be sent, as the agent and the service both read it out of the one table of fields."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from agent.levels import Level
from agent.wire.fields import describe, schema, schema_digest
from agent.wire.records import canonical
from corrective_drift.routes.answers import good, problems

router = APIRouter()
_CONTENT = canonical(
    {"digest": schema_digest(), "levels": {each.value: schema(each) for each in Level}, "fields": describe()}
)
_HEADERS = {"ETag": f'"{schema_digest()}"', "Cache-Control": "public, max-age=3600"}
_SHAPE = {
    "type": "object",
    "required": ["digest", "levels", "fields"],
    "properties": {"digest": {"type": "string"}, "levels": {"type": "object"}, "fields": {"type": "array"}},
}


@router.get(
    "/v1/schema",
    summary="What may be sent",
    response_class=Response,
    responses=good("JSON Schema of each level, and each field's purpose.", _SHAPE, {"digest": "5c" * 32})
    | {304: {"description": "It has not changed."}}
    | problems(),
)
async def show_schema(request: Request) -> Response:
    """Consent is bound to `digest`: a service that takes anything else says so here."""
    if request.headers.get("if-none-match") == _HEADERS["ETag"]:
        return Response(status_code=304, headers=_HEADERS)
    return Response(_CONTENT, headers=_HEADERS, media_type="application/json")
