"""What of pods is read, and of what metrics.k8s.io tells: the innermost loop of collecting, so that it is little."""

import msgspec
from msgspec import field

from agent.collect.shapes import NOTHING, Amounts, Name, Phase
from agent.kube.wire import Wire


class Requirements(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`resources` of a container."""

    requests: Amounts = NOTHING
    limits: Amounts = NOTHING


_NO_REQUIREMENTS = Requirements()


class Container(Wire):
    """A container, as it was asked for."""

    resources: Requirements = _NO_REQUIREMENTS
    restart_policy: str = ""


class PodSpec(Wire):
    """`spec` of a pod."""

    node_name: str = ""
    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] | None = None
    overhead: Amounts | None = None


class Owner(Wire):
    """A line of `ownerReferences`."""

    kind: str = ""


class PodMeta(Wire):
    """`metadata` of a pod."""

    name: str = ""
    namespace: str = ""
    owner_references: tuple[Owner, ...] | None = None


class Pod(Wire):
    """A pod."""

    metadata: PodMeta = field(default_factory=PodMeta)
    spec: PodSpec = field(default_factory=PodSpec)
    status: Phase = field(default_factory=Phase)


class NodeUse(Wire):
    """What a node uses."""

    metadata: Name = field(default_factory=Name)
    usage: Amounts = NOTHING


class ContainerUse(Wire):
    """What a container uses."""

    usage: Amounts = NOTHING


class PodUse(Wire):
    """What a pod uses."""

    metadata: Name = field(default_factory=Name)
    containers: tuple[ContainerUse, ...] | None = None
