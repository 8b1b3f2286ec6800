"""The parts of the API's JSON that we keep, as msgspec reads them: fields that aren't named here are skipped unread.

A list of 5 000 pods is 20 MB of JSON, nearly all of it of no use to us; the official client would make objects of all.
Whether a field may be null or absent follows the API's reference: the server leaves out what is empty, and Go's nil
slices come as null, as in an EndpointSlice without endpoints.
"""

from datetime import datetime
from typing import Generic, TypeVar

import msgspec
from msgspec import field

T = TypeVar("T")


class Wire(msgspec.Struct, rename="camel", kw_only=True, gc=False):
    """The base of all these records."""


class OwnerWire(Wire):
    """A line of `metadata.ownerReferences`."""

    kind: str = ""
    name: str = ""
    uid: str = ""


class MetaWire(Wire):
    """`metadata` of an object."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[OwnerWire] | None = None


class ObjectWire(Wire):
    """What every object has."""

    metadata: MetaWire = field(default_factory=MetaWire)


class ListMetaWire(Wire):
    """`metadata` of a page of a list."""

    resource_version: str = ""
    next_page: str = field(default="", name="continue")
    remaining_item_count: int | None = None


class PageWire(Wire, Generic[T]):
    """One page of a list."""

    metadata: ListMetaWire = field(default_factory=ListMetaWire)
    items: list[T] | None = None


class EventWire(Wire):
    """One line of a watch; the object is read when its kind is known."""

    type: str
    object: msgspec.Raw


class CauseWire(Wire):
    """One of the reasons that a Status gives."""

    reason: str = ""


class DetailsWire(Wire):
    """`details` of a Status."""

    kind: str = ""
    causes: list[CauseWire] | None = None
    retry_after_seconds: float | None = None


class StatusWire(Wire):
    """An error, as the API tells it."""

    message: str = ""
    reason: str = ""
    code: int = 0
    details: DetailsWire | None = None


class ReviewStatusWire(Wire):
    """The answer within a SelfSubjectAccessReview."""

    allowed: bool = False
    reason: str = ""


class ReviewWire(Wire):
    """A SelfSubjectAccessReview."""

    status: ReviewStatusWire = field(default_factory=ReviewStatusWire)


class VersionWire(Wire):
    """What `/version` says."""

    git_version: str = ""
    platform: str = ""
