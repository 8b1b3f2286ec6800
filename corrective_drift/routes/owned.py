"""A cluster's own documents, for whoever has its token."""

import json
from datetime import timedelta
from typing import Any

from corrective_drift.erasure import unknown
from corrective_drift.service import Service
from corrective_drift.store.clusters import owns
from corrective_drift.store.engine import reading
from corrective_drift.store.holdings import documents

# An agent that reports hourly has sent so many in two months; of each day one value counts.
_MOST_DOCUMENTS = 1500


def owned_documents(service: Service, cluster_id: str, token: bytes, *, days: int) -> list[dict[str, Any]]:
    """Return what a cluster has reported in its last days.

    Raises Problem, the same for a cluster that isn't there and for one that is another's; Unusable.
    """
    first = service.today() - timedelta(days=days)
    with reading(service.engine) as connection:
        if not owns(connection, cluster_id, token):
            raise unknown()
        found = documents(connection, cluster_id, since_day=first.isoformat(), most=_MOST_DOCUMENTS)
    return [json.loads(text) for text in found]
