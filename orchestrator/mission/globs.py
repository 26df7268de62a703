"""What two globs have in common: whether there is any path, existing or not, that both match.

Owns the one algorithm of that kind: a glob is a sequence of segments, a segment is a sequence of
letters and wildcards, and two sequences meet when their product automaton reaches its end. It
decides nothing about scopes (`scope`) and matches no given path (`pathspec` does); it agrees with
`pathspec` on what a glob means, which the tests hold it to.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from enum import Enum
from functools import lru_cache
from typing import TypeVar

T = TypeVar("T")


class BadGlob(ValueError):
    """A pattern that no scope may hold; its text says why, `mend` what to write instead."""

    def __init__(self, why: str, mend: str | None = None) -> None:
        super().__init__(why)
        self.mend = mend


class Wild(Enum):
    """What stands for more than one text."""

    ANY = "?"  # any one letter
    STAR = "*"  # any number of letters


class _Folders:
    """Any number of whole segments: `**`."""


ANY, STAR, FOLDERS = Wild.ANY, Wild.STAR, _Folders()

Sign = frozenset[str] | Wild  # one of these letters, or a wildcard
Segment = tuple[Sign, ...]
Glob = tuple[Segment | _Folders, ...]


@lru_cache(maxsize=65536)
def common_path(a: Glob, b: Glob) -> str | None:
    """A path that both globs match, existing or not; None if there is none."""
    names = _meet(a, b, is_many=lambda item: item is FOLDERS, common=_common_name)
    return None if names is None else "/".join(names)


@lru_cache(maxsize=4096)
def parse(pattern: str, *, is_file: bool = False) -> Glob:
    """A gitignore pattern as segments from the root. Raises ValueError for a class that is none of
    ours.

    `is_file`: what the pattern names is no folder, and so covers nothing below it.
    """
    is_folder = pattern.endswith("/")
    parts = pattern.strip("/").split("/")
    anchored = "/" in pattern.removesuffix("/")
    below: Glob = ((STAR,), FOLDERS)  # something in it, however deep
    glob: Glob = () if anchored or parts[0] == "**" else (FOLDERS,)
    for part in parts[:-1]:
        glob += (FOLDERS,) if part == "**" else (parse_segment(part),)
    if parts[-1] == "**":
        return glob + below
    glob += (parse_segment(parts[-1]),)
    # A name stands for a file of that name, or for a folder and all that is in it.
    return glob + (below if is_folder else () if is_file else (FOLDERS,))


def parse_segment(text: str) -> Segment:
    """One name of a path with its wildcards. Raises ValueError: an unclosed, negated or mixed class
    of letters.
    """
    segment: list[Sign] = []
    index = 0
    while index < len(text):
        sign = text[index]
        if sign == "[":
            letters, index = _parse_class(text, index + 1)
            segment.append(letters)
            continue
        segment.append(STAR if sign == "*" else ANY if sign == "?" else frozenset(sign))
        index += 1
    return tuple(segment)


def _parse_class(text: str, start: int) -> tuple[frozenset[str], int]:
    """The letters of `[…]`, and where it ends. Nothing that could match a slash: no negation, plain
    ranges.
    """
    end = text.find("]", start)
    if end <= start:
        raise ValueError(
            "`[` begins a class of letters that `]` does not end; a literal `[` is written `[[]`"
        )
    inner = text[start:end]
    if inner[0] in "!^":
        raise ValueError(
            "a class of letters cannot be turned round with `!` or `^`; write `?` or the letters"
        )
    if len(inner) > 1 and set(inner) & set("[&~|"):
        raise ValueError(
            "`[`, `&`, `~` and `|` each stand alone in a class of letters, such as `[[]`"
        )
    letters: set[str] = set()
    index = 0
    while index < len(inner):
        if inner[index + 1 : index + 2] == "-" and index + 2 < len(inner):
            first, last = inner[index], inner[index + 2]
            if not _same_kind(first, last) or first > last:
                raise ValueError(f"`{first}-{last}` is not a range of letters or digits")
            letters.update(map(chr, range(ord(first), ord(last) + 1)))
            index += 3
        else:
            letters.add(inner[index])
            index += 1
    return frozenset(letters), end + 1


def _same_kind(first: str, last: str) -> bool:
    kinds = (("0", "9"), ("a", "z"), ("A", "Z"))
    return any(low <= first <= high and low <= last <= high for low, high in kinds)


def _common_name(a: Segment | _Folders, b: Segment | _Folders) -> str | None:
    return None if isinstance(a, _Folders) or isinstance(b, _Folders) else _common_text(a, b)


@lru_cache(maxsize=65536)
def _common_text(a: Segment, b: Segment) -> str | None:
    letters = _meet(a, b, is_many=lambda item: item is STAR, common=_common_letter)
    # Stars alone would meet in nothing, but a name has a letter.
    return None if letters is None else "".join(letters) or "x"


def _common_letter(a: Sign, b: Sign) -> str | None:
    if isinstance(a, frozenset) and isinstance(b, frozenset):
        return min(a & b, default=None)
    known = a if isinstance(a, frozenset) else b
    return min(known) if isinstance(known, frozenset) else "x"


def _meet(
    a: Sequence[T],
    b: Sequence[T],
    *,
    is_many: Callable[[T], bool],
    common: Callable[[T, T], str | None],
) -> tuple[str, ...] | None:
    """What two sequences, whose `many` items stand for any number of items, have in common; None
    for nothing.

    Walks the product of the two as automata, each state once. `common` is what two items that are
    not many share.
    """
    waiting: deque[tuple[int, int, tuple[str, ...]]] = deque([(0, 0, ())])
    seen = {(0, 0)}
    while waiting:
        i, j, made = waiting.popleft()
        if i == len(a) and j == len(b):
            return made
        one, other = a[i : i + 1], b[j : j + 1]  # empty at the end
        many_one, many_other = any(map(is_many, one)), any(map(is_many, other))
        steps: list[tuple[int, int, tuple[str, ...]]] = []
        if many_one:
            steps.append((i + 1, j, made))
        if many_other:
            steps.append((i, j + 1, made))
        if one and other and not (many_one and many_other):
            # A many takes the other's item in, and stays.
            left, right = (other[0] if many_one else one[0]), (one[0] if many_other else other[0])
            if (shared := common(left, right)) is not None:
                steps.append((i + (not many_one), j + (not many_other), (*made, shared)))
        for step in steps:
            if step[:2] not in seen:
                seen.add(step[:2])
                waiting.append(step)
    return None
