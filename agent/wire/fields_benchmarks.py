"""Fields about what the probe Jobs measured. Pure."""

from agent.levels import DataType, Level
from agent.wire import vocabulary
from agent.wire.field import Field, Permission
from agent.wire.numbers import Histogram, Index, counts
from agent.wire.records import Closed, Rows, Several
from agent.wire.types import Choice, Digest, Kind

# What `jobs.preview.NEEDS` has, which a test compares: a run creates, follows and removes what it needs.
_OWN = (
    *(
        Permission(group=group, resource=resource, verbs=verbs, own_namespace=True)
        for group, resource, verbs in (
            ("", "configmaps", ("create", "delete", "get", "list")),
            ("batch", "jobs", ("create", "delete", "get", "list", "watch")),
            ("", "services", ("create", "delete", "get", "list")),
            ("", "persistentvolumeclaims", ("create", "delete", "get", "list", "watch")),
            ("", "pods", ("list", "watch")),
            ("", "pods/log", ("get",)),
            ("events.k8s.io", "events", ("list", "watch")),
            ("discovery.k8s.io", "endpointslices", ("list", "watch")),
            ("", "resourcequotas", ("list",)),
            ("", "limitranges", ("list",)),
        )
    ),
)
_AROUND = (
    Permission(resource="nodes"),
    Permission(resource="pods"),
    Permission(group="storage.k8s.io", resource="storageclasses"),
    Permission(resource="namespaces", verbs=("get",)),
    Permission(group="metrics.k8s.io", resource="nodes"),
    Permission(group="metrics.k8s.io", resource="pods"),
)

Parts = dict[str, Kind]

# From a millionth (a share of lost datagrams) to 10¹⁵ (bytes and bits per second, nanoseconds of eleven days).
_LOWEST, _HIGHEST = 1e-6, 1e15
# As exact as the histograms of the service, 2 %: a median of the same machine varies by more from run to run.
_MEDIAN = Index(_LOWEST, _HIGHEST)
# 8 % wide. A percentile read from it is within 4 %; finer, the shape of many samples tells one run from all others.
_DISTRIBUTION = Histogram(Index(_LOWEST, _HIGHEST, step=4))


def _table(probe: str, purpose: str, *, most: int, parts: Parts | None = None) -> Field:
    always: Parts = {
        "metric": Choice.of(vocabulary.METRICS[probe]),
        "median": _MEDIAN,
        "rounds": counts(1 << 6),
        "doubts": Several(Choice.of(vocabulary.DOUBTS)),
    }
    optional: Parts = parts or {}
    return Field(
        name=f"benchmarks.{probe}",
        kind=Rows(Closed(always | optional, optional=frozenset(optional)), most=most),
        unit="each metric's own",
        level=Level.DETAILED,
        data_type=DataType.BENCHMARKS,
        purpose=purpose,
        collector="benchmarks",
        reads=(*_OWN, *_AROUND),
    )


def _most(probe: str) -> int:
    """Return a row for each metric on each path."""
    return len(vocabulary.METRICS[probe]) * len(vocabulary.PATHS)


_SAMPLES: Parts = {"distribution": _DISTRIBUTION}
_PATH: Parts = {"path": Choice.of(vocabulary.PATHS)}
_STORAGE: Parts = {"storage_kind": Choice.of(vocabulary.STORAGE_KINDS), "storage_class": Digest("storage_class")}

BENCHMARKS_FIELDS = (
    Field(
        name="benchmarks.profile",
        kind=Choice.of(vocabulary.PROFILES),
        level=Level.DETAILED,
        data_type=DataType.BENCHMARKS,
        purpose="compare only what was measured equally thoroughly",
        collector="benchmarks",
    ),
    _table("dns", "tell slow or failing look-ups; compare with others", most=16, parts=_SAMPLES),
    _table(
        "latency",
        "tell slow paths through the cluster, between zones among them; compare with others",
        most=_most("latency"),
        parts=_SAMPLES | _PATH,
    ),
    _table("startup", "tell what makes pods and services slow to start; compare with others", most=32, parts=_SAMPLES),
    # Thirteen metrics of seven classes and of the nodes' own disks.
    _table("storage", "tell storage classes that are slow for their kind", most=104, parts=_SAMPLES | _STORAGE),
    _table(
        "throughput",
        "tell slow paths through the cluster; compare with others",
        most=_most("throughput"),
        parts=_PATH,
    ),
    _table("utilization", "tell how well what is paid for is used", most=64),
)
