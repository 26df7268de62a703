"""The merger by itself: commits of a user's repository, put together as the work of a batch is.

Owns what each side began with, which of them there is nothing to merge of, and the branch that gets
the result. All of it happens in a store that is thrown away; the user's repository is only read,
until a branch is asked for.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from orchestrator.errors import UsageError
from orchestrator.git.checkout import checkouts_of
from orchestrator.git.identity import OURS
from orchestrator.git.land import Landed, full_name, land
from orchestrator.git.repository import Repository
from orchestrator.git.store import Store
from orchestrator.merging.contents import listed
from orchestrator.merging.contribution import TIP, Conflict, Contribution, Integration, Misfit
from orchestrator.merging.integrate import integrate
from orchestrator.merging.merge_tree import merge_trees


class Fate(StrEnum):
    """What became of a side."""

    MERGED = "merged"
    CONFLICTED = "conflicted"
    CONTAINED = "contained"
    """Another side, or the base, has all of it."""


@dataclass(frozen=True, slots=True)
class Named:
    """A commit as it was asked for, and its id."""

    name: str
    commit: str


@dataclass(frozen=True, slots=True)
class MergedSide:
    """A side: the commit `since` which its work counts, how many files it changed, and how many of
    them others did.

    `within` names who contains it; empty unless its fate is that.
    """

    name: str
    commit: str
    since: str
    fate: Fate
    files: int = 0
    shared: int = 0
    within: str = ""


@dataclass(frozen=True, slots=True)
class BranchMerge:
    """What came of it. `landed` says which branch was moved, or None; without it the repository
    lacks the commit.
    """

    base: Named
    sides: tuple[MergedSide, ...]
    result: Integration
    landed: Landed | None = None

    @property
    def is_clean(self) -> bool:
        return not self.result.conflicts


def merge_branches(
    repository: Repository,
    base: str,
    sides: Sequence[str],
    *,
    into: str | None = None,
    partial: bool = False,
) -> BranchMerge:
    """Merge the commits that `sides` name onto the one that `base` names, earlier sides first.

    The work of a side is what it has since it left the history of the base and of the sides before
    it, so that a commit that two sides share counts once. The result is one commit whose parents are the base and the
    merged sides, the same whenever it is asked for. With `into` that branch, which is made if there
    is none, is moved from the base to it; where a side conflicts, only if `partial`. Raises
    UsageError for what cannot be asked.
    """
    root = Named(base, repository.resolve(base))
    named = [Named(name, repository.resolve(name)) for name in sides]
    _require_distinct([root, *named])
    if into is not None:
        full_name(repository, into)
        _require_nowhere_checked_out(repository, into)
    with _scratch(repository, root.commit) as store:
        within = _within(store, root, named)
        when = max(store.time_of(each.commit) for each in (root, *named))
        begun, result = _integrated(store, root, named, within, when)
        if result.commit and result.conflicts:
            result = _said_again(store, result, _message(root, result.merged), when)
        landed = None
        if into is not None and result.commit and (partial or not result.conflicts):
            landed = _land(repository, store, into, root, result.commit)
        told = _sides(store, named, begun, within, result)
    return BranchMerge(root, told, _in_names(result, base), landed)


@contextmanager
def _scratch(repository: Repository, base: str) -> Iterator[Store]:
    with tempfile.TemporaryDirectory(prefix="orchestrate-merge-") as folder:
        store = Store.create(
            Path(folder) / "store.git", repository, base, "merge", repository.identity or OURS
        )
        try:
            yield store
        finally:
            store.close()


def _integrated(
    store: Store, root: Named, named: Sequence[Named], within: dict[str, str], when: int
) -> tuple[list[str], Integration]:
    """What each side counts from, and what came of them.

    What a side and an earlier one share is the earlier one's work, unless that was left out: then
    it is merged again without counting on it.
    """
    out: set[str] = set()
    while True:
        begun, earlier = [], [root]
        for side in named:
            begun.append(_since(store, earlier, side, when))
            if side.name not in within and side.name not in out:
                earlier.append(side)
        works = [
            Contribution(side.name, since, side.commit)
            for side, since in zip(named, begun, strict=True)
            if side.name not in within
        ]
        message = _message(root, [work.agent for work in works])
        result = integrate(store, root.commit, works, message=message, when=when)
        left = {conflict.agent for conflict in result.conflicts} - out
        if not left:
            return begun, result
        out |= left


def _since(store: Store, earlier: Sequence[Named], side: Named, when: int) -> str:
    """The commit at which the side left the history of all that is `earlier`, base first; where
    there are several, their own merge stands for them, as it does for git.
    """
    commits = (each.commit for each in earlier)
    found = store.git.run("merge-base", "--all", side.commit, *commits, check=False)
    bases = found.text.splitlines()
    if not bases:
        raise UsageError(
            f"{side.name} and {earlier[0].name} have no commit in common",
            mend="Name as BASE a commit that all sides were made on.",
        )
    return _one_base(store, bases, when)


def _one_base(store: Store, bases: Sequence[str], when: int) -> str:
    """The merge of commits of which none contains another, conflicts and all: markers then stand
    for lines on which the two sides did not agree before either.
    """
    one, *others = bases
    for other in others:
        tree = merge_trees(store, one, other).tree
        writer = store.writer()
        one = writer.commit(tree, [one, other], "merged bases", when)
        writer.flush()
    return one


def _within(store: Store, base: Named, sides: Sequence[Named]) -> dict[str, str]:
    """Sides whose work others have already, by name, and who has it."""
    commits = dict.fromkeys(side.commit for side in sides)
    kept = set(store.git.run("merge-base", "--independent", *commits).text.splitlines())
    found: dict[str, str] = {}
    first: dict[str, str] = {}
    for side in sides:
        if store.contains(base.commit, side.commit):
            found[side.name] = base.name
        elif side.commit in first:
            found[side.name] = first[side.commit]
        elif side.commit not in kept:
            others = (other for other in sides if other.commit in kept)
            found[side.name] = next(
                other.name for other in others if store.contains(other.commit, side.commit)
            )
        first.setdefault(side.commit, side.name)
    return found


def _sides(
    store: Store,
    named: Sequence[Named],
    begun: Sequence[str],
    within: dict[str, str],
    result: Integration,
) -> tuple[MergedSide, ...]:
    merged = set(result.merged)
    changes = [
        frozenset(store.changes(since, side.commit))
        if side.name not in within
        else frozenset[str]()
        for side, since in zip(named, begun, strict=True)
    ]
    count = Counter(path for paths in changes for path in paths)
    return tuple(
        MergedSide(
            side.name,
            side.commit,
            since,
            Fate.CONTAINED
            if side.name in within
            else Fate.MERGED
            if side.name in merged
            else Fate.CONFLICTED,
            len(paths),
            sum(count[path] > 1 for path in paths),
            within.get(side.name, ""),
        )
        for side, since, paths in zip(named, begun, changes, strict=True)
    )


def _in_names(result: Integration, base: str) -> Integration:
    """The result with the base's name for what calls it the tip."""
    return replace(
        result,
        conflicts=tuple(_conflict_in_names(each, base) for each in result.conflicts),
        warnings=tuple(_misfit_in_names(each, base) for each in result.warnings),
        notes=tuple(replace(each, text=_with_base(each.text, base)) for each in result.notes),
    )


def _conflict_in_names(conflict: Conflict, base: str) -> Conflict:
    others = tuple(base if other == TIP else other for other in conflict.others)
    return replace(conflict, others=others, text=_with_base(conflict.text, base))


def _misfit_in_names(misfit: Misfit, base: str) -> Misfit:
    one, other = (base if agent == TIP else agent for agent in misfit.agents)
    return replace(misfit, agents=(one, other), text=_with_base(misfit.text, base))


def _with_base(text: str, base: str) -> str:
    return re.sub(rf"\b{TIP}\b", lambda _: base, text)


def _message(base: Named, names: Sequence[str]) -> str:
    return f"Merge {listed(names) if names else 'nothing'} into {base.name}\n"


def _said_again(store: Store, result: Integration, message: str, when: int) -> Integration:
    """The result with a message that does not name who was left out."""
    assert result.commit is not None
    writer = store.writer()
    commit = writer.commit(result.tree, store.parents(result.commit), message, when)
    writer.flush()
    return replace(result, commit=commit)


def _land(repository: Repository, store: Store, branch: str, base: Named, commit: str) -> Landed:
    now = repository.git.run(
        "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}", check=False
    ).text
    if now and now not in {base.commit, commit}:
        raise UsageError(
            f"{branch} is there already, at {now[:12]} and not at {base.name}",
            where=str(repository.work_tree or repository.common_dir),
            mend="Give --into a new branch.",
        )
    return land(repository, store, commit=commit, branch=branch, expected=base.commit, create=True)


# -- what cannot be asked


def _require_distinct(names: Sequence[Named]) -> None:
    twice = [name for name, count in Counter(each.name for each in names).items() if count > 1]
    if twice:
        raise UsageError(f"{twice[0]} is named more than once", mend="Name each side once.")


def _require_nowhere_checked_out(repository: Repository, branch: str) -> None:
    live = [
        checkout.path for checkout in checkouts_of(repository, branch) if checkout.path is not None
    ]
    if live:
        raise UsageError(
            f"{branch} is checked out, and this merge changes no checkout",
            where=str(live[0]),
            mend=f"Give --into a new branch, and bring {branch} to it: git merge --ff-only NEW",
        )
