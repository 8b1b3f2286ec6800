"""The same few of very many, chosen by name in two lists that can't be held at once. Pure.

A bottom-k sample (Cohen and Kaplan, "Summarizing data using bottom-k sketches", PODC 2007): of all names those whose
hash is smallest. Two lists of the same names choose the same ones without knowing of each other, and each name is as
likely to be chosen as any other.
"""

import sys
from collections.abc import Iterator
from heapq import heappush, heapreplace
from typing import Generic, TypeVar

# The share that is estimated from so many is right to about 1.6 % of itself: its values differ by about as much as they
# are, and 1 / sqrt(4096) is 1.6 %. A sample takes 1 MB.
_SIZE = 4096
T = TypeVar("T")
U = TypeVar("U")


class Sample(Generic[T]):
    """At most `size` things, by hashes of their names: Python's own, which differ from process to process."""

    def __init__(self, size: int = _SIZE) -> None:
        self._size = size
        self._heap: list[tuple[int, int, T]] = []
        """By negative hash: the largest hash is at the top, and the next to go. Numbers tell equals apart."""
        self._taken = 0
        self.limit = sys.maxsize
        """Only what has a smaller hash is to be taken; for the caller to look at, in whose loop this is."""

    def take(self, place: int, thing: T) -> None:
        """Take what has the hash `place`, which is below the limit."""
        self._taken += 1
        if len(self._heap) < self._size:
            heappush(self._heap, (-place, self._taken, thing))
        else:
            heapreplace(self._heap, (-place, self._taken, thing))
        if len(self._heap) == self._size:
            self.limit = -self._heap[0][0]

    @property
    def chosen(self) -> dict[int, T]:
        """What was chosen, by hash."""
        return {-place: thing for place, _, thing in self._heap}


def common(first: Sample[T], second: Sample[U]) -> Iterator[tuple[T, U]]:
    """Yield what both have chosen, from each."""
    others = second.chosen
    for place, thing in first.chosen.items():
        if place in others:
            yield thing, others[place]
