"""Identifiers out of the install secret, and the file that it is kept in."""

import re
import stat
from pathlib import Path

import pytest

from agent.errors import StateUnusable
from agent.privacy.install_secret import prepare_keys, read_keys, replace_keys, throwaway_keys
from agent.privacy.keys import Keys, hkdf


def test_keys_are_derived_as_rfc_5869_says() -> None:
    """Test cases 1 and 3 of its appendix A."""
    secret = bytes.fromhex("0b" * 22)
    first = hkdf(
        secret, salt=bytes.fromhex("000102030405060708090a0b0c"), info=bytes.fromhex("f0f1f2f3f4f5f6f7f8f9"), length=42
    )
    assert first.hex() == ("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865")
    third = hkdf(secret, salt=b"", info=b"", length=42)
    assert third.hex() == ("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8")


def test_every_identifier_has_its_form_and_no_relation_to_another() -> None:
    keys = Keys(bytes(range(32)))
    pseudonym = keys.pseudonyms("2026-11")
    found = [
        keys.cluster_id,
        keys.token,
        keys.voter("2026-W48", "cpu"),
        keys.voter("2026-W48", "memory"),
        keys.voter("2026-W49", "cpu"),
        pseudonym("cell", "a"),
        pseudonym("node_pool", "a"),
        keys.pseudonyms("2026-12")("cell", "a"),
        pseudonym("ce", "ll\0a"),
    ]
    forms = [r"[a-z2-7]{26}", r"[A-Za-z0-9_-]{43}", *[r"[a-z2-7]{20}"] * 7]
    assert all(re.fullmatch(form, each) for form, each in zip(forms, found, strict=True))
    assert len({each[:12].lower() for each in found}) == len(found)


def test_the_same_secret_makes_the_same_identifiers_and_another_makes_others() -> None:
    one, again, other = Keys(bytes(32)), Keys(bytes(32)), Keys(bytes(31) + b"\1")
    assert (one.cluster_id, one.token) == (again.cluster_id, again.token)
    assert one.cluster_id != other.cluster_id
    assert one.token != other.token
    assert one.pseudonyms("2026-11")("cell", "a") != other.pseudonyms("2026-11")("cell", "a")


def test_the_secret_is_random_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "install-secret"
    keys = prepare_keys(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_bytes()) == 32
    assert prepare_keys(path).cluster_id == keys.cluster_id
    assert keys.cluster_id != throwaway_keys().cluster_id != throwaway_keys().cluster_id


def test_a_new_secret_ends_every_relation_to_what_was_sent_before(tmp_path: Path) -> None:
    path = tmp_path / "install-secret"
    before, after = prepare_keys(path), replace_keys(path)
    assert before.cluster_id != after.cluster_id
    assert before.voter("2026-W48", "cpu") != after.voter("2026-W48", "cpu")
    kept = read_keys(path)
    assert kept is not None
    assert kept.cluster_id == after.cluster_id


def test_where_there_is_no_secret_nothing_is_written_for_reading_it(tmp_path: Path) -> None:
    assert read_keys(tmp_path / "install-secret") is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"short", bytes(33)])
def test_a_broken_secret_is_no_reason_to_make_another_unasked(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "install-secret"
    path.write_bytes(content)
    with pytest.raises(StateUnusable, match=f"{path}: the install secret has {len(content)} bytes") as caught:
        prepare_keys(path)
    assert path.read_bytes() == content
    assert "short" not in str(caught.value)
