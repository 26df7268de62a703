"""Sequences of things that have keys, merged three ways: what stays, and in which order.

Pure. Used alike for the blocks of a file, the names of an import, and the entries of a literal.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Sequence
from collections.abc import Set as AbstractSet
from typing import TypeVar

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
    result = [key for key in frame if key in keep]
    known = set(frame)
    beyond, old = set(other), set(base)
    placed: set[Key] = set()
    for index, key in enumerate(other):
        if key in known or key not in keep:
            continue
        before = next(
            (other[i] for i in range(index - 1, -1, -1) if other[i] in known or other[i] in placed),
            None,
        )
        while before is not None and before not in keep:
            place = other.index(before)
            before = next((other[i] for i in range(place - 1, -1, -1) if other[i] in keep), None)
        at = 0 if before is None else result.index(before) + 1
        if frame_is_left and before not in placed:
            while at < len(result) and result[at] not in beyond and result[at] not in old:
                at += 1
        result.insert(at, key)
        placed.add(key)
    return result


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
