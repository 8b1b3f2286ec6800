"""All probes as the agent has them run, by Jobs in the cluster or on this machine; and what the cluster is told."""

import secrets
import uuid
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

from agent.daemon.drift_event import drift_event
from agent.kube.cluster import connect
from agent.results.probing import default_image, expires_unix_seconds, prepare
from agent.settings import Settings
from jobs import launch
from jobs.errors import JobsError, Stopped
from jobs.gate import pass_guard
from jobs.guard import Limits
from jobs.plan import Request
from jobs.site import Site
from probes.catalogue import CATALOGUE
from probes.measure.drift import Finding
from probes.measure.result import PhaseKind, RunResult
from probes.probe import Profile
from probes.runner import Run, run_probe, signals_interrupt
from probes.runner import prepare as prepare_local


def probed(settings: Settings) -> RunResult:
    """Return what all probes measure: by Jobs in the cluster, or on this machine.

    SIGTERM and SIGINT end it in order: nothing is left, neither Jobs nor processes. Raises JobsError (Refused, Stopped)
    and ProbeError (Interrupted).
    """
    with signals_interrupt():
        return _probed_cluster(settings) if settings.has_cluster else _probed_here(settings)


def tell_cluster(settings: Settings, found: Sequence[Finding]) -> None:
    """Have `kubectl get events` show what has drifted; a cluster that takes no Event has still the log and metrics."""
    if not settings.has_cluster:
        return
    with suppress(JobsError):
        cluster = connect(kubeconfig=settings.environment.kubeconfig)
        suffix = secrets.token_hex(8)
        cluster.create(drift_event(found, namespace=cluster.namespace, now=datetime.now(UTC), suffix=suffix))


def _probed_cluster(settings: Settings) -> RunResult:
    wanted = settings.configuration.probes
    run_id, limits = uuid.uuid4(), Limits()
    cluster = connect(kubeconfig=settings.environment.kubeconfig)
    request = Request(
        run_id=run_id.hex[:10],
        namespace=wanted.namespace or cluster.namespace,
        image=wanted.image or default_image(),
        probes=tuple(CATALOGUE),
        profile=Profile(wanted.profile),
        storage_classes=wanted.storage_classes,
    )
    prepared = prepare(cluster, request)
    pass_guard(cluster, prepared.plan, limits)
    site = Site(
        run_id=request.run_id,
        namespace=request.namespace,
        image=request.image,
        expires_unix_seconds=expires_unix_seconds(limits),
    )
    outcome = launch.run(cluster, prepared.plan, site, limits)
    if outcome.stopped_by_signal is not None:
        raise Stopped(outcome.stopped_by_signal)
    return prepared.result(run_id, outcome.results)


def _probed_here(settings: Settings) -> RunResult:
    profile = Profile(settings.configuration.probes.profile)
    run = Run(profile=profile)
    for name in CATALOGUE:
        run.results.append(run_probe(prepare_local(name, profile, {}), _tell_nobody))
    return run.result()


def _tell_nobody(_phase: str, _kind: PhaseKind) -> None:
    """Be the progress that nobody looks at."""
