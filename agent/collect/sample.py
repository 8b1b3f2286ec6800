"""The same few of very many, chosen by name in two lists that can't be held at once. Pure.

A bottom-k sample (Cohen and Kaplan, "Summarizing data using bottom-k sketches", PODC 2007): of all names those whose
hash is smallest. Two lists of the same names choose the same ones without knowing of each other, and each name is as
likely to be chosen as any other.
"""

import sys
from collections.abc import Iterator
from typing import Generic, TypeVar

# The share that is estimated from so many is right to about 1.6 % of itself: its values differ by about as much as they
# are, and 1 / sqrt(4096) is 1.6 %. A sample takes 2 MB at most.
_SIZE = 4096
T = TypeVar("T")
U = TypeVar("U")


class Sample(Generic[T]):
    """At most `size` things, by hashes of their names: Python's own, which differ from process to process.

    Twice as many are held for a while: to sort them now and then takes a third of what a heap does, which is kept in
    order at each step.
    """

    def __init__(self, size: int = _SIZE) -> None:
        self._size = size
        self._held: dict[int, T] = {}
        self.limit = sys.maxsize
        """Only what has a smaller hash is to be taken; for the caller to look at, in whose loop this is."""

    def take(self, place: int, thing: T) -> None:
        """Take what has the hash `place`, which is below the limit."""
        self._held[place] = thing
        if len(self._held) >= 2 * self._size:
            self._drop()

    def _drop(self) -> None:
        kept = sorted(self._held)[: self._size]
        self._held = {place: self._held[place] for place in kept}
        self.limit = kept[-1]

    @property
    def chosen(self) -> dict[int, T]:
        """What was chosen, by hash."""
        if len(self._held) > self._size:
            self._drop()
        return self._held


def common(first: Sample[T], second: Sample[U]) -> Iterator[tuple[T, U]]:
    """Yield what both have chosen, from each."""
    others = second.chosen
    for place, thing in first.chosen.items():
        if place in others:
            yield thing, others[place]
