"""The fold of agents' work: what the tip has become so far, and the next agent's work taken in or
refused as a whole.

Owns the three ways in which it is taken in: path by path, file by file where both sides changed
one, or by git's own merge of the trees; which of them it is to be is decided in `meeting`. What is
wrong between files that merged is found in `interplay`; who is folded in which order is
`integrate`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from orchestrator.git.store import Store
from orchestrator.git.values import Change, Changes, Entry
from orchestrator.merging.contents import Merger, is_binary, listed, told
from orchestrator.merging.contribution import TIP, Conflict, ConflictKind, Note
from orchestrator.merging.draft import PENDING, Draft
from orchestrator.merging.hunks import Hunk, Hunks, SharedText
from orchestrator.merging.meeting import Meeting, Work, are_files
from orchestrator.merging.merge_tree import Clash, Merged, merge_trees
from orchestrator.merging.sides import folders, merged_mode, related


@dataclass(frozen=True, slots=True)
class _Union:
    """Changes that fit beside those that a text has taken already."""

    text: SharedText
    base: str
    hunks: tuple[Hunk, ...]


@dataclass(frozen=True, slots=True)
class Three:
    """The three versions of one file."""

    base: Entry | None
    ours: Entry
    theirs: Entry


class Fold:
    """The work that was taken in so far. Files at `careful` are checked at every step, others once,
    by `faults`.
    """

    def __init__(self, store: Store, tip: str, hunks: Hunks, careful: AbstractSet[str]) -> None:
        self.draft = Draft(store, tip)
        self.notes: list[Note] = []
        self._store = store
        self._tip = tip
        self._hunks = hunks
        self._careful = careful
        self._meeting = Meeting(store, tip, self.draft.side)
        self._makers: dict[str, list[tuple[str, Change]]] = {}
        self._unchecked: dict[str, None] = {}
        self._merger = Merger(self.draft.read, self.draft.size)

    def add(self, work: Work) -> list[Conflict]:
        """Take one agent's work in, or say why not."""
        shared = self._meeting.shared(work)
        outcome = None if shared is None else self._files(work, shared)
        if outcome is None:
            outcome = self._trees(work)
        if isinstance(outcome, list):
            return outcome
        for path, change in outcome.items():
            self.draft.put(path, change)
        for path, change in work.side.changes.items():
            self._makers.setdefault(path, []).append((work.agent, change))
        return []

    def faults(self) -> list[str]:
        """Files put together of changes that do not touch, whose text is wrong in a way that no
        version of it was.
        """
        return [path for path in self._unchecked if self._is_wrong(path)]

    def shared(self) -> Iterator[str]:
        """Files to which more than one side contributed."""
        return (path for path, makers in self._makers.items() if len(makers) > 1)

    def _is_wrong(self, path: str) -> bool:
        change = self.draft.side.changes[path]
        if change.new is None:
            return False
        versions = [change.old, *(made.new for _, made in self._makers[path])]
        return self._merger.check(path, change.new, [side for side in versions if side is not None])

    # -- file by file

    def _files(self, work: Work, shared: list[str]) -> Changes | list[Conflict] | None:
        """What the agent's work changes here, or its conflicts; None if git has to say."""
        changes: Changes = {}
        unions: dict[str, _Union] = {}
        conflicts: list[Conflict] = []
        notes: list[Note] = []
        for path, change in work.side.changes.items():
            now = self._meeting.now(path, change.old, work.drift)
            if path not in shared:
                if now != change.new:
                    changes[path] = Change(now, change.new)
                continue
            assert now is not None
            assert change.new is not None
            mode = merged_mode(change.old, now, change.new)
            if mode is None:
                return None
            if union := self._union(path, change, now):
                unions[path] = union
                changes[path] = Change(now, Entry(mode, PENDING))
                continue
            three = Three(change.old, now, change.new)
            if not self._merger.may_look_into(path, three.base, three.ours, three.theirs):
                return None
            content = self._merge(work, path, three, conflicts, notes)
            if content is not None:
                changes[path] = Change(now, Entry(mode, self.draft.blob(content)))
        if conflicts:
            return conflicts
        self.notes += notes
        for path, union in unions.items():
            self.draft.take(path, union.base, union.text, union.hunks)
            self._unchecked[path] = None
        return changes

    def _union(self, path: str, change: Change, now: Entry) -> _Union | None:
        """The agent's changes of a text that others changed elsewhere; None if a merge has to be
        made of it.
        """
        if change.old is None or change.new is None or path in self._careful:
            return None
        theirs = self._changed(change.old, change.new)
        if theirs is None:
            return None
        text = self.draft.text(path, change.old.oid, now)
        if text is None:
            ours = self._changed(change.old, now)
            if ours is None or is_binary(before := self._store.blob(change.old.oid)):
                return None
            text = SharedText(before)
            text.take(ours)
        return _Union(text, change.old.oid, theirs) if text.fits(theirs) else None

    def _changed(self, old: Entry, new: Entry) -> tuple[Hunk, ...] | None:
        """The lines that differ; None if that is not known, or if these are no lines."""
        if old.oid == new.oid:
            return ()
        found = self._hunks.get((old.oid, new.oid))
        return (
            None
            if found is None or any(is_binary(line) for hunk in found for line in hunk.lines)
            else found
        )

    def _merge(  # noqa: PLR0917  (a file, and where it is told)
        self,
        work: Work,
        path: str,
        three: Three,
        conflicts: list[Conflict],
        notes: list[Note],
        was: str | None = None,
    ) -> bytes | None:
        """Merge one file, which was called `was`; None, and `conflicts`, if that cannot be done."""
        makers = [
            maker
            for name in dict.fromkeys((was or path, path))
            for maker in self._makers_of(name, work)
        ]
        answer = self._merger.merge(path, three.base, three.ours, three.theirs, makers, work.agent)
        conflicts += answer.conflicts
        notes += [Note(work.agent, path, text) for text in answer.notes]
        return answer.content

    def _makers_of(self, path: str, work: Work) -> list[tuple[str, Change]]:
        """Who changed the file before, and how."""
        landed = [(TIP, work.landed[path])] if path in work.landed else []
        return [*landed, *self._makers.get(path, [])]

    # -- as trees

    def _trees(self, work: Work) -> Changes | list[Conflict]:
        """What git's merge of the trees would change here, or its conflicts."""
        before = self.draft.tree()
        base = work.given.base
        ours = self.draft.writer.commit(before, [base], "ours", 0)
        theirs = self.draft.writer.commit(
            self._store.tree_of(work.given.commit), [base], "theirs", 0
        )
        self.draft.writer.flush()
        merged = merge_trees(self._store, ours, theirs)
        conflicts: list[Conflict] = []
        notes: list[Note] = []
        entries: dict[str, Entry | None] = {}
        for clash in merged.clashes:
            three = _mergeable(merged, clash)
            mode = merged_mode(three.base, three.ours, three.theirs) if three else None
            if (
                three
                and mode
                and self._merger.may_look_into(clash.path, three.base, three.ours, three.theirs)
            ):
                content = self._merge(work, clash.path, three, conflicts, notes)
                if content is not None:
                    entries[clash.path] = Entry(mode, self.draft.blob(content))
            else:
                conflicts.append(self._clash(work, clash, ours, theirs))
        changes = dict(self._store.changes(before, merged.tree))
        for path, was, three in self._met(work, before, changes, entries):
            new = changes[path].new
            assert new is not None
            if self._merger.check(path, new, [three.ours, three.theirs]):
                content = self._merge(work, path, three, conflicts, notes, was)
                if content is not None:
                    entries[path] = Entry(new.mode, self.draft.blob(content))
        if conflicts:
            return conflicts
        self.notes += notes
        if entries:
            tree = self.draft.writer.splice(merged.tree, entries)
            self.draft.writer.flush()
            return self._store.changes(before, tree)
        return changes

    def _met(
        self, work: Work, before: str, changes: Changes, entries: Mapping[str, Entry | None]
    ) -> Iterator[tuple[str, str, Three]]:
        """Files that git merged cleanly from versions of both sides, what they were called, and
        those versions.
        """
        made = work.side.changes
        taken = {change.new.oid for change in made.values() if change.new is not None}
        renamed: tuple[dict[str, str], dict[str, str]] | None = None
        for path, change in changes.items():
            new, old = change.new, change.old
            if new is None or not new.is_file or new.oid in taken or path in entries:
                continue
            if old is not None and old.oid == new.oid:
                continue
            if renamed is None:
                base = self._store.tree_of(work.given.base)
                theirs = self._store.tree_of(work.given.commit)
                renamed = self._store.renames(base, before), self._store.renames(base, theirs)
            was = renamed[0].get(path) or renamed[1].get(path) or path
            mine = made.get(path) or made.get(was)
            origin = made[was].old if was in made else None
            now = old or self._meeting.now(was, origin, work.drift)
            if mine and are_files(origin, now, mine.new) and now and mine.new:
                yield path, was, Three(origin, now, mine.new)

    def _clash(self, work: Work, clash: Clash, ours: str, theirs: str) -> Conflict:
        others = list(dict.fromkeys(agent for path in clash.paths for agent in self._who(path)))
        if any(related(path, other) for path in clash.paths for other in work.landed):
            others.append(TIP)
        if not others:  # a folder that was renamed: whoever changed something nearby
            near = {folder for path in clash.paths for folder in folders(path)}
            found = (
                agent
                for path, made in self._makers.items()
                if near & set(folders(path))
                for agent, _ in made
            )
            others = list(dict.fromkeys(found)) or [TIP]
        text = told(clash.text, {ours: listed(others), theirs: work.agent})
        if (
            clash.kind is ConflictKind.SUBMODULE
        ):  # git speaks of what is checked out, which nothing is here
            text = f"{listed([*others, work.agent])} do not agree on the commit of the submodule"
        path = clash.path.replace(f"~{ours}", "").replace(
            f"~{theirs}", ""
        )  # git moves it there, out of a folder's way
        return Conflict(path, work.agent, tuple(others), clash.kind, text)

    def _who(self, path: str) -> Iterator[str]:
        if path in self._makers:
            yield from (agent for agent, _ in self._makers[path])
            return
        for other, made in self._makers.items():
            if related(path, other):
                yield from (agent for agent, _ in made)


def _mergeable(merged: Merged, clash: Clash) -> Three | None:
    """The three versions if the clash is one of contents, between regular files."""
    base, ours, theirs = merged.stages.get(clash.path, (None, None, None))
    mergeable = clash.kind in {ConflictKind.CONTENT, ConflictKind.ADD_ADD} and len(clash.paths) == 1
    return (
        Three(base, ours, theirs)
        if mergeable and ours and theirs and are_files(base, ours, theirs)
        else None
    )
