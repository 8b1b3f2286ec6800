"""What leaves, byte for byte. Pure: the preview and the sender make their bytes here and nowhere else.

Compressed by gzip out of the standard library: documents are a few KiB, where zstd would save little, its binding is
one more compiled dependency in the resident process, and the standard library has it from Python 3.14 on only.
"""

import gzip
import hashlib
import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agent.levels import Level
from agent.privacy.outgoing import Outgoing

# A service that bounds its requests (1 MiB is the least of the usual defaults: nginx, client_max_body_size) must not
# refuse a batch for its length; uncompressed, so that it holds behind a proxy that unpacks.
LARGEST_BODY_BYTES = 1024**2
_COMPRESSION_LEVEL = 6  # zlib's own default
_FRAME = (b'{"documents":[', b",", b"]}")
# A framed fragment has at most 273 bytes with today's words: all are of one length. A longer one would be of the next.
_FRAGMENT_BYTES = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A request's content, fixed before its first try, so that each repeat is the same bytes under the same key."""

    batch_id: str
    """Also the Idempotency-Key."""
    level: Level
    consent_digest: str
    schema_digest: str
    documents: int
    alone: bool
    body: bytes
    """Compressed, as it goes over the wire."""
    audit_head: str | None
    attempts: int = 0

    @property
    def sha256(self) -> str:
        """The digest of the body as it goes over the wire, 64 hexadecimal digits."""
        return hashlib.sha256(self.body).hexdigest()

    def __repr__(self) -> str:
        return f"<Batch {self.batch_id}, {self.level}, {self.documents} documents, {len(self.body)} bytes>"


def frame(documents: Sequence[bytes], *, alone: bool = False) -> bytes:
    """Return the body of a batch before compression: the documents' own bytes in `{"documents":[…]}`.

    What goes `alone` is filled up with spaces: encryption hides no length, and fragments' would tell what is in them.
    """
    begin, between, end = _FRAME
    body = begin + between.join(documents) + end
    return body + b" " * (-len(body) % _FRAGMENT_BYTES) if alone else body


def compress(body: bytes, *, alone: bool = False) -> bytes:
    """Return the bytes of the wire. The same body gives the same bytes: no time stamp is in them.

    What goes `alone` is stored as it is within gzip: how well it compresses would tell what is in it.
    """
    return gzip.compress(body, compresslevel=0 if alone else _COMPRESSION_LEVEL, mtime=0)


def headers(batch: Batch) -> dict[str, str]:
    """Return what goes with the body, apart from what tells who sends.

    At minimal neither the consent nor the audit trail is named: both are one cluster's alone and would join records.
    """
    named = {
        "Content-Type": "application/json",
        "Content-Encoding": "gzip",
        "Idempotency-Key": batch.batch_id,
        "Prism-Schema": batch.schema_digest,
    }
    if batch.level is Level.MINIMAL:
        return named
    named["Prism-Consent"] = batch.consent_digest
    if batch.audit_head is not None:
        named["Prism-Audit-Head"] = batch.audit_head
    return named


def groups(records: Sequence[Outgoing], batch_size: int) -> Iterator[Sequence[Outgoing]]:
    """Yield what goes together, in order: of one level and schema, at most `batch_size`, within LARGEST_BODY_BYTES."""
    together: dict[tuple[Level, str], list[Outgoing]] = {}
    for record in records:
        if record.alone:
            yield (record,)
        else:
            together.setdefault((record.level, record.schema_digest), []).append(record)
    for alike in together.values():
        sizes = [len(record.body) for record in alike]
        begin = 0
        for count in fitting(sizes, batch_size):
            yield alike[begin : begin + count]
            begin += count


def fitting(sizes: Sequence[int], batch_size: int) -> Iterator[int]:
    """Yield how many of the next documents, of `sizes` bytes, make a batch; one that is too long goes by itself."""
    count, length = 0, 0
    for size in sizes:
        if count and (count == batch_size or length + size + 1 > LARGEST_BODY_BYTES):
            yield count
            count, length = 0, 0
        count, length = count + 1, length + size + 1
    if count:
        yield count


def preview(records: Sequence[Outgoing], batch_size: int) -> Iterator[bytes]:
    """Yield the bodies that would be sent for these records, before compression."""
    for group in groups(records, batch_size):
        yield frame([record.body for record in group], alone=group[0].alone)


def new_batch_id(*, alone: bool, unix_seconds: float, rng: random.Random) -> str:
    """Return an id: UUIDv7 (RFC 9562), which sorts by time.

    Where it goes `alone`, UUIDv4: the milliseconds of a v7 would tell which fragments were made at once.
    """
    value = bytearray(rng.randbytes(16))
    if not alone:
        # 48 bits reach to the year 10889; a clock before 1970 counts as 1970.
        value[:6] = max(0, int(unix_seconds * 1000)).to_bytes(6, "big")
    value[6] = value[6] & 0x0F | (0x40 if alone else 0x70)
    value[8] = value[8] & 0x3F | 0x80
    return str(uuid.UUID(bytes=bytes(value)))
