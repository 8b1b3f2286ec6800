"""How much may be collected: privacy levels and data types, as people consent to them."""

from enum import StrEnum


class Level(StrEnum):
    """A privacy level; each holds what those before it hold."""

    MINIMAL = "minimal"
    STANDARD = "standard"
    DETAILED = "detailed"

    def includes(self, other: "Level") -> bool:
        """Tell whether what belongs to `other` may be collected at this level."""
        order = tuple(Level)
        return order.index(other) <= order.index(self)


class DataType(StrEnum):
    """What can be consented to apart from the level: `collect_…` in the configuration's `collection_rules`."""

    CLUSTER_INFO = "cluster_info"
    RESOURCE_USAGE = "resource_usage"
    WORKLOAD_TYPES = "workload_types"
    PLATFORM_FEATURES = "platform_features"
    NETWORK_POLICIES = "network_policies"
    BENCHMARKS = "benchmarks"
