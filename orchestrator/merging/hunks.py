"""Changes of one text by many: each one's lines as git's diff sees them, and their union where they
keep apart.

Owns the reading of ``git diff-tree -U0`` and the rule when two changes do not touch. A file that
fifty agents edited at fifty places is put together once, at the end, and not merged fifty times.
Whatever touches is left to a real merge.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.git.store import Store

_INDEX = re.compile(rb"index ([0-9a-f]+)\.\.([0-9a-f]+)")
_AT = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_LONGEST_COMMAND = 100_000
"""Characters of paths in one command line; Linux takes far more."""


@dataclass(frozen=True, slots=True, order=True)
class Hunk:
    """Lines `start` to `end` of the old text, counted from 0, `end` left out, become `lines`, with
    their line ends.
    """

    start: int
    end: int
    lines: tuple[bytes, ...]


Hunks = Mapping[tuple[str, str], tuple[Hunk, ...]]
"""By the ids of the old and the new blob."""


def hunks_between(
    store: Store, pairs: Sequence[tuple[str, str]], paths: Sequence[str]
) -> dict[tuple[str, str], tuple[Hunk, ...]]:
    """How the files at `paths` differ in each (base, commit) pair; in git's own alignment when it
    merges.

    Where the names would fill more than one command line, nothing is found out: each file is merged
    by itself then.
    """
    if not paths or sum(len(path) + 1 for path in paths) > _LONGEST_COMMAND:
        return {}
    asked = "".join(f"{commit} {base}\n" for base, commit in dict.fromkeys(pairs)).encode()
    answer = store.git.run(*_DIFF, "--stdin", "--", *paths, input=asked)
    return _parsed(answer.stdout.split(b"\n"))


def _parsed(lines: list[bytes]) -> dict[tuple[str, str], tuple[Hunk, ...]]:
    found: dict[tuple[str, str], list[Hunk]] = {}
    hunks: list[Hunk] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if index := _INDEX.match(line):
            hunks = found[index[1].decode(), index[2].decode()] = []
        elif head := _AT.match(line):
            first, removed, added = int(head[1]), int(head[2] or 1), int(head[3] or 1)
            at = _skip(lines, at, removed)
            start = first - 1 if removed else first
            stop = at + added
            new = [each[1:] + b"\n" for each in lines[at:stop]]
            if added and stop < len(lines) and lines[stop].startswith(b"\\"):
                new[-1] = new[-1][:-1]
                stop += 1
            hunks.append(Hunk(start, start + removed, tuple(new)))
            at = stop
    return {pair: tuple(each) for pair, each in found.items()}


def _skip(lines: list[bytes], at: int, removed: int) -> int:
    at += removed
    return at + 1 if removed and at < len(lines) and lines[at].startswith(b"\\") else at


@dataclass(slots=True)
class SharedText:
    """A text and the changes to it that were taken in so far, none touching another."""

    base: bytes
    taken: list[Hunk] = field(default_factory=list)

    def fits(self, hunks: Sequence[Hunk]) -> bool:
        """Whether between each of `hunks` and what was taken a line stays as it was, or both are
        the same change.
        """
        return all(self._fits(hunk) for hunk in hunks)

    def _fits(self, hunk: Hunk) -> bool:
        at = bisect_left(self.taken, hunk)
        if at < len(self.taken) and self.taken[at] == hunk:
            return True
        before, after = (
            self.taken[at - 1] if at else None,
            self.taken[at] if at < len(self.taken) else None,
        )
        return (before is None or before.end < hunk.start) and (
            after is None or hunk.end < after.start
        )

    def take(self, hunks: Sequence[Hunk]) -> None:
        """Take in changes that fit."""
        for hunk in hunks:
            at = bisect_left(self.taken, hunk)
            if not (at < len(self.taken) and self.taken[at] == hunk):
                self.taken.insert(at, hunk)

    def text(self) -> bytes:
        """The text with all that was taken."""
        lines = self.base.split(b"\n")
        old = [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
        parts: list[bytes] = []
        at = 0
        for hunk in self.taken:
            parts += old[at : hunk.start]
            parts += hunk.lines
            at = hunk.end
        return b"".join([*parts, *old[at:]])


_DIFF = (
    "diff-tree",
    "-r",
    "-p",
    "--unified=0",
    "--inter-hunk-context=0",
    "--full-index",
    "--no-renames",
    "--diff-algorithm=histogram",  # what git's merge uses
    "--no-indent-heuristic",
    "--text",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--ignore-submodules=all",
    "--src-prefix=a/",
    "--dst-prefix=b/",
)
