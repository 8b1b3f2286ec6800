"""Every identifier that leaves, out of one secret that does not. Pure.

The install secret is 32 random bytes. Each purpose has a key of its own (HKDF, RFC 5869), and what should be forgotten
has a new key every week or month: without the secret nobody can tell that two identifiers are one cluster's, nor test a
guess of a name. Identifiers are not derived from anything of the cluster, such as its UID, that others know too.
"""

import base64
import hashlib
import hmac

from agent.wire.types import CLUSTER_ID_LENGTH, DIGEST_LENGTH

SECRET_BYTES = 32
_HASH = hashlib.sha256
# Part of every derivation, so that no other software can derive the same from a secret that is used twice.
_SALT = b"prism-telemetry-agent 1"


class Keys:
    """The keys of an installation; printing them tells nothing."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        """Raises ValueError for a secret of another length."""
        if len(secret) != SECRET_BYTES:
            raise ValueError(
                f"the install secret has {len(secret)} bytes, not {SECRET_BYTES}: remove it to get a new one"
            )
        self._secret = secret

    def __repr__(self) -> str:
        return "<Keys, not shown>"

    @property
    def cluster_id(self) -> str:
        """The cluster's pseudonym, until the secret is replaced; 26 characters. To know it grants nothing."""
        return _short(self._key("cluster id"), b"cluster", CLUSTER_ID_LENGTH)

    @property
    def token(self) -> str:
        """The bearer token that authorizes what concerns this cluster; 43 characters of URL-safe base64."""
        return base64.urlsafe_b64encode(self._key("token")).decode("ascii").rstrip("=")

    def voter(self, week: str, fragment: str) -> str:
        """Return the pseudonym of a fragment of a week.

        It is the same for all that are sent of one kind and week, so that a cluster has one vote; those of two kinds or
        weeks have no relation, so that they can't be put together again.
        """
        return _short(self._key(f"voter {week}"), fragment.encode(), DIGEST_LENGTH)

    def pseudonyms(self, month: str) -> "Pseudonyms":
        """Return the digests of names in a month such as `2026-02`."""
        return Pseudonyms(self._key(f"object {month}"))

    @property
    def kept_names(self) -> "Pseudonyms":
        """The digests of names in what is kept here; none of them ever leaves, so that they need not change."""
        return Pseudonyms(self._key("kept names"))

    def _key(self, purpose: str) -> bytes:
        return hkdf(self._secret, salt=_SALT, info=purpose.encode(), length=_HASH().digest_size)


class Pseudonyms:
    """The digests of names in one month."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __repr__(self) -> str:
        return "<Pseudonyms, not shown>"

    def __call__(self, kind: str, name: str) -> str:
        """Return the digest of a name among the objects of a kind; 20 characters."""
        # No name holds a NUL: a kind and a name can't be cut elsewhere. Any text has a digest, even a broken one.
        return _short(self._key, kind.encode() + b"\0" + name.encode("utf-8", "surrogatepass"), DIGEST_LENGTH)


def hkdf(secret: bytes, *, salt: bytes, info: bytes, length: int) -> bytes:
    """Return key material of `length` bytes by HKDF-SHA256 (RFC 5869), which the standard library does not have."""
    extracted = hmac.digest(salt, secret, "sha256")
    material, block, counter = b"", b"", 0
    while len(material) < length:
        counter += 1
        block = hmac.digest(extracted, block + info + bytes([counter]), "sha256")
        material += block
    return material[:length]


def _short(key: bytes, message: bytes, length: int) -> str:
    """Return the first `length` characters, of five bits each, of the HMAC-SHA256."""
    # Twenty bytes are 32 characters without padding, more than any identifier has.
    return base64.b32encode(hmac.digest(key, message, "sha256")[:20]).decode("ascii").lower()[:length]
