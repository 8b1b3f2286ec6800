"""What of a network policy is read: what its shape, and the kinds of its addresses, are told from."""

from msgspec import field

from agent.collect.shapes import Name
from agent.kube.wire import Wire


class Expression(Wire):
    """A line of a selector; that it is there is all that matters."""


class Selector(Wire):
    """A label selector: without lines it selects everything."""

    match_labels: dict[str, str] | None = None
    match_expressions: list[Expression] | None = None

    @property
    def selects_all(self) -> bool:
        """Whether nothing is left out."""
        return not self.match_labels and not self.match_expressions


class Block(Wire):
    """A block of addresses."""

    cidr: str = ""


class Peer(Wire):
    """Whom a rule lets in or out."""

    pod_selector: Expression | None = None
    namespace_selector: Expression | None = None
    ip_block: Block | None = None


class Port(Wire):
    """A port, or a range of them. Which it is, is not read."""

    end_port: int | None = None


class Rule(Wire):
    """A rule of either direction."""

    incoming: list[Peer] | None = field(default=None, name="from")
    outgoing: list[Peer] | None = field(default=None, name="to")
    ports: list[Port] | None = None


class PolicySpec(Wire):
    """`spec` of a policy."""

    pod_selector: Selector = field(default_factory=Selector)
    policy_types: tuple[str, ...] = ()
    ingress: list[Rule] | None = None
    egress: list[Rule] | None = None


class Policy(Wire):
    """A NetworkPolicy."""

    metadata: Name = field(default_factory=Name)
    spec: PolicySpec = field(default_factory=PolicySpec)
