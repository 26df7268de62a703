"""Where a run is worked on: the repository under repair, the run's store and its work trees.

Owns how these are made, so that a kill at any point of it is repeated harmlessly. When they are
made is `run`'s. It imports git and little else: the first work trees are filled while the rest of
the program is still being imported.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.engine.folders import Folders, make_snapshots, make_workspaces
from orchestrator.engine.kept import bring_landed
from orchestrator.errors import UsageError
from orchestrator.git.identity import OURS, Identity
from orchestrator.git.repository import Repository
from orchestrator.git.snapshot import snapshot_among
from orchestrator.git.store import Store
from orchestrator.git.workspace import Workspaces
from orchestrator.isolation.caches import cache
from orchestrator.isolation.levels import is_strict
from orchestrator.mission.model import Mission

if TYPE_CHECKING:
    from orchestrator.journal.state import State


@dataclass(frozen=True, slots=True)
class Target:
    """What is under repair: the repository, the commit to start from, and the branch that `land`
    would go to.
    """

    repository: Repository
    base: str
    branch: str | None


def open_repository(mission: Mission, mission_dir: Path, root: Path) -> Target:
    """Find the mission's repository, or make it of the mission's plain files."""
    if mission.repository.snapshot is not None:
        made = snapshot_among(
            mission_dir / mission.repository.snapshot, make_snapshots(root), mission.name
        )
        # From the plain files, also when an earlier run has landed there.
        return Target(made, made.first_commit("main"), "main")
    repository = Repository.discover(mission_dir / (mission.repository.path or "."))
    rev = mission.repository.base
    return Target(repository, repository.resolve(rev or "HEAD"), repository.branch(rev))


def author_of(mission: Mission, repository: Repository) -> Identity:
    """In whose name the work lands: the mission's, or that of the user's git."""
    told = Identity.parse(mission.author) if mission.author else None
    return told or repository.identity or OURS


@dataclass(frozen=True, slots=True)
class Workshop:
    """The run's store and the work trees that hang on it; `filling` is their filling where it goes
    on in another thread.
    """

    repository: Repository
    store: Store
    workspaces: Workspaces
    filling: Future[None] | None = None

    def wait_until_filled(self) -> None:
        """Return when the first work trees are there. Raises what filling them raised."""
        if self.filling is not None:
            self.filling.result()


def open_workshop(
    repository: Repository,
    folders: Folders,
    begin: str,
    author: Identity = OURS,
    *,
    private: bool = False,
) -> Workshop:
    """The store, made with its tip at the commit `begin`, or opened; may be repeated. `author` makes
    the commits of a store that is made; with `private` each work tree is a repository of its own.
    """
    make_workspaces(folders)
    store = Store.create(folders.store, repository, begin, folders.run, author)
    return Workshop(repository, store, Workspaces(store, folders.trees, private=private))


def reopen_workshop(state: State, folders: Folders) -> Workshop:
    """A store that was removed is made again, with what landed in it; what else was lost, recovery
    has done again.
    """
    repository = repository_of(state, folders)
    author = author_of(state.plan.mission, repository)
    private = is_strict(state.started.isolation)
    workshop = open_workshop(repository, folders, state.started.base, author, private=private)
    store, base = workshop.store, state.started.base
    if not store.has_all(state.tip, since=base) or store.tip() == base:
        bring_landed(store, folders, state)
    return workshop


@contextlib.contextmanager
def opened_store(state: State, folders: Folders, *, is_held: bool = False) -> Iterator[Store]:
    """The run's store; where it is gone, one of what landed, for this once.

    Whoever holds the run has it swept and hardened; others only read. Raises UsageError where
    nothing is left of what landed.
    """
    if folders.store.is_dir():
        opened = (
            reopen_workshop(state, folders).store if is_held else Store(folders.store, state.run)
        )
        with contextlib.closing(opened) as store:
            yield store
        return
    with scratch_store(state, folders) as store:
        bring_landed(store, folders, state)
        if not store.has(state.tip):
            raise UsageError(
                "the run's store has been cleaned away, and what landed with it",
                where=str(folders.store),
                mend="its report still tells what landed",
            )
        yield store


@contextlib.contextmanager
def scratch_store(state: State, folders: Folders) -> Iterator[Store]:
    """A store for this once, of which nothing but the run's base is known."""
    repository = repository_of(state, folders)
    # In the run's own place where there is one: what a kill leaves of it goes with that.
    around = folders.workspaces if folders.workspaces.is_dir() else cache()
    with tempfile.TemporaryDirectory(dir=around, prefix=".scratch-") as place:
        path = Path(place, "store.git")
        store = Store.create(path, repository, state.started.base, state.run)
        with contextlib.closing(store):
            yield store


def repository_of(state: State, folders: Folders) -> Repository:
    """The run's repository; one that was made of plain files is made again where it is gone."""
    where, mission = Path(state.started.repository), state.started.mission
    if where.exists():
        return Repository.discover(where)
    if mission.repository.snapshot is not None:
        made = open_repository(mission, Path(state.started.mission_dir), folders.root)
        if made.base == state.started.base:
            return made.repository
    raise UsageError(
        "the run's repository is gone", where=str(where), mend="move it back, then try again"
    )
