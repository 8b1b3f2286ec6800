"""Chunked bodies: however they are cut on their way, what is in them comes out; and what is none is refused."""

import http.client
import io
import socket
import time

import pytest
import urllib3
from hypothesis import given
from hypothesis import strategies as st

from agent.kube.body import _from_chunks, _taken_apart

FOREVER = time.monotonic() + 3600


def framed(chunks: list[bytes], *, extension: bytes = b"", last: bytes = b"0\r\n\r\n") -> bytes:
    return b"".join(b"%x%b\r\n%b\r\n" % (len(chunk), extension, chunk) for chunk in chunks) + last


class Records(io.RawIOBase):
    """What arrives record by record, and then nothing more: to wait for more would wait for ever."""

    def __init__(self, records: list[bytes]) -> None:
        self._records = iter(records)
        self._has_ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        record = b"" if self._has_ended else next(self._records, None)
        assert record is not None, "it waits for more than there is"
        assert len(record) <= len(buffer)
        self._has_ended = not record
        buffer[: len(record)] = record
        return len(record)


def response(records: list[bytes]) -> http.client.HTTPResponse:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        made = http.client.HTTPResponse(ours)
    made.fp = io.BufferedReader(Records(records))
    made.chunked = True
    return made


def body(records: list[bytes]) -> bytes:
    arriving = response(records)
    return b"".join(b"".join(parts) for parts in _from_chunks(arriving, arriving.fp.raw.readinto, FOREVER))


# Line ends and the end itself, within a chunk; and more than a piece in all.
TEMPTING = (b"\r\n0\r\n\r\n", b"\r\n\r\n", b"x" * 9000)
contents = st.lists(st.one_of(st.binary(min_size=1, max_size=300), st.sampled_from(TEMPTING)), max_size=9)


@given(
    contents,
    st.lists(st.integers(1, 5000), min_size=1),
    st.sampled_from([b"", b";a=b"]),
    st.sampled_from([b"0\r\n\r\n", b"000\r\n\r\n", b"0;a=b\r\n\r\n", b"0\r\nA: b\r\nC: d\r\n\r\n"]),
)
def test_what_is_in_the_chunks_comes_out_however_it_arrives(
    chunks: list[bytes], sizes: list[int], extension: bytes, last: bytes
) -> None:
    whole, records, at = framed(chunks, extension=extension, last=last), [], 0
    while at < len(whole):
        size = sizes[len(records) % len(sizes)]
        records.append(whole[at : at + size])
        at += size
    assert body(records) == b"".join(chunks)


@given(contents.filter(bool), st.data())
def test_a_body_that_is_cut_off_is_noticed(chunks: list[bytes], data: st.DataObject) -> None:
    whole = framed(chunks)
    cut = data.draw(st.integers(0, len(whole) - 1))
    records = [whole[at : min(at + 4096, cut)] for at in range(0, cut, 4096)]
    with pytest.raises(urllib3.exceptions.ProtocolError):
        # An empty record is what a connection that has ended reads.
        body([*records, b""])


@pytest.mark.parametrize("raw", [b"\r\n-5\r\nabc", b"\r\nzz\r\n", b"\r\n\r\n\r\n", b"\r\n" + b"1" * 200])
def test_what_is_no_chunk_is_refused(raw: bytes) -> None:
    with pytest.raises(urllib3.exceptions.ProtocolError):
        _taken_apart(bytearray(raw), len(raw), 0)


def test_trailers_without_an_end_are_refused_and_not_looked_at_for_ever() -> None:
    with pytest.raises(urllib3.exceptions.ProtocolError):
        body([b"0\r\n", *([b"A: b\r\n" * 1000] * 20)])


def test_what_drips_ends_by_its_deadline() -> None:
    arriving = response([b"5\r\nab", b"cde\r\n"])
    with pytest.raises(TimeoutError):
        list(_from_chunks(arriving, arriving.fp.raw.readinto, ends_at=time.monotonic() - 1))
