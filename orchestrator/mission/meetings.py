"""Which of many scopes may meet at all: the pairs that are worth a look by `overlaps`.

Owns the choice, which costs what it finds: paths without wildcards meet in a dictionary, and a glob
with wildcards is held only against globs that may begin as it does. A pair that is not chosen has
nothing in common; one that is chosen may have nothing either.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from orchestrator.mission import globs
from orchestrator.mission.overlaps import parsed
from orchestrator.mission.paths import WILD, Paths, is_anchored
from orchestrator.mission.scope import Entry, Scope

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Place:
    """An entry of the scope at a position, and what is plain to see of its glob."""

    scope: int
    entry: Entry
    parsed: globs.Glob
    symbol: str | None
    """The outermost symbol that it is about, where that is one name."""
    begin: str
    """What each path that it matches begins with, with a slash at its end."""
    last: str | None
    """The name of each file that it matches, where that is one name."""
    head: str = ""
    """What the names of all files that it matches begin with, and end with."""
    tail: str = ""


def meetings(scopes: Sequence[Scope], paths: Paths) -> list[Pair]:
    """The pairs of positions of scopes that may meet, in order; `paths` are those of the base."""
    places = [
        _place(index, entry, paths) for index, scope in enumerate(scopes) for entry in scope.entries
    ]
    # An entry of a line that nobody knows the symbol of covers nothing.
    places = [place for place in places if place.entry.is_whole or place.entry.symbol]
    found: set[Pair] = set()
    found.update(_of_one_name(places))
    for one, other in _beside_wild(places):
        if _may_meet(one, other):
            found.add((min(one.scope, other.scope), max(one.scope, other.scope)))
    return sorted(pair for pair in found if pair[0] != pair[1])


def _place(index: int, entry: Entry, paths: Paths) -> _Place:
    glob = parsed(entry, paths)
    text = entry.glob.removeprefix("/")
    wild = WILD.search(text)
    begin = text[: wild.start()] if wild else f"{text.removesuffix('/')}/"
    last = text.rpartition("/")[2]
    is_files = glob[-1] is not globs.FOLDERS
    signs = WILD.split(last)
    symbol = entry.symbol.outer_name if entry.symbol else None
    return _Place(
        index,
        entry,
        glob,
        symbol,
        begin if is_anchored(entry.glob) else "",
        last if is_files and len(signs) == 1 else None,
        signs[0] if is_files else "",
        signs[-1] if is_files and "]" not in last else "",
    )


def _of_one_name(places: Iterable[_Place]) -> Iterator[Pair]:
    """The pairs of entries that are of one file each, as far as they may be of the same."""
    names: dict[str, list[_Place]] = {}
    for place in places:
        if place.last is not None:
            names.setdefault(place.last, []).append(place)
    for group in names.values():
        in_folders = [place for place in group if not place.begin.endswith(f"{place.last}/")]
        yield from _pairs(in_folders, in_folders)
        at: dict[str, list[_Place]] = {}
        for place in group:
            if place.begin.endswith(f"{place.last}/"):
                at.setdefault(place.begin, []).append(place)
        for same in at.values():
            yield from _pairs(same, [*same, *in_folders])


def _pairs(some: Sequence[_Place], others: Sequence[_Place]) -> Iterator[Pair]:
    """Those of one with those of the other, less those of two symbols."""
    symbols: dict[str | None, set[int]] = {}
    for place in others:
        symbols.setdefault(place.symbol, set()).add(place.scope)
    everybody = {place.scope for place in others}
    for place in some:
        whole = symbols.get(None, set())
        meets = everybody if place.symbol is None else whole | symbols.get(place.symbol, set())
        yield from ((min(place.scope, index), max(place.scope, index)) for index in meets)


def _beside_wild(places: Sequence[_Place]) -> Iterator[tuple[_Place, _Place]]:
    """Each entry that is not of one file, with all that may begin as it does."""
    ordered = sorted(places, key=lambda place: place.begin)
    begins = [place.begin for place in ordered]
    for place in places:
        if place.last is not None:
            continue
        for size in range(len(place.begin)):
            head = place.begin[:size]
            at = bisect_left(begins, head)
            while at < len(begins) and begins[at] == head:
                yield place, ordered[at]
                at += 1
        at = bisect_left(begins, place.begin)
        while at < len(begins) and begins[at].startswith(place.begin):
            yield place, ordered[at]
            at += 1


def _may_meet(one: _Place, other: _Place) -> bool:
    if one.scope == other.scope:
        return False
    if one.symbol is not None and other.symbol is not None and one.symbol != other.symbol:
        return False
    shorter, longer = sorted((one.head, other.head), key=len)
    if not longer.startswith(shorter):
        return False
    shorter, longer = sorted((one.tail, other.tail), key=len)
    if not longer.endswith(shorter):
        return False
    return globs.common_path(one.parsed, other.parsed) is not None
