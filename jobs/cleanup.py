"""Removes what runs have created: at the end of a run, and what an earlier one that was killed has left."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from jobs.cluster import Cluster
from jobs.errors import JobsError, Unavailable
from jobs.hands import patiently
from jobs.objects import Claim, ConfigMap, Job, Object, Pod, Service
from jobs.site import ALL_RUNS, RUN, Site, has_expired

KINDS: tuple[type[Object], ...] = (ConfigMap, Job, Service, Claim, Pod)
"""What a run may leave. The ConfigMap comes first: its deletion collects the rest even if we are ended here."""
_PATIENCE_SECONDS = 60.0
# The garbage collector and the grace of pods take seconds: look soon, then ever less often.
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.25, 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """An object that a run has left."""

    kind: str
    namespace: str
    name: str
    run_id: str


def remove_run(cluster: Cluster, site: Site, *, patience_seconds: float = _PATIENCE_SECONDS) -> tuple[Leftover, ...]:
    """Delete all objects of a run and see them gone; return what is still there when patience ends.

    Raises JobsError where a kind could not be looked at; what there is of the others was deleted all the same.
    """
    return _remove(cluster, site.namespace, site.selector, lambda _: True, patience_seconds)


def sweep(
    cluster: Cluster,
    *,
    namespace: str | None,
    now: datetime,
    older_than: timedelta,
    patience_seconds: float = _PATIENCE_SECONDS,
) -> tuple[tuple[Leftover, ...], tuple[Leftover, ...]]:
    """Delete what runs have left that are over, or older than `older_than`; return what was found, and what remains.

    `namespace` None looks into all of them. A run under way is younger, and not over: it is left alone unless
    `older_than` is zero. Raises Unavailable where the permission to look is lacking, another JobsError as `remove_run`.
    """
    which = _left(now, older_than)
    found, unknown = _matching(cluster, namespace, ALL_RUNS, which)
    remaining = _remove(cluster, namespace, ALL_RUNS, which, patience_seconds) if found or unknown else ()
    return tuple(map(_leftover, found)), remaining


def left_behind(
    cluster: Cluster, *, namespace: str | None, now: datetime, older_than: timedelta
) -> tuple[Leftover, ...]:
    """Return what `sweep` would remove; change nothing. Raises as that does."""
    found, unknown = _matching(cluster, namespace, ALL_RUNS, _left(now, older_than))
    if unknown is not None:
        raise unknown
    return tuple(map(_leftover, found))


def _left(now: datetime, older_than: timedelta) -> Callable[[Object], bool]:
    """Return whether an object belongs to a run that is over, or is old enough to."""

    def left(record: Object) -> bool:
        created_at = record.meta.created_at
        return bool(has_expired(record.meta.labels, now)) or created_at is None or now - created_at >= older_than

    return left


def _remove(
    cluster: Cluster,
    namespace: str | None,
    labels: str,
    which: Callable[[Object], bool],
    patience_seconds: float,
) -> tuple[Leftover, ...]:
    """Delete until nothing is there: what a controller made meanwhile is found on the next look."""
    deadline, pause_seconds = time.monotonic() + patience_seconds, _FIRST_PAUSE_SECONDS
    while True:
        there, unknown = _matching(cluster, namespace, labels, which)
        for record in there:
            if record.meta.deleted_at is None:
                _delete(cluster, record)
        spent = time.monotonic() > deadline
        if unknown is not None and spent:
            raise unknown
        if spent or not (there or unknown):
            return tuple(map(_leftover, there))
        time.sleep(pause_seconds)
        pause_seconds = min(_LONGEST_PAUSE_SECONDS, 1.5 * pause_seconds)


def _matching(
    cluster: Cluster, namespace: str | None, labels: str, which: Callable[[Object], bool]
) -> tuple[Sequence[Object], JobsError | None]:
    """Return what is there of all kinds that can be looked at, and what kept one from it that may hold more.

    Raises JobsError where it is none of them.
    """
    found: list[Object] = []
    failed: list[JobsError] = []
    unknown: JobsError | None = None
    for kind in KINDS:
        look = partial(cluster.list_all, kind, namespace=namespace, labels=labels)
        try:
            # What one kind was waited for in vain is not waited for again with each of the others.
            listed = patiently(look) if unknown is None else look()
        except JobsError as error:
            failed.append(error)
            # Who may not list a kind has hardly created any, and its owner's deletion would collect it.
            unknown = unknown or (None if isinstance(error, Unavailable) else error)
        else:
            found += filter(which, listed.items)
    if len(failed) == len(KINDS):
        raise failed[0]
    return found, unknown


def _delete(cluster: Cluster, record: Object) -> None:
    # A pod goes with its Job, which would make another one if it were deleted first.
    if isinstance(record, Pod) and any(owner.kind == "Job" for owner in record.meta.owners):
        return
    with suppress(JobsError):
        cluster.delete(type(record), record.meta.name, namespace=record.meta.namespace)


def _leftover(record: Object) -> Leftover:
    meta = record.meta
    return Leftover(kind=record.api.kind, namespace=meta.namespace, name=meta.name, run_id=meta.labels.get(RUN, ""))
