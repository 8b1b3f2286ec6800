"""All objects that a plan would create, and the permissions that it takes, before anything happens. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from jobs import manifest
from jobs.manifest import Manifest
from jobs.objects import (
    Claim,
    ConfigMap,
    EndpointSlice,
    Event,
    Job,
    Namespace,
    Node,
    NodeUsage,
    Object,
    Pod,
    PodUsage,
    Service,
    StorageClass,
)
from jobs.plan import Plan
from jobs.quotas import LimitRange, Quota
from jobs.site import Site
from jobs.step import Measure, Path, PodStartup, ServiceStartup, Step

# Stands for an address that only a running server will have (RFC 2606).
_ADDRESS = "server.invalid"
_SECONDS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A permission, and what it is for."""

    verb: str
    kind: type[Object]
    namespaced: bool
    why: str
    subresource: str = ""
    required: bool = True
    """Without it nothing can be measured; otherwise something is lacking."""


NEEDS = (
    *(
        Need(verb=verb, kind=kind, namespaced=True, why=why)
        for kind in (ConfigMap, Job)
        for verb, why in (("create", "run probes"), ("delete", "clean up"), ("list", "find what is left"))
    ),
    *(
        Need(verb=verb, kind=kind, namespaced=True, why=why, required=False)
        for kind, why in ((Service, "measure through Services"), (Claim, "measure storage classes"))
        for verb in ("create", "delete", "list")
    ),
    Need(verb="get", kind=Service, namespaced=True, why="know a Service's address", required=False),
    *(
        Need(verb="get", kind=kind, namespaced=True, why="go on where an answer was lost", required=False)
        for kind in (ConfigMap, Job, Claim)
    ),
    *(
        Need(verb=verb, kind=kind, namespaced=True, why="follow probes")
        for kind in (Pod, Job)
        for verb in ("list", "watch")
    ),
    Need(verb="get", kind=Pod, subresource="log", namespaced=True, why="read results"),
    *(
        Need(verb=verb, kind=kind, namespaced=True, why=why, required=False)
        for kind, why in (
            (Event, "explain what goes wrong, tell warm from cold images"),
            (EndpointSlice, "time the startup of Services"),
            (Claim, "time the binding of claims"),
        )
        for verb in ("list", "watch")
    ),
    Need(verb="list", kind=Node, namespaced=False, why="choose nodes, and spare those in trouble"),
    Need(verb="list", kind=Pod, namespaced=False, why="see pods that wait, and what pods request", required=False),
    Need(verb="list", kind=StorageClass, namespaced=False, why="measure each storage class", required=False),
    Need(
        verb="get", kind=Namespace, namespaced=False, why="see whether the namespace is there to stay", required=False
    ),
    *(
        Need(verb="list", kind=kind, namespaced=True, why="tell beforehand what will not fit", required=False)
        for kind in (Quota, LimitRange)
    ),
    *(
        Need(verb="list", kind=kind, namespaced=False, why="compare requests with use", required=False)
        for kind in (NodeUsage, PodUsage)
    ),
)
"""Everything that a run asks of the API."""


def manifests(plan: Plan, site: Site) -> tuple[Manifest, ...]:
    """Return one of each kind of object that the plan creates, with stand-ins for what is only known later.

    Waves and repetitions, whose objects are all alike, are there once.
    """
    return (
        manifest.expiry(site, seconds=_SECONDS),
        manifest.owner(site, None),
        *(each for step in plan.steps for each in _of_step(step, plan, site)),
    )


def _of_step(step: Step, plan: Plan, site: Site) -> Iterator[Manifest]:
    match step:
        case Measure():
            yield from _of_measure(step, plan, site)
        case PodStartup():
            yield manifest.sleeping_job(site, f"{step.name}-1-1", step=step.name, deadline_seconds=_SECONDS)
        case ServiceStartup():
            name, targets = f"{step.name}-1", {"name": _ADDRESS, "address": _ADDRESS}
            yield manifest.service(site, name, step=step.name)
            yield manifest.server_job(site, name, step=step.name, node=step.server_node, deadline_seconds=_SECONDS)
            yield manifest.reaching_job(
                site, f"{name}-client", step=step.name, targets=targets, node=step.node, deadline_seconds=_SECONDS
            )


def _of_measure(step: Measure, plan: Plan, site: Site) -> Iterator[Manifest]:
    if step.path is not None:
        name = f"{step.name}-server"
        yield manifest.server_job(site, name, step=step.name, node=step.server_node, deadline_seconds=_SECONDS)
        if step.path is Path.SERVICE:
            yield manifest.service(site, name, step=step.name)
    claim = manifest.claim(site, step)
    if claim is not None:
        yield claim
    yield manifest.measuring_job(
        site,
        step,
        profile=plan.request.profile,
        server=None if step.path is None else _ADDRESS,
        deadline_seconds=_SECONDS,
        await_seconds=30.0,
    )
