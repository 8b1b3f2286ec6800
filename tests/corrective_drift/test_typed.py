"""The fast judge of documents against the exact one, `agent.wire.fields.check`."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.delivery.batch import frame
from agent.levels import DataType, Level
from agent.privacy.anonymize import anonymize
from agent.wire.fields import DOCUMENTS, check
from agent.wire.records import canonical
from corrective_drift.ingest import MOST_DOCUMENTS
from corrective_drift.typed import Reader
from tests.agent.privacy.made_facts import facts
from tests.corrective_drift.documents import document, keys, outgoing
from tests.corrective_drift.running import TODAY

READER = Reader(DOCUMENTS, MOST_DOCUMENTS)
_ODD: list[Any] = [None, True, 0, 1, -1, 4.0, 10**30, "", "0", "other", "2026-02-30", "2026-11-20", [], {}, [[4, 1000]]]


def places(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document, its own first."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here, *(place for key, part in inner for place in places(part, (*here, key)))]


def changed(document: Any, draw: Any) -> Any:
    """A document with one thing done to it: replaced, removed, doubled, turned round, another key added."""
    place = draw(st.sampled_from(places(document)))
    value = document
    for key in place:
        value = value[key]
    doing = draw(st.sampled_from(["replace", "remove", "double", "reverse", "add", "shift"]))
    match value, doing:
        case dict(), "add":
            value[draw(st.sampled_from(["x", "level", "voter"]))] = draw(st.sampled_from(_ODD))
        case list(), "double" if value:
            value.append(value[-1])
        case list(), "reverse":
            value.reverse()
        case int(), "shift" if place:
            return replaced(document, place, value + draw(st.sampled_from([-4, -1, 1, 4])))
        case _, "remove" if place:
            return replaced(document, place, None, remove=True)
        case _:
            return replaced(document, place, draw(st.sampled_from(_ODD)))
    return document


def replaced(document: Any, place: tuple[Any, ...], by: Any, *, remove: bool = False) -> Any:
    if not place:
        return by
    holder = document
    for key in place[:-1]:
        holder = holder[key]
    if remove:
        del holder[place[-1]]
    else:
        holder[place[-1]] = by
    return document


@pytest.mark.parametrize("level", [Level.STANDARD, Level.DETAILED])
def test_what_agents_make_goes_the_fast_way(level: Level) -> None:
    for number in range(20):
        texts = [document(number, TODAY, level, hour=hour) for hour in range(3)]
        found = READER.read(frame(texts))
        assert found is not None
        assert [text for _, text in found] == texts
        assert {(parts.cluster_id, parts.day) for parts, _ in found} == {(keys(number).cluster_id, TODAY.isoformat())}


def test_fragments_go_the_fast_way() -> None:
    for each in outgoing(1, TODAY, Level.MINIMAL):
        ((parts, _),) = READER.read(frame([each.body])) or ()
        assert parts.voter == json.loads(each.body)["voter"]


@given(data=st.data(), level=st.sampled_from(Level))
@settings(max_examples=40, deadline=None)
def test_both_judges_agree_on_canonical_texts(data: st.DataObject, level: Level) -> None:
    made = anonymize(
        data.draw(facts()), level=level, data_types=frozenset(DataType), keys=keys(1), day=TODAY, chance=lambda: 0.5
    )
    # To make facts up takes longest, so that each of their documents is changed in several ways.
    for each in made * 4:
        value = json.loads(each.body)
        for _ in range(data.draw(st.integers(0, 3))):
            value = changed(value, data.draw)
        assert (READER.read(frame([canonical(value)])) is not None) is (check(value) == ())


@given(data=st.data())
@settings(max_examples=50, deadline=None)
def test_only_canonical_texts_go_the_fast_way(data: st.DataObject) -> None:
    content = frame([document(1, TODAY), document(1, TODAY, hour=1)])
    at = data.draw(st.integers(0, len(content)))
    put_in = data.draw(st.sampled_from([b" ", b"\n", b"0", b'"', b",", b"\\u0061", b'"day":"2026-11-20",', b"\x00"]))
    assert READER.read(content[:at] + put_in + content[at:]) is None


@pytest.mark.parametrize("documents", [0, 3])
def test_as_many_documents_as_are_taken_go_the_fast_way(documents: int) -> None:
    content = frame([document(1, TODAY, hour=hour) for hour in range(documents)])
    assert Reader(DOCUMENTS, 2).read(content) is None
