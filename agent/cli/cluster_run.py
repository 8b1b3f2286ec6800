"""`probe run` in a cluster: look, plan, ask the guard, launch, and tell what became of it."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from agent.cli.cluster_plan import announced, described, left_out
from agent.cli.cluster_progress import ClusterProgress
from agent.cli.cluster_request import Asked, limits_of, overruled, request_of, site_of
from agent.cli.measured import Measured
from agent.kube.cluster import connect
from agent.results.probing import Prepared, expires_unix_seconds, prepare
from jobs import guard, launch
from jobs.errors import InvalidRequest
from jobs.gate import pass_guard
from jobs.guard import Limits
from jobs.hands import START_SECONDS
from jobs.launch import Outcome
from jobs.manifest import as_list
from jobs.plan import Plan
from jobs.preview import manifests
from jobs.site import Site
from probes.runner import signals_interrupt

__all__ = ["Asked", "measure", "show"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """A run before it begins."""

    asked: Asked
    prepared: Prepared
    limits: Limits

    @property
    def plan(self) -> Plan:
        """What it will do."""
        return self.prepared.plan

    def site(self) -> Site:
        """Return its place; the cluster's own time to remove everything is counted from now."""
        return site_of(self.asked, self.plan.request, expires_unix_seconds=expires_unix_seconds(self.limits))


def measure(asked: Asked) -> Measured:
    """Carry out what was asked for. Raises JobsError, InvalidRequest and Interrupted before anything was created."""
    run_id = uuid.uuid4()
    with signals_interrupt():
        run = _prepare(asked, run_id)
        for line in (*left_out(run.plan), announced(run.plan)):
            _say(line)
        _pass(run)
        site = run.site()
        with ClusterProgress(run.plan) as progress:
            outcome = launch.run(
                run.prepared.cluster,
                run.plan,
                site,
                run.limits,
                on_progress=progress,
                on_trouble=progress.tell_trouble,
                start_seconds=asked.cluster.start_within or START_SECONDS,
            )
    for what in outcome.unwatched:
        _say(f"probe: some times and reasons are lacking: can't watch {what}")
    return Measured(
        result=run.prepared.result(run_id, outcome.results),
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
    refused = guard.refusals(run.plan, run.prepared.seen.situation, run.limits, overrides=asked.cluster.override)
    if refused:
        _say(f"probe: without --dry-run: {guard.said(refused)}")
    click.echo(as_list(list(manifests(run.plan, run.site()))))


def _prepare(asked: Asked, run_id: uuid.UUID) -> _Run:
    """Look at the cluster and plan; options that are wrong anywhere are refused before the first question to it."""
    cluster = connect(context=asked.cluster.context)
    request = request_of(asked, run_id.hex[:10], asked.cluster.namespace or cluster.namespace)
    target = f"Target: the cluster's namespace {request.namespace}, image {request.image}, run {request.run_id}"
    prepared = prepare(cluster, request, on_accepted=lambda: _say(target))
    limits = overruled(limits_of(asked.cluster), prepared.plan, asked.cluster.override)
    return _Run(asked=asked, prepared=prepared, limits=limits)


def _pass(run: _Run) -> None:
    """Wait for the guard as long as was asked for; each new reason to wait is told once. Raises Refused."""
    told: list[str] = []

    def tell(why: str) -> None:
        if told[-1:] != [why]:
            told.append(why)
            _say(f"Waiting: {why}")

    wanted = run.asked.cluster
    pass_guard(
        run.prepared.cluster,
        run.plan,
        run.limits,
        overrides=wanted.override,
        wait_seconds=wanted.wait or 0.0,
        on_waiting=tell,
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
    remarks += [
        f"the storage class {each.storage_class} retains volumes: the PersistentVolume {each.volume} is left, "
        "and the disk that it stands for; delete both by hand"
        for each in outcome.retained
    ]
    if outcome.cleanup_problem is not None:
        remarks.append(f"whether everything was removed is not known: {outcome.cleanup_problem}; {mend}")
    return remarks


def _say(line: str) -> None:
    click.echo(line, err=True)
