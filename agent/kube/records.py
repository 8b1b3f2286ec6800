"""From the API's JSON to the records of `jobs`, one function a kind, and the table of all kinds."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar

import msgspec

from agent.kube import objects as wire
from agent.kube.quotas import LimitRangeWire, QuotaWire
from agent.kube.wire import MetaWire, ObjectWire, PageWire
from jobs import objects, quantity
from jobs.quotas import Limit, LimitRange, Quota

R = TypeVar("R", bound=objects.Object)
W = TypeVar("W", bound=ObjectWire)

_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_SERVICE_NAME = "kubernetes.io/service-name"
_ZONE = "topology.kubernetes.io/zone"
_INSTANCE_TYPE = "node.kubernetes.io/instance-type"

# The few hundred distinct quantities of a cluster occur thousands of times.
_number = lru_cache(maxsize=4096)(quantity.parse)


@dataclass(frozen=True, slots=True)
class Reader(Generic[R]):
    """How one kind of object is read. The decoders raise msgspec.DecodeError on what is not its JSON."""

    one: Callable[[bytes], R]
    page: Callable[[bytes], tuple[list[R], str, str]]
    """Records, resource version, and the token of the next page, empty after the last."""


def _reader(shape: type[W], convert: Callable[[W], R]) -> Reader[R]:
    decode_one = msgspec.json.Decoder(shape).decode
    decode_page = msgspec.json.Decoder(PageWire[shape]).decode  # type: ignore[valid-type]

    def page(body: bytes) -> tuple[list[R], str, str]:
        read = decode_page(body)
        return [convert(item) for item in read.items or ()], read.metadata.resource_version, read.metadata.next_page

    return Reader(lambda body: convert(decode_one(body)), page)


def meta(read: MetaWire) -> objects.Meta:
    """Return what all objects have."""
    return objects.Meta(
        name=read.name,
        namespace=read.namespace,
        uid=read.uid,
        resource_version=read.resource_version,
        created_at=read.creation_timestamp,
        deleted_at=read.deletion_timestamp,
        labels=read.labels or {},
        owners=tuple(objects.Owner(kind=o.kind, name=o.name, uid=o.uid) for o in read.owner_references or ()),
    )


def _numbers(amounts: Mapping[str, str] | None) -> dict[str, float]:
    return {name: _number(text) for name, text in (amounts or {}).items()}


def _resources(amounts: Mapping[str, str] | None) -> objects.Resources:
    amounts = amounts or {}
    return objects.Resources(
        cpu_cores=_number(amounts.get("cpu", "0")),
        memory_bytes=_number(amounts.get("memory", "0")),
        pods=_number(amounts.get("pods", "0")),
    )


def _combined(parts: Iterable[objects.Resources], how: Callable[[Iterable[float]], float]) -> objects.Resources:
    parts = list(parts) or [objects.Resources()]
    return objects.Resources(
        cpu_cores=how(part.cpu_cores for part in parts),
        memory_bytes=how(part.memory_bytes for part in parts),
        pods=how(part.pods for part in parts),
    )


def _requests(spec: wire.PodSpecWire) -> objects.Resources:
    """What the scheduler reckons with (KEP-753): sidecars run beside the containers, and later init containers."""
    sidecars: list[objects.Resources] = []
    starting: list[objects.Resources] = []
    for container in spec.init_containers or ():
        amounts = _resources(container.resources.requests)
        if container.restart_policy == "Always":
            sidecars.append(amounts)
        starting.append(_combined([*sidecars, amounts] if container.restart_policy != "Always" else sidecars, sum))
    running = _combined([*sidecars, *(_resources(c.resources.requests) for c in spec.containers)], sum)
    needed = _combined([running, *starting], max)
    return _combined([needed, _resources(spec.overhead)], sum)


def _conditions(read: list[wire.ConditionWire] | None) -> tuple[objects.Condition, ...]:
    return tuple(
        objects.Condition(
            type=c.type, status=c.status, reason=c.reason, message=c.message, changed_at=c.last_transition_time
        )
        for c in read or ()
    )


def _containers(read: list[wire.ContainerStatusWire] | None) -> tuple[objects.Container, ...]:
    return tuple(_container(status) for status in read or ())


def _container(read: wire.ContainerStatusWire) -> objects.Container:
    states = read.state
    if states.terminated:
        name, state = "terminated", states.terminated
    elif states.running:
        name, state = "running", states.running
    else:
        name, state = "waiting", states.waiting or wire.ContainerStateWire()
    return objects.Container(
        name=read.name,
        state=name,
        reason=state.reason,
        message=state.message,
        exit_code=state.exit_code,
        started_at=state.started_at,
    )


def _pod(read: wire.PodWire) -> objects.Pod:
    status = read.status
    return objects.Pod(
        meta=meta(read.metadata),
        phase=status.phase,
        reason=status.reason,
        message=status.message,
        node=read.spec.node_name,
        ip=status.pod_ip,
        conditions=_conditions(status.conditions),
        containers=_containers(status.container_statuses),
        requests=_requests(read.spec),
    )


def _node(read: wire.NodeWire) -> objects.Node:
    info, labels = read.status.node_info, read.metadata.labels or {}
    return objects.Node(
        meta=meta(read.metadata),
        allocatable=_resources(read.status.allocatable),
        conditions=_conditions(read.status.conditions),
        taints=tuple(objects.Taint(key=t.key, effect=t.effect, value=t.value) for t in read.spec.taints or ()),
        unschedulable=read.spec.unschedulable,
        architecture=info.architecture,
        operating_system=info.operating_system,
        kubelet_version=info.kubelet_version,
        container_runtime=info.container_runtime_version,
        kernel_version=info.kernel_version,
        zone=labels.get(_ZONE, ""),
        instance_type=labels.get(_INSTANCE_TYPE, ""),
    )


def _node_images(read: wire.NodeImagesWire) -> objects.NodeImages:
    names = (name for image in read.status.images or () for name in image.names or ())
    return objects.NodeImages(meta=meta(read.metadata), images=frozenset(names))


def _job(read: wire.JobWire) -> objects.Job:
    return objects.Job(meta=meta(read.metadata), conditions=_conditions(read.status.conditions))


def _endpoint_slice(read: wire.EndpointSliceWire) -> objects.EndpointSlice:
    endpoints = tuple(
        objects.Endpoint(addresses=e.addresses, ready=e.conditions.ready is not False, node=e.node_name or "")
        for e in read.endpoints or ()
    )
    service = (read.metadata.labels or {}).get(_SERVICE_NAME, "")
    return objects.EndpointSlice(meta=meta(read.metadata), service=service, endpoints=endpoints)


def _storage_class(read: wire.StorageClassWire) -> objects.StorageClass:
    return objects.StorageClass(
        meta=meta(read.metadata),
        provisioner=read.provisioner,
        binding_mode=read.volume_binding_mode,
        reclaim_policy=read.reclaim_policy,
        is_default=(read.metadata.annotations or {}).get(_DEFAULT_CLASS) == "true",
    )


def _claim(read: wire.ClaimWire) -> objects.Claim:
    return objects.Claim(meta=meta(read.metadata), phase=read.status.phase, volume=read.spec.volume_name)


def _event(read: wire.EventObjectWire) -> objects.Event:
    return objects.Event(
        meta=meta(read.metadata),
        type=read.type,
        reason=read.reason,
        note=read.note,
        regarding_kind=read.regarding.kind,
        regarding_name=read.regarding.name,
        regarding_uid=read.regarding.uid,
    )


def _quota(read: QuotaWire) -> Quota:
    selector = read.spec.scope_selector
    selected = (selector.match_expressions if selector is not None else None) or ()
    return Quota(
        meta=meta(read.metadata),
        hard=_numbers(read.status.hard),
        used=_numbers(read.status.used),
        # Where no class may be is whatever names none, as all of ours.
        scopes=frozenset(
            (*(read.spec.scopes or ()), *(e.scope_name for e in selected if e.operator != "DoesNotExist"))
        ),
    )


def _limit_range(read: LimitRangeWire) -> LimitRange:
    limits = tuple(
        Limit(type=line.type, default=_numbers(line.default), maximum=_numbers(line.max))
        for line in read.spec.limits or ()
    )
    return LimitRange(meta=meta(read.metadata), limits=limits)


def _used(*usages: Mapping[str, str] | None) -> objects.Resources | None:
    """The sum of amounts; None where one is no quantity, since such an object must not cost the whole list."""
    try:
        return _combined((_resources(usage) for usage in usages), sum)
    except ValueError:
        return None


def _node_usage(read: wire.NodeUsageWire) -> objects.NodeUsage:
    return objects.NodeUsage(meta=meta(read.metadata), usage=_used(read.usage))


def _pod_usage(read: wire.PodUsageWire) -> objects.PodUsage:
    usage = _used(*(container.usage for container in read.containers or ()))
    return objects.PodUsage(meta=meta(read.metadata), usage=usage)


READERS: Mapping[type[objects.Object], Reader[Any]] = {
    objects.Node: _reader(wire.NodeWire, _node),
    objects.NodeImages: _reader(wire.NodeImagesWire, _node_images),
    objects.Pod: _reader(wire.PodWire, _pod),
    objects.Job: _reader(wire.JobWire, _job),
    objects.ConfigMap: _reader(ObjectWire, lambda read: objects.ConfigMap(meta=meta(read.metadata))),
    objects.Namespace: _reader(
        wire.NamespaceWire, lambda read: objects.Namespace(meta=meta(read.metadata), phase=read.status.phase)
    ),
    objects.Service: _reader(
        wire.ServiceWire, lambda read: objects.Service(meta=meta(read.metadata), cluster_ip=read.spec.cluster_ip)
    ),
    objects.EndpointSlice: _reader(wire.EndpointSliceWire, _endpoint_slice),
    objects.StorageClass: _reader(wire.StorageClassWire, _storage_class),
    objects.Claim: _reader(wire.ClaimWire, _claim),
    objects.Event: _reader(wire.EventObjectWire, _event),
    Quota: _reader(QuotaWire, _quota),
    LimitRange: _reader(LimitRangeWire, _limit_range),
    objects.NodeUsage: _reader(wire.NodeUsageWire, _node_usage),
    objects.PodUsage: _reader(wire.PodUsageWire, _pod_usage),
}
"""All kinds that are read. One that is missing here fails a test."""
