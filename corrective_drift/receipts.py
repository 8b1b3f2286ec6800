"""Receipts: what the service says to have taken or erased, signed, so that it can't be denied later.

A signature is Ed25519 (RFC 8032) over the canonical JSON of the receipt without it. Signing the same twice gives the
same bytes, so a receipt is not stored: it is made anew out of its batch. The private key is a file of its own, for its
owner alone; the public one is given by GET /v1/keys.
"""

import base64
import hashlib
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from agent.wire.records import canonical
from corrective_drift.errors import Unusable

Receipt = dict[str, Any]
"""JSON: what is said, `key` (which one signed) and `signature` (base64url without padding)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What a receipt for a batch says."""

    batch_id: str
    """UUID, the Idempotency-Key."""
    accepted: int
    received_day: str
    audit_head: str | None

    def said(self) -> Receipt:
        """Return it as JSON. Its time is the day's beginning: no more is kept."""
        head = {} if self.audit_head is None else {"audit_head": self.audit_head}
        return {
            "receipt": receipt_id(self.batch_id),
            "batch": self.batch_id,
            "accepted": self.accepted,
            "received_at": f"{self.received_day}T00:00:00Z",
            **head,
        }


class Signer:
    """The service's key."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = private.public_key().public_bytes_raw()
        self.key_id = hashlib.sha256(self.public).hexdigest()[:16]

    def signed(self, said: Receipt) -> Receipt:
        """Return a receipt with its signature."""
        named = said | {"key": self.key_id}
        return named | {"signature": _text(self._private.sign(canonical(named)))}

    def described(self) -> dict[str, str]:
        """Return the public key as JSON."""
        return {"key": self.key_id, "algorithm": "Ed25519", "public": _text(self.public)}


def is_genuine(receipt: Receipt, public: bytes) -> bool:
    """Tell whether a receipt was signed by the owner of a public key, and never changed."""
    said = {name: value for name, value in receipt.items() if name != "signature"}
    try:
        signature = base64.urlsafe_b64decode(str(receipt["signature"]) + "==")
        Ed25519PublicKey.from_public_bytes(public).verify(signature, canonical(said))
    except (KeyError, ValueError, InvalidSignature):
        return False
    return True


def receipt_id(batch_id: str) -> str:
    """Return the id of a batch's receipt: the batch's own, without dashes. What it opens needs the cluster's token."""
    return batch_id.replace("-", "")


def batch_of(receipt: str) -> str | None:
    """Return the batch that a receipt's id belongs to, None for what is no id."""
    try:
        batch_id = str(uuid.UUID(hex=receipt))
    except ValueError:
        return None
    return batch_id if receipt_id(batch_id) == receipt else None


def load_signer(path: Path) -> Signer:
    """Return the signer whose key is in a PEM file, which is made where it is missing. Raises Unusable."""
    try:
        if not path.exists():
            _create(path)
        private = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise Unusable(f"can't use the signing key {path} ({error.strerror}): see --signing-key") from error
    except ValueError as error:
        raise Unusable(f"{path} is no private key in PEM: see --signing-key") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise Unusable(f"{path} is no Ed25519 key: see --signing-key")
    return Signer(private)


def _create(path: Path) -> None:
    """Write a new key whole; where another process was faster, its key stays."""
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
