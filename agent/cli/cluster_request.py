"""From what was asked for on the command line to a request, its place in the cluster, and its limits. Pure."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from agent.cli.cluster_options import ClusterOptions
from agent.results.probing import default_image
from jobs.guard import Limits
from jobs.plan import Plan, Request, options_for
from jobs.site import Site
from jobs.topology import Wanted
from probes.errors import InvalidRequest
from probes.probe import Profile

# A probe may take twice what it planned (`probes.runner`), and its pod some more.
_WINDOW_FACTOR = 2.0
# Which options are about one probe alone.
_OF_PROBE = {
    "storage": ("storage_class", "claim", "claim_size"),
    "startup": ("startup_pods", "startup_rate"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a user wants of a cluster."""

    probes: tuple[str, ...]
    profile: Profile
    options: Mapping[str, str | list[str]]
    cluster: ClusterOptions


def request_of(asked: Asked, run_id: str, namespace: str) -> Request:
    """Return the request. Raises InvalidRequest for an option that would have no effect."""
    wanted = asked.cluster
    request = Request(
        run_id=run_id,
        namespace=namespace,
        image=wanted.image or default_image(),
        probes=asked.probes,
        profile=asked.profile,
        options=asked.options,
        storage_classes=wanted.storage_class,
        existing_claims=wanted.claim,
        wanted=Wanted(
            labels=wanted.nodes or {},
            tolerated_taints=frozenset(wanted.toleration),
            architectures=frozenset(wanted.architecture),
        ),
    )
    surplus = next(_without_effect(asked, request), None)
    if surplus:
        raise InvalidRequest(f"{surplus} means nothing to {', '.join(asked.probes)} in a cluster: leave it out")
    return replace(
        request,
        claim_bytes=wanted.claim_size,
        nodes_limit=wanted.max_nodes or request.nodes_limit,
        pairs_limit=wanted.max_pairs or request.pairs_limit,
        startup_pods=wanted.startup_pods,
        startup_rate_per_second=wanted.startup_rate or request.startup_rate_per_second,
    )


def site_of(asked: Asked, request: Request, *, expires_unix_seconds: int) -> Site:
    """Return where the objects of a request live and what its pods are like."""
    wanted = asked.cluster
    site = Site(
        run_id=request.run_id,
        namespace=request.namespace,
        image=request.image,
        expires_unix_seconds=expires_unix_seconds,
        pull_secrets=wanted.pull_secret,
        tolerated_taints=wanted.toleration,
        node_labels=request.wanted.labels,
        architectures=wanted.architecture,
    )
    if wanted.pull_policy is not None:
        site = replace(site, pull_policy=wanted.pull_policy)
    if wanted.user is not None:
        site = replace(site, user=None if isinstance(wanted.user, str) else wanted.user)
    return site


def limits_of(wanted: ClusterOptions) -> Limits:
    """Return the guard's limits with those that were given in their place."""
    usual = Limits()
    return Limits(
        concurrent_jobs=wanted.max_concurrent_jobs or usual.concurrent_jobs,
        cpu_seconds=wanted.max_cpu_seconds or usual.cpu_seconds,
        written_bytes=wanted.max_written_bytes or usual.written_bytes,
        seconds=wanted.max_seconds or usual.seconds,
    )


def overruled(limits: Limits, plan: Plan, overrides: Collection[str]) -> Limits:
    """Return the limits with a wider time window where that was overruled: at its end a run is stopped."""
    if "seconds" not in overrides:
        return limits
    return replace(limits, seconds=max(limits.seconds, _WINDOW_FACTOR * plan.cost.seconds))


def _without_effect(asked: Asked, request: Request) -> Iterator[str]:
    used = {key for probe in asked.probes for key in options_for(request, probe)}
    yield from (f"--{key.removesuffix('s')}" for key in sorted(set(asked.options) - used))
    for probe, names in _OF_PROBE.items():
        if probe not in asked.probes:
            given = (name for name in names if getattr(asked.cluster, name) not in (None, ()))
            yield from (f"--{name.replace('_', '-')}" for name in given)
