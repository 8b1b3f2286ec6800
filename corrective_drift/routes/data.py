"""DELETE /v1/data/{cluster_id}: erasing a cluster."""

import uuid

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from corrective_drift.erasure import erase
from corrective_drift.log import Event
from corrective_drift.receipts import Receipt
from corrective_drift.routes.answers import OWNERS_PROBLEMS, SECURED, ClusterId, answer, good, problems, token_of
from corrective_drift.service import service_of

router = APIRouter()
_COUNTS = {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}}
_RECEIPT = {
    "type": "object",
    "required": ["receipt", "erased", "erased_at", "before", "after", "aggregates", "key", "signature"],
    "properties": {
        "receipt": {"type": "string"},
        "erased": {"type": "string"},
        "erased_at": {"type": "string", "format": "date-time"},
        "before": _COUNTS,
        "after": _COUNTS,
        "aggregates": {"type": "object"},
        "key": {"type": "string"},
        "signature": {"type": "string"},
    },
}
_EXAMPLE = {
    "receipt": "4f" * 16,
    "erased": "9a" * 16,
    "erased_at": "2026-01-05T00:00:00Z",
    "before": {"batches": 24, "clusters": 1, "consents": 1, "reports": 24, "votes": 12},
    "after": {"batches": 0, "clusters": 0, "consents": 0, "reports": 0, "votes": 0},
    "aggregates": {"votes": 12, "weeks": ["2026-W01"]},
    "key": "0f" * 8,
    "signature": "c2lnbmF0dXJl",
}


@router.delete(
    "/v1/data/{cluster_id}",
    summary="Erase a cluster",
    response_class=Response,
    responses=good("A signed receipt; the same for each repeat.", _RECEIPT, _EXAMPLE) | problems(*OWNERS_PROBLEMS),
    openapi_extra=SECURED,
)
async def erase_data(request: Request, cluster_id: ClusterId) -> Response:
    """Remove all that came from a cluster, its part in the histograms included.

    Afterwards nothing is taken under a consent of before.
    """
    service = service_of(request)
    token = token_of(request)
    service.limits.admit(token)
    new_id = uuid.uuid4().hex

    def work(connection: Connection) -> Receipt:
        return erase(connection, cluster_id, token, signer=service.signer, today=service.today(), receipt_id=new_id)

    receipt = await service.writer.run(work)
    if receipt["receipt"] == new_id:
        service.log.say(Event.ERASED, reports=receipt["before"]["reports"])
    return answer(receipt)
