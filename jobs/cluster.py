"""The few calls that we need of a cluster, as a Protocol: its implementation is passed in, and this package has none.

Synchronous, and every call may be made from any thread. A run has one watch for each kind of object, selected by the
run's label, however many pods are in flight: half a dozen threads that wait in a socket's read, whose stacks cost less
than an event loop's client and its buffers would, and a timestamp is taken by the thread that has just read the bytes.
In an event loop it would wait its turn behind whatever else became ready, such as the decoding of a long list. The
official client is synchronous too, and with it the plugins that fetch credentials.

Errors are those of `jobs.errors`: TryAgain after the implementation's own few attempts (429 with the server's
Retry-After, 5xx, lost connections), AlreadyThere and Missing as the answers 409 AlreadyExists and 404, InvalidRequest
where a manifest is refused (400, 422, admission), Unavailable where a permission, a namespace or an API is lacking.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

from jobs.objects import Meta, Object

R = TypeVar("R", bound=Object)
R_co = TypeVar("R_co", bound=Object, covariant=True)

Manifest = Mapping[str, Any]
"""An object as Kubernetes' JSON has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """Of the API server."""

    git_version: str
    """Such as `v1.36.2`."""
    platform: str = ""
    server_time: datetime | None = None
    """When it answered, by its own clock, in whole seconds; None where it did not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """What became of a manifest; after a dry run the object was admitted and is not there."""

    meta: Meta
    warnings: tuple[str, ...] = ()
    """The server's, such as what Pod Security would refuse if it were enforced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """The answer to a SelfSubjectAccessReview."""

    allowed: bool
    reason: str = ""
    """The authorizer's words; mostly empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Generic[R]):
    """All objects that matched, whatever number of pages they came in."""

    items: tuple[R, ...]
    resource_version: str
    """Where a watch takes over."""


class Change(StrEnum):
    """What happened to a watched object."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    LISTED = "LISTED"
    """Nothing perhaps: it is there after a gap in which history was lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival(Generic[R_co]):
    """A watched object as it was when the server told of it."""

    change: Change
    record: R_co
    arrived_ns: int
    """When its bytes had been read, before they were decoded: `time.monotonic_ns` of this process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Nothing was heard between two moments: what arrives next may have happened at any time in between.

    With `lost` false the watch resumed where it was (a dropped connection, the server's ordinary timeout): every change
    still arrives, late. With `lost` true the server had forgotten (410 Gone): every object that is there now follows as
    LISTED, and a known object that does not follow is gone.
    """

    began_ns: int
    """The last moment at which the old connection is known to have been alive."""
    ended_ns: int
    lost: bool
    listed: int = 0
    """How many LISTED follow."""


class Watch(Protocol[R_co]):
    """A stream of changes that lasts until it is closed. Reconnecting, bookmarks and relisting happen inside.

    Gaps are surfaced rather than hidden, because an arrival time behind a gap is no measurement.
    """

    def __iter__(self) -> Iterator[Arrival[R_co] | Gap]:
        """Iterate in the server's order. Raises Unavailable where it can't go on, TryAgain after many attempts."""

    def close(self) -> None:
        """End the iteration within a second, from any thread; closing twice is fine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of a container's log as it came in."""

    text: bytes
    """Without its line feed."""
    arrived_ns: int
    """When its last byte had been read: `time.monotonic_ns` of this process."""


class Follow(Protocol):
    """The log of a running container, line by line, until the container ends or the stream is closed.

    A stream that breaks ends as if the container had ended: whoever follows reads the log once more at the end.
    """

    def __iter__(self) -> Iterator[Line]:
        """Iterate from the log's first line on."""

    def close(self) -> None:
        """End the iteration within a second, from any thread; closing twice is fine."""


class Cluster(Protocol):
    """A cluster that one may look at and create objects in. `namespace` is None for all, or for what has none."""

    def version(self) -> Version:
        """Return the server's version."""

    def create(self, manifest: Manifest, *, dry_run: bool = False) -> Created:
        """Create the object; a dry run goes through admission and stores nothing."""

    def read(self, kind: type[R], name: str, *, namespace: str | None = None) -> R:
        """Return one object. Raises Missing."""

    def delete(
        self, kind: type[Object], name: str, *, namespace: str | None = None, grace_seconds: int | None = None
    ) -> None:
        """Ask for deletion, with what the object owns following in the background. Raises Missing."""

    def list_all(
        self, kind: type[R], *, namespace: str | None = None, labels: str = "", fields: str = ""
    ) -> Listing[R]:
        """Return all objects whose labels and fields match the selectors, read page by page.

        Raises Unavailable where the API is not served, as with NodeUsage in a cluster without metrics.k8s.io.
        """

    def watch(self, kind: type[R], *, since: str, namespace: str | None = None, labels: str = "") -> Watch[R]:
        """Watch from the resource version `since` of a listing with the same selectors. Returns at once."""

    def read_log(self, pod: str, *, namespace: str, container: str, limit_bytes: int, tail_lines: int) -> bytes:
        """Return the last lines of a log, at most `limit_bytes` of them, cut at the end. Raises Missing."""

    def follow_log(self, pod: str, *, namespace: str, container: str) -> Follow:
        """Follow a log from its beginning. Returns at once; raises Missing, TryAgain while the container is waiting."""

    def may(self, verb: str, kind: type[Object], *, namespace: str | None = None, subresource: str = "") -> Permission:
        """Ask whether we may, such as `get` of Pod with the subresource `log`."""
