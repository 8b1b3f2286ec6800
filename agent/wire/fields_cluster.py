"""Fields about the cluster and its nodes. Pure."""

from functools import partial

from agent.levels import DataType, Level
from agent.wire import vocabulary
from agent.wire.field import Field, Permission
from agent.wire.numbers import Bucket, coarse, counts
from agent.wire.records import Closed, Rows, Several
from agent.wire.types import Bool, Choice, Digest

NODES = Permission(resource="nodes")
_VERSION = Permission(verbs=("get",), path="/version")
# 1.24 is the oldest that Prism runs on. Versions to come are listed too, or each would need everybody's consent anew.
_OLDEST, _NEWEST = 24, 45
# A year's releases at the minimal level. What is newer reads `other` like what is unknown: the first clusters on a new
# version are few.
_OLDEST_MINIMAL, _NEWEST_MINIMAL = 33, 38


def _minors(oldest: int, newest: int) -> Bucket:
    each = range(oldest, newest + 1)
    labels = (f"1.{oldest - 1}-or-older", *(f"1.{minor}" for minor in each), vocabulary.OTHER)
    return Bucket((0, *each, newest + 1), labels)


_cluster = partial(Field, level=Level.MINIMAL, data_type=DataType.CLUSTER_INFO, collector="cluster", reads=(NODES,))
_nodes = partial(Field, data_type=DataType.CLUSTER_INFO, collector="nodes", reads=(NODES,))

CLUSTER_FIELDS = (
    _cluster(
        name="cluster.minor",
        kind=_minors(_OLDEST, _NEWEST),
        minimal=_minors(_OLDEST_MINIMAL, _NEWEST_MINIMAL),
        purpose="compare with clusters of the same version; tell versions near their end of life",
        reads=(_VERSION,),
    ),
    _cluster(
        name="cluster.distribution",
        kind=Choice.of(vocabulary.DISTRIBUTIONS),
        minimal=Choice.grouped(
            {
                "lightweight": vocabulary.LIGHTWEIGHT,
                "local": vocabulary.LOCAL,
                "managed": vocabulary.MANAGED,
                "openshift": ("openshift",),
                "self_managed": ("kubeadm", "talos"),
                "standalone": ("standalone",),
            }
        ),
        purpose="know which distributions are in use; word advice for them",
        reads=(_VERSION, NODES),
    ),
    _cluster(
        name="cluster.provider",
        kind=Choice.of(vocabulary.PROVIDERS),
        minimal=Choice.of(("aws", "azure", "gcp")),
        purpose="compare with clusters of the same provider",
    ),
    _cluster(
        name="cluster.region_class",
        kind=Choice.of(vocabulary.REGION_CLASSES),
        minimal=Choice.of(vocabulary.REGION_CLASSES),
        purpose="compare network and storage with clusters of the same part of the world",
    ),
)

_POOL = Closed(
    {
        "name": Digest("node_pool"),
        "count": counts(1 << 12),
        "cpu_cores": counts(1 << 8),
        "memory_gib": counts(1 << 11),
        "architecture": Choice.of(vocabulary.ARCHITECTURES),
        "interruptible": Bool(),
    },
    optional=frozenset({"architecture", "interruptible"}),
)

NODES_FIELDS = (
    _nodes(
        name="nodes.count",
        kind=counts(1 << 13),
        minimal=coarse(5, 16, 64),
        unit="nodes",
        level=Level.MINIMAL,
        purpose="compare with clusters of about the same size",
    ),
    _nodes(
        name="nodes.cpu_cores",
        kind=counts(1 << 17),
        minimal=coarse(8, 32, 128, 512, 2048, 8192),
        unit="cores",
        level=Level.MINIMAL,
        purpose="know how much is run in all; compare use with clusters of about the same size",
    ),
    _nodes(
        name="nodes.memory_gib",
        kind=counts(1 << 19),
        minimal=coarse(32, 128, 512, 2048, 8192, 32768),
        unit="GiB",
        level=Level.MINIMAL,
        purpose="know how much is run in all; compare use with clusters of about the same size",
    ),
    _nodes(
        name="nodes.architectures",
        kind=Several(Choice.of(vocabulary.ARCHITECTURES)),
        level=Level.STANDARD,
        purpose="tell what cheaper machines could be used",
    ),
    _nodes(
        name="nodes.container_runtimes",
        kind=Several(Choice.of(vocabulary.CONTAINER_RUNTIMES)),
        level=Level.STANDARD,
        purpose="compare pod startup with clusters of the same runtime",
    ),
    _nodes(
        name="nodes.multi_zone",
        kind=Bool(),
        level=Level.STANDARD,
        purpose="word advice on latency and traffic between zones",
    ),
    _nodes(
        name="nodes.version_skew",
        kind=Bucket((0, 1, 2, 3), ("0", "1", "2", "3+")),
        unit="minor versions",
        level=Level.STANDARD,
        purpose="tell nodes that an upgrade has left behind",
        reads=(_VERSION, NODES),
    ),
    _nodes(
        name="nodes.pools",
        kind=Rows(_POOL, most=16, largest="count"),
        level=Level.DETAILED,
        purpose="find pools of nodes that are too large or too many",
    ),
)
