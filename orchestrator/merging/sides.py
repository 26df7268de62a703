"""One side of a merge: what it changed, and in which folders it added and removed.

Pure. Owns the bookkeeping by which is decided whether the changes of two sides can simply be
united.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from orchestrator.git.values import Change, Entry


@dataclass(slots=True)
class Side:
    """One side's changes, with the folders in which it added and removed; folders are named without
    a last slash.
    """

    changes: dict[str, Change] = field(default_factory=dict)
    added_in: set[str] = field(default_factory=set)
    removed_in: set[str] = field(default_factory=set)
    adds: bool = False
    removes: bool = False

    @classmethod
    def of(cls, changes: Mapping[str, Change]) -> Side:
        """The side that made these changes."""
        side = cls()
        for path, change in changes.items():
            side.put(path, change)
        return side

    def put(self, path: str, change: Change) -> None:
        """One more change, which stands for all earlier ones of that path."""
        self.changes[path] = change
        if change.old is None and change.new is not None:
            self.adds = True
            self.added_in.update(folders(path))
        elif change.new is None and change.old is not None:
            self.removes = True
            self.removed_in.update(folders(path))


def merged_mode(old: Entry | None, now: Entry, new: Entry) -> str | None:
    """The mode of a regular file of which both sides changed the content; None where they
    disagree.
    """
    if now.mode == new.mode or (old is not None and new.mode == old.mode):
        return now.mode
    return new.mode if old is not None and now.mode == old.mode else None


def folders(path: str) -> Iterator[str]:
    """Every folder above `path` but the root."""
    at = path.find("/")
    while at != -1:
        yield path[:at]
        at = path.find("/", at + 1)


def related(path: str, other: str) -> bool:
    """Whether one of the two is the other or a folder above it."""
    return path == other or path.startswith(f"{other}/") or other.startswith(f"{path}/")
