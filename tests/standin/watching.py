"""What the API serves as a stream: watches, one JSON line a change, and logs that are followed."""

import time
from collections.abc import Iterator

import msgspec

from tests.standin.api import Api, Query, Target, container_of, is_selected
from tests.standin.problem import Problem
from tests.standin.store import Write

_LOG_SECONDS = 0.01
"""How often a log is looked at that is followed; kubelet is told by inotify."""
_PATIENCE_SECONDS = 0.5
"""How often a watch that has nothing to tell looks whether it is to end."""


def lines(api: Api, target: Target, query: Query) -> Iterator[bytes]:
    """Yield lines until the time that the client set is over; an empty one asks whether the client is still there.

    Only watches that begin where a list ended are served, as of clients that need all changes. Raises
    ConnectionAbortedError where a test wants the connection cut.
    """
    yield b""
    opened_ns = time.monotonic_ns()
    ends_at = time.monotonic() + float(query.get("timeoutSeconds") or 1800)
    bookmarks = query.get("allowWatchBookmarks") == "true"
    bookmark_at = time.monotonic() + api.bookmark_seconds
    problem = api.faults.of_watch(target.resource.plural)
    version = int(query["resourceVersion"])
    while (now := time.monotonic()) < ends_at:
        if api.faults.is_cut(opened_ns):
            raise ConnectionAbortedError
        try:
            if problem is not None:
                raise problem
            current, writes = api.store.version, api.store.writes_since(target.resource, version)
        except Problem as lost:
            yield _line("ERROR", lost.status)
            return
        for write in writes:
            version = write.version
            if line := _seen(write, target, query):
                time.sleep(api.faults.watch_delay_seconds)
                yield line
        version = max(version, current)
        if bookmarks and now >= bookmark_at:
            bookmark_at = now + api.bookmark_seconds
            kind = {"kind": target.resource.kind, "apiVersion": target.resource.api_version}
            yield _line("BOOKMARK", kind | {"metadata": {"resourceVersion": str(version)}})
        patience = min(_PATIENCE_SECONDS, ends_at - now, api.bookmark_seconds)
        if not api.store.wait_for_write(target.resource, version, patience):
            yield b""


def log(api: Api, target: Target, query: Query) -> Iterator[bytes]:
    """Yield a container's log as it grows, until the container has ended. Raises 400 before it has started."""
    opened_ns = time.monotonic_ns()
    pod = api.store.get(target.resource, target.name, target.namespace)
    told = 0
    while True:
        if api.faults.is_cut(opened_ns):
            raise ConnectionAbortedError
        text, is_complete = api.read_log(pod, container_of(pod, query))
        yield text[told:]
        told = len(text)
        if is_complete:
            return
        time.sleep(_LOG_SECONDS)


def _seen(write: Write, target: Target, query: Query) -> bytes | None:
    """Return the line that a watch with these selectors gets for a change, if it gets one."""
    if target.namespace and write.thing["metadata"].get("namespace") != target.namespace:
        return None
    now = is_selected(write.thing, query)
    before = write.before is not None and is_selected(write.before, query)
    if write.type != "MODIFIED":
        return write.line if now else None
    if now:
        return write.line if before else _line("ADDED", write.thing)
    return _line("DELETED", write.thing) if before else None


def _line(kind: str, thing: object) -> bytes:
    return msgspec.json.encode({"type": kind, "object": thing}) + b"\n"
