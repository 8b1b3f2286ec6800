"""Who is signed in: random words that stand for a token's digest for an hour, in memory.

A browser gets the word alone; what it stands for stays here, so that signing out ends it for good and a restart signs
everybody out. The memory is one process's: several of them behind one address need sessions to stick to one.
"""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

from corrective_drift.receipts import Receipt

SESSION_SECONDS = 3600
"""From signing in, however much is done: who comes back to an open browser later finds it closed."""
# Of about a kilobyte; the oldest ends when there are more, and before that the oldest of the same cluster.
_MOST, _MOST_OF_ONE = 10_000, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A person who has shown a token."""

    cluster_id: str
    token_sha256: bytes
    form_word: str
    """In every form of this session: who only makes a browser send a form doesn't know it."""
    ends_at_seconds: float
    receipt: Receipt | None = None
    """Of the erasure; then this is all that is left to see."""


class Sessions:
    """The sessions of one process."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._by_digest: OrderedDict[bytes, Session] = OrderedDict()

    def begin(self, cluster_id: str, token_sha256: bytes) -> str:
        """Begin a session; return the word for the cookie."""
        own = [digest for digest, each in self._by_digest.items() if each.cluster_id == cluster_id]
        for digest in own[: max(0, len(own) + 1 - _MOST_OF_ONE)]:
            del self._by_digest[digest]
        word = secrets.token_urlsafe(32)
        self._by_digest[_digest(word)] = Session(
            cluster_id=cluster_id,
            token_sha256=token_sha256,
            form_word=secrets.token_urlsafe(32),
            ends_at_seconds=self._monotonic() + SESSION_SECONDS,
        )
        while len(self._by_digest) > _MOST:
            self._by_digest.popitem(last=False)
        return word

    def find(self, word: str) -> Session | None:
        """Return the session of a word, None where there is none or its time is over."""
        session = self._by_digest.get(_digest(word))
        if session is not None and session.ends_at_seconds <= self._monotonic():
            self.end(word)
            return None
        return session

    def end(self, word: str) -> None:
        """Sign out."""
        self._by_digest.pop(_digest(word), None)

    def erased(self, word: str, receipt: Receipt) -> None:
        """End all sessions of the word's cluster; its own keeps the receipt, and nothing else."""
        own = self._by_digest.get(_digest(word))
        if own is None:
            return
        for digest in [key for key, each in self._by_digest.items() if each.cluster_id == own.cluster_id]:
            del self._by_digest[digest]
        self._by_digest[_digest(word)] = replace(own, receipt=receipt, cluster_id="", token_sha256=b"")


def _digest(word: str) -> bytes:
    # Looking up a digest takes a time that tells nothing about words that exist.
    return hashlib.sha256(word.encode()).digest()
