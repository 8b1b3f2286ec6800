"""Clusters that don't exist, and how they are told from those that do. Pure.

A simulated fleet's reports are real documents, which say nothing of where they come from. Their clusters' pseudonyms
begin with a word that an agent's, 130 random bits in the same letters, has once in 3·10¹³. A service takes either real
clusters or, started as a simulation, synthetic ones, and never both: a baseline that people compare with is never made
of what somebody made up.
"""

from corrective_drift.problems import Code, Problem

PREFIX = "synthetic"


def refused(cluster_id: str, *, simulation: bool) -> Problem | None:
    """Return why a service takes nothing of a cluster, if so; `simulation` is what the service was started as."""
    if cluster_id.startswith(PREFIX) is simulation:
        return None
    if simulation:
        return Problem(Code.FORBIDDEN, "this service is a simulation: it takes no real cluster's reports")
    return Problem(Code.FORBIDDEN, "the cluster is a simulated one: corrective-drift serve --simulation takes these")
