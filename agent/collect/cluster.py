"""What the cluster is and where: version, distribution, provider, part of the world.

Level minimal, `cluster_info`. Reads the server's version and nodes.
"""

from collections import Counter
from collections.abc import Sequence

from agent.collect import distributions, regions
from agent.collect.collector import Collector, Findings, Want
from agent.collect.kinds import NODES
from agent.collect.shapes_nodes import Node
from agent.levels import DataType, Level
from agent.wire.facts import ClusterFacts
from agent.wire.vocabulary import OTHER

# Regions and distributions are counted by names that a cluster may make up; no real one has as many.
_MOST_NAMES = 64


class Votes:
    """What the nodes say, each with one voice: a mixed cluster is what most of it is."""

    def __init__(self) -> None:
        self._distributions: Counter[str] = Counter()
        self._places: Counter[tuple[str, str]] = Counter()

    def add(self, nodes: Sequence[Node]) -> None:
        """Count the voices of some nodes."""
        for node in nodes:
            named = distributions.of_node(node)
            if named:
                self._distributions[named] += 1
            labels = node.metadata.labels
            place = (distributions.provider_of(node), labels.region or labels.old_region)
            if place in self._places or len(self._places) < _MOST_NAMES:
                self._places[place] += 1

    @property
    def distribution(self) -> str | None:
        """What most nodes that say anything say."""
        return next((word for word, _ in self._distributions.most_common(1)), None)

    def provider(self, owner: str) -> str | None:
        """Return whose most nodes are, `owner` where they don't say; None where there are no nodes."""
        providers: Counter[str] = Counter()
        for (provider, _), count in self._places.items():
            providers[owner if provider == OTHER else provider] += count
        return next((word for word, _ in providers.most_common(1)), None)

    def region_class(self, provider: str | None) -> str | None:
        """Return where most nodes are, None where none has a region."""
        classes: Counter[str] = Counter()
        for (_, region), count in self._places.items():
            if region:
                classes[regions.class_of(provider, region)] += count
        return next((word for word, _ in classes.most_common(1)), None)


NODES_VOTES = Want(kind=NODES, start=Votes)


def _facts(findings: Findings) -> ClusterFacts:
    votes = findings.tally(NODES_VOTES)
    distribution = distributions.of_version(findings.version or "") or (votes.distribution if votes else None)
    owner = distributions.owner_of(distribution)
    provider = votes.provider(owner) if votes else None if owner == OTHER else owner
    known = votes is not None and findings.version is not None
    return ClusterFacts(
        minor=distributions.minor_of(findings.version),
        distribution=distribution or (OTHER if known else None),
        provider=provider,
        region_class=votes.region_class(provider) if votes else None,
    )


CLUSTER = Collector(
    name="cluster",
    level=Level.MINIMAL,
    data_type=DataType.CLUSTER_INFO,
    wants=(NODES_VOTES,),
    version=True,
    facts=_facts,
)
