"""Scopes: which paths an agent may change, as gitignore-style globs.

Owns the syntax that a scope may use, whether a path lies inside, what two scopes may both touch, and which of an
agent's changes lie outside. It reads no file and knows no git: paths are texts relative to the repository's root, with
`/` between their parts, compared with their case. Globs are matched by `pathspec`; what two globs have in common is
found in `globs`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from pathspec import GitIgnoreSpec

from orchestrator.mission import globs

EXTENSION = re.compile(r"[^/]\.[A-Za-z]\w*$")


class BadGlob(ValueError):
    """A pattern that no scope may hold; its text says why, `mend` what to write instead."""

    def __init__(self, why: str, mend: str | None = None) -> None:
        super().__init__(why)
        self.mend = mend


@dataclass(frozen=True, slots=True)
class Breach:
    """A change that an agent may not make: outside of its scope, or of a path that is protected from everybody."""

    path: str
    reason: Literal["outside", "protected"]


@dataclass(frozen=True)
class Scope:
    """The globs that say what an agent may change; none: nothing. Raises `BadGlob` for the first that is not one.

    A glob without a slash holds at every depth, one with a slash from the root; a folder covers all that is in it.
    """

    patterns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for pattern in self.patterns:
            check_glob(pattern)

    @cached_property
    def _spec(self) -> GitIgnoreSpec:
        # A class of one sign means that sign, which pathspec's regular expressions do not always take in brackets.
        return GitIgnoreSpec.from_lines(re.sub(r"\[(.)\]", r"\\\1", pattern) for pattern in self.patterns)

    @cached_property
    def literals(self) -> tuple[str, ...]:
        """The patterns that name one path from the root and hold no wildcard, without a leading slash."""
        return tuple(pattern.removeprefix("/") for pattern in self.patterns if is_literal(pattern))

    def allows(self, path: str) -> bool:
        """Whether a path lies inside."""
        # A line break in a file's name is one more letter to git, but the end of the text to a regular expression.
        return self._spec.match_file(path.replace("\n", "\0"))

    def matches(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Those of `paths` that lie inside, in their order."""
        return tuple(path for path in paths if self.allows(path))

    def __bool__(self) -> bool:
        return bool(self.patterns)


def check_glob(pattern: str) -> None:
    """Raises `BadGlob` for what is no glob of ours. Stricter than git, so that a typing error is no scope."""
    parts = pattern.removeprefix("/").removesuffix("/").split("/")
    if not pattern.strip("/"):
        raise BadGlob("expected a path or a glob", "write `**` for every path")
    if pattern.startswith("!"):
        raise BadGlob("a scope cannot take paths out again with `!`", "name what may be changed instead")
    if pattern.startswith("#"):
        raise BadGlob("`#` would begin a comment here", f"write `[#]{pattern[1:]}`")
    if pattern != pattern.strip() or not pattern.isprintable():
        raise BadGlob("a glob has no blanks round it and no control characters in it")
    if "\\" in pattern:
        raise BadGlob("a backslash has no place in a glob", "write `/` between folders, and `[*]` for a literal `*`")
    if ".." in parts or "." in parts:
        raise BadGlob("`.` and `..` have no place in a glob", "paths begin at the repository's root")
    if "" in parts:
        raise BadGlob("two slashes follow one another", "write `**` for any number of folders")
    if ".git" in parts:
        raise BadGlob("git's own folder can be in no scope")
    if any("**" in part and part != "**" for part in parts):
        raise BadGlob("`**` stands for whole folders, alone between slashes", "write `*` inside a name")
    if pattern.endswith("**/"):
        raise BadGlob("`**` covers files too, so no slash follows at the end", f"write `{pattern[:-1]}`")
    for part in parts:
        try:
            globs.parse_segment(part)
        except ValueError as error:
            raise BadGlob(str(error)) from None


def is_literal(pattern: str) -> bool:
    """Whether a pattern names one path from the root: a slash that anchors it, no wildcard, no folder's slash."""
    return "/" in pattern[:-1] and not pattern.endswith("/") and not any(sign in pattern for sign in "*?[")


def may_overlap(a: Scope, b: Scope, base_paths: Sequence[str]) -> tuple[str, ...]:
    """What two scopes may both touch: files of the base, then patterns for files that are not there yet.

    Empty means that no path whatever lies inside of both, but for what lies in folders that are named like files
    (`x.py/`) and are none in the base. `base_paths` may be cut down to what `a` allows.
    """
    shared = b.matches(a.matches(base_paths))
    found = dict.fromkeys(shared)
    parsed = {text: globs.parse(text, is_file=_names_files(text, base_paths)) for text in (*a.patterns, *b.patterns)}
    for first in a.patterns:
        for second in b.patterns:
            if globs.common_path(parsed[first], parsed[second]) is None:
                continue
            one, other = Scope((first,)), Scope((second,))
            if any(one.allows(path) and other.allows(path) for path in shared):
                continue  # shown already by files that are there
            literal = next((text.removeprefix("/") for text in (second, first) if is_literal(text)), None)
            found[literal or (first if first == second else f"{first} & {second}")] = None
    return tuple(found)


def _names_files(pattern: str, base_paths: Iterable[str]) -> bool:
    """Whether a pattern is about files alone: it ends in an extension, and no folder of the base is called so."""
    return EXTENSION.search(pattern) is not None and not any(map(Scope((f"{pattern}/",)).allows, base_paths))


def breaches(changed: Iterable[str], scope: Scope, protect: Scope) -> tuple[Breach, ...]:
    """What of an agent's changed paths it may not change, in their order; protection counts whatever the scope says."""
    found: list[Breach] = []
    for path in changed:
        if protect.allows(path):
            found.append(Breach(path, "protected"))
        elif not scope.allows(path):
            found.append(Breach(path, "outside"))
    return tuple(found)
