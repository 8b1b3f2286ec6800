"""GET /healthz, /readyz and /metrics: for whoever operates the service."""

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from corrective_drift.errors import Unusable
from corrective_drift.metrics import CONTENT_TYPE_LATEST
from corrective_drift.problems import Code, Problem
from corrective_drift.routes.answers import answer, good, problems
from corrective_drift.service import service_of
from corrective_drift.store.migrate import is_current

router = APIRouter()
_STATUS = {"type": "object", "required": ["status"], "properties": {"status": {"enum": ["ok"]}}}
_EXAMPLE = {"status": "ok"}


@router.get(
    "/healthz", summary="Whether it lives", response_class=Response, responses=good("It does.", _STATUS, _EXAMPLE)
)
async def healthz() -> Response:
    """Fails where the process no longer answers at all."""
    return answer(_EXAMPLE)


@router.get(
    "/readyz",
    summary="Whether it can work",
    response_class=Response,
    responses=good("It can.", _STATUS, _EXAMPLE) | problems(),
)
async def readyz(request: Request) -> Response:
    """Fails while the database is out of reach or of another release."""
    service = service_of(request)
    try:
        current = await run_in_threadpool(is_current, service.engine)
    except Unusable as error:
        raise Problem(Code.UNAVAILABLE, "the database is out of reach") from error
    if not current or not service.writer.is_alive:
        raise Problem(Code.UNAVAILABLE, "the database is of another release: run corrective-drift migrate")
    return answer(_EXAMPLE)


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={200: {"description": "Metrics.", "content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request) -> Response:
    """No label leads to a client, a cluster or a token."""
    return Response(service_of(request).metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})
