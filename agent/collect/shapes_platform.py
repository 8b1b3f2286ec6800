"""What of namespaces, cells and Calico's configuration is read; labels by an allow-list."""

from msgspec import field

from agent.collect.shapes import Name
from agent.kube.wire import Wire


class NamespaceLabels(Wire):
    """What marks the namespace of a cell."""

    cell_type: str = field(default="", name="prism.io/cell-type")
    platform_cell_type: str = field(default="", name="cell.prism-platform.io/type")


class NamespaceMeta(Wire):
    """`metadata` of a namespace."""

    name: str = ""
    labels: NamespaceLabels = field(default_factory=NamespaceLabels)


class Namespace(Wire):
    """A namespace."""

    metadata: NamespaceMeta = field(default_factory=NamespaceMeta)


class CellSpec(Wire):
    """`spec` of a Cell."""

    cell_type: str | None = None


class Cell(Wire):
    """A Cell of prism.io."""

    metadata: Name = field(default_factory=Name)
    spec: CellSpec | None = None


class FelixSpec(Wire):
    """`spec` of a FelixConfiguration."""

    bpf_enabled: bool | None = None


class Felix(Wire):
    """How Calico's agent is configured."""

    spec: FelixSpec | None = None
