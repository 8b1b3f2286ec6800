"""GET /v1/drift/{cluster_id}: what has changed about a cluster, over all that is stored of it."""

from typing import Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from corrective_drift.drift import Drift, drift
from corrective_drift.problems import Code, Problem
from corrective_drift.routes.answers import OWNERS_PROBLEMS, SECURED, ClusterId, answer, problems, token_of
from corrective_drift.routes.owned import owned_documents
from corrective_drift.service import Service, service_of

router = APIRouter()
# Half a year: beyond, a change is history, and the time it takes to look grows with every day.
_DAYS = 182
# Hundreds of permutations of a hundred series take a second of a core: one at a time, however many ask.
_ONE_AT_A_TIME = CapacityLimiter(1)
_SAYS = "Levels and settings that are others than before, held to one false discovery rate."
_EXAMPLE = {
    "cluster_id": "a" * 26,
    "days": 56,
    "first_day": "2025-11-11",
    "last_day": "2026-01-05",
    "series": 31,
    "too_short": 0,
    "false_discovery_rate": 0.05,
    "findings": [
        {
            "kind": "changed",
            "what": "storage.read_latency standard/aws_ebs",
            "since": "2025-12-13",
            "before": 500000.0,
            "after": 810000.0,
            "unit": "ns",
            "worse": True,
            "p_value": 0.0004,
        }
    ],
    "reason": "1 found",
}


class AnsweredDrift(Drift):
    """With the cluster that was asked about."""

    cluster_id: str


_GOOD: dict[int | str, dict[str, Any]] = {
    200: {"model": AnsweredDrift, "description": _SAYS, "content": {"application/json": {"example": _EXAMPLE}}}
}


@router.get(
    "/v1/drift/{cluster_id}",
    summary="What has changed about a cluster",
    response_class=Response,
    responses=_GOOD | problems(*OWNERS_PROBLEMS),
    openapi_extra=SECURED,
)
async def show_drift(request: Request, cluster_id: ClusterId) -> Response:
    """Change points of each metric's values of half a year, and the exact differences of settings."""
    service = service_of(request)
    token = token_of(request)
    service.limits.admit(token)
    if not service.is_premium(request.headers.get("prism-api-key")):
        raise Problem(Code.FORBIDDEN, "this needs an API key of the service's: send it as Prism-Api-Key")
    found = await to_thread.run_sync(_drifted, service, cluster_id, token, limiter=_ONE_AT_A_TIME)
    return answer(found)


def _drifted(service: Service, cluster_id: str, token: bytes) -> dict[str, Any]:
    documents = owned_documents(service, cluster_id, token, days=_DAYS)
    return {"cluster_id": cluster_id, **drift(documents).model_dump(mode="json")}
