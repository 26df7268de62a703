"""Landing: bringing a run's commit to a branch of the user's repository.

Owns the only moment at which a run changes something the user sees. Everything that could refuse is
asked first; then the checkouts of the branch are brought forward as a fast-forward would, and last
the branch moves by compare-and-swap. A landing that was interrupted can be repeated. No hook of the
user runs.
"""

from __future__ import annotations

import contextlib
import difflib
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import OrchestrateError
from orchestrator.git.checkout import Checkout, checkouts_of
from orchestrator.git.client import GitError
from orchestrator.git.repository import Repository
from orchestrator.git.store import Store
from orchestrator.git.values import LandingRefused

_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Landed:
    """What a landing did: the branch before (None: it was made) and after, and the checkouts
    brought forward.
    """

    branch: str
    before: str | None
    after: str
    updated_work_trees: tuple[Path, ...] = ()

    @property
    def updated_work_tree(self) -> Path | None:
        """The checkout that was brought forward, if the branch was checked out."""
        return self.updated_work_trees[0] if self.updated_work_trees else None


def land(
    repository: Repository,
    store: Store,
    *,
    commit: str,
    branch: str,
    expected: str,
    create: bool = False,
    reprove: str = "",
) -> Landed:
    """Move `branch` from `expected` to `commit`, or raise `LandingRefused` before anything moved.

    With `create`, a branch that does not exist is made. Landing what has landed already, below
    commits of others or not, changes nothing. `reprove` is the command that puts the commit on top
    of what came to the branch meanwhile and proves that.
    """
    name = full_name(repository, branch)
    before = _value(repository, name)
    if before is None and not create:
        raise _no_such_branch(repository, branch)
    if before is not None and before not in {expected, commit}:
        if repository.contains(before, commit):
            return Landed(branch, before, before)
        raise _moved(repository, store, branch, before, expected, commit, reprove)
    if not store.contains(commit, expected):
        raise LandingRefused(
            f"the run's result does not descend from {expected[:12]}",
            where=branch,
            mend="Land it on its own base.",
        )
    checkouts = checkouts_of(repository, branch)
    for checkout in checkouts:
        checkout.require_idle(branch)
    if before == commit:
        return Landed(branch, before, commit)
    _bring_objects(repository, store, commit, expected)
    live = [checkout for checkout in checkouts if checkout.path is not None]
    if before is None and live:
        raise LandingRefused(
            f"{branch} has no commits yet but is checked out",
            where=str(live[0].path),
            mend="Check out something else.",
        )
    for checkout in live:
        checkout.require_clean(expected, commit)
    moved: list[Checkout] = []
    try:
        for checkout in live:
            checkout.move(expected, commit)
            moved.append(checkout)
        _swap(repository, name, commit, before, store.run)
    except OrchestrateError as error:
        for checkout in moved:
            # A second failure leaves its own note, by which the next landing puts it right.
            with contextlib.suppress(OrchestrateError):
                checkout.move(commit, expected)
        found = _value(repository, name)
        if isinstance(error, GitError) and found != before:
            raise _moved(
                repository, store, branch, found or "nothing", expected, commit, reprove
            ) from error
        raise
    return Landed(
        branch,
        before,
        commit,
        tuple(checkout.path for checkout in live if checkout.path is not None),
    )


def full_name(repository: Repository, branch: str) -> str:
    """The branch's ref; raises LandingRefused where that cannot be one."""
    name = f"refs/heads/{branch}"
    if (
        branch.startswith("-")
        or repository.git.run("check-ref-format", name, check=False).status != 0
    ):
        raise LandingRefused(
            f"{branch!r} cannot be the name of a branch", mend="Name another branch."
        )
    return name


def _value(repository: Repository, name: str) -> str | None:
    answer = repository.git.run("show-ref", "--verify", "--hash", "--", name, check=False)
    return answer.text or None if answer.status == 0 else None


def _swap(repository: Repository, name: str, commit: str, before: str | None, run: str) -> None:
    old = before or "0" * len(commit)
    repository.git.run(
        "update-ref", "-m", f"orchestrate: land {run}", "--no-deref", "--", name, commit, old
    )


def _bring_objects(repository: Repository, store: Store, commit: str, expected: str) -> None:
    """Copy what the user's repository lacks. It has all of `expected`, so a pack of the rest is
    enough.
    """
    if _whole(repository, commit):
        return
    prefix = store.private / "landing" / "pack"
    prefix.parent.mkdir(parents=True, exist_ok=True)
    wanted = f"{commit}\n^{expected}\n".encode()
    theirs = repository.common_dir / "objects" / "pack"
    there = set(theirs.glob("tmp_*"))
    try:
        packed = store.git.run(
            "pack-objects", "--revs", "--quiet", "--", str(prefix), input=wanted
        ).text
        pack = prefix.with_name(f"pack-{packed}.pack")
        with pack.open("rb") as stream:
            repository.git.run("index-pack", "--stdin", stdin=stream)
    except OrchestrateError:
        for path in set(theirs.glob("tmp_*")) - there:  # git leaves it where the disk is full
            path.unlink(missing_ok=True)
        raise
    finally:
        for path in prefix.parent.iterdir():
            path.unlink()
    if not _whole(repository, commit):
        missing = f"objects of {commit} are missing after the copy"
        raise GitError("index-pack", 0, missing, where=str(repository.common_dir))


def _whole(repository: Repository, commit: str) -> bool:
    answer = repository.git.run(
        "rev-list", "--objects", "--quiet", commit, "--not", "--all", "--", check=False
    )
    return answer.status == 0


def _no_such_branch(repository: Repository, branch: str) -> LandingRefused:
    near = difflib.get_close_matches(branch, repository.branches(), n=3, cutoff=0.5)
    mend = f"Did you mean {' or '.join(near)}? " if near else ""
    return LandingRefused(
        f"there is no branch {branch}",
        where=str(repository.work_tree or repository.common_dir),
        mend=f"{mend}It can be created if you ask for that.",
    )


def _moved(  # noqa: PLR0917  (all that the explanation is made of)
    repository: Repository,
    store: Store,
    branch: str,
    found: str,
    expected: str,
    commit: str,
    reprove: str,
) -> LandingRefused:
    where = str(repository.work_tree or repository.common_dir)
    git = repository.git
    again = (
        f"`{reprove}` puts the run's result on top of that and proves it again" if reprove else ""
    )
    base = git.run("merge-base", found, expected, check=False).text
    if base != expected:
        return LandingRefused(
            f"{branch} no longer contains {expected[:12]}, which the run started from",
            where=where,
            mend=f"{again}, or land on a new branch."
            if again
            else f"Land on a new branch, or start a new run on {branch}.",
        )
    lines = git.run("log", "--format=%h %s", f"{expected}..{found}", "--").text.splitlines()
    named = "; ".join(lines[:_MOST_NAMED]) + ("; …" if len(lines) > _MOST_NAMED else "")
    both = sorted(store.changes(expected, found).keys() & store.changes(expected, commit).keys())
    if both:
        more = f" and {len(both) - _MOST_NAMED} more" if len(both) > _MOST_NAMED else ""
        overlap = f"Both changed {', '.join(both[:_MOST_NAMED])}{more}"
    else:
        overlap = "No path was changed by both"
    mend = again or f"Land on a new branch and merge it, or start a new run on {branch}"
    return LandingRefused(
        f"{branch} moved on since the run started, by {len(lines)} commit{'s' if len(lines) != 1 else ''}: {named}",
        where=where,
        mend=f"{overlap}. {mend}.",
    )
