"""Merging the contents of one file between what others made of it and an agent's version, told in
the agents' names.

Owns whom a conflict is with and how it is said. How two versions become one is `structure.merge`'s,
which is imported when the first file needs it: most runs have none, and should not wait for
grammars.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.git.values import Change, Entry
from orchestrator.merging.contribution import Conflict, ConflictKind
from orchestrator.structure.checks import check_file
from orchestrator.structure.limits import largest
from orchestrator.structure.merge import MergeResult, merge_file

Read = Callable[[str, Entry], bytes]
"""The bytes of an entry that stands at a path."""
Size = Callable[[str, Entry], int]
"""How many these are, which is known without reading them."""

_CLEAN = "line merge: "
"""Begins the notes of a merge whose lines git would have merged, had the checks not refused what
came out.
"""


@dataclass(frozen=True, slots=True)
class FileMerge:
    """`content` is None exactly if there are `conflicts`."""

    content: bytes | None
    conflicts: tuple[Conflict, ...] = ()
    notes: tuple[str, ...] = ()


class Merger:
    """Merges and checks files, whose bytes it has from `read`."""

    def __init__(self, read: Read, size: Size) -> None:
        self._read = read
        self._size = size

    def may_look_into(self, path: str, *versions: Entry | None) -> bool:
        """Whether all versions are text of a size that is looked into; git alone decides on
        others.
        """
        sides = [each for each in versions if each is not None]
        if any(self._size(path, each) > largest(path) for each in sides):
            return False
        return not any(is_binary(self._read(path, each)) for each in sides)

    def check(self, path: str, merged: Entry, sides: Sequence[Entry]) -> bool:
        """Whether something is wrong with `merged` that is wrong with none of `sides`, which are
        read if need be.
        """
        if not self.may_look_into(path, merged):
            return False

        text = self._read(path, merged)
        if not check_file(path, text):
            return False
        return bool(
            check_file(path, text, *(self._read(path, side) for side in dict.fromkeys(sides)))
        )

    def merge(  # noqa: PLR0917  (three versions and whose they are)
        self,
        path: str,
        base: Entry | None,
        ours: Entry,
        theirs: Entry,
        makers: Sequence[tuple[str, Change]],
        agent: str,
    ) -> FileMerge:
        """Merge `theirs`, the agent's, into `ours`, which `makers` made of `base`."""
        was = self._read(path, base) if base else None
        result = merge_file(path, was, self._read(path, ours), self._read(path, theirs))
        names = list(dict.fromkeys(name for name, _ in makers)) or ["the others"]
        notes = tuple(_named(note, names, agent) for note in result.notes)
        if result.content is not None:
            if result.by == "structure" and not any(note.startswith(_CLEAN) for note in notes):
                notes = (
                    f"merged by structure with {listed(names)}: git's line merge is a conflict",
                    *notes,
                )
            return FileMerge(result.content, notes=notes)
        kind = _kind(result, base)
        guilty = self._guilty(path, Change(base, theirs), makers)
        conflicts = []
        for found in result.conflicts:
            at_fault = [
                name
                for name, symbols in guilty.items()
                if symbols is None or found.symbol in symbols
            ]
            others = at_fault or names
            text = _named(found.reason, others, agent)
            if kind is ConflictKind.CHECKS:
                text = f"what {listed([*others, agent])} did does not go together: {text}"
            conflicts.append(Conflict(path, agent, tuple(others), kind, text, found.symbol))
        return FileMerge(None, tuple(conflicts), notes)

    def _guilty(
        self, path: str, change: Change, makers: Sequence[tuple[str, Change]]
    ) -> dict[str, frozenset[str] | None]:
        """What each of several makers by itself conflicts with the agent in; None where that cannot
        be told.
        """
        if len(makers) < 2 or change.new is None:
            return {}
        base = self._read(path, change.old) if change.old else None
        theirs = self._read(path, change.new)
        found: dict[str, frozenset[str] | None] = {}
        for name, made in makers:
            if made.old != change.old or made.new is None or not made.new.is_file:
                found[name] = None
                continue
            alone = merge_file(path, base, self._read(path, made.new), theirs)
            found[name] = frozenset(conflict.symbol for conflict in alone.conflicts)
        return found


def is_binary(content: bytes) -> bool:
    """Whether there is a NUL in it; git looks at its beginning only, so what it calls binary is
    binary here too.
    """
    return b"\0" in content


def told(text: str, names: Mapping[str, str]) -> str:
    """Git's sentence on a conflict without its label and its talk of trees, with names in place of
    commits.
    """
    said = (
        re.sub(r"^(?:CONFLICT \([^)]*\)|warning):\s*", "", text).partition("  Version ")[0].strip()
    )
    for commit, name in names.items():
        said = said.replace(commit, name)
    return said


def _kind(result: MergeResult, base: Entry | None) -> ConflictKind:
    if any(note.startswith(_CLEAN) for note in result.notes):
        return ConflictKind.CHECKS
    return ConflictKind.ADD_ADD if base is None else ConflictKind.CONTENT


_SIDE = re.compile(r"\bby both\b|^both\b|(?:(?<=\bby )|(?<=\bthe )|^)(?:left|right)\b(?! out)")


def _named(text: str, others: Sequence[str], agent: str) -> str:
    """A sentence of the merger, which knows a left and a right side, in the agents' names."""
    both = listed([*others, agent])
    names = {
        "left": listed(others),
        "right": agent,
        "both": f"{both} both",
        "by both": f"by both {both}",
    }
    return _SIDE.sub(lambda found: names[found[0]], text)  # once: somebody may be called "left"


def listed(names: Sequence[str]) -> str:
    """``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
