"""Which paths globs match, found without trying each glob on each path.

Owns the short ways: a glob without wildcards is looked up, and any other is tried on those paths
alone that begin as it begins, or have a name that begins as its last one does. `pathspec` says what
a glob with wildcards means, and the tests hold the short ways to it. Globs here are read already:
none takes paths out again (see `scope.check_glob`).
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

LAST = chr(sys.maxunicode)
"""Sorts behind every letter of a path."""
WILD = re.compile(r"[*?\[]")


class Matcher:
    """Whether a path lies in any of some globs."""

    def __init__(self, globs: Iterable[str]) -> None:
        self._places: set[str] = set()
        """From the root: the path, or all that is below it."""
        self._folders: set[str] = set()
        """From the root: what is below, alone."""
        self._names: set[str] = set()
        self._folder_names: set[str] = set()
        """The same at every depth."""
        wild: dict[str, list[str]] = {}
        for glob in dict.fromkeys(globs):
            stem, is_folder = glob.strip("/"), glob.endswith("/")
            if WILD.search(glob):
                wild.setdefault(_folder(glob), []).append(glob)
            elif is_anchored(glob):
                (self._folders if is_folder else self._places).add(stem)
            else:
                (self._folder_names if is_folder else self._names).add(stem)
        self._wild = {folder: _spec_of(beginning) for folder, beginning in wild.items()}
        """By the folder that they begin with; the root is the empty text."""

    def allows(self, path: str) -> bool:
        """Whether one of the globs matches; no globs match nothing."""
        return (
            path in self._places
            or (bool(self._places or self._folders) and self._is_below(path))
            or (bool(self._names or self._folder_names) and self._is_named(path))
            or (bool(self._wild) and self._is_matched(path))
        )

    @property
    def test(self) -> Callable[[str], object]:
        """`allows`, as the expression itself where there is no more to it: for many paths."""
        patterns = [pattern for spec in self._wild.values() for pattern in spec.patterns]
        if len(patterns) != 1 or self._places or self._folders or self._names:
            return self.allows
        expression = getattr(patterns[0], "regex", None)
        return (lambda path: expression.search(_matchable(path))) if expression else self.allows

    def _is_below(self, path: str) -> bool:
        return any(above in self._places or above in self._folders for above in folders_above(path))

    def _is_named(self, path: str) -> bool:
        *above, last = path.split("/")
        return last in self._names or any(
            name in self._names or name in self._folder_names for name in above
        )

    def _is_matched(self, path: str) -> bool:
        text = _matchable(path)
        return any(
            spec.match_file(text)
            for above in ("", *folders_above(path))
            if (spec := self._wild.get(above)) is not None
        )


class Paths(tuple[str, ...]):  # noqa: SLOT001 (what was found is kept)
    """The paths of a tree, in their order, ready for many globs."""

    def matching(self, glob: str) -> tuple[int, ...]:
        """Where those stand that a glob matches, in their order."""
        known = self._known
        if glob not in known:
            is_match = matcher_of(glob).test
            known[glob] = tuple(sorted({at for at in self._near(glob) if is_match(self[at])}))
        return known[glob]

    def _near(self, glob: str) -> Iterable[int]:
        """Where all of those stand that a glob may match, and some others."""
        head = _head(glob.removeprefix("/")) if is_anchored(glob) else ""
        if head and not WILD.search(glob):
            return self._beginning(head)
        last = glob.strip("/").rpartition("/")[2]
        if last and not WILD.search(last):
            return self._named.get(last, ())
        ways: list[Sequence[int]] = [self._beginning(head)] if head else []
        if start := _head(last):
            names = self._names[_span(self._names, start)]
            ways.append([at for name in names for at in self._named[name]])
        return min(ways, key=len, default=range(len(self)))

    def _beginning(self, head: str) -> Sequence[int]:
        paths, order = self._sorted
        return order[_span(paths, head)]

    @cached_property
    def _known(self) -> dict[str, tuple[int, ...]]:
        return {}

    @cached_property
    def _sorted(self) -> tuple[list[str], list[int]]:
        order = sorted(range(len(self)), key=self.__getitem__)
        return [self[at] for at in order], order

    @cached_property
    def _named(self) -> dict[str, list[int]]:
        """Where the paths stand that have a name among their parts."""
        found: dict[str, list[int]] = {}
        for at, path in enumerate(self):
            for name in set(path.split("/")):
                found.setdefault(name, []).append(at)
        return found

    @cached_property
    def _names(self) -> list[str]:
        return sorted(self._named)


@lru_cache(maxsize=65536)
def matcher_of(glob: str) -> Matcher:
    """The matcher of one glob."""
    return Matcher((glob,))


def is_anchored(glob: str) -> bool:
    """Whether a glob holds from the root: a slash that is not its last sign."""
    return "/" in glob[:-1]


def folders_above(path: str) -> Iterator[str]:
    """The folders that a path lies in, the outermost first; not the root."""
    at = path.find("/")
    while at >= 0:
        yield path[:at]
        at = path.find("/", at + 1)


def _head(glob: str) -> str:
    found = WILD.search(glob)
    return glob[: found.start()] if found else glob.removesuffix("/")


def _folder(glob: str) -> str:
    """The folder from the root that all lies in that a glob matches; empty for the root."""
    return _head(glob.removeprefix("/")).rpartition("/")[0] if is_anchored(glob) else ""


def _span(ordered: Sequence[str], head: str) -> slice:
    """Where those of some texts stand, which are in order, that begin with one."""
    start = bisect_left(ordered, head)
    return slice(start, bisect_left(ordered, head + LAST, start))


def _spec_of(globs: Iterable[str]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec  # many missions have no wildcards, and no reader of a run

    # A class of one sign means that sign, which pathspec's regular expressions do not always take
    # in brackets.
    return GitIgnoreSpec.from_lines(re.sub(r"\[(.)\]", r"\\\1", glob) for glob in globs)


def _matchable(path: str) -> str:
    # A line break in a file's name is one more letter to git, but the end of the text to a regular
    # expression.
    return path.replace("\n", "\0")
