"""A run of probes in a cluster, from the look before it to its result. Who asked for it announces, waits and shows."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version

from jobs import launch
from jobs.cluster import Cluster
from jobs.guard import Limits
from jobs.plan import Plan, Request, plan
from jobs.survey import Survey, planned_seconds, survey
from probes.measure.result import ProbeResult, RunResult

_IMAGE = "prism-platform/probe"


def default_image() -> str:
    """Return the image that is of the same version as this software."""
    return f"{_IMAGE}:{version('prism-telemetry-agent')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A run before it begins."""

    cluster: Cluster
    seen: Survey
    plan: Plan
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    begin: float = field(default_factory=time.monotonic)

    def result(self, run_id: uuid.UUID, results: tuple[ProbeResult, ...]) -> RunResult:
        """Return what the run brought."""
        return RunResult(
            run_id=run_id,
            started_at=self.started_at,
            duration_seconds=time.monotonic() - self.begin,
            version=version("prism-telemetry-agent"),
            profile=self.plan.request.profile.value,
            target="cluster",
            environment=self.seen.environment,
            results=results,
        )


def prepare(cluster: Cluster, request: Request, *, on_accepted: Callable[[], None] = lambda: None) -> Prepared:
    """Look at the cluster and plan; nothing is created. Raises JobsError, and the probes' InvalidRequest.

    `on_accepted` is called when nothing is wrong with the request, before the first question to the cluster.
    """
    seconds = planned_seconds(request)
    on_accepted()
    seen = survey(cluster, request.namespace, now=datetime.now(UTC))
    return Prepared(
        cluster=cluster,
        seen=seen,
        plan=plan(request, nodes=seen.nodes, classes=seen.classes, seconds=seconds),
    )


def expires_unix_seconds(limits: Limits) -> int:
    """Return when the cluster removes a run by itself that begins now."""
    return int(time.time() + launch.expires_after(limits))
