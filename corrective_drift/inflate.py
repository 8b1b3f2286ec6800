"""Reading a body without trusting it: lengths are bounded before anything is unpacked or parsed. Pure."""

import json
import zlib
from typing import Any, NoReturn

from corrective_drift.problems import Code, Problem, malformed

MIB = 1024**2
LARGEST_BODY_BYTES = MIB
"""As it comes over the wire. The agent packs batches of 1 MiB at most *before* compression (agent.delivery.batch)."""
LARGEST_INFLATED_BYTES = 2 * MIB
"""After unpacking: twice what an agent makes. A gzip bomb grows a thousandfold, and ends here."""
# 16 more than the window: a header and a check sum of gzip, nothing else.
_GZIP = 16 + zlib.MAX_WBITS


def inflated(body: bytes, encoding: str, largest_bytes: int = LARGEST_INFLATED_BYTES) -> bytes:
    """Return the content. Raises Problem for what is too long, damaged, or encoded in another way."""
    # Names of codings have no case (RFC 9110, 8.4.1).
    match encoding.lower():
        case "identity":
            return _bounded(body, largest_bytes)
        case "gzip":
            return _unpacked(body, largest_bytes)
    raise Problem(Code.MEDIA_TYPE, "Content-Encoding must be gzip or identity")


def _unpacked(body: bytes, largest_bytes: int) -> bytes:
    unpacker = zlib.decompressobj(_GZIP)
    try:
        content = _bounded(unpacker.decompress(body, largest_bytes + 1), largest_bytes)
    except zlib.error as error:
        raise malformed("the body is no gzip, or is damaged") from error
    if not unpacker.eof or unpacker.unused_data:
        raise malformed("the body is not exactly one gzip member")
    return content


def _bounded(content: bytes, largest_bytes: int) -> bytes:
    if len(content) > largest_bytes:
        raise Problem(Code.TOO_LARGE, f"the body unpacks to more than {largest_bytes} bytes")
    return content


def parsed(content: bytes) -> Any:
    """Return the JSON value of UTF-8 text. Raises Problem; a key that stands twice in an object is refused.

    What is nested deeper than the interpreter's own limit of recursion (1 000) is refused too.
    """
    try:
        return json.loads(content.decode("utf-8"), object_pairs_hook=_distinct, parse_constant=_no_number)
    except RecursionError as error:
        raise malformed("the content is nested too deeply") from error
    except ValueError as error:
        raise malformed("the content is no JSON (RFC 8259, with distinct keys)") from error


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_number(_word: str) -> NoReturn:
    raise ValueError("NaN and infinities are no JSON")
