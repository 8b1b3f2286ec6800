"""What the agent says while it works, one line an event; nothing that was collected can get into it.

An event is one of a closed list and its fields are numbers, switches and words of closed lists: a name, an address or
an error's text can't be given. What other packages would log is not shown (`agent.quiet`): HTTP clients log addresses.
"""

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum, StrEnum
from typing import Literal, Protocol, TextIO

from agent.errors import AgentError

Field = bool | int | float | Enum


class Sayable(Protocol):
    """An event of a closed list: the agent's below, or the service's own."""

    @property
    def value(self) -> str:
        """The word in JSON."""

    @property
    def words(self) -> str:
        """The sentence for people, in which `{field}` stands for a field."""


class Event(StrEnum):
    """What the agent can say. The value is the word in JSON; `words` has the sentence for people."""

    STARTED = "started"
    AT_WORK = "at_work"
    STOPPING = "stopping"
    STOPPED = "stopped"
    PAUSED = "paused"
    RESUMED = "resumed"
    COLLECTED = "collected"
    COLLECTOR_FAILED = "collector_failed"
    OBJECTS_LEFT_OUT = "objects_left_out"
    TASK_FAILED = "task_failed"
    REPORT_DROPPED = "report_dropped"
    QUEUED = "queued"
    LOST = "lost"
    SENT = "sent"
    SEND_FAILED = "send_failed"
    SEND_RECOVERED = "send_recovered"
    REFUSED = "refused"
    PROBES_STARTED = "probes_started"
    PROBES_ENDED = "probes_ended"
    PROBES_REFUSED = "probes_refused"
    DRIFT_FOUND = "drift_found"
    OUTBOX_SET_ASIDE = "outbox_set_aside"

    @property
    def words(self) -> str:
        """The sentence for people, in which `{field}` stands for a field."""
        return _WORDS[self]


_WORDS = {
    Event.STARTED: "started; looking whether it may work at the level {level}",
    Event.AT_WORK: "the agent works at the level {level}",
    Event.STOPPING: "stopping: nothing new is begun",
    Event.STOPPED: "stopped; documents waiting in the outbox: {waiting}",
    Event.PAUSED: "paused: {reason}",
    Event.RESUMED: "resumed",
    Event.COLLECTED: "collected in {seconds:.1f} s",
    Event.COLLECTOR_FAILED: "the collector {collector} could not read all: {reason}",
    Event.OBJECTS_LEFT_OUT: "the collector {collector} left out {objects} objects: amounts in them can't be read",
    Event.TASK_FAILED: "the task {task} ended without success: {ending}",
    Event.REPORT_DROPPED: "a report could not be anonymized and was dropped",
    Event.QUEUED: "documents put into the outbox: {documents} ({bytes} bytes)",
    Event.LOST: "documents that left the outbox unsent: {documents}; see `telemetry-agent audit show`",
    Event.SENT: "documents sent: {documents} ({bytes} bytes)",
    Event.SEND_FAILED: "the service takes nothing now ({reason}, status {status}): what waits is kept and sent later",
    Event.SEND_RECOVERED: "the service can be reached again",
    Event.REFUSED: "the service refused a batch ({status}): kept as a dead letter, see `telemetry-agent status`",
    Event.PROBES_STARTED: "probe Jobs started",
    Event.PROBES_ENDED: "probe Jobs ended after {seconds:.0f} s: {measured} probes measured, {unavailable} unavailable",
    Event.PROBES_REFUSED: "probe Jobs were not started: the cluster must not be probed now",
    Event.DRIFT_FOUND: "drift found: {findings} findings, see `telemetry-agent drift`",
    Event.OUTBOX_SET_ASIDE: "the outbox was corrupt: it was set aside and begun anew",
}


class Log:
    """Writes events to a stream, one line each."""

    def __init__(self, form: Literal["console", "json"], stream: TextIO = sys.stderr) -> None:
        self._form = form
        self._stream = stream

    def say(self, event: Sayable, *, now: datetime | None = None, **fields: Field) -> None:
        """Write an event. Raises TypeError for a field that could hold what was collected."""
        values = {name: _plain(name, value) for name, value in fields.items()}
        at = (now or datetime.now(UTC)).astimezone(UTC)
        line = _as_json(event, at, values) if self._form == "json" else _as_text(event, at, values)
        self._write(line)

    def complain(self, error: AgentError, *, now: datetime | None = None) -> None:
        """Write what is wrong and what to do. By the law of `agent.errors` no message holds what was collected."""
        at = (now or datetime.now(UTC)).astimezone(UTC)
        text = " ".join(str(error).split())
        if self._form == "json":
            self._write(json.dumps({"time": at.isoformat(timespec="milliseconds"), "event": "problem", "text": text}))
        else:
            self._write(f"{at:%Y-%m-%dT%H:%M:%SZ} {text}")

    def _write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()


def _plain(name: str, value: Field) -> bool | float | str:
    match value:
        case Enum():
            return str(value.value)
        case bool() | int() | float():
            return value
        case _:
            # Not even its type's repr: a message must not become the leak.
            raise TypeError(f"the log takes numbers, switches and enums: {name} is none of them")


def _as_json(event: Sayable, at: datetime, values: Mapping[str, bool | float | str]) -> str:
    return json.dumps({"time": at.isoformat(timespec="milliseconds"), "event": event.value, **values})


def _as_text(event: Sayable, at: datetime, values: Mapping[str, bool | float | str]) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ} {event.words.format_map(values)}"
