"""Which of a candidate's changes are put back before it is judged, and for which look.

Owns what becomes of each changed path: what is protected or decides how tests are run is put back
for every look; the rest of the test side for the first one, and for the second where the mission
does not let it be changed. What is new there is taken out for the first. What is undone is told
with the observation, so that nothing of it lands unnoticed. `runner_files` says what of a file
decides how tests are run, `test_side` what the test side is.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial

from orchestrator.gates.observing.decider_files import put_back_for
from orchestrator.gates.observing.observation import BYTECODE, PROTECTED
from orchestrator.gates.observing.permitted import differs_elsewhere
from orchestrator.gates.observing.restore import (
    Asked,
    Landing,
    Original,
    Restoration,
)
from orchestrator.gates.observing.runner_files import (
    hooks_that_change,
    is_settings_file,
    says_how_tests_are_run,
    says_otherwise,
    undone,
)
from orchestrator.gates.observing.selection import ancestors, excuses, normal, path_of
from orchestrator.gates.observing.settings import Settings, effective
from orchestrator.gates.observing.sources import Changed, Commits
from orchestrator.gates.observing.test_side import (
    Layout,
    Shadow,
    imported_by_conftests,
    layout_of,
    loads_hooks,
    shadows,
)
from orchestrator.git.values import FILE
from orchestrator.journal.facts import SideChange, SideChangeKind
from orchestrator.mission.deciders import deciders
from orchestrator.mission.scope import Scope

COMPILED = (".pyc", ".pyo")
PROSE = (".md", ".rst")


def restoration(
    commits: Commits,
    base: str | None,
    commit: str,
    protect: Iterable[str] = (),
    asked: Asked | None = None,
) -> Restoration:
    """What the judge puts back of what `commit` changes since `base`; without a base, it only takes
    bytecode out.

    `protect` are globs of paths that nobody may change. Python takes some bytecode for that of a
    file without looking at the file.
    """
    bytecode = [
        Original(path, None, FILE, BYTECODE)
        for path in commits.entries(commit)
        if path.endswith(COMPILED)
    ]
    if base is None:
        return Restoration(tuple(bytecode))
    changes = commits.changes(base, commit)
    if not changes:
        return Restoration(tuple(bytecode))
    sorting = _Sorting(commits, base, commit, asked or Asked())
    is_protected = Scope(tuple(protect)).allows
    may_configure = Scope(sorting.asked.may_configure).allows
    always, listed, done = bytecode, list[SideChange](), list[_Done]()
    put_back: dict[str, str] = {}
    for path, change in changes.items():
        undoes, is_free = None, says_how_tests_are_run(path) and may_configure(path)
        if is_protected(path):
            undoes = sorting.original(path, change, PROTECTED)
        elif not is_free:
            undoes = sorting.of_runner(path, change)
        always += [undoes] if undoes else []
        if undoes is None and path in sorting.decided:
            decides = sorting.done(path, change).change
            always.append(
                replace(sorting.original(path, change, ""), content=sorting.decided[path])
            )
            listed.append(decides.model_copy(update={"is_put_back": True}))
            put_back[path] = f"{decides.what}, and the check decides by it"
        elif sorting.is_test_side(path, change):
            what = sorting.done(path, change)
            if undoes or is_free:
                update = {"is_put_back": undoes is not None}
                listed.append(what.change.model_copy(update=update))
            else:
                done.append(what)
    done = _with_moves(done, changes)
    landing, side = sorting.landing(done, always), [each.original for each in done]
    if sorting.has_one_look():  # at what would land
        side = [each.original for each in done if each.change.is_put_back]
        landing = None
    went = {each.change.to for each in done}
    shown = [each.change for each in done if each.change.path not in went]
    return Restoration(
        tuple(always),
        tuple(side),
        landing,
        tuple(sorted((*listed, *shown), key=str)),
        put_back | {each.change.path: each.change.what for each in done if each.change.is_put_back},
        sorting.shadows(done),
    )


@dataclass(frozen=True, slots=True)
class _Done:
    """One thing that a candidate does to the test side, and what undoes it."""

    change: SideChange
    original: Original
    is_module: bool
    """Whether it is a module of tests, on which no other test rests."""


class _Sorting:
    """A candidate whose changes are sorted by what becomes of them."""

    def __init__(self, commits: Commits, base: str, commit: str, asked: Asked) -> None:
        self._commits, self._base, self._commit = commits, base, commit
        self.asked = asked
        self._then = partial(commits.read, base)
        self._now = partial(commits.read, commit)
        self._before = frozenset(commits.entries(base))
        self._after = frozenset(commits.entries(commit))
        self._may_change = Scope(asked.may_change).allows

    @cached_property
    def layout(self) -> Layout:
        """Where the project keeps its tests."""
        return layout_of(self._before | self._after, self._then, self.asked.selected)

    def is_test_side(self, path: str, change: Changed) -> bool:
        """Whether what changes at a path belongs to the tests."""
        content = self._then(path) if change.old else self._now(path)
        if self.layout.is_test_side(path, content):
            return True
        if change.new is not None and not change.new.is_file:  # a link in the place of a folder
            return self.layout.is_test_side(f"{path}/it")
        if change.old is None or self.layout.is_registered:
            return False
        is_loaded = path.endswith(".py") and path in self._imported
        return is_loaded and loads_hooks(self._now(path)) and not loads_hooks(content)

    @cached_property
    def decided(self) -> Mapping[str, bytes | None]:
        """What is put back of the files by which the check's command decides."""
        if not self.asked.command:
            return {}
        is_allowed = Scope((*self.asked.may_change, *self.asked.may_configure)).allows
        found = put_back_for(
            self.asked.command, self._commits, self._base, self._commit, is_allowed
        )
        return dict(found)

    @cached_property
    def _decides_anew(self) -> bool:
        """Whether a program that decides is new, or may be changed."""
        changed = self._commits.changes(self._base, self._commit).keys() - self.decided.keys()
        found = deciders(self.asked.command, self._after, self._now) if changed else ()
        return any(each.is_program and each.path in changed for each in found)

    @cached_property
    def _imported(self) -> frozenset[str]:
        return imported_by_conftests(self._before, self._then)

    def original(self, path: str, change: Changed, why: str) -> Original:
        """What the base has at a path."""
        if change.old is None:
            return Original(path, None, FILE, why)
        return Original(path, self._then(path), change.old.mode, why)

    def shadows(self, done: list[_Done]) -> tuple[Shadow, ...]:
        """What is new and stands in for the product."""
        added = [e.change.path for e in done if e.change.kind is SideChangeKind.ADDED]
        return tuple(shadows(added, self._after, self.layout.is_test_side))

    def done(self, path: str, change: Changed) -> _Done:
        """What is done to a path of the test side."""
        if change.old is None:
            kind, may_be = SideChangeKind.ADDED, True
        elif change.new is None:
            kind = SideChangeKind.REMOVED
            may_be = excuses(self.asked.may_remove, f"{path}::any")
        else:
            kind, is_named = SideChangeKind.EDITED, partial(self._may_remove, path)
            may_be = (
                path.endswith(".py")
                and change.new.is_file
                and not differs_elsewhere(self._then(path), self._now(path), is_named)
            )
        may_be = may_be or self._may_change(path)
        return _Done(
            SideChange(path=path, kind=kind, is_put_back=not may_be),
            self.original(path, change, kind.value),
            self.layout.is_module(path) and posixpath.basename(path) != "conftest.py",
        )

    def _may_remove(self, path: str, name: str) -> bool:
        return excuses(self.asked.may_remove, f"{path}::{name}")

    def of_runner(self, path: str, change: Changed) -> Original | None:
        """What undoes a change of how tests are run; None where there is none."""
        if not says_how_tests_are_run(path):
            return None
        is_conftest = not is_settings_file(path)
        before, after = self._then(path), self._now(path)
        if change.new is not None and not change.new.is_file:
            return self.original(path, change, "what kind of file it is")
        if is_conftest:
            why = hooks_that_change(before, after)
            return self.original(path, change, why) if why else None
        if not says_otherwise(path, before, after):
            return None
        keys = ", ".join(self._settings_that_differ(path, before, after))
        why = f"pytest's settings ({keys})" if keys else ""
        mode = change.old.mode if change.old else FILE
        return Original(path, undone(path, before, after), mode, why)

    def _settings_that_differ(
        self, path: str, before: bytes | None, after: bytes | None
    ) -> list[str]:
        """Which settings of a file make a difference; none where pytest does not take it."""
        if self.asked.arguments is None:
            return says_otherwise(path, before, after)
        then, now = self._effective
        return now.differences(then) if path in (then.path, now.path) else []

    @cached_property
    def _effective(self) -> tuple[Settings, Settings]:
        arguments = [path_of(entry) for entry in self.asked.arguments or ()]
        then = effective(lambda path: self._then(path) if path in self._before else None, arguments)
        now = effective(lambda path: self._now(path) if path in self._after else None, arguments)
        return then, now

    def has_one_look(self) -> bool:
        """Whether a look with the base's test side would say nothing: no tests are told apart, or
        what decides is new, or may be changed.
        """
        return not self.asked.has_tests or self._decides_anew

    def landing(self, done: list[_Done], always: list[Original]) -> Landing | None:
        """The second look, where there is something to look at."""
        went_back = {each.change.to for each in done if each.change.is_put_back}
        there = [
            each
            for each in done
            if not each.change.is_put_back and each.change.path not in went_back
        ]
        if not there:
            return None
        files = {each.change.path for each in there if each.is_module}
        moved = {e.change.path: e.change.to for e in there if e.change.to}
        select = None if any(map(self._reaches, there)) else self._selected(files)
        if select == () and files <= self._after:
            return None
        back = [each.original for each in done if each not in there]
        by_name = named_files(self.asked.may_change)
        is_shared = any(
            each.change.path in by_name and (not each.is_module or self.asked.arguments is None)
            for each in there
        )
        return Landing((*always, *back), select, frozenset(files), moved, is_shared)

    def _reaches(self, done: _Done) -> bool:
        """Whether it may have a say in tests that were there before."""
        path = done.change.path
        if not self.asked.has_tests or self.asked.arguments is None or self._collects_more:
            return True
        if done.change.kind is SideChangeKind.REMOVED and not done.change.to:
            return not done.is_module
        if done.is_module or path.endswith(PROSE):
            return False
        folder = posixpath.dirname(path)
        is_new = folder and not any(each.startswith(f"{folder}/") for each in self._before)
        return done.change.kind is not SideChangeKind.ADDED or not is_new

    @cached_property
    def _collects_more(self) -> bool:
        """Whether tests are found in more than modules that are called so."""
        if "doctest" in " ".join(self._effective[0].listed("addopts")):
            return True
        conftests = (path for path in self._before if posixpath.basename(path) == "conftest.py")
        return any(b"pytest_collect" in (self._then(path) or b"") for path in conftests)

    def _selected(self, files: Iterable[str]) -> tuple[str, ...]:
        """What of the check's tests is in these files."""
        found: dict[str, None] = {}
        wanted = [normal(entry) for entry in self.asked.arguments or ()]
        for path in sorted(set(files) & self._after):
            is_collected = self.layout.is_collected(path) and not set(wanted).isdisjoint(
                ancestors(path)
            )
            if is_collected or path in wanted:
                found[path] = None
            else:
                found.update((entry, None) for entry in wanted if path_of(entry) == path)
        return tuple(found)


def named_files(globs: Iterable[str]) -> frozenset[str]:
    """The paths that stand among globs by their own name, without any wildcard."""
    globs = tuple(globs)
    return frozenset((*Scope(globs).literals, *globs))


def _with_moves(done: list[_Done], changes: Mapping[str, Changed]) -> list[_Done]:
    """The same, where what was removed in one place and added in another is one move."""
    added = [each.change.path for each in done if each.change.kind is SideChangeKind.ADDED]
    told: list[_Done] = []
    for each in done:
        path = each.change.path
        if each.change.kind is SideChangeKind.REMOVED:
            same = [new for new in added if changes[new].new == changes[path].old]
            like = [new for new in added if posixpath.basename(new) == posixpath.basename(path)]
            if found := next(iter(same + like), None):
                added.remove(found)
                moved = {"kind": SideChangeKind.MOVED, "to": found}
                told.append(replace(each, change=each.change.model_copy(update=moved)))
                continue
        told.append(each)
    return told
