"""POST /v1/collect: taking documents."""

from functools import partial
from typing import Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from agent.levels import Level
from agent.wire.documents import FRAGMENTS
from agent.wire.fields import DOCUMENTS, schema_digest
from corrective_drift.envelope import Envelope, envelope
from corrective_drift.ingest import MOST_DOCUMENTS, Submission, submission
from corrective_drift.problems import Code, Problem
from corrective_drift.receipts import Taken
from corrective_drift.routes.answers import (
    SENDERS_PROBLEMS,
    answer,
    body_of,
    good,
    headers_of,
    problems,
    token_is_missing,
)
from corrective_drift.service import Service, service_of

router = APIRouter()
# Unpacked; a hundred reports of the standard level, an agent's batch, have 110 KiB. Reading more would keep everybody
# else waiting for longer than handing it to a thread costs: what was made to be slow takes half a second for 2 MiB.
_READ_AT_ONCE_BYTES = 128 * 1024
# And 64 MiB for 2 MiB (of empty lists); more threads would be no faster, since one at a time runs Python.
_READERS = CapacityLimiter(2)

RECEIPT = {
    "type": "object",
    "required": ["receipt", "batch", "accepted", "received_at", "key", "signature"],
    "properties": {
        "receipt": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
        "batch": {"type": "string", "format": "uuid"},
        "accepted": {"type": "integer", "minimum": 0, "maximum": MOST_DOCUMENTS},
        "received_at": {"type": "string", "format": "date-time"},
        "audit_head": {"type": "string"},
        "key": {"type": "string"},
        "signature": {"type": "string"},
    },
    "additionalProperties": False,
}
EXAMPLE_BATCH = "0199d5a0-0000-7000-8000-000000000001"
EXAMPLE_RECEIPT = {
    "receipt": EXAMPLE_BATCH.replace("-", ""),
    "batch": EXAMPLE_BATCH,
    "accepted": 1,
    "received_at": "2026-01-05T00:00:00Z",
    "audit_head": f"41:{'9f' * 32}",
    "key": "0f" * 8,
    "signature": "c2lnbmF0dXJl",
}
_EXAMPLE_FRAGMENT = {
    "schema": schema_digest(),
    "level": "minimal",
    "fragment": "cpu",
    "week": "2026-W02",
    "voter": "slylz5i72oeanv6mne5j",
    "cluster": {"provider": "other"},
    "nodes": {"count": "5-15", "cpu_cores": "128-511"},
}


def _header(name: str, pattern: str, description: str, *, required: bool = True) -> dict[str, Any]:
    schema = {"type": "string", "pattern": pattern}
    return {"name": name, "in": "header", "required": required, "schema": schema, "description": description}


_DIGEST = "^[0-9a-f]{64}$"
_HEADERS = [
    _header("Idempotency-Key", "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", "The batch's id, a UUID."),
    _header("Prism-Schema", f"^{schema_digest()}$", "The digest of the schema, as GET /v1/schema has it."),
    _header("Prism-Consent", _DIGEST, "The digest of the consent; never with a fragment.", required=False),
    _header("Prism-Audit-Head", "^[0-9]{1,18}:[0-9a-f]{64}$", "The end of the sender's audit trail.", required=False),
    {
        "name": "Content-Encoding",
        "in": "header",
        "required": False,
        "schema": {"enum": ["gzip", "identity"]},
        "description": "How the body is compressed.",
    },
]


def _shapes() -> list[dict[str, Any]]:
    wholes = [DOCUMENTS.shape(level).json_schema() for level in (Level.STANDARD, Level.DETAILED)]
    shapes = [*wholes, *(DOCUMENTS.fragments[each].json_schema() for each in FRAGMENTS)]
    for shape in shapes:
        shape["properties"]["schema"] = {"const": schema_digest()}
    return shapes


_BODY = {
    "required": True,
    "description": "All of one cluster, or one fragment of nobody. `GET /v1/schema` has the schema of each level.",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["documents"],
                "properties": {
                    "documents": {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": MOST_DOCUMENTS,
                        "items": {"oneOf": _shapes()},
                    }
                },
                "additionalProperties": False,
            },
            "example": {"documents": [_EXAMPLE_FRAGMENT]},
        }
    },
}


@router.post(
    "/v1/collect",
    summary="Take documents",
    response_class=Response,
    responses=good("A signed receipt; the same for each repeat.", RECEIPT, EXAMPLE_RECEIPT)
    | problems(*SENDERS_PROBLEMS, Code.MEDIA_TYPE, Code.KEY_REUSED),
    openapi_extra={"parameters": _HEADERS, "requestBody": _BODY, "security": [{"token": []}, {}]},
)
async def collect(request: Request) -> Response:
    """Store each document once, whatever is repeated; the token of a cluster's first request is the cluster's."""
    service = service_of(request)
    sent = envelope(headers_of(request))
    service.limits.admit(sent.token_sha256)
    with service.room.share() as share:
        taken = await _read(service, sent, await body_of(request, hold=share.hold))
    if taken.cluster_id is not None and sent.token_sha256 is None:
        raise token_is_missing()
    outcome = await service.writer.take(taken)
    if isinstance(outcome, Problem):
        raise outcome
    assert isinstance(outcome, Taken)
    level = taken.reports[0].level if taken.reports else Level.MINIMAL.value
    service.metrics.documents.labels(level).inc(taken.documents)
    return answer(service.signer.signed(outcome.said()))


async def _read(service: Service, sent: Envelope, body: bytes) -> Submission:
    read = partial(submission, sent, body, service.today(), simulation=service.settings.simulation)
    try:
        return read(largest_bytes=_READ_AT_ONCE_BYTES)
    except Problem as problem:
        if problem.code is not Code.TOO_LARGE:
            raise
    return await to_thread.run_sync(read, limiter=_READERS)
