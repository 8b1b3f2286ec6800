"""A Kubernetes cluster through its API; implements `jobs.cluster.Cluster`.

This package is the only place that talks to the API. The official client finds the server and the credentials
(`login`); the requests are our own, because its typed lists cost a hundred times the time and memory of reading the few
fields that are kept (`records`), and its watch hides when a line arrived and what was missed.
"""

from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from agent.kube.errors import UNREADABLE, Ask, Gone, http_date, warnings
from agent.kube.http import Transport
from agent.kube.login import log_in
from agent.kube.records import READERS, meta
from agent.kube.stream import KubeFollow, LineStream
from agent.kube.watch import KubeWatch, Snapshot
from agent.kube.wire import ObjectWire, ReviewWire, VersionWire
from jobs.cluster import Created, Follow, Listing, Manifest, Permission, Version, Watch
from jobs.errors import InvalidRequest, JobsError, Missing, TryAgain, Unavailable
from jobs.objects import Api, Object

R = TypeVar("R", bound=Object)

# kubectl's own, and what the API's documentation recommends.
_PAGE_ITEMS = 500
# A listing that is forgotten while its pages are read is begun anew; a third time means that it can't be read at all.
_LISTING_ATTEMPTS = 3
# How long a kubelet keeps a silent stream open (streamingConnectionIdleTimeout).
_FOLLOW_SECONDS = 4 * 3600.0
_KINDS = {(kind.api.api_version, kind.api.kind): kind.api for kind in READERS}
_REVIEWS = Api(
    group="authorization.k8s.io",
    version="v1",
    kind="SelfSubjectAccessReview",
    plural="selfsubjectaccessreviews",
    namespaced=False,
)
_VERSION = Ask(verb="get", resource="/version")


def connect(*, context: str | None = None, kubeconfig: str | None = None) -> "Kube":
    """Return the cluster that kubectl would use. Nothing is sent yet. Raises InvalidRequest, Unavailable."""
    login = log_in(context=context, kubeconfig=kubeconfig)
    return Kube(Transport(login), namespace=login.namespace)


class Kube:
    """The cluster. Every method may be called from any thread; errors are those of `jobs.errors`."""

    def __init__(self, transport: Transport, *, namespace: str) -> None:
        self._transport = transport
        self.namespace = namespace
        """The one that the context names; `default` where it names none."""

    def version(self) -> Version:
        """Return the server's version."""
        answer = self._transport.call(_VERSION, "GET", "/version")
        read = _decoded(_VERSION, VersionWire, answer.body)
        server_time = http_date(answer.headers.get("Date"))
        return Version(git_version=read.git_version, platform=read.platform, server_time=server_time)

    def create(self, manifest: Manifest, *, dry_run: bool = False) -> Created:
        """Create the object; a dry run goes through admission and stores nothing."""
        api = _KINDS.get((manifest.get("apiVersion", ""), manifest.get("kind", "")))
        if api is None:
            raise InvalidRequest(f"can't create a {manifest.get('apiVersion')} {manifest.get('kind')}: unknown here")
        named = manifest.get("metadata", {})
        namespace = named.get("namespace", self.namespace) if api.namespaced else None
        ask = Ask.of("create", api, namespace, named.get("name", ""))
        query = {"dryRun": "All"} if dry_run else None
        answer = self._transport.call(ask, "POST", _path(api, namespace), query=query, body=manifest)
        created = _decoded(ask, ObjectWire, answer.body)
        return Created(meta=meta(created.metadata), warnings=warnings(answer.headers.getlist("Warning")))

    def read(self, kind: type[R], name: str, *, namespace: str | None = None) -> R:
        """Return one object. Raises Missing."""
        ask = Ask.of("get", kind.api, namespace, name)
        answer = self._transport.call(ask, "GET", _path(kind.api, namespace, name))
        try:
            record: R = READERS[kind].one(answer.body)
        except (*UNREADABLE, ValueError) as error:
            raise _unreadable(ask) from error
        return record

    def delete(
        self, kind: type[Object], name: str, *, namespace: str | None = None, grace_seconds: int | None = None
    ) -> None:
        """Ask for deletion, with what the object owns following in the background. Raises Missing."""
        options: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        ask = Ask.of("delete", kind.api, namespace, name)
        self._transport.call(ask, "DELETE", _path(kind.api, namespace, name), body=options)

    def list_all(
        self, kind: type[R], *, namespace: str | None = None, labels: str = "", fields: str = ""
    ) -> Listing[R]:
        """Return all objects whose labels and fields match the selectors, read page by page."""
        snapshot = self._snapshot(kind, namespace, {"labelSelector": labels, "fieldSelector": fields})
        return Listing(
            items=tuple(record for record, _ in snapshot.records), resource_version=snapshot.resource_version
        )

    def watch(self, kind: type[R], *, since: str, namespace: str | None = None, labels: str = "") -> Watch[R]:
        """Watch from the resource version `since` of a listing with the same selectors. Returns at once."""
        selectors = {"labelSelector": labels}
        return KubeWatch(
            self._transport,
            kind,
            _path(kind.api, namespace),
            _given(selectors),
            lambda: self._snapshot(kind, namespace, selectors),
            since=since,
        )

    def read_log(self, pod: str, *, namespace: str, container: str, limit_bytes: int, tail_lines: int) -> bytes:
        """Return the last lines of a log, at most `limit_bytes` of them, cut at the end.

        Raises Missing where there is no such pod, or its container never started.
        """
        pods = _KINDS[("v1", "Pod")]
        query = {"container": container, "limitBytes": limit_bytes, "tailLines": tail_lines}
        ask = Ask.of("get", pods, namespace, pod, "log")
        try:
            return self._transport.call(ask, "GET", _path(pods, namespace, pod) + "/log", query=query).body
        except InvalidRequest as error:
            # 400 is what the server answers while a container waits to start.
            raise Missing(f"there is no log of pod {pod}: {error}") from error

    def follow_log(self, pod: str, *, namespace: str, container: str) -> Follow:
        """Follow a log from its beginning. Raises Missing, TryAgain while the container is waiting to start."""
        pods = _KINDS[("v1", "Pod")]
        ask = Ask.of("get", pods, namespace, pod, "log")
        query = {"container": container, "follow": "true"}
        try:
            response = self._transport.open_stream(
                ask, _path(pods, namespace, pod) + "/log", query, read_seconds=_FOLLOW_SECONDS
            )
        except InvalidRequest as error:
            raise TryAgain(f"there is no log of pod {pod} yet: {error}") from error
        return KubeFollow(LineStream(response, ask))

    def may(self, verb: str, kind: type[Object], *, namespace: str | None = None, subresource: str = "") -> Permission:
        """Ask whether we may, such as `get` of Pod with the subresource `log`."""
        attributes = {
            "verb": verb,
            "group": kind.api.group,
            "version": kind.api.version,
            "resource": kind.api.plural,
            "subresource": subresource,
            "namespace": namespace or "",
        }
        body = {
            "apiVersion": _REVIEWS.api_version,
            "kind": _REVIEWS.kind,
            "spec": {"resourceAttributes": attributes},
        }
        ask = Ask.of("create", _REVIEWS)
        read = _decoded(ask, ReviewWire, self._transport.call(ask, "POST", _path(_REVIEWS, None), body=body).body)
        return Permission(allowed=read.status.allowed, reason=read.status.reason)

    def _snapshot(self, kind: type[R], namespace: str | None, selectors: dict[str, str]) -> Snapshot[R]:
        for _ in range(_LISTING_ATTEMPTS):
            try:
                pages = list(self._pages(kind, namespace, selectors))
            except Gone:
                continue  # The token of the next page has expired.
            records = [(record, arrived_ns) for page, arrived_ns, _ in pages for record in page]
            return Snapshot(records=records, resource_version=pages[-1][2])
        raise TryAgain(f"can't list {kind.api.plural}: the server forgets the list sooner than its pages can be read")

    def _pages(
        self, kind: type[R], namespace: str | None, selectors: dict[str, str]
    ) -> Iterator[tuple[list[R], int, str]]:
        ask = Ask.of("list", kind.api, namespace)
        query = _given(selectors) | {"limit": str(_PAGE_ITEMS)}
        while True:
            answer = self._transport.call(ask, "GET", _path(kind.api, namespace), query=query)
            try:
                records, resource_version, next_page = READERS[kind].page(answer.body)
            except (*UNREADABLE, ValueError) as error:
                raise _unreadable(ask) from error
            yield records, answer.arrived_ns, resource_version
            if not next_page:
                return
            query["continue"] = next_page


def _given(query: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in query.items() if value}


def _path(api: Api, namespace: str | None, name: str = "") -> str:
    root = f"/apis/{api.group}/{api.version}" if api.group else f"/api/{api.version}"
    scope = f"/namespaces/{namespace}" if api.namespaced and namespace else ""
    return f"{root}{scope}/{api.plural}" + (f"/{name}" if name else "")


T = TypeVar("T")


def _decoded(ask: Ask, shape: type[T], body: bytes) -> T:
    try:
        return msgspec.json.decode(body, type=shape)
    except UNREADABLE as error:
        raise _unreadable(ask) from error


def _unreadable(ask: Ask) -> JobsError:
    return Unavailable(f"can't {ask}: the answer is not in the API's format: is this a Kubernetes API server?")
