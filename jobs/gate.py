"""Lets a plan begin only when the guard has nothing against it, and waits for what passes by itself."""

import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime

from jobs.cluster import Cluster
from jobs.errors import Refused
from jobs.guard import Limits, refusals, said
from jobs.plan import Plan
from jobs.survey import survey

# A node under pressure stays so for minutes (the kubelet's eviction-pressure-transition-period is five): to look more
# often would tell nothing more.
_PAUSE_SECONDS = 10.0


def pass_guard(
    cluster: Cluster,
    plan: Plan,
    limits: Limits,
    *,
    overrides: Collection[str] = (),
    wait_seconds: float = 0.0,
    on_waiting: Callable[[str], None] = lambda _why: None,
) -> None:
    """Return once the cluster may be probed. Raises Refused with every fact and its override after `wait_seconds`."""
    deadline = time.monotonic() + wait_seconds
    while True:
        found = survey(cluster, plan.request.namespace, now=datetime.now(UTC)).situation
        refused = refusals(plan, found, limits, overrides=overrides)
        if not refused:
            return
        if time.monotonic() >= deadline or not all(each.passes for each in refused):
            raise Refused(said(refused))
        on_waiting(said(refused))
        time.sleep(min(_PAUSE_SECONDS, max(0.0, deadline - time.monotonic())))
