"""The bytes of a batch: a few laws."""

import gzip
import itertools
import json
import random
import uuid
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agent.delivery.batch import (
    LARGEST_BODY_BYTES,
    Batch,
    compress,
    fitting,
    frame,
    groups,
    headers,
    new_batch_id,
    preview,
)
from agent.levels import Level
from agent.privacy.outgoing import Outgoing
from agent.wire.documents import FRAGMENTS, fields_of
from agent.wire.fields import DOCUMENTS
from agent.wire.records import canonical
from tests.agent.delivery.parts import CONSENT, SCHEMA, document, fragment


def batch(level: Level) -> Batch:
    return Batch(
        batch_id="b",
        level=level,
        consent_digest=CONSENT,
        schema_digest=SCHEMA,
        documents=1,
        alone=level is Level.MINIMAL,
        body=b"x",
        audit_head="3:ab",
    )


def every_fragment() -> Iterator[bytes]:
    """Every combination of words that a fragment can have."""
    kinds: dict[str, Any] = {field.name: field.kind_at(Level.MINIMAL) for field in DOCUMENTS.table}
    for kind in FRAGMENTS:
        names = fields_of(kind)
        for words in itertools.product(*(kinds[name].labels for name in names)):
            said: dict[str, dict[str, str]] = {}
            for name, word in zip(names, words, strict=True):
                subject, _, attribute = name.partition(".")
                said.setdefault(subject, {})[attribute] = word
            common = {"schema": DOCUMENTS.digest, "level": "minimal", "fragment": kind}
            body = canonical({**common, "week": "2026-W48", "voter": "a" * 20, **said})
            assert DOCUMENTS.check(json.loads(body)) == ()
            yield body


@given(st.lists(st.dictionaries(st.text(), st.integers()), max_size=5))
def test_documents_stand_in_a_batch_byte_for_byte(documents: list[dict[str, int]]) -> None:
    bodies = [json.dumps(each, separators=(",", ":")).encode() for each in documents]
    framed = frame(bodies)
    assert json.loads(framed) == {"documents": documents}
    assert all(body in framed for body in bodies)
    assert gzip.decompress(compress(framed)) == framed


def test_every_fragment_that_there_can_be_has_one_length_on_the_wire() -> None:
    bodies = list(every_fragment())
    assert len({len(body) for body in bodies}) > 10
    framed = [frame([body], alone=True) for body in bodies]
    assert {len(compress(each, alone=True)) for each in framed} == {len(compress(framed[0], alone=True))}
    assert all(json.loads(each) == {"documents": [json.loads(body)]} for each, body in zip(framed, bodies, strict=True))


def test_the_preview_has_the_bytes_of_the_wire_with_their_spaces() -> None:
    alone = Outgoing(body=next(every_fragment()), level=Level.MINIMAL, schema_digest=SCHEMA, alone=True)
    (shown,) = preview([alone], batch_size=10)
    assert len(shown) % 512 == 0
    assert shown.rstrip(b" ").endswith(b"]}")


@given(st.binary(max_size=2000))
def test_the_same_body_is_compressed_to_the_same_bytes(body: bytes) -> None:
    assert compress(body) == compress(body)
    assert compress(body)[4:8] == b"\0\0\0\0", "no time stamp (RFC 1952, MTIME)"


@given(st.lists(st.integers(1, LARGEST_BODY_BYTES * 2), max_size=40), st.integers(1, 10))
def test_batches_take_all_documents_in_order_within_count_and_length(sizes: list[int], batch_size: int) -> None:
    counts = list(fitting(sizes, batch_size))
    assert sum(counts) == len(sizes)
    begin = 0
    for count in counts:
        assert 1 <= count <= batch_size
        if count > 1:
            assert sum(sizes[begin : begin + count]) <= LARGEST_BODY_BYTES
        begin += count


def test_nothing_that_names_a_cluster_goes_with_a_minimal_batch() -> None:
    assert set(headers(batch(Level.MINIMAL))) == {
        "Content-Type",
        "Content-Encoding",
        "Idempotency-Key",
        "Prism-Schema",
    }
    assert headers(batch(Level.STANDARD)).keys() - headers(batch(Level.MINIMAL)).keys() == {
        "Prism-Consent",
        "Prism-Audit-Head",
    }


def test_levels_and_fragments_are_never_mixed() -> None:
    records = [document(1), fragment(2), document(3, level=Level.DETAILED), document(4), fragment(5)]
    assert sorted(len(group) for group in groups(records, 10)) == [1, 1, 1, 2]


@given(seed=st.integers(), seconds=st.floats(0, 4e9))
def test_ids_are_uuids_that_tell_the_time_unless_that_would_join(seed: int, seconds: float) -> None:
    ordinary = uuid.UUID(new_batch_id(alone=False, unix_seconds=seconds, rng=random.Random(seed)))
    alone = uuid.UUID(new_batch_id(alone=True, unix_seconds=seconds, rng=random.Random(seed)))
    assert (ordinary.version, alone.version) == (7, 4)
    assert ordinary.variant == alone.variant == uuid.RFC_4122
    assert ordinary.int >> 80 == int(seconds * 1000)
    again = uuid.UUID(new_batch_id(alone=True, unix_seconds=seconds + 1000, rng=random.Random(seed)))
    assert alone == again, "a v4 holds no time"
