"""Network policies: what they are like, and how many namespaces let nobody in unless told.

Level detailed, `network_policies`. Lists network policies and counts namespaces.
"""

from collections import Counter
from collections.abc import Sequence
from ipaddress import ip_network

from agent.collect import kinds
from agent.collect.collector import Collector, Counted, Findings, Want
from agent.collect.shapes_policies import Peer, Policy, PolicySpec, Rule
from agent.levels import DataType, Level
from agent.wire.facts import PoliciesFacts, PolicyShape

_FEW_PORTS = 4


class Shapes:
    """What the policies are like; selectors, addresses and ports are not kept."""

    def __init__(self) -> None:
        self.count = 0
        self.shapes: Counter[tuple[str, str, str]] = Counter()
        self.blocks: Counter[str] = Counter()
        """Blocks of addresses by kind, as in `private_v4`."""
        self._denying: set[int] = set()

    def add(self, policies: Sequence[Policy]) -> None:
        """Take in some policies."""
        for policy in policies:
            spec = policy.spec
            self.count += 1
            self.shapes[direction_of(spec), peers_of(spec), ports_of(spec)] += 1
            for _, peers in _rules(spec):
                self.blocks.update(block_kind(peer.ip_block.cidr) for peer in peers if peer.ip_block)
            if spec.pod_selector.selects_all and _is_directed(spec, "Ingress") and not spec.ingress:
                self._denying.add(hash(policy.metadata.namespace))

    @property
    def denying_namespaces(self) -> int:
        """How many namespaces have a policy that selects all pods and lets nobody in."""
        return len(self._denying)


def _is_directed(spec: PolicySpec, direction: str) -> bool:
    """Tell whether a policy bounds a direction; the server writes the types down, even where nobody gave any."""
    return direction in (spec.policy_types or ("Ingress", *(["Egress"] if spec.egress else [])))


def _rules(spec: PolicySpec) -> list[tuple[Rule, list[Peer]]]:
    """Return the rules of the directions that a policy bounds, each with its peers."""
    incoming = spec.ingress if _is_directed(spec, "Ingress") else None
    outgoing = spec.egress if _is_directed(spec, "Egress") else None
    return [(rule, rule.incoming or []) for rule in incoming or ()] + [
        (rule, rule.outgoing or []) for rule in outgoing or ()
    ]


def direction_of(spec: PolicySpec) -> str:
    """Return the word of POLICY_DIRECTIONS."""
    ingress, egress = _is_directed(spec, "Ingress"), _is_directed(spec, "Egress")
    return "both" if ingress and egress else "egress" if egress else "ingress"


def peers_of(spec: PolicySpec) -> str:
    """Return the word of POLICY_PEERS: whom the rules let in or out, taken together."""
    words = {_peer(peer) for _, peers in _rules(spec) for peer in peers}
    if any(not peers for _, peers in _rules(spec)):
        words.add("anywhere")
    return "nobody" if not words else words.pop() if len(words) == 1 else "mixed"


def _peer(peer: Peer) -> str:
    if peer.ip_block is not None:
        return "ip_blocks"
    if peer.namespace_selector is None:
        return "pods"
    return "namespaces" if peer.pod_selector is None else "pods_of_namespaces"


def ports_of(spec: PolicySpec) -> str:
    """Return the word of POLICY_PORTS: how many the rules open, taken together. A rule without ports opens all."""
    rules = [rule for rule, _ in _rules(spec)]
    ports = [port for rule in rules for port in rule.ports or ()]
    if not rules:
        return "none"
    if any(not rule.ports for rule in rules):
        return "all"
    if any(port.end_port is not None for port in ports):
        return "range"
    return "one" if len(ports) == 1 else "few" if len(ports) <= _FEW_PORTS else "many"


def block_kind(cidr: str) -> str:
    """Return the kind of a block of addresses, such as `private_v4`. Raises ValueError where it is none."""
    network = ip_network(cidr, strict=False)
    where = "link_local" if network.is_link_local else "private" if network.is_private else "public"
    return f"{where}_v{network.version}"


SHAPES = Want(kind=kinds.POLICIES, start=Shapes, level=Level.DETAILED)
NAMESPACES = Counted(kind=kinds.NAMESPACES, level=Level.DETAILED)


def _facts(findings: Findings) -> PoliciesFacts:
    shapes, namespaces = findings.tally(SHAPES), findings.count(NAMESPACES)
    if shapes is None:
        return PoliciesFacts()
    return PoliciesFacts(
        count=shapes.count,
        # A namespace may have gone between the two readings.
        default_deny_share=min(1.0, shapes.denying_namespaces / namespaces) if namespaces else None,
        shapes=tuple(
            PolicyShape(direction=direction, peers=peers, ports=ports, count=count)
            for (direction, peers, ports), count in shapes.shapes.items()
        ),
        private_v4=shapes.blocks["private_v4"],
        private_v6=shapes.blocks["private_v6"],
        public_v4=shapes.blocks["public_v4"],
        public_v6=shapes.blocks["public_v6"],
        link_local_v4=shapes.blocks["link_local_v4"],
        link_local_v6=shapes.blocks["link_local_v6"],
    )


POLICIES = Collector(
    name="policies",
    level=Level.DETAILED,
    data_type=DataType.NETWORK_POLICIES,
    wants=(SHAPES,),
    counts=(NAMESPACES,),
    facts=_facts,
)
