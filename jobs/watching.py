"""The watches of a run, one thread each, that keep its board up to date."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from jobs.board import Board
from jobs.cluster import Cluster, Watch
from jobs.errors import JobsError, Unavailable
from jobs.objects import Claim, EndpointSlice, Event, Job, Object, Pod
from jobs.site import Site

_NEEDED: tuple[type[Object], ...] = (Pod, Job)
# Without these a run is only less well explained, or lacks a time.
_WELCOME: tuple[type[Object], ...] = (Claim, EndpointSlice, Event)


@contextmanager
def watched(cluster: Cluster, site: Site, board: Board) -> Iterator[tuple[str, ...]]:
    """Keep the board up to date while the block runs; yield what can't be watched, and why.

    Raises Unavailable where pods or Jobs can't be watched. A watch that breaks for good later stops the board.
    """
    refused: list[str] = []
    threads: list[threading.Thread] = []
    try:
        with ExitStack() as stack:
            for kind in (*_NEEDED, *_WELCOME):
                try:
                    watch = _begin(cluster, site, kind)
                except Unavailable as error:
                    if kind in _NEEDED:
                        raise
                    refused.append(f"{kind.api.plural}: {error}")
                    continue
                stack.callback(watch.close)
                thread = threading.Thread(target=_carry, args=(watch, kind, board), name=kind.api.plural, daemon=True)
                thread.start()
                threads.append(thread)
            yield tuple(refused)
    finally:
        for thread in threads:
            thread.join()


def _begin(cluster: Cluster, site: Site, kind: type[Object]) -> Watch[Object]:
    # The server gives events no labels of ours; the board picks those that regard our objects.
    labels = "" if kind is Event else site.selector
    since = cluster.list_all(kind, namespace=site.namespace, labels=labels).resource_version
    return cluster.watch(kind, since=since, namespace=site.namespace, labels=labels)


def _carry(watch: Watch[Object], kind: type[Object], board: Board) -> None:
    try:
        for item in watch:
            board.take(kind, item)
    except JobsError as error:
        if kind in _NEEDED:
            board.stop(error)
