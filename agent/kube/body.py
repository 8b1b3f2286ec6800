"""The body of an answer, read in as few steps as can be.

The API server sends a long list in chunks of one object or less (KEP-5116), and Python's http.client takes several
calls for each, which together take as long as decrypting it. Here many chunks are taken apart at once. Whatever isn't
in chunks is read by urllib3 as ever.
"""

import http.client
import time
from collections.abc import Iterator

import urllib3

# Large enough that a piece costs little beside its bytes, small enough to stay in a processor's cache and to be reused
# by the allocator: 256 KiB cost a fifth more in all, 1 MiB far more, all of it fresh pages (docs/performance.md).
_PIECE_BYTES = 1 << 16
# At most one record of TLS comes at a time, which is 16 KiB.
_READ_BYTES = 1 << 14
# The last chunk without what may trail it, which the API server never sends.
_END = b"\r\n0\r\n\r\n"
# A size has 16 digits at most, and extensions of it are in no use.
_LONGEST_SIZE = 100


def pieces(response: urllib3.BaseHTTPResponse, *, ends_at: float) -> Iterator[list[bytes]]:
    """Yield the body to its end, which must come before the monotonic time `ends_at`, however steadily it drips.

    A piece is a list of parts: the caller puts them together with what it has left, in one copy. Raises TimeoutError,
    and what else sockets and urllib3 raise; ProtocolError where the body is cut off.
    """
    # urllib3 keeps this for those who need more than it gives.
    below = getattr(response, "_original_response", None)
    if isinstance(below, http.client.HTTPResponse) and below.chunked and "Content-Encoding" not in response.headers:
        yield from _from_chunks(below, ends_at)
        return
    while piece := response.read1(_PIECE_BYTES):
        _check(ends_at)
        yield [piece]


def _from_chunks(below: http.client.HTTPResponse, ends_at: float) -> Iterator[list[bytes]]:
    # Each size stands between two line ends; the first has only the second.
    rest, left, is_over = b"\r\n", 0, False
    while not is_over:
        raw = b"".join(_arrived(below, rest, ends_at))
        parts, begin, left, is_over = _taken_apart(raw, left)
        yield parts
        rest = raw[begin:]
    # All that was its own has been read, and the connection can serve the next request.
    below.close()


def _arrived(below: http.client.HTTPResponse, rest: bytes, ends_at: float) -> list[bytes]:
    """Return `rest` and about a piece, less where the body may be over: more must not be waited for then."""
    blocks = [rest]
    length, tail = 0, rest[-len(_END) :]
    while length < _PIECE_BYTES and tail != _END:
        block = below.fp.read1(_READ_BYTES)
        if not block:
            raise urllib3.exceptions.ProtocolError("the connection ended within a chunk")
        _check(ends_at)
        blocks.append(block)
        length += len(block)
        tail = block[-len(_END) :] if len(block) >= len(_END) else (tail + block)[-len(_END) :]
    return blocks


def _taken_apart(raw: bytes, left: int) -> tuple[list[bytes], int, int, bool]:
    """Take out what is in the chunks of `raw`, whose first has `left` bytes to come.

    Return it, where what is not understood yet begins, how many bytes of the last chunk are to come, and whether that
    was all.
    """
    parts: list[bytes] = []
    begin = 0
    while True:
        part = raw[begin : begin + left]
        parts.append(part)
        begin, left = begin + len(part), left - len(part)
        end = -1 if left else raw.find(b"\r\n", begin + 2)
        if end < 0:
            if not left and len(raw) - begin > _LONGEST_SIZE:
                raise urllib3.exceptions.ProtocolError("what comes is not in chunks")
            return parts, begin, left, False
        left = _size(raw[begin + 2 : end])
        if not left:
            return parts, begin, 0, raw.endswith(b"\r\n\r\n")
        begin = end + 2


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
