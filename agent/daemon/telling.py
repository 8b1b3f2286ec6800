"""What the log says about a collection and a flush: words of closed lists and numbers."""

from collections.abc import Mapping
from enum import StrEnum

from agent.delivery.answers import Action
from agent.delivery.flush import Flushed
from agent.log import Event, Log


class Collector(StrEnum):
    """`agent.wire.vocabulary.COLLECTORS`, as the log takes words."""

    BENCHMARKS = "benchmarks"
    CLUSTER = "cluster"
    NODES = "nodes"
    PLATFORM = "platform"
    POLICIES = "policies"
    USAGE = "usage"
    WORKLOADS = "workloads"


class Ended(StrEnum):
    """`agent.wire.vocabulary.STATUSES`, the same way."""

    FAILED = "failed"
    FORBIDDEN = "forbidden"
    MISSING_API = "missing_api"
    OFF = "off"
    OK = "ok"
    TIMEOUT = "timeout"


def tell_collected(log: Log, statuses: Mapping[str, str], unreadable: Mapping[str, int], seconds: float) -> None:
    """Say how long it took, which collectors could not read all, and which had to leave out objects."""
    log.say(Event.COLLECTED, seconds=seconds)
    for name, status in sorted(statuses.items()):
        if status not in {Ended.OK, Ended.OFF}:
            log.say(Event.COLLECTOR_FAILED, collector=Collector(name), reason=Ended(status))
    for name, objects in sorted(unreadable.items()):
        log.say(Event.OBJECTS_LEFT_OUT, collector=Collector(name), objects=objects)


def tell_flushed(log: Log, flushed: Flushed, *, failures: int) -> None:
    """Say what was sent, and each change of state in one line: an outage of days must not fill the log."""
    if flushed.recovered:
        log.say(Event.SEND_RECOVERED)
    done = [each for each in flushed.attempts if each.action is Action.DONE]
    if done:
        log.say(Event.SENT, documents=sum(each.documents for each in done), bytes=sum(each.bytes for each in done))
    if flushed.lost_documents:
        log.say(Event.LOST, documents=flushed.lost_documents)
    for each in flushed.attempts:
        if each.action is Action.BURY and each.status is not None:
            log.say(Event.REFUSED, status=each.status)
    last = flushed.last
    if last is not None and last.action in {Action.RETRY, Action.PAUSE} and failures <= 1:
        log.say(Event.SEND_FAILED, status=last.status or 0, reason=last.failure or last.action)
