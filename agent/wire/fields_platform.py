"""Fields about Prism, what runs beside it, and network policies. Pure."""

from functools import partial

from agent.levels import DataType, Level
from agent.wire import vocabulary
from agent.wire.field import Field, Permission
from agent.wire.numbers import SHARE, counts
from agent.wire.records import Closed, Rows, Several
from agent.wire.types import Choice, Digest

_NAMESPACES = Permission(resource="namespaces")
# Cells are objects, or namespaces with a label.
_CELLS = (Permission(group="prism.io", resource="cells"), _NAMESPACES)
_GROUPS = Permission(verbs=("get",), path="/apis")
_CALICO = Permission(group="crd.projectcalico.org", resource="felixconfigurations")
_IMAGES = tuple(Permission(group="apps", resource=kind) for kind in ("daemonsets", "deployments", "statefulsets"))
_POLICIES = Permission(group="networking.k8s.io", resource="networkpolicies")

_platform = partial(Field, data_type=DataType.PLATFORM_FEATURES, collector="platform", level=Level.STANDARD)
_policies = partial(
    Field, data_type=DataType.NETWORK_POLICIES, collector="policies", level=Level.DETAILED, reads=(_POLICIES,)
)
_CELL_TYPE = Choice.of(vocabulary.CELL_TYPES)


def _recognized(name: str, words: tuple[str, ...], purpose: str) -> Field:
    return _platform(
        name=f"platform.{name}",
        kind=Several(Choice.of(words)),
        purpose=purpose,
        reads=(_GROUPS, _CALICO, *_IMAGES),
    )


PLATFORM_FIELDS = (
    _platform(
        name="platform.cells",
        kind=counts(1 << 10),
        unit="cells",
        purpose="know how cells are used",
        reads=_CELLS,
    ),
    _platform(
        name="platform.cell_types",
        kind=Several(_CELL_TYPE),
        purpose="know which cells are used",
        reads=_CELLS,
    ),
    _recognized("features", vocabulary.FEATURES, "know which of Prism's features are used"),
    _recognized(
        "observability", vocabulary.OBSERVABILITY, "know which monitoring tools are used; word advice for them"
    ),
    _recognized("ebpf", vocabulary.EBPF, "know which security and networking features are used"),
    _platform(
        name="platform.cell_rows",
        kind=Rows(Closed({"name": Digest("cell"), "type": _CELL_TYPE}, optional=frozenset({"type"})), most=16),
        level=Level.DETAILED,
        purpose="follow a cell from report to report of a month",
        reads=_CELLS,
    ),
)

_SHAPE = Closed(
    {
        "direction": Choice.of(vocabulary.POLICY_DIRECTIONS),
        "peers": Choice.of(vocabulary.POLICY_PEERS),
        "ports": Choice.of(vocabulary.POLICY_PORTS),
        "count": counts(1 << 10),
    }
)

POLICIES_FIELDS = (
    _policies(
        name="policies.count",
        kind=counts(1 << 13),
        unit="objects",
        purpose="know how network policies are used",
    ),
    _policies(
        name="policies.default_deny_share",
        kind=SHARE,
        unit="of the namespaces",
        purpose="tell how much of the cluster is open",
        reads=(_POLICIES, _NAMESPACES),
    ),
    _policies(
        name="policies.shapes",
        kind=Rows(_SHAPE, most=16, largest="count"),
        purpose="know what policies are like, without whom they name",
    ),
    *(
        _policies(
            name=f"policies.{scope}_{version}",
            kind=counts(1 << 10),
            unit="address blocks",
            purpose="know how policies name addresses; never which",
        )
        for scope in ("private", "public", "link_local")
        for version in ("v4", "v6")
    ),
)
