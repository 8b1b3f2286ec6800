import io
import json
import string
from datetime import UTC, datetime
from typing import Literal

import pytest

from agent.errors import StateUnusable
from agent.levels import Level
from agent.log import Event, Log
from agent.privacy.stops import Stop

_WORDS = {"collector", "ending", "level", "reason", "task"}
NOW = datetime(2026, 11, 24, 12, 30, 15, 250_000, tzinfo=UTC)


def test_a_line_of_json_has_time_event_and_fields() -> None:
    stream = io.StringIO()
    Log("json", stream).say(Event.SENT, now=NOW, documents=3, bytes=912)
    assert json.loads(stream.getvalue()) == {
        "time": "2026-11-24T12:30:15.250+00:00",
        "event": "sent",
        "documents": 3,
        "bytes": 912,
    }


def test_a_line_for_people_is_a_sentence() -> None:
    stream = io.StringIO()
    Log("console", stream).say(Event.AT_WORK, now=NOW, level=Level.STANDARD)
    assert stream.getvalue() == "2026-11-24T12:30:15Z the agent works at the level standard\n"


@pytest.mark.parametrize("form", ["console", "json"])
@pytest.mark.parametrize("value", ["node-7", b"node-7", ["node-7"], ValueError("node-7"), None])
def test_what_could_hold_a_name_is_refused_and_not_repeated(form: str, value: object) -> None:
    stream = io.StringIO()
    with pytest.raises(TypeError) as caught:
        Log(form, stream).say(Event.PAUSED, reason=value)  # type: ignore[arg-type]
    assert "node-7" not in str(caught.value) + stream.getvalue()


def test_every_event_has_a_sentence() -> None:
    for event in Event:
        names = [name for _, name, _, _ in string.Formatter().parse(event.words) if name]
        fields = dict.fromkeys(names, 1) | dict.fromkeys(_WORDS.intersection(names), Stop.NOT_ENABLED)
        stream = io.StringIO()
        Log("console", stream).say(event, now=NOW, **fields)
        assert stream.getvalue().count("\n") == 1


@pytest.mark.parametrize("form", ["console", "json"])
def test_what_is_wrong_is_one_line(form: Literal["console", "json"]) -> None:
    stream = io.StringIO()
    Log(form, stream).complain(StateUnusable("can't write\nthis: make room"), now=NOW)
    line = stream.getvalue()
    assert line.count("\n") == 1
    assert "can't write this: make room" in line
    assert line.startswith(("2026-11-24T12:30:15Z ", '{"time": "2026-11-24T12:30:15.250+00:00"'))
