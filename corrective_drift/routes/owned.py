"""A cluster's own documents, for whoever has its token."""

import json
from datetime import timedelta
from typing import Any

from corrective_drift.erasure import unknown
from corrective_drift.service import Service
from corrective_drift.store.aggregates import documents
from corrective_drift.store.clusters import owns
from corrective_drift.store.engine import reading


def owned_documents(service: Service, cluster_id: str, token: bytes, *, days: int) -> list[dict[str, Any]]:
    """Return what a cluster has reported in its last days.

    Raises Problem, the same for a cluster that isn't there and for one that is another's; Unusable.
    """
    # Where an agent lives, tomorrow may have begun.
    last = service.today() + timedelta(days=1)
    first = last - timedelta(days=days)
    with reading(service.engine) as connection:
        if not owns(connection, cluster_id, token):
            raise unknown()
        found = documents(connection, cluster_id, first.isoformat(), last.isoformat())
    return [json.loads(text) for text in found]
