"""Sequences of things that have keys, merged three ways: what stays, and in which order.

Pure. Used alike for the blocks of a file, the names of an import, and the entries of a literal.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


def kept(base: Sequence[Key], left: Sequence[Key], right: Sequence[Key]) -> set[Key]:
    """What both still have, and what either added."""
    old, ours, theirs = set(base), set(left), set(right)
    return (ours & theirs) | (ours - old) | (theirs - old)


def merge_order(
    base: Sequence[Key], left: Sequence[Key], right: Sequence[Key], keep: AbstractSet[Key]
) -> list[Key]:
    """The keys of `keep` in order; none is in a sequence twice.

    If one side moved things the order is that side's; if both did, that of the side that moved
    fewer. What the other side added follows what it stood behind there; where both added at one
    point, left's come first.
    """
    common = set(base) & set(left) & set(right)
    was = [key for key in base if key in common]
    ours = [key for key in left if key in common]
    theirs = [key for key in right if key in common]
    frame_is_left = theirs == was or (ours != was and _moved(was, ours) <= _moved(was, theirs))
    frame, other = (left, right) if frame_is_left else (right, left)
    result = _Chain(key for key in frame if key in keep)
    known = set(frame)
    beyond, old = set(other), set(base)
    placed: set[Key] = set()
    before: Key | None = None  # what is there, and stands last before the key at hand
    for key in other:
        if key in known or key not in keep:
            before = key if key in known and key in keep else before
            continue
        after = result.first if before is None else result.following(before)
        if frame_is_left and before not in placed:
            while after is not None and after not in beyond and after not in old:
                before, after = after, result.following(after)
        result.put(key, before)
        placed.add(key)
        before = key
    return list(result)


class _Chain(Generic[Key]):
    """Keys in an order, into which others are put without moving the rest."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self.first: Key | None = None
        self._next: dict[Key, Key | None] = {}
        last: Key | None = None
        for key in keys:
            self.put(key, last)
            last = key

    def following(self, key: Key) -> Key | None:
        """What stands behind a key."""
        return self._next[key]

    def put(self, key: Key, before: Key | None) -> None:
        """Put a key behind another one, or first."""
        if before is None:
            self.first, self._next[key] = key, self.first
        else:
            self._next[key], self._next[before] = self._next[before], key

    def __iter__(self) -> Iterator[Key]:
        at = self.first
        while at is not None:
            yield at
            at = self._next[at]


def _moved(was: Sequence[Key], now: Sequence[Key]) -> int:
    """How many keys have to move to get from one order to the other: all but a longest run that
    kept its order.
    """
    place = {key: index for index, key in enumerate(was)}
    tails: list[int] = []
    for key in now:
        at = bisect_left(tails, place[key])
        tails[at : at + 1] = [place[key]]
    return len(was) - len(tails)
