"""The rules, one a file, or one a row where they differ in words alone.

Law: a rule reads a `Case`, yields candidates and abstentions, and decides nothing about significance. To add one, write
its file, and name it here and in docs/recommendations.md.
"""

from corrective_drift.recommendations.rules.autoscaling import MISSING_AUTOSCALING
from corrective_drift.recommendations.rules.idle_nodes import IDLE_NODES
from corrective_drift.recommendations.rules.shares import MISSING_REQUESTS, UNBOUND_CLAIMS
from corrective_drift.recommendations.rules.slower import SLOWER
from corrective_drift.recommendations.rules.unused_requests import UNUSED_REQUESTS
from corrective_drift.recommendations.rules.versions import END_OF_LIFE, KUBELET_SKEW

RULES = (
    UNUSED_REQUESTS,
    IDLE_NODES,
    *SLOWER,
    END_OF_LIFE,
    KUBELET_SKEW,
    MISSING_REQUESTS,
    MISSING_AUTOSCALING,
    UNBOUND_CLAIMS,
)
