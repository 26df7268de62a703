"""Where an agent's work meets that of the others: in no path, in the contents of files, or in the
shape of the tree.

Owns the decision whether the work can be united path by path. Where that could differ from what git
does, because something may have been renamed or a file stands where another has a folder, git has
to merge the trees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.git.store import Store
from orchestrator.git.values import Change, Entry
from orchestrator.merging.contribution import Contribution
from orchestrator.merging.sides import Side, folders


@dataclass(frozen=True, slots=True)
class Work:
    """An agent's contribution with what it changed (`side`) and how the tip differs from its base
    (`drift`).

    `root` is the base, or, where that is itself a merge of others' work, the landed commit that
    this was made on; `landed` is what the tip got since.
    """

    given: Contribution
    side: Side
    drift: Side
    root: str
    landed: Mapping[str, Change]

    @property
    def agent(self) -> str:
        return self.given.agent


class Meeting:
    """What was taken in so far (`ours`, which others go on to change) against the work that comes
    next.
    """

    def __init__(self, store: Store, tip: str, ours: Side) -> None:
        self._store = store
        self._tip = tip
        self._ours = ours

    def now(self, path: str, old: Entry | None, drift: Side) -> Entry | None:
        """What stands at `path` now, given what stood there in the agent's base."""
        if path in self._ours.changes:
            return self._ours.changes[path].new
        if path in drift.changes:
            return drift.changes[path].new
        return old

    def shared(self, work: Work) -> list[str] | None:
        """Files that both sides changed, to be merged one by one; None if the trees have to be
        merged by git.
        """
        theirs, drift = work.side, work.drift
        we_add = self._ours.adds or drift.adds
        we_remove = self._ours.removes or drift.removes
        shared: list[str] = []
        for path, change in theirs.changes.items():
            now = self.now(path, change.old, drift)
            if now not in (change.old, change.new):
                if not are_files(change.old, now, change.new):
                    return None
                if change.old is None and (we_remove or theirs.removes):
                    return (
                        None  # both added it, differently: one may have renamed another file to it
                    )
                shared.append(path)
            if now == change.new:
                if change.new is None and (we_add or theirs.adds):
                    return None  # both removed it: each may have renamed it, and differently
                if change.old is None and (we_remove or theirs.removes):
                    return None  # both added it: one may have renamed another file to it
            if change.old is None and self._meets_other_kind(path, drift):
                return None
        return None if self._may_rename_folder(work, we_add=we_add) else shared

    def _meets_other_kind(self, path: str, drift: Side) -> bool:
        """Whether a new file stands where we have put a folder, or in a folder where we have put a
        file.
        """
        if path in self._ours.added_in or path in drift.added_in:
            return True
        return any(
            folder in side.changes and self.now(folder, None, drift) is not None
            for folder in folders(path)
            for side in (self._ours, drift)
        )

    def _may_rename_folder(self, work: Work, *, we_add: bool) -> bool:
        """Whether one side emptied a folder, maybe by renaming it, in which the other added
        something.
        """
        theirs, drift = work.side, work.drift
        for folder in theirs.added_in:
            ours_gone = folder in self._ours.removed_in or folder in drift.removed_in
            if ours_gone and we_add and not self._stands(folder):
                return True
        if theirs.adds:
            for folder in theirs.removed_in:
                ours_added = folder in self._ours.added_in or folder in drift.added_in
                if ours_added and self._kind(f"{work.given.commit}:{folder}") != "tree":
                    return True
        return False

    def _kind(self, name: str) -> str | None:
        found = self._store.reader.info(name)
        return found[1] if found else None

    def _stands(self, folder: str) -> bool:
        """Whether the folder still has a file in it."""
        below = f"{folder}/"
        here = [
            (path, change.new)
            for path, change in self._ours.changes.items()
            if path.startswith(below)
        ]
        if any(new is not None for _, new in here):
            return True
        if self._kind(f"{self._tip}:{folder}") != "tree":
            return False
        removed = {path for path, new in here if new is None}
        listing = self._store.git.run(
            "ls-tree", "-r", "-z", "--name-only", "--full-tree", f"{self._tip}:{folder}"
        )
        return any(below + path not in removed for path in listing.fields)


def are_files(old: Entry | None, now: Entry | None, new: Entry | None) -> bool:
    """Whether the two sides, and what they come from if anything, are regular files."""
    return (
        now is not None
        and new is not None
        and all(each is None or each.is_file for each in (old, now, new))
    )
