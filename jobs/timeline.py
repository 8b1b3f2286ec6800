"""How a pod came up, from what a watch told and when it arrived. Pure.

The truth is the arrival on the client's monotonic clock: the API's own stamps are whole seconds
(https://github.com/kubernetes/kubernetes/issues/81026), good enough to contradict a wrong clock and no more. Two things
make an arrival say less than it seems to, and are kept with it: the first news after a gap may be old, and milestones
that arrive in one update were reached apart at unknown times. That an image had to be pulled is known from the
kubelet's events, which a busy server drops; where there is none, the image counts as neither warm nor cold.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum, StrEnum
from itertools import pairwise

from jobs import duration
from jobs.cluster import Arrival, Change
from jobs.objects import Event, Pod, condition

ARRIVAL_RESOLUTION_NS = 10_000_000
"""How exact an arrival is: 99 % come within 5 to 14 ms of what they tell (docs/cluster.md, what the launcher costs)."""
# The kubelet sets both in one update unless a readiness probe stands between them.
_TOGETHER_BY_NATURE = frozenset({"STARTED", "READY"})
_PULLED = re.compile(r"Successfully pulled image .+? in (\S+)")


class Milestone(IntEnum):
    """What a pod reaches, in this order."""

    CREATED = 0
    SCHEDULED = 1
    SANDBOX = 2
    """Volumes are mounted and the network is there: the condition PodReadyToStartContainers, since Kubernetes 1.29."""
    STARTED = 3
    """The image is there and every container's process has been started."""
    READY = 4


class Image(StrEnum):
    """Whether a pod's image was on its node."""

    WARM = "present"
    COLD = "pulled"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When a milestone was seen to be reached."""

    at_ns: int
    """By the client's monotonic clock."""
    late: bool = False
    """Whether it was the first news after a gap, so that it may have been reached before."""
    apart: bool = True
    """Whether it arrived in an update of its own; if not, it was reached at some time before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Startup:
    """How far one pod has come."""

    name: str
    uid: str
    node: str = ""
    seen: Mapping[Milestone, Moment] = field(default_factory=dict)
    stamps: Mapping[Milestone, datetime] = field(default_factory=dict)
    """The server's own, of whole seconds, each by the clock of whoever set it."""

    def between_ns(self, first: Milestone, last: Milestone) -> int | None:
        """Return how long it took from one milestone to another; None where that can't be told."""
        begin, end = self.seen.get(first), self.seen.get(last)
        if begin is None or end is None or begin.late or end.late:
            return None
        # What came together with a later milestone was reached earlier than it seems, nobody knows how much.
        return end.at_ns - begin.at_ns if begin.apart and end.apart else None

    def contradiction_seconds(self, first: Milestone, last: Milestone) -> float:
        """Return by how much the server's stamps contradict the arrivals; 0 where they agree to their ± 1 s.

        Stamps are cut to the second, so that their difference is less than a second off in either direction.
        """
        told = self.between_ns(first, last)
        if told is None or first not in self.stamps or last not in self.stamps:
            return 0.0
        stamped = (self.stamps[last] - self.stamps[first]).total_seconds()
        return max(0.0, abs(told / 1e9 - stamped) - 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """What the kubelet told about a pod's image."""

    image: Image
    seconds: float | None = None
    """How long pulling it took, by the node's own clock; None where it was there."""


def follow(startup: Startup | None, arrival: Arrival[Pod], *, late: bool) -> Startup:
    """Take in an update; `late` says that it is the first one of this pod after a gap."""
    pod = arrival.record
    known = startup or Startup(name=pod.meta.name, uid=pod.meta.uid)
    # A pod that is first heard of as anything but new was created before.
    late = late or arrival.change is Change.LISTED or (startup is None and arrival.change is not Change.ADDED)
    fresh = [milestone for milestone in _reached(pod) if milestone not in known.seen]
    if not fresh and known.node == pod.node:
        return known
    together = {earlier for earlier, later in pairwise(fresh) if not _together_by_nature(earlier, later)}
    moments = {each: Moment(at_ns=arrival.arrived_ns, late=late, apart=each not in together) for each in fresh}
    stamps = {each: stamp for each in fresh if (stamp := _stamp(pod, each)) is not None}
    return replace(known, node=pod.node, seen={**known.seen, **moments}, stamps={**known.stamps, **stamps})


def pull_told(event: Event) -> Pull | None:
    """Return what an event tells about a pod's image, None where it tells nothing."""
    if event.reason != "Pulled" or event.regarding_kind != "Pod":
        return None
    if "already present on machine" in event.note:
        return Pull(image=Image.WARM)
    match = _PULLED.match(event.note)
    return Pull(image=Image.COLD, seconds=duration.parse(match[1])) if match else None


def _reached(pod: Pod) -> Iterator[Milestone]:
    yield Milestone.CREATED
    if pod.node:
        yield Milestone.SCHEDULED
    if condition(pod.conditions, "PodReadyToStartContainers"):
        yield Milestone.SANDBOX
    if pod.containers and all(each.started_at is not None or each.state == "running" for each in pod.containers):
        yield Milestone.STARTED
    if condition(pod.conditions, "Ready"):
        yield Milestone.READY


def _stamp(pod: Pod, milestone: Milestone) -> datetime | None:
    match milestone:
        case Milestone.CREATED:
            return pod.meta.created_at
        case Milestone.STARTED:
            # Of several containers the last: only then are all of them started.
            return max((each.started_at for each in pod.containers if each.started_at is not None), default=None)
        case _:
            met = condition(pod.conditions, _CONDITIONS[milestone])
            return met.changed_at if met is not None else None


_CONDITIONS = {
    Milestone.SCHEDULED: "PodScheduled",
    Milestone.SANDBOX: "PodReadyToStartContainers",
    Milestone.READY: "Ready",
}


def _together_by_nature(earlier: Milestone, later: Milestone) -> bool:
    return {earlier.name, later.name} == _TOGETHER_BY_NATURE
