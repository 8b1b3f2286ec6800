"""A list of the API taken apart while it arrives: whole objects out of chunks, never the whole list. Pure.

The API writes all objects of a list alike, each beginning with the same name. A raw `{"metadata":` can't stand inside a
JSON string, where its quotes would be escaped: it always begins an object. So the last `,{"metadata":` of what has
arrived is where to cut: everything before it is whole objects, which msgspec reads at once, and finding it costs one
search from the end for each chunk. Such text can also begin an object in an array inside an object. Then what is before
it is no whole array, which msgspec notices, and an earlier place is tried.

A list's own metadata comes before its items where it is one of Go's types, and after them where it is one of custom
resources, whose names the server sorts (apimachinery, serializer/json/collections.go).
"""

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Generic, TypeVar

import msgspec

from agent.kube.wire import ListMetaWire, Wire

W = TypeVar("W")

# Kind, version and a token of some hundred characters; a longer beginning is not the API's.
_LONGEST_HEAD_BYTES = 1 << 16
# etcd takes 1.5 MiB a request by default, and the API server 3 MiB: no object is larger.
LONGEST_OBJECT_BYTES = 4 << 20
# An object of many objects, such as one with a dozen owners, is left for the next chunk.
_MOST_TRIES = 8
_ITEMS = re.compile(rb'[,{]\s*"items"\s*:\s*(\[|null)')
_OPENING = re.compile(rb'\s*(\{\s*"\w+"\s*:)')
_NO_OBJECT = re.compile(rb"\s*\]")


class Malformed(ValueError):
    """What arrives is not a list as the API writes it. The message quotes nothing of it."""


class _ListWire(Wire):
    """What a list says beside its items."""

    metadata: ListMetaWire | None = None


class Splitter(Generic[W]):
    """Takes the chunks of one list's JSON and returns its objects, in order, as soon as they are whole."""

    def __init__(self, decode: Callable[[bytes | bytearray | memoryview], list[W]]) -> None:
        self._decode = decode
        """Reads a JSON array of objects."""
        self._rest = bytearray()
        """What has arrived of the list, from the first object that is not whole; in front of it a `[`."""
        self._opening = b""
        """How each object begins, known from the first one."""
        self._begun = self._null = False
        self.meta = ListMetaWire()
        """The list's metadata, complete when `finish` has returned."""

    def feed(self, *parts: bytes | memoryview) -> list[W]:
        """Return the objects that are whole now. Raises Malformed, msgspec.ValidationError."""
        self._rest = bytearray().join((self._rest, *parts))
        if not self._begun and not self._begin():
            return []
        if not self._opening:
            match = _OPENING.match(self._rest, 1)
            if match is None:
                return []
            self._opening = match[1]
        for comma in islice(self._beginnings(), _MOST_TRIES):
            if objects := self._take(comma):
                return objects
        if len(self._rest) > LONGEST_OBJECT_BYTES:
            raise Malformed("the list holds what is no JSON, or a larger object than the API stores")
        return []

    def finish(self) -> list[W]:
        """Return the last objects. Raises Malformed where the list has not come to its end, msgspec.ValidationError."""
        if not self._begun:
            raise Malformed("the answer ends before the list's items begin")
        # Nothing that may follow the items holds a bracket.
        end = 0 if self._null else self._rest.rfind(b"]")
        if end < 0:
            raise Malformed("the answer is cut off within the list")
        self._read_meta(b"{" + self._rest[end + 1 :].strip().removeprefix(b","))
        if self._null or _NO_OBJECT.match(self._rest, 1):
            return []
        try:
            return self._decode(self._rest[: end + 1])
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            raise Malformed("the list holds what is no JSON") from None

    def _begin(self) -> bool:
        match = _ITEMS.search(self._rest, 0, _LONGEST_HEAD_BYTES)
        if match is None:
            if len(self._rest) > _LONGEST_HEAD_BYTES:
                raise Malformed("the answer doesn't begin as a list does")
            return False
        head = self._rest[: match.start()]
        self._read_meta(head + b"}" if head.strip() else b"{}")
        self._begun, self._null = True, match[1] == b"null"
        self._rest = bytearray(b"[") + self._rest[match.end() :]
        return True

    def _read_meta(self, text: bytes | bytearray) -> None:
        try:
            read = msgspec.json.decode(text, type=_ListWire)
        except msgspec.DecodeError:
            raise Malformed("the answer doesn't begin or end as a list does") from None
        self.meta = read.metadata or self.meta

    def _beginnings(self) -> Iterator[int]:
        """Yield where commas before beginnings of objects stand, the last first."""
        found = len(self._rest)
        while (found := self._rest.rfind(self._opening, 2, found)) > 0:
            # Between a comma and what follows there is nothing, or the indentation of a pretty server.
            first = max(1, found - 64)
            before = self._rest[first:found].rstrip()
            if before.endswith(b","):
                yield first + len(before) - 1

    def _take(self, comma: int) -> list[W]:
        self._rest[comma] = 0x5D  # ]
        objects: list[W] = []
        try:
            objects = self._decode(memoryview(self._rest)[: comma + 1])
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            self._rest[comma] = 0x2C  # ,
        else:
            self._rest = bytearray(b"[") + memoryview(self._rest)[comma + 1 :]
        return objects
