"""Fields about workloads and what they use. Pure."""

from functools import partial

from agent.levels import DataType, Level
from agent.wire import vocabulary
from agent.wire.field import Field, Permission
from agent.wire.fields_cluster import NODES
from agent.wire.numbers import SHARE, Index, counts
from agent.wire.records import Closed, Rows
from agent.wire.types import Bool, Choice, Digest

PODS = Permission(resource="pods")
_NODE_USE = Permission(group="metrics.k8s.io", resource="nodes")
_POD_USE = Permission(group="metrics.k8s.io", resource="pods")
_HPAS = Permission(group="autoscaling", resource="horizontalpodautoscalers")
_CLAIMS = Permission(resource="persistentvolumeclaims")
_CLASSES = Permission(group="storage.k8s.io", resource="storageclasses")

_workloads = partial(Field, data_type=DataType.WORKLOAD_TYPES, collector="workloads", level=Level.STANDARD)
_usage = partial(Field, data_type=DataType.RESOURCE_USAGE, collector="usage", level=Level.STANDARD)


def _kind(name: str, *, group: str = "", resource: str | None = None, most: int = 1 << 14) -> Field:
    return _workloads(
        name=f"workloads.{name}",
        kind=counts(most),
        unit="objects",
        purpose="compare with clusters that run the same kinds of workload",
        reads=(Permission(group=group, resource=resource or name),),
    )


def _share(name: str, purpose: str, *reads: Permission) -> Field:
    return _workloads(name=f"workloads.{name}_share", kind=SHARE, unit="of all", purpose=purpose, reads=reads)


_WITHOUT = tuple(
    _share(f"without_{resource}_{bound}", purpose, PODS)
    for bound, purpose in (
        ("request", "tell containers that the scheduler knows nothing of"),
        ("limit", "tell containers that nothing bounds"),
    )
    for resource in ("cpu", "memory")
)

_STORAGE_CLASS = Closed(
    {
        "name": Digest("storage_class"),
        "kind": Choice.of(vocabulary.STORAGE_KINDS),
        "default": Bool(),
        "waits_for_consumer": Bool(),
        "claims": counts(1 << 13),
    },
    optional=frozenset({"kind", "default", "waits_for_consumer"}),
)

WORKLOADS_FIELDS = (
    _kind("deployments", group="apps"),
    _kind("statefulsets", group="apps"),
    _kind("daemonsets", group="apps", most=1 << 10),
    _kind("jobs", group="batch"),
    _kind("cronjobs", group="batch"),
    _kind("pods", most=1 << 18),
    _kind("namespaces"),
    _kind("services"),
    _kind("hpas", group="autoscaling", resource="horizontalpodautoscalers"),
    _kind("volume_claims", resource="persistentvolumeclaims"),
    _workloads(
        name="workloads.unbound_claims",
        kind=counts(1 << 10),
        unit="objects",
        purpose="tell claims that wait for a volume",
        reads=(_CLAIMS,),
    ),
    *_WITHOUT,
    _share(
        "autoscaled",
        "tell workloads that vary and are not scaled",
        _HPAS,
        Permission(group="apps", resource="deployments"),
        Permission(group="apps", resource="statefulsets"),
    ),
    _workloads(
        name="workloads.storage_classes",
        kind=Rows(_STORAGE_CLASS, most=16, largest="claims"),
        level=Level.DETAILED,
        purpose="compare each storage class with others of its kind",
        reads=(_CLASSES, _CLAIMS),
    ),
)

# 17 % wide: a recommendation needs no more, and a share of few nodes tells their exact sizes otherwise. Requests may
# pass what is allocatable, such as where a node has shrunk.
_LOAD = Index(0.001, 4, step=8)


def _load(resource: str, what: str, statistic: str) -> Field:
    return _usage(
        name=f"usage.{resource}_{what}_{statistic}",
        kind=_LOAD,
        unit="of what is allocatable on a node",
        purpose="find head room and unevenness; compare with others",
        reads=(NODES, PODS) if what == "requested" else (NODES, _NODE_USE),
    )


USAGE_FIELDS = (
    *(
        _load(resource, what, statistic)
        for resource in ("cpu", "memory")
        for what in ("requested", "used")
        for statistic in ("p50", "p90", "max")
    ),
    _usage(
        name="usage.cpu_headroom_cores",
        kind=counts(1 << 17),
        unit="cores",
        purpose="tell how much could be given back",
        reads=(NODES, PODS),
    ),
    _usage(
        name="usage.memory_headroom_gib",
        kind=counts(1 << 19),
        unit="GiB",
        purpose="tell how much could be given back",
        reads=(NODES, PODS),
    ),
    _usage(
        name="usage.idle_nodes",
        kind=counts(1 << 12),
        unit="nodes",
        purpose="tell how many nodes do no work to speak of",
        reads=(NODES, PODS, _NODE_USE),
    ),
    _usage(
        name="usage.empty_nodes",
        kind=counts(1 << 12),
        unit="nodes",
        purpose="tell how many nodes could go at once",
        reads=(NODES, PODS),
    ),
    *(
        _usage(
            name=f"usage.{resource}_unused_share",
            kind=SHARE,
            unit="of what is requested",
            purpose="tell how much is requested in vain",
            reads=(PODS, _POD_USE),
        )
        for resource in ("cpu", "memory")
    ),
)
