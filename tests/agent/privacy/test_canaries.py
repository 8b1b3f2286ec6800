"""Proof 1: marked names get into nothing that the anonymizer writes, in no form."""

import base64
import dataclasses
import logging
import traceback
from collections.abc import Iterator
from datetime import date
from itertools import cycle
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import Dropped
from agent.levels import DataType, Level
from agent.privacy.anonymize import anonymize
from agent.privacy.keys import Keys
from agent.wire.facts import Facts, Raw
from tests.agent.privacy.canaries import CANARIES, leaks
from tests.agent.privacy.made_facts import facts_with_names

KEYS = Keys(bytes(range(32)))
MONDAY = date(2026, 11, 23)
names = st.lists(st.sampled_from(CANARIES), min_size=1, max_size=len(CANARIES)).map(
    lambda chosen: cycle(chosen).__next__
)


def sent(facts: Facts, level: Level) -> Iterator[str | bytes]:
    """Everything that comes out, bytes and printed forms."""
    for outgoing in anonymize(
        facts, level=level, data_types=frozenset(DataType), keys=KEYS, day=MONDAY, chance=lambda: 0.5
    ):
        yield outgoing.body
        yield repr(outgoing)
        yield f"{outgoing.once}"


def every_record(value: Any) -> Iterator[Any]:
    if isinstance(value, Raw):
        yield value
        for field in dataclasses.fields(value):  # type: ignore[arg-type]  # all facts are dataclasses
            yield from every_record(getattr(value, field.name))
    elif isinstance(value, tuple):
        for each in value:
            yield from every_record(each)


@pytest.mark.parametrize("level", Level)
@settings(max_examples=30, deadline=None)
@given(draw_name=names)
def test_no_name_of_a_cluster_gets_into_a_payload_in_any_form(level: Level, draw_name: Any) -> None:
    made = facts_with_names(draw_name)
    written = list(sent(made, level))
    assert written
    assert [leak for each in written for leak in leaks(each)] == []


def test_facts_and_keys_that_are_printed_show_nothing() -> None:
    made = facts_with_names(cycle(CANARIES).__next__)
    printed = (
        "\n".join(f"{each!r} {each} {[each]}" for each in every_record(made))
        + repr(KEYS)
        + repr(KEYS.pseudonyms("2026-11"))
    )
    assert leaks(printed) == []
    assert bytes(range(32)).hex() not in printed
    assert not any(character.isdigit() for character in printed)


class Hostile:
    """An object that shows a name wherever it is asked."""

    def __repr__(self) -> str:
        return CANARIES[0]

    def __getattr__(self, name: str) -> Any:
        raise ValueError(CANARIES[1])


BROKEN = [
    CANARIES[0],
    (CANARIES[1],),
    {CANARIES[2]: 1},
    Hostile(),
    (Hostile(),),
    float("nan"),
    10**400,
    -1,
    b"canary-bytes",
    "\ud800",
]


def places() -> list[tuple[str, str]]:
    made = facts_with_names(lambda: "x")
    return [
        (subject.name, attribute.name)
        for subject in dataclasses.fields(made)
        if subject.name != "statuses"
        for attribute in dataclasses.fields(getattr(made, subject.name))
    ]


@pytest.mark.parametrize(("subject", "attribute"), places())
def test_a_broken_fact_drops_the_report_or_is_made_harmless_and_its_error_tells_the_place_only(
    subject: str, attribute: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    made = facts_with_names(lambda: "x")
    for raw in BROKEN:
        record = dataclasses.replace(getattr(made, subject), **{attribute: raw})
        broken = dataclasses.replace(made, **{subject: record})
        dropped, written = outcome(broken)
        if dropped is not None:
            assert f"{subject}.{attribute}" in str(dropped)
            assert dropped.__context__ is None, "an error that comes along would show the facts in it"
        assert [leak for each in written for leak in leaks(each)] == []
    assert leaks(caplog.text) == []


def outcome(facts: Facts) -> tuple[Dropped | None, list[str | bytes]]:
    """The error, if any, and all that is written either way."""
    try:
        return None, list(sent(facts, Level.DETAILED))
    except Dropped as error:
        return error, [str(error), repr(error), "".join(traceback.format_exception(error))]


def test_a_fact_that_no_field_describes_drops_the_report() -> None:
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Extended:
        minor: int = 36
        owner: str = CANARIES[0]

    facts = dataclasses.replace(Facts(), cluster=Extended())  # type: ignore[arg-type]
    with pytest.raises(Dropped, match=r"cluster\.owner is no field") as caught:
        list(sent(facts, Level.STANDARD))
    assert leaks(str(caught.value)) == []


@settings(deadline=None)
@given(
    canary=st.sampled_from(CANARIES),
    before=st.binary(max_size=5),
    after=st.binary(max_size=5),
    wrap=st.sampled_from(
        [
            lambda data: data,
            lambda data: data.upper(),
            lambda data: data[::-1],
            lambda data: data.hex().encode(),
            lambda data: data.hex().upper().encode(),
            lambda data: quote(data, safe="").encode(),
            lambda data: quote(data, safe="").lower().encode(),
        ]
    ),
)
def test_the_search_finds_what_is_hidden(canary: str, before: bytes, after: bytes, wrap: Any) -> None:
    data = canary.encode()
    assert leaks(before + wrap(data) + after)
    assert leaks(base64.b64encode(before + data + after))
    assert leaks(base64.urlsafe_b64encode(before + data + after))


def test_the_search_finds_nothing_where_nothing_is() -> None:
    assert leaks(b'{"nodes":{"count":"5-7"},"voter":"ecygqfhrvlqsrgpcl4pt"}') == []
