"""A cluster's objects read for collecting: each list once, object by object as it arrives, then forgotten.

How a list is asked for. Pages (`limit`, `continue`) bound what the API server holds at a time and what a lost
connection costs. Since Kubernetes 1.34 (KEP-4988) it serves them from its cache; before, each page is one bounded read
of etcd. Asked with `resourceVersion=0` every version serves from the cache, but it ignores `limit` and writes the whole
list into one answer, which before 1.33 (KEP-5116) it first built in memory: right for kinds that stay small
(`Kind.small`), dangerous for a server with 150 000 pods. Either way the answer is taken apart as it arrives
(`agent.kube.scan_items`), so that our memory is flat.

Compression isn't asked for: within a cluster the server's CPU is dearer than the network (docs/collecting.md).
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

import msgspec
import urllib3

from agent.kube.body import pieces
from agent.kube.errors import UNREADABLE, Ask, Forbidden, Gone, NotServed
from agent.kube.http import Transport, pause_seconds
from agent.kube.scan_items import Malformed, Splitter
from agent.kube.wire import VersionWire, Wire
from jobs.errors import JobsError, TryAgain
from jobs.objects import Api

R = TypeVar("R")
W = TypeVar("W")
W_contra = TypeVar("W_contra", contravariant=True)
T = TypeVar("T", bound="Tally[Any]")

# kubectl's own, and what the API's documentation recommends: 2 to 4 MB of pods.
_PAGE_ITEMS = 500
# A list that is forgotten or lost midway is begun anew; a third time means that it can't be read at all.
_ATTEMPTS = 3
_SECONDS_OF_SILENCE = 30.0
# 150 000 pods at the 20 MB/s of a slow network take a minute; whatever takes five is stuck, however steadily it drips.
_SECONDS_A_LIST = 300.0
_JSON = "application/json"
_METADATA_ONLY = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"


class Problem(StrEnum):
    """Why something could not be read."""

    FORBIDDEN = "forbidden"
    TIMEOUT = "timeout"
    MISSING_API = "missing_api"
    FAILED = "failed"


NO_ANSWER = frozenset({Problem.FAILED, Problem.TIMEOUT})
"""What stands for a server that is away; a refusal, or an API that is not served, is an answer."""


class ScanFailed(Exception):
    """Something could not be read. The message names the kind of object and nothing of what the server said."""

    def __init__(self, problem: Problem, what: str) -> None:
        super().__init__(f"can't read {what}: {problem.value}")
        self.problem = problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(Generic[W]):
    """A kind of object, and what is read of it."""

    api: Api
    shape: type[W]
    small: bool = True
    """Whether a cluster has at most some thousands of it, so that one answer may hold them all."""
    decode: Callable[[bytes | bytearray | memoryview], list[W]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Prepare the decoder of an array."""
        decoder = msgspec.json.Decoder(list[self.shape])  # type: ignore[name-defined]
        object.__setattr__(self, "decode", decoder.decode)

    def __str__(self) -> str:
        """As permissions name it."""
        return f"{self.api.plural}.{self.api.group}" if self.api.group else self.api.plural


class Tally(Protocol[W_contra]):
    """What is kept of a list."""

    def add(self, objects: Sequence[W_contra]) -> None:
        """Take in some objects; none of them is to be kept."""


class _GroupWire(Wire):
    name: str = ""


class _GroupsWire(Wire):
    groups: list[_GroupWire] = msgspec.field(default_factory=list)


class _AnyWire(Wire):
    """An object of which only its existence matters."""


class KubeScan:
    """Reads lists of the API behind `transport`. Every method raises ScanFailed, and nothing else of its own."""

    def __init__(
        self,
        transport: Transport,
        *,
        silence_seconds: float = _SECONDS_OF_SILENCE,
        list_seconds: float = _SECONDS_A_LIST,
    ) -> None:
        self._transport = transport
        self._silence_seconds = silence_seconds
        self._list_seconds = list_seconds

    def version(self) -> str:
        """Return the server's version, such as `v1.36.2`."""
        return _told("the version", lambda: self._get("/version", VersionWire).git_version)

    def groups(self) -> frozenset[str]:
        """Return the names of the API's groups, those of custom resources among them."""
        groups = _told("the API's groups", lambda: self._get("/apis", _GroupsWire).groups)
        return frozenset(group.name for group in groups)

    def count(self, kind: Kind[W]) -> int:
        """Return how many there are. The server sends the metadata of one of them, which isn't read."""
        return _told(str(kind), lambda: self._count(Kind(api=kind.api, shape=_AnyWire, small=False)))

    def fold(self, kind: Kind[W], start: Callable[[], T]) -> T:
        """Feed all objects to what `start` returns, and return that. A list begun anew gets a tally of its own.

        What a tally raises passes through.
        """
        return _told(str(kind), lambda: self._fold(kind, start, _JSON))

    def _get(self, path: str, shape: type[W]) -> W:
        answer = self._transport.call(Ask(verb="get", resource=path), "GET", path)
        return msgspec.json.decode(answer.body, type=shape)

    def _count(self, anything: Kind[_AnyWire]) -> int:
        first, seen = self._listing(anything, _METADATA_ONLY, limit=1), _Count()
        first.read_page(seen)
        if first.remaining is None and first.next_page:
            # It may be left out, says the API; then there is nothing but to look at all of them.
            return self._fold(anything, _Count, _METADATA_ONLY).count
        return seen.count + (first.remaining or 0)

    def _fold(self, kind: Kind[W], start: Callable[[], T], accept: str) -> T:
        for attempt in range(_ATTEMPTS):
            tally = start()
            listing = self._listing(kind, accept, limit=_PAGE_ITEMS)
            try:
                listing.read_page(tally)
                while listing.next_page:
                    listing.read_page(tally)
            except _Lost as error:
                if attempt == _ATTEMPTS - 1:
                    raise
                if not isinstance(error.__cause__, Gone):
                    time.sleep(pause_seconds(attempt))
            else:
                return tally
        raise AssertionError("the last attempt returns or raises")

    def _listing(self, kind: Kind[W], accept: str, *, limit: int) -> "_Listing[W]":
        ends_at = time.monotonic() + self._list_seconds
        return _Listing(self._transport, kind, accept, limit, self._silence_seconds, ends_at)


class _Lost(Exception):
    """A list broke off; only a new one helps."""


class _Listing(Generic[W]):
    """A list that is read page by page."""

    def __init__(
        self, transport: Transport, kind: Kind[W], accept: str, limit: int, silence_seconds: float, ends_at: float
    ) -> None:
        self._transport = transport
        self._kind = kind
        self._accept = accept
        self._silence_seconds = silence_seconds
        self._ends_at = ends_at
        self._query: dict[str, str | int] = {"limit": limit}
        if kind.small and limit > 1:
            self._query["resourceVersion"] = 0
        self.next_page = ""
        """The token of the next page, empty after the last."""
        self.remaining: int | None = None
        """How many objects are on the pages to come, where the server says so."""

    def read_page(self, tally: Tally[W]) -> None:
        """Feed one page. Raises _Lost, TimeoutError, Malformed, msgspec.ValidationError, JobsError."""
        if self.next_page:
            self._query = {"limit": self._query["limit"], "continue": self.next_page}
        splitter = Splitter(self._kind.decode)
        response = self._open()
        try:
            for parts in self._pieces(response):
                if objects := splitter.feed(*parts):
                    tally.add(objects)
            if objects := splitter.finish():
                tally.add(objects)
        except BaseException:
            # Its connection is in the middle of an answer, and can't serve another.
            response.close()
            raise
        response.release_conn()
        self.next_page, remaining = splitter.meta.next_page, splitter.meta.remaining_item_count
        self.remaining = remaining if remaining is not None and remaining >= 0 else None

    def _open(self) -> urllib3.BaseHTTPResponse:
        api = self._kind.api
        root = f"/apis/{api.group}/{api.version}" if api.group else f"/api/{api.version}"
        ask = Ask.of("list", api)
        for attempt in range(_ATTEMPTS):
            left = self._seconds_left()
            try:
                return self._transport.open_stream(
                    ask, f"{root}/{api.plural}", self._query, min(left, self._silence_seconds), accept=self._accept
                )
            except Gone as error:
                raise _Lost from error
            except TryAgain as error:
                if isinstance(error.__cause__, urllib3.exceptions.TimeoutError):
                    raise TimeoutError from error
                pause = pause_seconds(attempt, error.retry_after_seconds)
                if attempt == _ATTEMPTS - 1 or pause > self._seconds_left():
                    raise
                time.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _pieces(self, response: urllib3.BaseHTTPResponse) -> Iterator[Sequence[bytes | memoryview]]:
        try:
            yield from pieces(response, ends_at=self._ends_at)
        except urllib3.exceptions.TimeoutError as error:
            raise TimeoutError from error
        except TimeoutError:
            raise
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _Lost from error

    def _seconds_left(self) -> float:
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class _Count:
    def __init__(self) -> None:
        self.count = 0

    def add(self, objects: Sequence[object]) -> None:
        self.count += len(objects)


def _told(what: str, read: Callable[[], R]) -> R:
    """Return what `read` returns, and make ScanFailed of what goes wrong.

    It is raised where nothing is being handled: a cause would be shown with it, and servers name users and objects.
    """
    try:
        return read()
    except Forbidden:
        problem = Problem.FORBIDDEN
    except NotServed:
        problem = Problem.MISSING_API
    except TimeoutError:
        problem = Problem.TIMEOUT
    except TryAgain as error:
        silent = isinstance(error.__cause__, urllib3.exceptions.TimeoutError)
        problem = Problem.TIMEOUT if silent else Problem.FAILED
    except (JobsError, _Lost, Malformed, *UNREADABLE):
        problem = Problem.FAILED
    raise ScanFailed(problem, what)
