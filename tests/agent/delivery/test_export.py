"""The outbox as a file: the same bytes, whole or refused."""

import json
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.delivery.batch import headers
from agent.delivery.outbox import Outbox
from agent.delivery.outbox_export import FORMAT, Carried, read, write
from agent.delivery.outbox_seal import Ripeness
from agent.errors import StateUnusable
from tests.agent.delivery.parts import CONSENT, TOKEN, document, fragment

EVERYTHING = Ripeness(batch_size=3, flush_interval_seconds=300, everything=True)


@pytest.fixture
def exported(outbox: Outbox, tmp_path: Path) -> Path:
    records = [document(n) for n in range(7)] + [fragment(n, earliest=9999) for n in range(5)]
    outbox.put(records, consent_digest=CONSENT)
    outbox.seal(EVERYTHING, audit_head="1:ab")
    written = write(tmp_path / "export", list(outbox.batches()), random.Random(1))
    assert (written.batches, written.documents) == (8, 12)
    return tmp_path / "export"


def test_what_is_carried_is_what_would_have_been_sent(exported: Path, outbox: Outbox) -> None:
    carried = {each.headers["Idempotency-Key"]: each for each in read(exported)}
    assert carried == {batch.batch_id: Carried(headers=headers(batch), body=batch.body) for batch in outbox.batches()}


def test_an_export_takes_nothing_away(exported: Path, outbox: Outbox) -> None:
    assert len(list(outbox.batches())) == 8


def test_fragments_are_not_in_the_order_in_which_they_were_made(exported: Path, outbox: Outbox) -> None:
    made = [batch.batch_id for batch in outbox.batches()]
    assert [each.headers["Idempotency-Key"] for each in read(exported)] != made


def test_the_token_stays_at_home_and_the_file_is_its_owners(exported: Path) -> None:
    content = exported.read_bytes()
    assert TOKEN.encode() not in content
    assert b"Authorization" not in content
    assert exported.stat().st_mode & 0o077 == 0


def test_the_first_line_tells_the_format(exported: Path) -> None:
    assert json.loads(exported.read_bytes().splitlines()[0]) == FORMAT


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_file_that_was_cut_off_or_changed_is_refused_as_a_whole(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "export"
        write(path, [], random.Random(1))
        content = bytearray(path.read_bytes())
        if data.draw(st.booleans()):
            at = data.draw(st.integers(0, len(content) - 2))
            content[at] ^= data.draw(st.integers(1, 255))
        else:
            content = content[: data.draw(st.integers(0, len(content) - 2))]
        path.write_bytes(content)
        with pytest.raises(StateUnusable) as raised:
            list(read(path))
        assert "\n" not in str(raised.value)


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(StateUnusable):
        write(tmp_path / "missing" / "export", [], random.Random(1))
