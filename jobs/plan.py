"""From a request and what a cluster has to the steps that answer it. Pure: chance comes in as the run's id.

Claims say what must not overlap. A probe has its nodes to itself, throughput the network between nodes as well (which
latency and others share meanwhile), storage its provisioner, DNS the cluster's resolver, the startup of pods all nodes.
Everything else runs in parallel.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from jobs.classes import RETAINS, objection
from jobs.errors import InvalidRequest, Unavailable
from jobs.objects import Node, StorageClass
from jobs.step import (
    SCRATCH_PATH,
    VOLUME_PATH,
    Claims,
    Cost,
    Measure,
    Observe,
    Path,
    PodStartup,
    ServiceStartup,
    Step,
    Volume,
)
from jobs.topology import Suitability, Wanted, ordered_pairs, sample, suitable
from probes.catalogue import entry
from probes.probe import Profile

_GIB = 2**30
_CLUSTER, _NETWORK, _RESOLVER = "cluster", "network", "resolver"
# Cores that a probe and its server keep busy: fio's two threads, a client and a server that answer at once, libiperf
# on both sides with its kernel's share, and little else.
_BUSY_CORES = {"storage": 2.0, "latency": 2.0, "throughput": 4.0, "dns": 0.5, "startup": 0.5}
# The storage probe takes a quarter of what is free: what its file should have (1 and 4 GiB), four times and a little.
_CLAIM_BYTES = {Profile.QUICK: 5 * _GIB, Profile.STANDARD: 20 * _GIB, Profile.THOROUGH: 20 * _GIB}
# A SATA disk's bandwidth, half of the time: for an estimate, since nobody knows a disk before it was measured.
_WRITTEN_BYTES_PER_SECOND = 250e6
# Waves and pods: few for a first look; beyond six waves an interval over waves; beyond 299 pods a p99 of all.
_PODS = {Profile.QUICK: (1, 10), Profile.STANDARD: (6, 20), Profile.THOROUGH: (10, 30)}
_SERVICES = {Profile.QUICK: 3, Profile.STANDARD: 6, Profile.THOROUGH: 12}
# The start of a pod and what cleaning it up takes, in a cluster that keeps to its objective of 5 s.
_POD_SECONDS = 5.0
_POD_CPU_SECONDS = 0.2
_SERVICE_SECONDS = 10.0
# In every cluster: the API's own Service, through the search path since its domain is not known; a name that exists
# for such use (RFC 2606), through the search path and, with the final dot, past it.
DNS_NAMES = ("kubernetes.default.svc", "example.com", "example.com.")
# One rate for all pairs, or they could not be merged; half of what the probe chooses on a fast machine, as pods share.
_OPTIONS: Mapping[str, dict[str, str | list[str]]] = {"dns": {"names": list(DNS_NAMES)}, "latency": {"rate": "500"}}
_IN_PODS = frozenset({"storage", "latency", "throughput", "dns"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to measure in a cluster; everything has a default that is said in the plan."""

    run_id: str
    """Ten or so letters and digits, random."""
    namespace: str
    image: str
    probes: tuple[str, ...]
    """Names of the catalogue, in the order of their steps."""
    profile: Profile = Profile.QUICK
    options: Mapping[str, str | list[str]] = field(default_factory=dict)
    """As on the command line: size, duration, rate, names."""
    storage_classes: tuple[str, ...] = ()
    """Empty: all that can provision, and take back what they provisioned."""
    existing_claims: tuple[str, ...] = ()
    """Claims whose volume the user wants measured; nothing in it is touched but its free space."""
    claim_bytes: int | None = None
    pairs_limit: int = 12
    nodes_limit: int = 8
    startup_pods: int | None = None
    startup_rate_per_second: float = 5.0
    wanted: Wanted = field(default_factory=lambda: Wanted(labels={}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will be done, in order where steps compete."""

    request: Request
    steps: tuple[Step, ...]
    nodes: Suitability
    classes_left_out: Mapping[str, str] = field(default_factory=dict)
    """Storage class -> why it is not measured, in a few words."""

    @property
    def cost(self) -> Cost:
        """Of all steps: the seconds as if one came after another."""
        costs = [step.cost for step in self.steps]
        return Cost(
            seconds=sum(each.seconds for each in costs),
            cpu_seconds=sum(each.cpu_seconds for each in costs),
            written_bytes=sum(each.written_bytes for each in costs),
            jobs=max((each.jobs for each in costs), default=0),
        )


def plan(
    request: Request, *, nodes: Sequence[Node], classes: Sequence[StorageClass], seconds: Mapping[str, float]
) -> Plan:
    """Decide the steps; `seconds` is what each probe will take, by name.

    Raises InvalidRequest for a probe or a class that there is not, Unavailable where no node can be probed.
    """
    for name in request.probes:
        entry(name)
    found = suitable(nodes, request.wanted)
    if not found.nodes and set(request.probes) != {"utilization"}:
        shown = "; ".join(f"{name} {reason}" for name, reason in list(found.others.items())[:5]) or "there are none"
        raise Unavailable(f"no node can be probed: {shown}")
    zones = {node.meta.name: node.zone for node in nodes if node.zone}
    planner = _Planner(request, found.nodes, zones, tuple(classes), seconds)
    left_out = planner.classes_left_out() if "storage" in request.probes else {}
    return Plan(request=request, steps=tuple(planner.steps()), nodes=found, classes_left_out=left_out)


def options_for(request: Request, probe: str) -> dict[str, str | list[str]]:
    """Return the options of a probe in its pod, but where it measures: the user's, on top of what suits a cluster.

    Startup and utilization are measured from outside and take none.
    """
    accepted = set(entry(probe).options) - {"path", "server"}
    given = {key: value for key, value in request.options.items() if key in accepted}
    return _OPTIONS.get(probe, {}) | given if probe in _IN_PODS else {}


@dataclass(frozen=True, slots=True)
class _Planner:
    request: Request
    nodes: tuple[str, ...]
    zones: Mapping[str, str]
    """Node -> its zone, whose name no step gets; nodes without one are not here."""
    classes: tuple[StorageClass, ...]
    seconds: Mapping[str, float]

    def steps(self) -> Iterator[Step]:
        """What only looks comes first, and the startup of many pods last: by then the image is on the nodes."""
        wanted = self.request.probes
        if "utilization" in wanted:
            claims = Claims(alone=frozenset({_CLUSTER}))
            yield Observe(name="utilization", claims=claims, cost=Cost(seconds=1.0, cpu_seconds=0.0, jobs=0))
        if "storage" in wanted:
            yield from self._storage()
        if "dns" in wanted:
            yield from self._dns()
        for probe in ("latency", "throughput"):
            if probe in wanted:
                yield from self._network(probe)
        if "startup" in wanted:
            yield self._services()
            yield self._pods()

    def classes_left_out(self) -> dict[str, str]:
        """Tell why classes are left out that could have been meant."""
        if self.request.storage_classes or self.request.existing_claims:
            return {}
        return {each.meta.name: why for each in self.classes if (why := objection(each)) is not None}

    def _storage(self) -> Iterator[Step]:
        classes = self._classes()
        for number, storage_class in enumerate(classes, start=1):
            name = storage_class.meta.name
            # A volume that is bound at once may lie in any zone, and the scheduler must follow it: no node is chosen.
            node = None if storage_class.binding_mode == "Immediate" else self._turn(number)
            retained = storage_class.reclaim_policy == RETAINS
            volume = Volume(storage_class=name, size_bytes=self._claim_bytes(), retained=retained)
            what = {"volume": "claim", "storage_class": name}
            yield self._storage_step(f"storage-class-{number}", storage_class.provisioner, volume, node, what)
        for number, claim in enumerate(self.request.existing_claims, start=1):
            volume = Volume(existing_claim=claim, size_bytes=self._claim_bytes())
            yield self._storage_step(f"storage-claim-{number}", "", volume, None, {"volume": "existing claim"})
        for number, node in enumerate(self._sampled(), start=1):
            volume = Volume(size_bytes=self._claim_bytes())
            what = {"volume": "ephemeral"}
            yield self._storage_step(f"storage-node-{number}", f"disk/{node}", volume, node, what)

    def _storage_step(
        self, name: str, provisioner: str, volume: Volume, node: str | None, what: Mapping[str, str]
    ) -> Step:
        given: dict[str, str | list[str]] = {"path": VOLUME_PATH}
        if volume.storage_class is None and volume.existing_claim is None:
            # Free is what the node's disk has, and a pod that writes more than its scratch space may have is evicted.
            given = {"path": SCRATCH_PATH, "size": f"{volume.size_bytes // 5 // 2**20}MiB"}
        seconds = self.seconds["storage"]
        places = self.nodes if node is None else (node,)
        cost = Cost(
            seconds=seconds,
            cpu_seconds=seconds * _BUSY_CORES["storage"],
            written_bytes=volume.size_bytes / 4 + seconds * _WRITTEN_BYTES_PER_SECOND,
        )
        return Measure(
            name=name,
            claims=_claims(places, alone={f"storage/{provisioner}"}, shared={_NETWORK}),
            cost=cost,
            probe="storage",
            options=given | options_for(self.request, "storage"),
            node=node,
            volume=volume,
            what=what,
        )

    def _dns(self) -> Iterator[Step]:
        seconds = self.seconds["dns"]
        options = options_for(self.request, "dns")
        for number, node in enumerate(self._sampled(), start=1):
            claims = _claims((node,), alone={_RESOLVER}, shared={_NETWORK})
            cost = Cost(seconds=seconds, cpu_seconds=seconds * _BUSY_CORES["dns"])
            yield Measure(
                name=f"dns-{number}", claims=claims, cost=cost, probe="dns", options=options, node=node, what={}
            )

    def _network(self, probe: str) -> Iterator[Step]:
        pairs = ordered_pairs(self.nodes, self.request.pairs_limit, seed=self.request.run_id)
        same = [(Path.SAME_NODE, node, node) for node in self._sampled()]
        other = [(self._between(client, server), client, server) for client, server in pairs]
        # Once round the ring of all nodes: through a Service to another node, where there is one.
        following = dict(ordered_pairs(self.nodes, len(self.nodes), seed=self.request.run_id))
        service = [(Path.SERVICE, node, following.get(node, node)) for node in self._sampled()]
        seconds = self.seconds[probe]
        cost = Cost(seconds=seconds, cpu_seconds=seconds * _BUSY_CORES[probe], jobs=2)
        for number, (path, client, server) in enumerate((*same, *other, *service), start=1):
            # What stays within a node leaves the network between nodes alone.
            network = {_NETWORK} if client != server else set[str]()
            claims = _claims(
                (client, server),
                alone=network if probe == "throughput" else set(),
                shared=network if probe == "latency" else set(),
            )
            yield Measure(
                name=f"{probe}-{number}",
                claims=claims,
                cost=cost,
                probe=probe,
                options=options_for(self.request, probe),
                node=client,
                server_node=server,
                path=path,
                what={"path": path.value},
            )

    def _between(self, client: str, server: str) -> Path:
        if client not in self.zones or server not in self.zones:
            return Path.OTHER_NODE
        return Path.SAME_ZONE if self.zones[client] == self.zones[server] else Path.OTHER_ZONE

    def _services(self) -> Step:
        repetitions = _SERVICES[self.request.profile]
        pairs = ordered_pairs(self.nodes, 1, seed=self.request.run_id)
        client, server = pairs[0] if pairs else (self.nodes[0], self.nodes[0])
        seconds = repetitions * _SERVICE_SECONDS
        return ServiceStartup(
            name="service-startup",
            claims=_claims((client, server), alone={_RESOLVER}, shared={_NETWORK}),
            cost=Cost(seconds=seconds, cpu_seconds=seconds * _BUSY_CORES["startup"], jobs=2),
            repetitions=repetitions,
            node=client,
            server_node=server,
        )

    def _pods(self) -> Step:
        waves, pods = _PODS[self.request.profile]
        if self.request.startup_pods is not None:
            waves, pods = 1, self.request.startup_pods
        rate = self.request.startup_rate_per_second
        return PodStartup(
            name="pod-startup",
            claims=_claims(self.nodes, alone=set(), shared={_NETWORK}),
            cost=Cost(
                seconds=waves * (pods / rate + _POD_SECONDS), cpu_seconds=waves * pods * _POD_CPU_SECONDS, jobs=pods
            ),
            waves=waves,
            pods=pods,
            rate_per_second=rate,
        )

    def _classes(self) -> tuple[StorageClass, ...]:
        known = {each.meta.name: each for each in self.classes}
        for name in self.request.storage_classes:
            if name not in known:
                there = ", ".join(sorted(known)) or "none"
                raise InvalidRequest(f"there is no storage class {name!r} in this cluster; there are: {there}")
        if self.request.storage_classes:
            return tuple(known[name] for name in dict.fromkeys(self.request.storage_classes))
        if self.request.existing_claims:
            return ()
        return tuple(each for each in self.classes if objection(each) is None)

    def _claim_bytes(self) -> int:
        return self.request.claim_bytes or _CLAIM_BYTES[self.request.profile]

    def _sampled(self) -> tuple[str, ...]:
        return sample(self.nodes, self.request.nodes_limit, seed=self.request.run_id)

    def _turn(self, number: int) -> str:
        nodes = self._sampled()
        return nodes[number % len(nodes)]


def _claims(nodes: Sequence[str], *, alone: set[str], shared: set[str]) -> Claims:
    """Nodes are always alone, and whatever starts a pod leaves the cluster as a whole to nobody."""
    return Claims(alone=frozenset({f"node/{node}" for node in nodes} | alone), shared=frozenset(shared | {_CLUSTER}))
