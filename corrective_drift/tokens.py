"""Bearer tokens: kept as digests, compared in constant time. Pure."""

import hashlib
import hmac
import re

# RFC 6750, 2.1; our agents' have 43 characters, and nobody needs more than a long password's.
_BEARER = re.compile(r"[Bb]earer +([A-Za-z0-9._~+/-]{16,256}=*)")


def bearer(authorization: str | None) -> bytes | None:
    """Return the SHA-256 of the token in an Authorization header, None where there is none that could be one.

    Tokens are 256 random bits, which no dictionary has: a plain digest protects them as well as a slow one would.
    """
    match = _BEARER.fullmatch(authorization or "")
    return digest(match[1]) if match else None


def digest(secret: str) -> bytes:
    """Return what is kept of a token or an API key."""
    return hashlib.sha256(secret.encode()).digest()


def same(kept: bytes, given: bytes) -> bool:
    """Tell whether two digests are equal, in a time that tells nothing about where they differ."""
    return hmac.compare_digest(kept, given)
