"""How many whole nodes could go: what is unused is not what can be given back. Pure.

Pods fit onto fewer nodes only as far as they can be packed. No document holds single pods, so there are two bounds: at
best the load of the scarcer resource fills the remaining nodes; at worst it takes twice as many as the loads of all
resources together: wherever pods go to the first node that has room, any two nodes hold more of some resource than one
has. Added up around a ring of m nodes, twice all loads are more than m. Nothing closer holds for pods of more than half
a node.
"""

import math

from corrective_drift.recommendations.ranges import Range

_FIRST_FIT = 2
# At least so much of a node's capacity can be requested: of what managed services document, GKE's reservation of a
# quarter of the first 4 GiB is the largest (cloud.google.com/kubernetes-engine/docs/concepts/plan-node-sizes).
LEAST_ALLOCATABLE = 0.75
ASSUMPTION = (
    "nodes of one size, and no pod bound to a node, zone or pool by affinity, a local volume or a budget of "
    "disruptions; low is the worst of first-fit packing, high a perfect one"
)


def mean_load(median: Range, most: Range, largest: Range) -> Range:
    """Return the mean over the nodes out of the 50th and 90th percentiles and the largest.

    Half of the nodes are at most at the median, four tenths at most at the 90th percentile; half are at least at the
    median, a tenth at least at the 90th percentile.
    """
    high = 0.5 * median.high + 0.4 * most.high + 0.1 * largest.high
    return Range(0.4 * median.low + 0.1 * most.low, high)


def within_headroom(load: Range, headroom: Range, capacity: Range) -> Range:
    """Return a mean load as far as the room that is left in all allows it; both in the resource's unit."""
    low = 1 - headroom.high / (LEAST_ALLOCATABLE * capacity.low) if capacity.low else 0.0
    high = 1 - headroom.low / capacity.high
    # Ranges that exclude one another are of reports that were cut off: the percentiles are of all that came.
    narrowed = Range(max(load.low, low), min(load.high, high))
    return narrowed if narrowed.low <= narrowed.high else load


def removable(nodes: Range, *loads: Range) -> tuple[float, float, float]:
    """Return how many nodes could go (low, mid, high), each resource's mean load given as a share of a node."""
    best, worst = max(load.low for load in loads), sum(load.high for load in loads)
    low = nodes.low - max(1, math.ceil(_FIRST_FIT * nodes.low * worst)) if math.isfinite(worst) else 0
    # One node stays, whatever runs on it.
    high = 0.0 if math.isinf(nodes.high) else nodes.high - max(1, math.ceil(nodes.high * best))
    low, high = float(max(0, low)), float(max(0.0, high, low))
    return low, float(math.floor((low + high) / 2)), high
