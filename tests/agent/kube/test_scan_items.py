"""Lists in pieces: whatever the pieces are, the objects are those of the whole."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.kube.scan_items import LONGEST_OBJECT_BYTES, Malformed, Splitter

Objects = list[dict[str, Any]]
COMPACT, PRETTY = (",", ":"), None
# What tempts: the beginning of an object, within a text and within an object.
texts = st.one_of(st.text(max_size=20), st.sampled_from(['},{"metadata":{', ',{"metadata":', "]}", '\\"', "☃"]))
objects = st.builds(
    lambda name, note, inner: {
        "metadata": {"name": name},
        "note": note,
        "inner": [{"metadata": {}} for _ in range(inner)],
    },
    texts,
    texts,
    st.integers(0, 3),
)
lists = st.lists(objects, max_size=6)
sizes = st.integers(1, 200)


def go_list(items: Objects, *, pretty: bool = False) -> bytes:
    whole = {"kind": "ThingList", "apiVersion": "v1", "metadata": {"resourceVersion": "7", "continue": "t]}"}}
    return dump(whole | {"items": items}, pretty=pretty)


def custom_list(items: Objects) -> bytes:
    """Names in alphabetical order, as the server writes lists of custom resources."""
    metadata = {"continue": "t", "resourceVersion": "7"}
    return dump({"apiVersion": "v1", "items": items, "kind": "ThingList", "metadata": metadata}, pretty=False)


def dump(whole: dict[str, Any], *, pretty: bool) -> bytes:
    text = json.dumps(whole, indent=2) if pretty else json.dumps(whole, separators=(",", ":"))
    return text.encode() + b"\n"


def read(body: bytes, size: int) -> tuple[Objects, str]:
    splitter: Splitter[dict[str, Any]] = Splitter(msgspec.json.Decoder(list[dict[str, Any]]).decode)
    found = []
    for at in range(0, len(body), size):
        found += splitter.feed(body[at : at + size])
    found += splitter.finish()
    return found, splitter.meta.next_page


@given(lists, sizes, st.booleans())
def test_objects_are_those_of_the_whole_however_it_is_cut(items: Objects, size: int, pretty: bool) -> None:  # noqa: FBT001 - drawn
    assert read(go_list(items, pretty=pretty), size) == (items, "t]}")


@given(lists, sizes)
def test_metadata_may_come_after_the_items(items: Objects, size: int) -> None:
    assert read(custom_list(items), size) == (items, "t")


@given(st.lists(objects, min_size=1, max_size=4), sizes, st.data())
def test_a_list_that_is_cut_off_is_noticed(items: Objects, size: int, data: st.DataObject) -> None:
    body = go_list(items).rstrip()
    cut = data.draw(st.integers(0, len(body) - 1))
    with pytest.raises(Malformed):
        read(body[:cut], size)


@pytest.mark.parametrize("body", [b'{"kind":"L","metadata":{},"items":null}\n', b'{"items":[]}', b'{"items": [ ] }'])
def test_a_list_may_be_empty(body: bytes) -> None:
    assert read(body, 5) == ([], "")


@pytest.mark.parametrize("body", [b"", b"<html>502</html>", b'{"kind":"Status","code":500}', b'{"x":1' * 20_000])
def test_what_is_no_list_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        read(body, 1000)


def test_most_of_a_long_list_is_never_held() -> None:
    splitter: Splitter[dict[str, Any]] = Splitter(msgspec.json.Decoder(list[dict[str, Any]]).decode)
    splitter.feed(b'{"metadata":{},"items":[')
    thing = b'{"metadata":{"name":"%b"}}' % (b"x" * 1000)
    for _ in range(1000):
        assert splitter.feed(thing + b",") or True
        assert len(splitter._rest) < 3000


def test_an_object_larger_than_the_api_stores_is_refused_before_it_is_held() -> None:
    splitter: Splitter[dict[str, Any]] = Splitter(msgspec.json.Decoder(list[dict[str, Any]]).decode)
    splitter.feed(b'{"metadata":{},"items":[{"metadata":{"name":"')
    piece = b"x" * (1 << 20)
    for _ in range(LONGEST_OBJECT_BYTES // len(piece) - 1):
        assert not splitter.feed(piece)
    with pytest.raises(Malformed, match="larger"):
        splitter.feed(piece * 2)


def test_a_wrong_type_is_told_at_once() -> None:
    class Named(msgspec.Struct):
        name: int

    splitter = Splitter(msgspec.json.Decoder(list[Named]).decode)
    with pytest.raises(msgspec.ValidationError):
        splitter.feed(b'{"items":[{"name":"x"},{"name":1},')
