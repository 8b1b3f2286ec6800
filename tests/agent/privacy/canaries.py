"""Marked names and the search for them, in any form in which one could hide.

    CANARIES                         names, labels, images, hosts, addresses and UIDs that occur nowhere else
    leaks(text_or_bytes, CANARIES)   those of them that are found in it, with the form

Whatever the agent writes can be asked: payloads, records in their printed form, errors, logs, metrics, databases.
"""

import base64
import binascii
import hashlib
import ipaddress
import json
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from urllib.parse import quote

CANARIES = (
    "canary-node-7f3e9.internal.example",
    "Canary-UPPER-Pool-KQXZ",
    "kanarienvögel-größe-ßÄÖ",
    "канарейка-кластер",
    "カナリア集群",
    "cafe\u0301-canary-decomposed",
    "registry.canary.example:5000/team/billing@sha256:c0ffee",
    "app.kubernetes.io/canary=payments-prod",
    "6fd3c1e2-ca4a-4217-9b1d-ca9a12ca9a12",
    "arn:aws:eks:eu-west-1:123456789012:cluster/canary-prod",
    "aws:///eu-west-1b/i-0ca9a12ca9a12ca9a",
    "canary@example.org",
    "203.0.113.197",
    "198.51.100.0/27",
    "2001:db8:ca9a:12::c0de",
    "2001:0DB8:CA9A:0012:0000:0000:0000:C0DF",
    "fe80::ca9a:12ff:feca:9a12",
    "canary'; DROP TABLE nodes;--",
    "canary\x00nul\nline",
)
# Half a name tells as much as a name.
_PART = 12


def leaks(where: str | bytes, canaries: Iterable[str] = CANARIES) -> list[str]:
    """Name each canary that is found, and in which form."""
    content = where.encode("utf-8", "surrogatepass") if isinstance(where, str) else where
    folded = content.lower()
    return [
        f"{canary!r} as {form}"
        for canary in canaries
        for form, encoded in forms(canary)
        if encoded in content or encoded.lower() in folded
    ]


@cache
def forms(canary: str) -> tuple[tuple[str, bytes], ...]:
    """Return every form of a canary that is searched for: name of the form, bytes."""
    texts = {canary, *_normal_forms(canary), *_address_forms(canary), *_parts(canary)}
    found = {(form, encoded) for text in texts for form, encoded in _encodings(text)}
    found |= {(form, encoded) for form, encoded in _hashes(canary)}
    return tuple(sorted(found))


def _normal_forms(text: str) -> Iterator[str]:
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        yield unicodedata.normalize(form, text)
    yield from (text.lower(), text.upper(), text.casefold())


def _address_forms(text: str) -> Iterator[str]:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return
    yield from (address.compressed, address.exploded, address.reverse_pointer, str(int(address)), address.packed.hex())


def _parts(text: str) -> Iterator[str]:
    if len(text) > 2 * _PART:
        yield from (text[:_PART], text[-_PART:])


def _encodings(text: str) -> Iterator[tuple[str, bytes]]:
    data = text.encode("utf-8", "surrogatepass")
    yield "itself", data
    yield "UTF-16", text.encode("utf-16-le", "surrogatepass")
    yield "JSON", json.dumps(text)[1:-1].encode()
    yield "repr", repr(text)[1:-1].encode()
    yield "hexadecimal", data.hex().encode()
    yield "quoted-printable", binascii.b2a_qp(data)
    yield "reversed", text[::-1].encode("utf-8", "surrogatepass")
    yield "reversed bytes", data[::-1]
    yield "percent-encoded", quote(data, safe="").encode()
    yield "percent-encoded path", quote(data).encode()
    yield "base32", base64.b32encode(data).rstrip(b"=")[: len(data) * 8 // 5]
    for offset in range(3):
        for name, encode in (("base64", base64.b64encode), ("URL-safe base64", base64.urlsafe_b64encode)):
            yield f"{name} at offset {offset}", _inner(encode(b"\0" * offset + data), offset, len(data))


def _inner(encoded: bytes, offset: int, length: int) -> bytes:
    """The characters that depend on the data alone."""
    first, last = -(-offset * 8 // 6), (offset + length) * 8 // 6
    return encoded[first:last]


def _hashes(text: str) -> Iterator[tuple[str, bytes]]:
    """Unkeyed hashes, which a list of likely names undoes; even a part of one."""
    for name in ("md5", "sha1", "sha256", "sha512", "blake2b"):
        digest = hashlib.new(name, text.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()
        yield f"{name} in hexadecimal", digest.hex()[:16].encode()
        yield f"{name} in base64", base64.b64encode(digest)[:12]
        yield f"{name} in base32", base64.b32encode(digest)[:14]
