"""The bytes of a batch: a few laws."""

import gzip
import json
import random
import uuid

from hypothesis import given
from hypothesis import strategies as st

from agent.delivery.batch import LARGEST_BODY_BYTES, Batch, compress, fitting, frame, groups, headers, new_batch_id
from agent.levels import Level
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


@given(st.lists(st.dictionaries(st.text(), st.integers()), max_size=5))
def test_documents_stand_in_a_batch_byte_for_byte(documents: list[dict[str, int]]) -> None:
    bodies = [json.dumps(each, separators=(",", ":")).encode() for each in documents]
    framed = frame(bodies)
    assert json.loads(framed) == {"documents": documents}
    assert all(body in framed for body in bodies)
    assert gzip.decompress(compress(framed)) == framed


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
