"""GET /v1/recommendations/{cluster_id}: what a cluster is advised to do, computed when it is asked for."""

from typing import Any

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from corrective_drift.recommendations.engine import recommend
from corrective_drift.recommendations.evidence import WINDOW_DAYS
from corrective_drift.recommendations.finding import Advice
from corrective_drift.routes.answers import OWNERS_PROBLEMS, SECURED, ClusterId, answer, problems, token_of
from corrective_drift.routes.owned import owned_documents
from corrective_drift.service import Service, service_of

router = APIRouter()
_SAYS = "Recommendations with all that they stand on, and each rule that can't know."
_EXAMPLE = {
    "cluster_id": "a" * 26,
    "day": "2026-01-05",
    "first_day": "2025-12-20",
    "days": 16,
    "baseline_week": "2025-W52",
    "tested": 9,
    "false_discovery_rate": 0.05,
    "recommendations": [],
    "abstained": [{"rule": "slow-dns", "subject": "", "reason": "no report has it measured"}],
    "clear": ["idle-nodes"],
    "reason": "9 tests found nothing to recommend, and 1 could not be made",
}


class AnsweredAdvice(Advice):
    """With the cluster that was asked about."""

    cluster_id: str


_GOOD: dict[int | str, dict[str, Any]] = {
    200: {"model": AnsweredAdvice, "description": _SAYS, "content": {"application/json": {"example": _EXAMPLE}}}
}


@router.get(
    "/v1/recommendations/{cluster_id}",
    summary="What a cluster is advised to do",
    response_class=Response,
    responses=_GOOD | problems(*OWNERS_PROBLEMS),
    openapi_extra=SECURED,
)
async def show_recommendations(request: Request, cluster_id: ClusterId) -> Response:
    """Rules over the cluster's own reports of eight weeks and the latest release; what each needs is documented.

    An answer without recommendations says in `reason` and `abstained` why there are none.
    """
    service = service_of(request)
    token = token_of(request)
    service.limits.admit(token)
    return answer(await run_in_threadpool(_advised, service, cluster_id, token))


def _advised(service: Service, cluster_id: str, token: bytes) -> dict[str, Any]:
    documents = owned_documents(service, cluster_id, token, days=WINDOW_DAYS)
    release = service.baselines.latest().release
    advice = recommend(documents, release, today=service.today(), prices=service.settings.prices)
    return {"cluster_id": cluster_id, **advice.model_dump(mode="json")}
