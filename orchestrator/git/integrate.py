"""The candidate: the work of many agents on top of the tip, put together in the object store without a work tree.

Owns the decision of what can simply be united and what git has to merge. Work on different paths is united path by path
in memory, so that cost follows what changed. An agent whose changes could mean something else beside those of others
(the same path, a file where another has a folder, a possible rename) goes through git's own merge, against synthetic
commits that give it exactly its base. The result is what ``git merge`` of the agents, one after the other in the given
order, would give, with the ones that conflict left out whole. Nothing is ever dropped silently.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.git.merge_tree import Clash, ConflictKind, Merged, merge_trees
from orchestrator.git.objects import ObjectWriter
from orchestrator.git.store import Store
from orchestrator.git.values import Change, Changes, Entry

TIP = "the tip"
"""Stands among the agents that a conflict is with, for what had landed before."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """What an agent hands in: its captured commit and the commit that it started from."""

    agent: str
    base: str
    commit: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """Why an agent was left out: where, in what way, against whom (agents before it, or `TIP`), in git's words."""

    path: str
    agent: str
    others: tuple[str, ...]
    kind: ConflictKind
    text: str


@dataclass(frozen=True, slots=True)
class Integration:
    """The candidate. `commit` is None if nothing was merged; `tree` is then the tip's. Every agent is in one list."""

    commit: str | None
    tree: str
    merged: tuple[str, ...]
    conflicts: tuple[Conflict, ...]


@dataclass(frozen=True, slots=True)
class ThreeWay:
    """One file that git could not merge; `base` is None if both sides added it."""

    path: str
    base: Entry | None
    ours: Entry
    theirs: Entry


Resolver = Callable[[ThreeWay], bytes | None]
"""May merge a file that git could not: its content, or None. Only asked for regular files, and only after git."""


def integrate(  # noqa: PLR0913  (a commit's parts)
    store: Store,
    tip: str,
    contributions: Sequence[Contribution],
    *,
    message: str,
    when: int,
    resolve: Resolver | None = None,
) -> Integration:
    """Fold `contributions` onto `tip` in their order; `when` dates the candidate, in seconds since 1970, UTC.

    The candidate is one commit with `message`; its parents are the tip and the commits that were merged.
    """
    store.harden()
    fold = _Fold(store, tip)
    bases = sorted({work.base for work in contributions} - {tip})
    pairs = [(work.base, work.commit) for work in contributions] + [(base, tip) for base in bases]
    differences = store.changes_of_all(pairs)
    drifts = {base: _Side.of(drift) for base, drift in zip(bases, differences[len(contributions) :], strict=True)}
    merged: list[Contribution] = []
    conflicts: list[Conflict] = []
    for work, changes in zip(contributions, differences, strict=False):
        found = fold.add(work, _Side.of(changes), drifts.get(work.base, _Side()), resolve)
        if found:
            conflicts += found
        else:
            merged.append(work)
    if not merged:
        return Integration(None, store.tree_of(tip), (), tuple(conflicts))
    parents = dict.fromkeys([tip, *(work.commit for work in merged if work.commit != work.base)])
    tree = fold.tree()
    commit = fold.writer.commit(tree, list(parents), message, when)
    fold.writer.flush()
    return Integration(commit, tree, tuple(work.agent for work in merged), tuple(conflicts))


@dataclass(slots=True)
class _Side:
    """One side's changes, with the folders in which it added and removed; folders are named without a last slash."""

    changes: dict[str, Change] = field(default_factory=dict)
    added_in: set[str] = field(default_factory=set)
    removed_in: set[str] = field(default_factory=set)
    adds: bool = False
    removes: bool = False

    @classmethod
    def of(cls, changes: Mapping[str, Change]) -> _Side:
        side = cls()
        for path, change in changes.items():
            side.put(path, change)
        return side

    def put(self, path: str, change: Change) -> None:
        self.changes[path] = change
        if change.old is None and change.new is not None:
            self.adds = True
            self.added_in.update(_folders(path))
        elif change.new is None and change.old is not None:
            self.removes = True
            self.removed_in.update(_folders(path))


class _Fold:
    """What the tip has become so far: the changes to it, and who made them."""

    def __init__(self, store: Store, tip: str) -> None:
        self.writer: ObjectWriter = store.writer()
        self._store = store
        self._tip = tip
        self._tip_tree = store.tree_of(tip)
        self._ours = _Side()
        self._touched: dict[str, list[str]] = {}

    def add(self, work: Contribution, theirs: _Side, drift: _Side, resolve: Resolver | None) -> list[Conflict]:
        """Take one agent's work in, or say why not."""
        if self._needs_git(work, theirs, drift):
            outcome = self._merge(work, resolve)
            if isinstance(outcome, list):
                return [self._conflict(work, clash, drift) for clash in outcome]
            for path, change in outcome.items():
                self._put(path, change.new, change.old)
        else:
            for path, change in theirs.changes.items():
                now = self._now(path, change.old, drift)
                if now != change.new:
                    self._put(path, change.new, now)
        for path in theirs.changes:
            self._touched.setdefault(path, []).append(work.agent)
        return []

    def tree(self) -> str:
        """The tree as it stands; pending in the writer."""
        changed = {path: change.new for path, change in self._ours.changes.items() if change.old != change.new}
        return self.writer.splice(self._tip_tree, changed) if changed else self._tip_tree

    def _put(self, path: str, new: Entry | None, now: Entry | None) -> None:
        known = self._ours.changes.get(path)
        self._ours.put(path, Change(known.old if known else now, new))

    def _now(self, path: str, old: Entry | None, drift: _Side) -> Entry | None:
        """What stands at `path` now, given what stood there in the agent's base."""
        if path in self._ours.changes:
            return self._ours.changes[path].new
        if path in drift.changes:
            return drift.changes[path].new
        return old

    # -- whether uniting path by path could differ from what git does

    def _needs_git(self, work: Contribution, theirs: _Side, drift: _Side) -> bool:
        we_add = self._ours.adds or drift.adds
        we_remove = self._ours.removes or drift.removes
        for path, change in theirs.changes.items():
            now = self._now(path, change.old, drift)
            if now not in (change.old, change.new):
                return True
            if now == change.new:
                if change.new is None and (we_add or theirs.adds):
                    return True  # both removed it: each may have renamed it, and differently
                if change.old is None and (we_remove or theirs.removes):
                    return True  # both added it: one may have renamed another file to it
            if change.old is None and self._meets_other_kind(path, drift):
                return True
        return self._may_rename_folder(work, theirs, drift, we_add=we_add)

    def _meets_other_kind(self, path: str, drift: _Side) -> bool:
        """Whether a new file stands where we have put a folder, or in a folder where we have put a file."""
        if path in self._ours.added_in or path in drift.added_in:
            return True
        return any(
            folder in side.changes and self._now(folder, None, drift) is not None
            for folder in _folders(path)
            for side in (self._ours, drift)
        )

    def _may_rename_folder(self, work: Contribution, theirs: _Side, drift: _Side, *, we_add: bool) -> bool:
        """Whether one side emptied a folder, maybe by renaming it, in which the other added something."""
        for folder in theirs.added_in:
            ours_gone = folder in self._ours.removed_in or folder in drift.removed_in
            if ours_gone and we_add and not self._stands(folder):
                return True
        if theirs.adds:
            for folder in theirs.removed_in:
                ours_added = folder in self._ours.added_in or folder in drift.added_in
                if ours_added and self._kind(f"{work.commit}:{folder}") != "tree":
                    return True
        return False

    def _kind(self, name: str) -> str | None:
        found = self._store.reader.info(name)
        return found[1] if found else None

    def _stands(self, folder: str) -> bool:
        """Whether the folder still has a file in it."""
        below = f"{folder}/"
        here = [(path, change.new) for path, change in self._ours.changes.items() if path.startswith(below)]
        if any(new is not None for _, new in here):
            return True
        if self._kind(f"{self._tip}:{folder}") != "tree":
            return False
        removed = {path for path, new in here if new is None}
        listing = self._store.git.run("ls-tree", "-r", "-z", "--name-only", "--full-tree", f"{self._tip}:{folder}")
        return any(below + path not in removed for path in listing.fields)

    # -- git's own merge

    def _merge(self, work: Contribution, resolve: Resolver | None) -> Changes | list[Clash]:
        """What git's merge would change here, or its conflicts."""
        before = self.tree()
        ours = self.writer.commit(before, [work.base], "ours", 0)
        theirs = self.writer.commit(self._store.tree_of(work.commit), [work.base], "theirs", 0)
        self.writer.flush()
        merged = merge_trees(self._store, ours, theirs)
        tree = merged.tree
        if merged.clashes:
            resolved = _resolve(merged, resolve) if resolve else None
            if resolved is None:
                return list(merged.clashes)
            entries = {path: Entry(mode, self.writer.blob(content)) for path, (mode, content) in resolved.items()}
            tree = self.writer.splice(tree, entries)
            self.writer.flush()
        return self._store.changes(before, tree)

    def _conflict(self, work: Contribution, clash: Clash, drift: _Side) -> Conflict:
        others = list(dict.fromkeys(agent for path in clash.paths for agent in self._who(path)))
        if any(_related(path, other) for path in clash.paths for other in drift.changes):
            others.append(TIP)
        if not others:  # a folder that was renamed: whoever changed something nearby
            near = {folder for path in clash.paths for folder in _folders(path)}
            found = (agent for path, agents in self._touched.items() if near & set(_folders(path)) for agent in agents)
            others = list(dict.fromkeys(found)) or [TIP]
        return Conflict(clash.path, work.agent, tuple(others), clash.kind, clash.text)

    def _who(self, path: str) -> Iterator[str]:
        if path in self._touched:
            yield from self._touched[path]
            return
        for other, agents in self._touched.items():
            if _related(path, other):
                yield from agents


def _resolve(merged: Merged, resolve: Resolver) -> dict[str, tuple[str, bytes]] | None:
    """Mode and content for every conflicting file, or None unless all of them are files and were merged."""
    found: dict[str, tuple[str, bytes]] = {}
    for clash in merged.clashes:
        base, ours, theirs = merged.stages.get(clash.path, (None, None, None))
        mergeable = clash.kind in {ConflictKind.CONTENT, ConflictKind.ADD_ADD} and len(clash.paths) == 1
        if not (mergeable and ours and theirs and ours.is_file and theirs.is_file):
            return None
        content = resolve(ThreeWay(clash.path, base, ours, theirs))
        if content is None:
            return None
        found[clash.path] = (theirs.mode if base and ours.mode == base.mode else ours.mode, content)
    return found


def _folders(path: str) -> Iterator[str]:
    """Every folder above `path` but the root."""
    at = path.find("/")
    while at != -1:
        yield path[:at]
        at = path.find("/", at + 1)


def _related(path: str, other: str) -> bool:
    return path == other or path.startswith(f"{other}/") or other.startswith(f"{path}/")
