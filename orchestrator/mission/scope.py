"""Scopes: what an agent may change, as gitignore-style globs of paths, and symbols inside of them.

Owns the forms that an entry of a scope may have (`entry_of`), whether a path lies inside, which
part of a file is meant, and which of an agent's changed paths lie outside. It reads no file and
knows no git: paths are texts relative to the repository's root, with `/` between their parts,
compared with their case. Globs are matched in `paths`; what symbols are is in `symbols`, what
two scopes may both touch in `overlaps`, and whether a changed file stays within its symbols is
found by `structure.scoping`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Literal

from orchestrator.mission import globs
from orchestrator.mission.globs import BadGlob
from orchestrator.mission.paths import Matcher, Paths, matcher_of
from orchestrator.mission.symbols import Outline, SymbolPattern, exactly, parse_symbol

EXTENSION = re.compile(r"[^/]\.[A-Za-z]\w*$")
Imports = Literal["add", "any", "deny"]
NewSymbols = Literal["private", "allow", "deny"]

_LINE = re.compile(r"(?P<glob>.*?):(?P<line>\d+)")
_PLACE = re.compile(r"(?P<glob>.*?):(?P<line>\d+)[:-]\d+")  # as compilers and viewers write places
_ONE_COLON = re.compile(r"(?P<glob>.*\.\w+):(?P<symbol>[A-Za-z_][\w.*]*)")


@dataclass(frozen=True, slots=True)
class Breach:
    """A change that an agent may not make, by its path alone: outside of its scope, or protected
    from everybody.
    """

    path: str
    reason: Literal["outside", "protected"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a scope: all of the files that `glob` matches, one `symbol` in them, or the
    symbol on a `line`.

    A line counts from 1 in the run's base. Until it is known what stands there, its entry covers
    nothing.
    """

    text: str
    glob: str
    symbol: SymbolPattern | None = None
    line: int | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it means all of a file."""
        return self.symbol is None and self.line is None

    @property
    def shown(self) -> str:
        """As it was written; a line by the symbol that it stands for, once that is known."""
        return f"{self.glob}::{self.symbol.text}" if self.symbol and self.line else self.text

    def matches(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Those of `paths` that it speaks of, in their order."""
        if isinstance(paths, Paths):
            return tuple(paths[at] for at in paths.matching(self.glob))
        return tuple(filter(matcher_of(self.glob).allows, paths))


@dataclass(frozen=True, slots=True)
class SymbolRule:
    """What an agent may change of one file: these symbols with all in them, and beside them imports
    and new symbols.
    """

    symbols: tuple[SymbolPattern, ...]
    imports: Imports = "add"
    new_symbols: NewSymbols = "private"


@dataclass(frozen=True)
class Scope:
    """The entries that say what an agent may change; none: nothing. Raises `BadGlob` for the first
    that is not one.

    A glob without a slash holds at every depth, one with a slash from the root; a folder covers all
    that is in it.
    """

    patterns: tuple[str, ...] = ()
    imports: Imports = "add"
    new_symbols: NewSymbols = "private"
    lines: tuple[tuple[str, SymbolPattern], ...] = ()
    """What entries with a line stand for, as far as it is known; see `resolved`."""
    entries: tuple[Entry, ...] = field(init=False, repr=False, compare=False)
    """The patterns, read."""

    def __post_init__(self) -> None:
        known = dict(self.lines)
        read = map(entry_of, self.patterns)
        entries = tuple(
            replace(entry, symbol=known[entry.text]) if entry.text in known else entry
            for entry in read
        )
        object.__setattr__(self, "entries", entries)

    @cached_property
    def _any(self) -> Matcher:
        return Matcher(entry.glob for entry in self.entries)

    @cached_property
    def _whole(self) -> Matcher:
        return Matcher(entry.glob for entry in self.entries if entry.is_whole)

    @cached_property
    def _from_root(self) -> list[str]:
        return sorted(entry.glob.removeprefix("/") for entry in self.entries)

    @cached_property
    def literals(self) -> tuple[str, ...]:
        """The paths that are named from the root without any wildcard, without a leading slash."""
        return tuple(
            entry.glob.removeprefix("/") for entry in self.entries if is_literal(entry.glob)
        )

    @property
    def has_symbols(self) -> bool:
        """Whether an entry means less than a file."""
        return any(not entry.is_whole for entry in self.entries)

    @property
    def shown(self) -> tuple[str, ...]:
        """The entries for people; see `Entry.shown`."""
        return tuple(entry.shown for entry in self.entries)

    def allows(self, path: str) -> bool:
        """Whether a path lies inside, as a whole or with some of its symbols."""
        return self._any.allows(path)

    def reaches(self, path: str) -> bool:
        """Whether a file at a path may lie inside, or one below it."""
        below = f"{path.removesuffix('/')}/"
        return self.allows(path) or self.allows(f"{below}new.py") or self._begins(below)

    def _begins(self, head: str) -> bool:
        at = bisect_left(self._from_root, head)
        return at < len(self._from_root) and self._from_root[at].startswith(head)

    def matches(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Those of `paths` that lie inside, in their order."""
        if isinstance(paths, Paths):
            found = {at for entry in self.entries for at in paths.matching(entry.glob)}
            return tuple(paths[at] for at in sorted(found))
        return tuple(path for path in paths if self.allows(path))

    def rule(self, path: str) -> SymbolRule | None:
        """What of a path that lies inside may be changed; None for all of it, also where another
        entry says less.
        """
        if self._whole.allows(path):
            return None
        symbols = tuple(
            entry.symbol
            for entry in self.entries
            if entry.symbol and matcher_of(entry.glob).allows(path)
        )
        return SymbolRule(symbols, self.imports, self.new_symbols)

    def resolved(self, outlines: Mapping[str, Outline | None], paths: Paths | None = None) -> Scope:
        """The scope with each line bound to the symbol that holds it, where `outlines` (by path)
        has just one such. `paths` are the keys of `outlines`, for whoever asks often.
        """
        lines: dict[str, SymbolPattern] = {}
        for entry in self.entries:
            if entry.line is not None:
                found = [outlines[path] for path in entry.matches(paths or outlines)]
                path = found[0].at(entry.line) if len(found) == 1 and found[0] is not None else None
                lines |= {entry.text: exactly(path)} if path else {}
        return replace(self, lines=tuple(lines.items())) if lines else self

    def __bool__(self) -> bool:
        return bool(self.patterns)


@lru_cache(maxsize=65536)
def entry_of(text: str) -> Entry:
    """An entry as a mission writes it: `glob`, `glob::Symbol`, `path:12`. Raises `BadGlob`.

    A literal colon before digits is written `[:]`.
    """
    glob, colons, symbol = text.partition("::")
    if colons:
        pattern = parse_symbol(symbol)
        _check_file(glob, "::" + symbol)
        return Entry(text, glob, symbol=pattern)
    if found := _PLACE.fullmatch(text):
        raise BadGlob(
            "a line stands for the symbol round it", f"write `{found['glob']}:{found['line']}`"
        )
    if found := _LINE.fullmatch(text):
        line = int(found["line"])
        if not line:
            raise BadGlob("lines count from 1")
        if found["glob"].endswith("/") or any(sign in found["glob"] for sign in "*?["):
            raise BadGlob("a line belongs to one file", "write its path, without wildcards")
        _check_file(found["glob"], f":{line}")
        return Entry(text, found["glob"], line=line)
    if found := _ONE_COLON.fullmatch(text):
        raise BadGlob("a symbol follows two colons", f"write `{found['glob']}::{found['symbol']}`")
    if text.endswith(":"):
        raise BadGlob(
            "nothing follows the colon", "write `path::Symbol`, `path:12`, or the path alone"
        )
    check_glob(text)
    return Entry(text, text)


def _check_file(glob: str, part: str) -> None:
    """Raises `BadGlob` where what stands before a symbol or a line does not name files of a known
    ending.
    """
    if not glob:
        raise BadGlob("no path stands before the symbol", f"write `path{part}`")
    if _LINE.fullmatch(glob):
        raise BadGlob("expected a symbol or a line, not both", "take one of the two out")
    check_glob(glob)
    folder = glob.removesuffix("**").strip("/")
    example = f"{folder}/**/*.py{part}".removeprefix("/")
    if glob.endswith("/"):
        raise BadGlob(
            "a folder has no symbols of its own", f"name files in it, such as `{example}`"
        )
    if not EXTENSION.search(glob):
        example = f"{glob}.py{part}" if glob.endswith("/*") else example
        mend = f"name files by their ending, such as `{example}`, or the path without symbols"
        if not part.startswith("::"):
            mend = f"write `{glob}` for all of the file; a colon in its name is written `[:]`"
        raise BadGlob("the ending of a file says how its symbols are found", mend)


def check_glob(pattern: str) -> None:
    """Raises `BadGlob` for what is no glob of ours. Stricter than git, so that a typing error is no
    scope.
    """
    parts = pattern.removeprefix("/").removesuffix("/").split("/")
    if not pattern.strip("/"):
        raise BadGlob("expected a path or a glob", "write `**` for every path")
    if pattern.startswith("!"):
        raise BadGlob(
            "a scope cannot take paths out again with `!`", "name what may be changed instead"
        )
    if pattern.startswith("#"):
        raise BadGlob("`#` would begin a comment here", f"write `[#]{pattern[1:]}`")
    if pattern != pattern.strip() or not pattern.isprintable():
        raise BadGlob("a glob has no blanks round it and no control characters in it")
    if "\\" in pattern:
        raise BadGlob(
            "a backslash has no place in a glob",
            "write `/` between folders, and `[*]` for a literal `*`",
        )
    if ".." in parts or "." in parts:
        raise BadGlob(
            "`.` and `..` have no place in a glob", "paths begin at the repository's root"
        )
    if "" in parts:
        raise BadGlob("two slashes follow one another", "write `**` for any number of folders")
    if ".git" in parts:
        raise BadGlob("git's own folder can be in no scope")
    if any("**" in part and part != "**" for part in parts):
        raise BadGlob(
            "`**` stands for whole folders, alone between slashes", "write `*` inside a name"
        )
    if pattern.endswith("**/"):
        raise BadGlob(
            "`**` covers files too, so no slash follows at the end", f"write `{pattern[:-1]}`"
        )
    for part in parts:
        try:
            globs.parse_segment(part)
        except ValueError as error:
            raise BadGlob(str(error)) from None


def is_literal(pattern: str) -> bool:
    """Whether a pattern names one path from the root: a slash that anchors it, no wildcard, no
    folder's slash.
    """
    return (
        "/" in pattern[:-1]
        and not pattern.endswith("/")
        and not any(sign in pattern for sign in "*?[")
    )


def breaches(changed: Iterable[str], scope: Scope, protect: Scope) -> tuple[Breach, ...]:
    """What of an agent's changed paths it may not change, in their order; protection counts
    whatever the scope says.
    """
    found: list[Breach] = []
    for path in changed:
        if protect.allows(path):
            found.append(Breach(path, "protected"))
        elif not scope.allows(path):
            found.append(Breach(path, "outside"))
    return tuple(found)
