"""`probe run` in a cluster: look, plan, ask the guard, launch, and tell what became of it."""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import click

from agent.cli.cluster_plan import announced, described, left_out
from agent.cli.cluster_progress import ClusterProgress
from agent.cli.cluster_request import Asked, limits_of, overruled, request_of, site_of
from agent.cli.measured import Measured
from agent.kube import Kube, connect
from jobs import guard, launch
from jobs.errors import InvalidRequest
from jobs.gate import pass_guard
from jobs.guard import Limits
from jobs.launch import Outcome
from jobs.manifest import as_list
from jobs.plan import Plan, plan
from jobs.preview import manifests
from jobs.site import Site
from jobs.survey import Survey, planned_seconds, survey
from probes.measure.result import RunResult
from probes.runner import signals_interrupt

# Scheduling, a volume, and the pull of an image of 70 MB over a slow line.
_START_SECONDS = 300.0

__all__ = ["Asked", "measure", "show"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """A run before it begins."""

    asked: Asked
    cluster: Kube
    seen: Survey
    plan: Plan
    limits: Limits
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def site(self) -> Site:
        """Return its place; the cluster's own time to remove everything is counted from now."""
        expires = time.time() + launch.expires_after(self.limits)
        return site_of(self.asked, self.plan.request, expires_unix_seconds=int(expires))


def measure(asked: Asked) -> Measured:
    """Carry out what was asked for. Raises JobsError, InvalidRequest and Interrupted before anything was created."""
    run_id, begin = uuid.uuid4(), time.monotonic()
    with signals_interrupt():
        run = _prepare(asked, run_id)
        for line in (*left_out(run.plan), announced(run.plan)):
            _say(line)
        _pass(run)
        site = run.site()
        with ClusterProgress(run.plan) as progress:
            outcome = launch.run(
                run.cluster,
                run.plan,
                site,
                run.limits,
                on_progress=progress,
                start_seconds=asked.cluster.start_within or _START_SECONDS,
            )
    for what in outcome.unwatched:
        _say(f"probe: some times and reasons are lacking: can't watch {what}")
    result = RunResult(
        run_id=run_id,
        started_at=run.started_at,
        duration_seconds=time.monotonic() - begin,
        version=version("prism-telemetry-agent"),
        profile=asked.profile.value,
        target="cluster",
        environment=run.seen.environment,
        results=outcome.results,
    )
    return Measured(
        result=result,
        asked=len(asked.probes),
        stopped_by_signal=outcome.stopped_by_signal,
        remarks=tuple(_remarks(outcome, site)),
    )


def show(asked: Asked, files: Sequence[Path]) -> None:
    """Print the plan and what the guard thinks of it to stderr, the manifests to stdout; change nothing."""
    if files:
        raise InvalidRequest(f"a dry run has no result to write to {files[0]}: redirect its standard output instead")
    with signals_interrupt():
        run = _prepare(asked, uuid.uuid4())
    for line in described(run.plan):
        _say(line)
    refused = guard.refusals(run.plan, run.seen.situation, run.limits, overrides=asked.cluster.override)
    if refused:
        _say(f"probe: without --dry-run: {guard.said(refused)}")
    click.echo(as_list(list(manifests(run.plan, run.site()))))


def _prepare(asked: Asked, run_id: uuid.UUID) -> _Run:
    """Look at the cluster and plan; options that are wrong anywhere are refused before the first question to it."""
    cluster = connect(context=asked.cluster.context)
    request = request_of(asked, run_id.hex[:10], asked.cluster.namespace or cluster.namespace)
    seconds = planned_seconds(request)
    _say(f"Target: the cluster's namespace {request.namespace}, image {request.image}, run {request.run_id}")
    seen = survey(cluster, request.namespace, now=datetime.now(UTC))
    made = plan(request, nodes=seen.nodes, classes=seen.classes, seconds=seconds)
    limits = overruled(limits_of(asked.cluster), made, asked.cluster.override)
    return _Run(asked=asked, cluster=cluster, seen=seen, plan=made, limits=limits)


def _pass(run: _Run) -> None:
    """Wait for the guard as long as was asked for; each new reason to wait is told once. Raises Refused."""
    told: list[str] = []

    def tell(why: str) -> None:
        if told[-1:] != [why]:
            told.append(why)
            _say(f"Waiting: {why}")

    wanted = run.asked.cluster
    pass_guard(
        run.cluster, run.plan, run.limits, overrides=wanted.override, wait_seconds=wanted.wait or 0.0, on_waiting=tell
    )


def _remarks(outcome: Outcome, site: Site) -> list[str]:
    """Say in a line each what ended the run early, and what is left."""
    mend = f"`probe cleanup --namespace {site.namespace} --older-than 0` does it now"
    expiry = datetime.fromtimestamp(site.expires_unix_seconds, UTC).isoformat(timespec="minutes")
    remarks = []
    if outcome.problem is not None:
        remarks.append(f"the run ended before its time: {outcome.problem}")
    if outcome.leftovers:
        names = ", ".join(f"{each.kind} {each.name}" for each in outcome.leftovers[:3])
        remarks.append(
            f"{len(outcome.leftovers)} objects could not be removed, such as {names}; "
            f"the cluster removes them by {expiry}, {mend}"
        )
    if outcome.cleanup_problem is not None:
        remarks.append(f"whether everything was removed is not known: {outcome.cleanup_problem}; {mend}")
    return remarks


def _say(line: str) -> None:
    click.echo(line, err=True)
