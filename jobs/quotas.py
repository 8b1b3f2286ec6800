"""What a namespace allows: in all by ResourceQuotas, to each pod and claim by LimitRanges. Records as in `objects`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from jobs.objects import Api, Object


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota(Object):
    """A ResourceQuota: what a namespace may use in all, by the names that quotas use, such as `requests.cpu`."""

    api: ClassVar = Api(group="", version="v1", kind="ResourceQuota", plural="resourcequotas")
    hard: Mapping[str, float] = field(default_factory=dict)
    used: Mapping[str, float] = field(default_factory=dict)
    scopes: frozenset[str] = frozenset()
    """It counts only what is in all of these, such as `BestEffort`; what lacks a class is in the scope of no class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One line of a LimitRange; amounts by resource name, such as `cpu`, `memory`, `storage`."""

    type: str
    """`Container`, `Pod` or `PersistentVolumeClaim`."""
    default: Mapping[str, float] = field(default_factory=dict)
    """Limits given to a container that states none."""
    maximum: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRange(Object):
    """What a namespace imposes on its pods and claims."""

    api: ClassVar = Api(group="", version="v1", kind="LimitRange", plural="limitranges")
    limits: tuple[Limit, ...] = ()
