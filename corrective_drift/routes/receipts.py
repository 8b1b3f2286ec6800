"""GET /v1/receipts/{receipt} and /v1/keys: what was said to be taken, again, and the key it is signed by."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from corrective_drift.problems import Code, Problem
from corrective_drift.receipts import Taken, batch_of
from corrective_drift.routes.answers import answer, good, problems
from corrective_drift.routes.collect import EXAMPLE_RECEIPT, RECEIPT
from corrective_drift.service import Service, service_of
from corrective_drift.store.batches import find
from corrective_drift.store.clusters import of_token
from corrective_drift.store.engine import reading
from corrective_drift.store.schema import anonymous_shard
from corrective_drift.tokens import bearer

router = APIRouter()
_KEY = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("key", "algorithm", "public")},
    "required": ["key", "algorithm", "public"],
}
_EXAMPLE_KEY = {"key": "0f" * 8, "algorithm": "Ed25519", "public": "cHVibGljIGtleSBvZiAzMiBieXRlcw"}
ReceiptId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="The `receipt` of an earlier answer.")]


@router.get(
    "/v1/receipts/{receipt}",
    summary="A receipt, again",
    response_class=Response,
    responses=good("The receipt.", RECEIPT, EXAMPLE_RECEIPT) | problems(Code.NOT_FOUND, Code.INVALID, Code.TOO_MANY),
    openapi_extra={"security": [{"token": []}, {}]},
)
async def show_receipt(request: Request, receipt: ReceiptId) -> Response:
    """A cluster's receipts are for its token; a fragment's for who knows its id, which was never told to anybody."""
    service = service_of(request)
    token = bearer(request.headers.get("authorization"))
    service.limits.admit(token)
    batch_id = batch_of(receipt)
    taken = None if batch_id is None else await run_in_threadpool(_find, service, batch_id, token)
    if taken is None:
        raise Problem(Code.NOT_FOUND, "no receipt with this id belongs to this token")
    return answer(service.signer.signed(taken.said()))


@router.get(
    "/v1/keys",
    summary="The key that receipts are signed by",
    response_class=Response,
    responses=good("The public key.", _KEY, _EXAMPLE_KEY) | problems(),
)
async def show_keys(request: Request) -> Response:
    """A signature is Ed25519 over the receipt's canonical JSON (sorted keys, no spaces) without `signature`."""
    return answer(service_of(request).signer.described())


def _find(service: Service, batch_id: str, token: bytes | None) -> Taken | None:
    with reading(service.engine) as connection:
        pids = [anonymous_shard(batch_id)] if token is None else of_token(connection, token)
        return find(connection, {(pid, batch_id) for pid in pids})
