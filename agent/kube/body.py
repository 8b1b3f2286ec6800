"""The body of an answer, read in as few steps as can be.

The API server sends a long list in chunks of one object or less (KEP-5116), and Python's http.client takes several
calls for each, which together take as long as decrypting it. Here many chunks are taken apart at once. Whatever isn't
in chunks is read by urllib3 as ever.
"""

import http.client
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial

import urllib3

# Large enough that a piece costs little beside its bytes, small enough to stay in a processor's cache: 256 KiB cost a
# fifth more in all (docs/performance.md).
_PIECE_BYTES = 7 << 14
# At most one record of TLS comes at a time, which is 16 KiB.
_READ_BYTES = 1 << 14
# How a body ends: nothing trails the API server's last chunk, but a proxy may let something.
_END = b"\r\n\r\n"
# A size has 16 digits at most, and extensions of it are in no use.
_LONGEST_SIZE = 100
_Read = Callable[[memoryview], int | None]


def pieces(response: urllib3.BaseHTTPResponse, *, ends_at: float) -> Iterator[Sequence[bytes | memoryview]]:
    """Yield the body to its end, which must come before the monotonic time `ends_at`, however steadily it drips.

    A piece is a list of parts, which hold only until the next piece is asked for: the caller puts them together with
    what it has left, in one copy. Raises TimeoutError, and what else sockets and urllib3 raise; ProtocolError where the
    body is cut off.
    """
    # urllib3 keeps this for those who need more than it gives.
    below = getattr(response, "_original_response", None)
    if isinstance(below, http.client.HTTPResponse) and below.chunked and "Content-Encoding" not in response.headers:
        yield from _from_chunks(below, _reader(response, below), ends_at)
        return
    while piece := response.read1(_PIECE_BYTES):
        _check(ends_at)
        yield [piece]


def _reader(response: urllib3.BaseHTTPResponse, below: http.client.HTTPResponse) -> _Read:
    """Return what reads into a view of _READ_BYTES: TLS itself, as the layers above take a tenth of all reading."""
    # None where the server ends the connection after this answer: only the response holds it then.
    connection = getattr(response.connection, "sock", None)
    if not isinstance(connection, ssl.SSLSocket):
        return below.fp.raw.readinto
    return partial(connection.read, _READ_BYTES)  # type: ignore[return-value]  # with a view it returns how many bytes


def _from_chunks(below: http.client.HTTPResponse, read: _Read, ends_at: float) -> Iterator[list[memoryview]]:
    # One for the whole body: fresh memory for each piece, and a copy into it, cost a tenth of all reading.
    buffer = bytearray(_PIECE_BYTES + _READ_BYTES)
    view = memoryview(buffer)
    # Each size stands between two line ends; the first has only the second. What came along with the headers comes
    # before anything that is read past the reader's own buffer.
    rest, left, is_over = b"\r\n" + below.fp.read1(_READ_BYTES), 0, False
    while not is_over:
        view[: len(rest)] = rest
        length = _filled(read, buffer, len(rest), ends_at)
        parts, begin, left, is_over = _taken_apart(buffer, length, left)
        yield parts
        rest = bytes(view[begin:length])
    # All that was its own has been read, and the connection can serve the next request.
    below.close()


def _filled(read: _Read, buffer: bytearray, length: int, ends_at: float) -> int:
    """Read on behind the `length` bytes of `buffer` until it is full, or the body may be over: waiting must end there.

    Return the new length.
    """
    if length >= _PIECE_BYTES:  # all of it trails the last chunk
        raise urllib3.exceptions.ProtocolError("what comes after the chunks has no end")
    view = memoryview(buffer)
    while length < _PIECE_BYTES and not buffer.endswith(_END, 0, length):
        arrived = read(view[length : length + _READ_BYTES])
        if not arrived:
            raise urllib3.exceptions.ProtocolError("the connection ended within a chunk")
        _check(ends_at)
        length += arrived
    return length


def _taken_apart(buffer: bytearray, length: int, left: int) -> tuple[list[memoryview], int, int, bool]:
    """Take out what is in the chunks of the first `length` bytes, whose first chunk has `left` bytes to come.

    Return it, where what is not understood yet begins, how many bytes of the last chunk are to come, and whether that
    was all.
    """
    view = memoryview(buffer)
    parts: list[memoryview] = []
    begin = 0
    while begin + left <= length:
        parts.append(view[begin : begin + left])
        begin += left
        end = buffer.find(b"\r\n", begin + 2, length)
        if end < 0:
            if length - begin > _LONGEST_SIZE:
                raise urllib3.exceptions.ProtocolError("what comes is not in chunks")
            return parts, begin, 0, False
        left = _size(bytes(buffer[begin + 2 : end]))
        if not left:
            return parts, begin, 0, buffer.endswith(_END, 0, length)
        begin = end + 2
    parts.append(view[begin:length])
    return parts, length, begin + left - length, False


@lru_cache(maxsize=4096)  # nearly all chunks are as long as the server's buffer
def _size(text: bytes) -> int:
    digits = text.partition(b";")[0].strip()
    if not digits.isalnum() or len(digits) > _LONGEST_SIZE:  # a sign is neither letter nor digit
        raise urllib3.exceptions.ProtocolError("what comes is not in chunks")
    try:
        return int(digits, 16)
    except ValueError:
        raise urllib3.exceptions.ProtocolError("what comes is not in chunks") from None


def _check(ends_at: float) -> None:
    if time.monotonic() > ends_at:
        raise TimeoutError
