"""Three-way merging of lines, or of other pieces of text, without a process: for blocks of a file, of
which there may be thousands.

Owns which lines of a side are which of the base's, and what comes of changes that do not touch.
Where they do, what to do is asked of the caller. As in git, changes with no line between them
touch, and what both did alike is taken once. Pure.

Lines are paired by those that each of two texts has once (Bram Cohen's patience diff), and what is
between them by the longest run in common.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TypeVar

Line = TypeVar("Line", bound=Hashable)
Settle = Callable[[Sequence[Line], Sequence[Line], Sequence[Line]], Sequence[Line] | None]
"""What becomes of base, left and right where they touch; None for a conflict."""

_MOST_CELLS = 40_000
"""Pairs of lines, from which a run without any that are there once is one change as a whole."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """The lines `start` to `end` of the base became `first` to `last` of a side."""

    start: int
    end: int
    first: int
    last: int


def merge(
    base: Sequence[Line], left: Sequence[Line], right: Sequence[Line], settle: Settle[Line]
) -> list[Line] | None:
    """The merged lines, or None where changes touch that `settle` has no answer for."""
    hunks = [(hunks_of(base, left), left), (hunks_of(base, right), right)]
    at = [0, 0]
    done = 0
    text: list[Line] = []
    while at[0] < len(hunks[0][0]) or at[1] < len(hunks[1][0]):
        group = _next(hunks[0][0], hunks[1][0], at)
        taken = [group[0], group[1]]
        start = min(each[0].start for each in taken if each)
        end = max(each[-1].end for each in taken if each)
        text += base[done:start]
        done = end
        runs = [
            _run(base, side, each, start, end) for (_, side), each in zip(hunks, taken, strict=True)
        ]
        if not taken[0] or not taken[1]:
            text += runs[0] if taken[0] else runs[1]
        elif runs[0] == runs[1]:
            text += runs[0]
        else:
            settled = settle(base[start:end], runs[0], runs[1])
            if settled is None:
                return None
            text += settled
    return [*text, *base[done:]]


def _next(
    left: Sequence[Hunk], right: Sequence[Hunk], at: list[int]
) -> tuple[list[Hunk], list[Hunk]]:
    """The next hunks that touch one another, or the next one alone; `at` is moved behind them."""
    sides = (left, right)
    group: tuple[list[Hunk], list[Hunk]] = ([], [])
    heads = [side[i].start if i < len(side) else None for side, i in zip(sides, at, strict=True)]
    first = 0 if heads[1] is None or (heads[0] is not None and heads[0] <= heads[1]) else 1
    end = sides[first][at[first]].end
    group[first].append(sides[first][at[first]])
    at[first] += 1
    grew = True
    while grew:
        grew = False
        for which, side in enumerate(sides):
            while at[which] < len(side) and side[at[which]].start <= end:
                hunk = side[at[which]]
                if not group[1 - which] and group[which] and hunk.start > group[which][-1].end:
                    break
                group[which].append(hunk)
                end = max(end, hunk.end)
                at[which] += 1
                grew = True
    return group


def _run(
    base: Sequence[Line], side: Sequence[Line], hunks: Sequence[Hunk], start: int, end: int
) -> list[Line]:
    """What a side has in place of the lines `start` to `end` of the base."""
    if not hunks:
        return list(base[start:end])
    first, last = hunks[0], hunks[-1]
    return list(side[first.first - (first.start - start) : last.last + (end - last.end)])


def hunks_of(base: Sequence[Line], side: Sequence[Line]) -> list[Hunk]:
    """What a side changed, in order, no two of them adjacent."""
    found: list[Hunk] = []
    waiting = [(0, len(base), 0, len(side))]
    while waiting:
        start, end, first, last = waiting.pop()
        while start < end and first < last and base[start] == side[first]:
            start, first = start + 1, first + 1
        while start < end and first < last and base[end - 1] == side[last - 1]:
            end, last = end - 1, last - 1
        if start == end and first == last:
            continue
        if start == end or first == last:
            found.append(Hunk(start, end, first, last))
            continue
        pairs = _once_in_both(base, side, start, end, first, last)
        if not pairs:
            found += _by_runs(base, side, Hunk(start, end, first, last))
            continue
        stops = [*pairs, (end, last)]
        before = (start, first)
        parts = []
        for stop in stops:
            parts.append((before[0], stop[0], before[1], stop[1]))
            before = (stop[0] + 1, stop[1] + 1)
        waiting += reversed(parts)
    return _joined(found)


def _once_in_both(  # noqa: PLR0917  (two texts, and from where to where)
    base: Sequence[Line], side: Sequence[Line], start: int, end: int, first: int, last: int
) -> list[tuple[int, int]]:
    """Pairs of equal lines that either has once, as many as stand in one order."""
    old, new = Counter(base[start:end]), Counter(side[first:last])
    place = {line: at for at, line in enumerate(side[first:last], first) if new[line] == 1}
    pairs = [
        (at, place[line])
        for at, line in enumerate(base[start:end], start)
        if old[line] == 1 and line in place
    ]
    tails: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for index, (_, at) in enumerate(pairs):
        size = bisect_left(tails, at)
        before.append(ends[size - 1] if size else -1)
        tails[size : size + 1] = [at]
        ends[size : size + 1] = [index]
    chain: list[tuple[int, int]] = []
    index = ends[-1] if ends else -1
    while index >= 0:
        chain.append(pairs[index])
        index = before[index]
    return chain[::-1]


def _by_runs(base: Sequence[Line], side: Sequence[Line], hunk: Hunk) -> list[Hunk]:
    old, new = base[hunk.start : hunk.end], side[hunk.first : hunk.last]
    if len(old) * len(new) > _MOST_CELLS:
        return [hunk]
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return [
        Hunk(hunk.start + a, hunk.start + b, hunk.first + c, hunk.first + d)
        for what, a, b, c, d in matcher.get_opcodes()
        if what != "equal"
    ]


def _joined(hunks: Sequence[Hunk]) -> list[Hunk]:
    joined: list[Hunk] = []
    for hunk in sorted(hunks, key=lambda each: (each.start, each.first)):
        last = joined[-1] if joined else None
        if last is not None and last.end == hunk.start and last.last == hunk.first:
            joined[-1] = Hunk(last.start, hunk.end, last.first, hunk.last)
        else:
            joined.append(hunk)
    return joined
