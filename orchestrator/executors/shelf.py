"""What a set-up made stays with the tree of a gate: put aside while the tree is emptied, and put
back when it is filled again.

A copy for every look would cost more than many a gate's tests. A copy that all trees share would be
changed by the first test that writes into it. So every tree has one of its own, which is held
against what it was when it was made, after each look and again before it is put back; where
anything was touched it is made anew. Nothing outlives the process that made it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.executors.stamps import Stamps, stamp, stamps
from orchestrator.git.folder import remove_tree

FOLDER = ".shelf"
"""Beside the work trees; no work tree is called so."""


@dataclass(slots=True)
class _Lot:
    """What is in a tree, or on the shelf: made by which set-up, and its stamps by top-most path."""

    key: str
    stamps: dict[str, Stamps]


class Shelf:
    """The shelf of one process. For many threads, of which one has a tree at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lots: dict[Path, _Lot] = {}

    def put_back(self, work_tree: Path, key: str) -> bool:
        """Put back what was made by the set-up `key`, if it is there and nobody touched it."""
        with self._lock:
            lot = self._lots.pop(work_tree, None)
        shelf = _shelf_of(work_tree)
        if lot is None or lot.key != key or not _is_untouched(shelf, lot):
            remove_tree(shelf)
            return False
        for path in lot.stamps:
            target = work_tree / path
            remove_tree(target)
            target.parent.mkdir(parents=True, exist_ok=True)
            (shelf / path).rename(target)
        self._note(work_tree, lot, work_tree)
        return True

    def note(self, work_tree: Path, key: str, paths: Sequence[str]) -> None:
        """Remember what has just been put into a tree."""
        found = {path: _stamps(work_tree / path) for path in paths}
        with self._lock:
            self._lots[work_tree] = _Lot(key, found)

    def take(self, work_tree: Path) -> None:
        """Put what is in the tree aside, if nobody touched it; what was touched stays and is lost
        with the tree.
        """
        with self._lock:
            lot = self._lots.pop(work_tree, None)
        if lot is None or not _is_untouched(work_tree, lot):
            return
        shelf = _shelf_of(work_tree)
        remove_tree(shelf)
        for path in lot.stamps:
            (shelf / path).parent.mkdir(parents=True, exist_ok=True)
            (work_tree / path).rename(shelf / path)
        self._note(work_tree, lot, shelf)

    def _note(self, work_tree: Path, lot: _Lot, place: Path) -> None:
        """To be moved changes the stamp of what is moved, and of nothing in it."""
        for path, found in lot.stamps.items():
            found[""] = stamp(place / path)
        with self._lock:
            self._lots[work_tree] = lot


def _shelf_of(work_tree: Path) -> Path:
    return work_tree.parent / FOLDER / work_tree.name


def _is_untouched(place: Path, lot: _Lot) -> bool:
    return all(_stamps(place / path) == found for path, found in lot.stamps.items())


def _stamps(top: Path) -> Stamps:
    found = {} if top.is_symlink() else stamps(top)
    return found if "" in found or not os.path.lexists(top) else {"": stamp(top)}
