"""A line merge's conflicts in which one side did all that the other did, and more: that side's
lines hold both.

Owns that judgement over three runs of lines. Lines of the two sides are never mixed: what comes out
is one side's run, and it is taken only if the other's additions are in it in their order, and its
removals are removals there too.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

_MOST_LINES = 200
"""From here on a conflict is left to people: comparing takes time that grows with the cube, and so
does the doubt.
"""

Lines = Sequence[bytes]


def containing(base: Lines, left: Lines, right: Lines) -> Lines | None:
    """The run of the side whose changes to `base` contain the other's, or None; both have changed
    it.
    """
    if max(len(base), len(left), len(right)) > _MOST_LINES:
        return None
    is_right, is_left = _contains(base, right, left), _contains(base, left, right)
    if is_right and is_left and left != right:
        return None  # each could be the other's, in another order: nothing says which is meant
    return right if is_right else left if is_left else None


def _contains(base: Lines, larger: Lines, smaller: Lines) -> bool:
    """Whether `smaller` added something, and nothing that it added or removed is undone in
    `larger`.
    """
    added, gone, shortened = _changes(base, smaller)
    added_too, gone_too, shortened_too = _changes(base, larger)
    there = iter(added_too)
    return (
        bool(added)
        and gone <= gone_too
        and shortened <= shortened_too
        and all(line in there for line in added)
    )


def _changes(base: Lines, side: Lines) -> tuple[list[bytes], set[int], set[tuple[int, int]]]:
    """The lines added, the places in `base` that went or were replaced, and the runs of which fewer
    lines are left.

    A run of which one side left fewer lines may be a removal of what the other changed: that is no
    containment.
    """
    added: list[bytes] = []
    gone: set[int] = set()
    shortened: set[tuple[int, int]] = set()
    for what, start, end, first, last in SequenceMatcher(
        None, base, side, autojunk=False
    ).get_opcodes():
        if what == "equal":
            continue
        added += side[first:last]
        gone.update(range(start, end))
        if last - first < end - start:
            shortened.add((start, end))
    return added, gone, shortened
