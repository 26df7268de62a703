"""The tree that a fold is making: what stands at each path now, and the objects of it that are not
written yet.

Owns texts to which many contribute: these are put together when somebody reads them or the tree is
asked for, and not once for each change. What is to stand where is decided in `fold`.
"""

from __future__ import annotations

from orchestrator.git.store import Store
from orchestrator.git.text import encode
from orchestrator.git.values import Change, Changes, Entry
from orchestrator.merging.hunks import Hunk, SharedText
from orchestrator.merging.sides import Side

PENDING = ""
"""Stands for the id of a text that is put together when it is needed."""


class Draft:
    """The tree of the commit `tip`, with what was put into it since, which is `side`."""

    def __init__(self, store: Store, tip: str) -> None:
        self.writer = store.writer()
        self.side = Side()
        self._store = store
        self._tip_tree = store.tree_of(tip)
        self._texts: dict[str, tuple[str, SharedText]] = {}
        self._written: dict[str, str] = {}
        self._fresh: dict[str, bytes] = {}
        self._tree: str | None = None

    # -- what is put in

    def put(self, path: str, change: Change) -> None:
        """Change what stands at `path`: from `old`, which stands there now."""
        self._tree = None
        known = self.side.changes.get(path)
        self.side.put(path, Change(known.old if known else change.old, change.new))

    def blob(self, content: bytes) -> str:
        """The id of a file's content, which can be read from now on."""
        oid = self.writer.blob(content)
        self._fresh[oid] = content
        return oid

    def take(self, path: str, base: str, text: SharedText, hunks: tuple[Hunk, ...]) -> None:
        """Let the text at `path`, whose entry is `PENDING`, be `text`, made of the blob `base`,
        with `hunks`.
        """
        self._tree = None
        text.take(hunks)
        self._texts[path] = (base, text)

    # -- what stands there

    def text(self, path: str, base: str, now: Entry) -> SharedText | None:
        """The text that stands at `path` as the entry `now` if it was put together of changes to
        the blob `base`.
        """
        known, text = self._texts.get(path, ("", None))
        return text if known == base and now.oid in (PENDING, self._written.get(path)) else None

    def read(self, path: str, entry: Entry) -> bytes:
        """The bytes of an entry that stands, or stood, at `path`."""
        if entry.oid == PENDING:
            return self._texts[path][1].text()
        fresh = self._fresh.get(entry.oid)
        return self._store.blob(entry.oid) if fresh is None else fresh

    def size(self, path: str, entry: Entry) -> int:
        """How many these are."""
        if entry.oid == PENDING or entry.oid in self._fresh:
            return len(self.read(path, entry))
        return self._store.size(entry.oid)

    def content(self, path: str) -> bytes | None:
        """What stands at `path` now, if a file was put there; None otherwise."""
        change = self.side.changes.get(path)
        return self.read(path, change.new) if change and change.new and change.new.is_file else None

    def changes(self) -> Changes:
        """What is different from the tip as it stands, in git's order."""
        for path, change in self.side.changes.items():
            if change.new is not None and change.new.oid == PENDING:
                oid = self._written[path] = self.blob(self._texts[path][1].text())
                self.side.changes[path] = Change(change.old, Entry(change.new.mode, oid))
        made = {
            path: change for path, change in self.side.changes.items() if change.old != change.new
        }
        return {path: made[path] for path in sorted(made, key=encode)}

    def tree(self) -> str:
        """The tree as it stands; pending in the writer."""
        if self._tree is None:
            changed = {path: change.new for path, change in self.changes().items()}
            self._tree = self.writer.splice(self._tip_tree, changed) if changed else self._tip_tree
        return self._tree
