"""Asks a cluster everything that `jobs.doctor` judges by; a dry run is the most that it does."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from jobs import cleanup
from jobs.admission import Trial, step_of, untried_reason, with_pods
from jobs.cluster import Cluster, R
from jobs.doctor import Examination
from jobs.errors import JobsError, Missing, TryAgain, Unavailable
from jobs.guard import Limits, Refusal, refusals
from jobs.hands import KINDS
from jobs.manifest import Manifest
from jobs.objects import Namespace, Node, NodeImages, NodeUsage, Object, Pod, StorageClass
from jobs.permissions import Answered
from jobs.plan import Plan, Request, plan
from jobs.preview import NEEDS, Need, manifests
from jobs.quotas import LimitRange
from jobs.site import ALL_RUNS, Site
from jobs.survey import planned_seconds, survey
from jobs.topology import suitable

# Some hundred small questions; the API server of a managed cluster may be 100 ms away.
_THREADS = 8
# Objects on any other pair of nodes differ in their nodes' names alone.
_SAMPLED_NODES = 2
T = TypeVar("T")
U = TypeVar("U")


def examine(cluster: Cluster, request: Request, site: Site, limits: Limits, *, now: datetime) -> Examination:
    """Ask. Raises Unavailable where the API server can't be reached, or does not know us, or is none."""
    version = cluster.version()
    now = version.server_time or now
    namespace = request.namespace
    nodes = _told(cluster, Node)
    classes = _told(cluster, StorageClass)
    answers = _each(lambda need: _answer(cluster, need, namespace), NEEDS)
    left, left_where = _left(cluster, namespace)
    seen = Examination(
        version=version,
        namespace=namespace,
        namespace_phase=_namespace_phase(cluster, namespace),
        permissions=answers,
        nodes=nodes,
        pods=_told(cluster, Pod),
        node_images=_told(cluster, NodeImages),
        classes=classes,
        limit_ranges=_told(cluster, LimitRange, namespace=namespace),
        node_usage=_told(cluster, NodeUsage),
        left=left,
        left_where=left_where,
        refusals=None,
        now=now,
        image=request.image,
        storage_classes=request.storage_classes,
        wanted=request.wanted,
    )
    if isinstance(nodes, str) or seen.namespace_phase not in {"Active", None}:
        return seen
    known = {each.meta.name for each in classes} if not isinstance(classes, str) else set[str]()
    # A class that there is not is told already; it must not keep the rest from being looked at.
    request = replace(request, storage_classes=tuple(name for name in request.storage_classes if name in known))
    return replace(
        seen,
        trials=_trials(cluster, _planned(request, nodes, classes, sampled=True), site, answers),
        refusals=_refusals(cluster, _planned(request, nodes, classes, sampled=False), limits, now),
    )


def _told(cluster: Cluster, kind: type[R], *, namespace: str | None = None) -> tuple[R, ...] | str:
    try:
        return cluster.list_all(kind, namespace=namespace).items
    except (Unavailable, TryAgain) as error:
        return str(error)


def _each(ask: Callable[[T], U], things: Sequence[T]) -> tuple[U, ...]:
    with ThreadPoolExecutor(_THREADS) as pool:
        return tuple(pool.map(ask, things))


def _answer(cluster: Cluster, need: Need, namespace: str) -> Answered:
    where = namespace if need.namespaced else None
    try:
        told = cluster.may(need.verb, need.kind, namespace=where, subresource=need.subresource)
    except (Unavailable, TryAgain) as error:
        return Answered(need=need, allowed=False, reason=str(error))
    return Answered(need=need, allowed=told.allowed, reason=told.reason)


def _namespace_phase(cluster: Cluster, namespace: str) -> str | None:
    try:
        return cluster.read(Namespace, namespace).phase
    except Missing:
        return ""
    except (Unavailable, TryAgain):
        return None


def _left(cluster: Cluster, namespace: str) -> tuple[tuple[Object, ...] | str, str]:
    """Return what runs have left and where that was looked for: everywhere, or where no more may be seen."""
    told: tuple[Object, ...] | str = ()
    for where, said in ((None, "any namespace"), (namespace, f"namespace {namespace}")):
        try:
            return tuple(
                record
                for kind in cleanup.KINDS
                for record in cluster.list_all(kind, namespace=where, labels=ALL_RUNS).items
            ), said
        except (Unavailable, TryAgain) as error:
            told = str(error)
    return told, ""


def _planned(
    request: Request, nodes: Sequence[Node], classes: Sequence[StorageClass] | str, *, sampled: bool
) -> Plan | None:
    """Return the plan of a run, None where none can be made: that no node can be probed is told by itself."""
    if sampled:
        some = suitable(nodes, request.wanted).nodes[:_SAMPLED_NODES]
        nodes = [node for node in nodes if node.meta.name in some]
        request = replace(request, nodes_limit=1, pairs_limit=1)
    try:
        return plan(
            request,
            nodes=nodes,
            classes=() if isinstance(classes, str) else classes,
            seconds=planned_seconds(request),
        )
    except Unavailable:
        return None


def _refusals(cluster: Cluster, made: Plan | None, limits: Limits, now: datetime) -> tuple[Refusal, ...] | None:
    if made is None:
        return None
    situation = survey(cluster, made.request.namespace, now=now).situation
    # What other runs have here is told with all that is left of any.
    return refusals(made, situation, limits, overrides={"other-run"})


def _trials(cluster: Cluster, made: Plan | None, site: Site, answers: Sequence[Answered]) -> tuple[Trial, ...]:
    if made is None:
        return ()
    allowed = {answer.need.kind for answer in answers if answer.need.verb == "create" and answer.allowed}
    may_try_pods = cluster.may("create", Pod, namespace=site.namespace).allowed
    kinds = {kind.api.kind for kind in allowed} | ({"Pod"} if may_try_pods else set())
    return _each(lambda manifest: _try(cluster, manifest, kinds), list(with_pods(manifests(made, site))))


def _try(cluster: Cluster, manifest: Manifest, kinds: set[str]) -> Trial:
    kind, step = manifest["kind"], step_of(manifest)
    if kind not in kinds:
        plural = Pod.api.plural if kind == "Pod" else KINDS[kind].api.plural
        spared = ", which a run itself can do without" if kind == "Pod" else ""
        return Trial(kind=kind, step=step, untried=f"trying takes the permission to create {plural}{spared}")
    try:
        created = cluster.create(manifest, dry_run=True)
    except TryAgain as error:
        return Trial(kind=kind, step=step, untried=str(error))
    except JobsError as error:
        untried = untried_reason(str(error))
        return Trial(kind=kind, step=step, untried=untried, refused=None if untried else str(error))
    return Trial(kind=kind, step=step, warnings=created.warnings)
