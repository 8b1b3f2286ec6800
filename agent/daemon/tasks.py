"""What the daemon has done in child processes, and what they tell when they end.

Kept free of everything heavy: the resident process imports this. A report of a task is JSON on its standard output,
made of numbers and words of closed lists.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Task(StrEnum):
    """One thing to do."""

    START = "start"
    """Put the state directory in order, bind the configuration's consent, and check."""
    CHECK = "check"
    """See whether anything stops the agent, and tell what waits."""
    REPORT = "report"
    """Collect, merge, anonymize, and put into the outbox."""
    PROBE = "probe"
    """Launch probe Jobs, and keep what they measured."""
    SEND = "send"
    """Send what is due."""


class Ending(StrEnum):
    """How a task ended."""

    DONE = "done"
    PAUSED = "paused"
    """Something stands against working: see `stop`."""
    DROPPED = "dropped"
    """The report could not be anonymized."""
    REFUSED = "refused"
    """The guard found that the cluster must not be probed now."""
    UNAVAILABLE = "unavailable"
    """The cluster can't be used now."""
    PUT_OFF = "put_off"
    """The cluster can't be used now, and the task is tried again before its next time."""
    UNUSABLE = "unusable"
    """The state directory or the configuration can't be used: nothing may be done until that is mended."""
    INTERRUPTED = "interrupted"
    """It was asked to stop."""
    FAILED = "failed"
    """A fault, or the child died."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskReport:
    """What a task tells."""

    ending: Ending
    stop: str | None = None
    """A word of `agent.privacy.stops.Stop`: why the agent is paused."""
    problem: str | None = None
    """What went wrong and what to do, in one line. Only words of our own: nothing of a cluster stands in it."""
    refusal: int | None = None
    """The status by which the service refuses everything from us until somebody mends that, such as 401."""
    seconds: float = 0.0
    statuses: Mapping[str, str] = field(default_factory=dict)
    """Collector -> how it ended."""
    unreadable: Mapping[str, int] = field(default_factory=dict)
    """Collector -> how many objects it left out, since amounts in them can't be read."""
    queued: int = 0
    """Documents put into the outbox."""
    sent: Mapping[str, int] = field(default_factory=dict)
    """How a request ended -> how many did."""
    documents_sent: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Why documents were lost -> how many."""
    measured: int = 0
    """Probes that measured."""
    unavailable: int = 0
    """Probes that didn't."""
    findings: Mapping[str, int] = field(default_factory=dict)
    """Kind of drift -> how many findings."""

    def to_json(self) -> bytes:
        """Return it as a line of JSON."""
        return json.dumps(asdict(self)).encode()


def read_report(text: bytes) -> TaskReport:
    """Read what a child wrote; whatever is not a report is that of a child that died."""
    try:
        values: dict[str, Any] = json.loads(text)
        return TaskReport(**{**values, "ending": Ending(values["ending"])})
    except (ValueError, TypeError, KeyError):
        return TaskReport(ending=Ending.FAILED)
