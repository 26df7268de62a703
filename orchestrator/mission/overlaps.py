"""What two scopes may both touch: files, symbols inside of files, and what is not there yet.

Owns the comparison and no words about it. What two globs have in common is found in `globs`, what
two patterns of symbols have in `symbols`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from orchestrator.mission import globs
from orchestrator.mission.paths import Paths, matcher_of
from orchestrator.mission.scope import EXTENSION, Entry, Scope, SymbolRule, is_literal
from orchestrator.mission.symbols import Outline, SymbolPattern


def may_overlap(
    a: Scope,
    b: Scope,
    base_paths: Sequence[str],
    outlines: Mapping[str, Outline | None] | None = None,
) -> tuple[str, ...]:
    """What two scopes may both touch: files and symbols of the base, then patterns for what is not
    there yet.

    Empty means that no path and no symbol whatever lies inside of both, but for what lies in
    folders that are named like files (`x.py/`) and are none in the base. Imports and new private
    helpers, which agents with symbol scopes may add to one file, are no overlap. `base_paths` may
    be cut down to what `a` allows; `outlines` has the files of the base that a symbol scope speaks
    of.
    """
    shared = tuple(filter(b.allows, a.matches(base_paths)))
    found: dict[str, None] = {}
    for path in shared:
        outline = (outlines or {}).get(path)
        found |= dict.fromkeys(_in_one_file(path, a.rule(path), b.rule(path), outline))
    globs_of = {entry.glob: parsed(entry, base_paths) for entry in (*a.entries, *b.entries)}
    for first in a.entries:
        for second in b.entries:
            if globs.common_path(globs_of[first.glob], globs_of[second.glob]) is None:
                continue
            one, other = matcher_of(first.glob), matcher_of(second.glob)
            if any(one.allows(path) and other.allows(path) for path in shared):
                continue  # shown already by files that are there
            if (symbol := _common_symbol(first, second)) is not None:
                found[_common_glob(first.glob, second.glob) + symbol] = None
    return tuple(found)


def is_remote(shared: str) -> bool:
    """Whether an item of an overlap is only of files that nobody has in mind: two patterns of which
    one holds at every depth (`*.rst`, `**/*.md`) meet in some folder, and no file of the base is
    there.
    """
    globs_of = shared.partition("::")[0].split(" & ")
    return len(globs_of) == 2 and any(map(_is_at_every_depth, globs_of))


def _is_at_every_depth(glob: str) -> bool:
    return glob.startswith("**/") or "/" not in glob.removesuffix("/")


def _in_one_file(
    path: str, one: SymbolRule | None, other: SymbolRule | None, outline: Outline | None
) -> Iterator[str]:
    if one is None and other is None:
        yield path
    elif one is None or other is None:
        rule = one or other
        yield from (f"{path}::{symbol.text}" for symbol in (rule.symbols if rule else ()))
    else:
        for first in one.symbols:
            for second in other.symbols:
                there = outline.covered(first, second) if outline else ()
                yield from (f"{path}::{name}" for name in there)
                if not there and first.meets(second):
                    yield f"{path}::{_both(first, second)}"


def _common_symbol(first: Entry, second: Entry) -> str | None:
    """What two entries may share of a file that is not there, as it follows the path; None for
    nothing.
    """
    if first.is_whole or second.is_whole:
        symbol = first.symbol or second.symbol
        return f"::{symbol.text}" if symbol else "" if first.is_whole and second.is_whole else None
    if first.symbol is None or second.symbol is None or not first.symbol.meets(second.symbol):
        return None  # nobody knows what a line stands for where there is no file
    return f"::{_both(first.symbol, second.symbol)}"


def _both(first: SymbolPattern, second: SymbolPattern) -> str:
    """Two patterns that meet, as one text: the one that lies in the other where that is plain to
    see.
    """
    outer, inner = sorted((first, second), key=lambda pattern: len(pattern.parts))
    if f"{inner.text}.".startswith(f"{outer.text}.") or _is_plain(inner):
        return inner.text
    return (
        outer.text
        if _is_plain(outer) and len(outer.parts) == len(inner.parts)
        else f"{outer.text} & {inner.text}"
    )


def _is_plain(pattern: SymbolPattern) -> bool:
    return not any(sign in pattern.text for sign in "*?[")


def _common_glob(first: str, second: str) -> str:
    literal = next((glob.removeprefix("/") for glob in (second, first) if is_literal(glob)), None)
    return literal or (first if first == second else f"{first} & {second}")


def parsed(entry: Entry, base_paths: Iterable[str]) -> globs.Glob:
    """An entry's glob, read as it is meant in a base with these paths."""
    return globs.parse(entry.glob, is_file=_names_files(entry.glob, base_paths))


def _names_files(pattern: str, base_paths: Iterable[str]) -> bool:
    """Whether a pattern is about files alone: it ends in an extension, and no folder of the base is
    called so.
    """
    if EXTENSION.search(pattern) is None:
        return False
    folder = f"{pattern}/"
    if isinstance(base_paths, Paths):
        return not base_paths.matching(folder)
    return not any(map(matcher_of(folder).allows, base_paths))
