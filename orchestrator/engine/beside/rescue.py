"""Getting out what landed when the journal that would vouch for it is gone or damaged.

Owns the way from a run's store to a new branch of the user's repository without believing in a
journal. It never moves a branch that is there: what it brings is to be looked at by a person.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from orchestrator.engine.folders import Folders
from orchestrator.engine.workshop import opened_store
from orchestrator.errors import EnvironmentRefused, UsageError
from orchestrator.git.land import land
from orchestrator.git.repository import Repository, alternates
from orchestrator.git.store import Store
from orchestrator.journal.lock import owned
from orchestrator.journal.log import readable
from orchestrator.journal.state import State, fold


def left_runs(root: Path) -> list[str]:
    """Runs of which there is a report or a store, whatever became of their journals; oldest
    first.
    """
    reports = {
        path.name for path in (root / "reports").glob("*") if path.is_dir() and any(path.iterdir())
    }
    stores = {path.parent.name for path in (root / "workspaces").glob("*/store.git")}
    return sorted(reports | stores)


def land_from_store(folders: Folders, branch: str | None) -> str:
    """Make a branch (``orchestrate/<run>`` by default) at the tip of the run's store; returns what
    to tell the user. Raises UsageError where there is nothing to bring or the branch exists.
    """
    with contextlib.ExitStack() as held:
        if folders.report.is_dir():
            what = f"run {folders.run}"
            held.enter_context(owned(folders.report, what, "wait until it has ended, or stop it"))
        state = fold(readable(folders.report))
        if state is not None and not folders.store.is_dir():
            store = held.enter_context(opened_store(state, folders))  # of what stands in reports/
        else:
            store = Store.open(folders.store, folders.run)
            held.callback(store.close)
        return _land(folders, store, state, branch or f"orchestrate/{folders.run}")


def _land(folders: Folders, store: Store, state: State | None, name: str) -> str:
    repository = _repository(folders, store, state)
    tip = store.tip()
    base = state.started.base if state else repository.pinned(folders.run)
    if base is None or not store.contains(tip, base):
        raise UsageError(
            f"where run {folders.run} started is not known any more",
            where=str(folders.store),
            mend=f"the tip of its store is {tip}; `git fetch {folders.store} {tip}` takes it",
        )
    if tip == base:
        raise UsageError(
            f"nothing has landed in the store of run {folders.run}", where=str(folders.store)
        )
    if name in repository.branches() and repository.resolve(f"refs/heads/{name}") != tip:
        raise UsageError(
            f"there is a branch {name}, and without a whole journal no branch is moved",
            where=str(repository.work_tree or repository.common_dir),
            mend="name another one with --branch",
        )
    with owned(repository.common_dir, str(repository.common_dir), "another landing goes on there"):
        land(repository, store, commit=tip, branch=name, expected=base, create=True)
    count = len(store.history(base, tip))
    return (
        f"{name} is now {tip[:12]}, the tip of the run's store, "
        f"{count} landing{'' if count == 1 else 's'} after {base[:12]}; {_vouched(state, tip)}"
    )


def _repository(folders: Folders, store: Store, state: State | None) -> Repository:
    """Where the run's store borrows from: the user's repository."""
    told = [Path(state.started.repository)] if state else []
    borrowed = [objects.parent for objects in alternates(store.path / "objects")[1:]]
    for place in (*told, *borrowed):
        if place.is_dir():
            return Repository.discover(place)
    raise EnvironmentRefused(
        "the run's repository is gone",
        where=str((*told, *borrowed, folders.store)[0]),
        mend="move it back, then try again",
    )


def _vouched(state: State | None, tip: str) -> str:
    """What the readable part of the journal says of the commit."""
    landings = (
        {landing.commit: batch.id for batch in state.batches.values() for landing in batch.landings}
        if state
        else {}
    )
    if tip in landings:
        return (
            f"the journal, as far as it can be read, tells that its gate passed ({landings[tip]})"
        )
    return "no journal vouches for it: look at it and run its gates before you merge it"
