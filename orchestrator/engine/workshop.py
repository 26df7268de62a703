"""Where a run is worked on: the repository under repair, the run's store and its work trees.

Owns how these are made, so that a kill at any point of it is repeated harmlessly. When they are
made is `run`'s. It imports git and little else: the first work trees are filled while the rest of
the program is still being imported.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.engine.folders import Folders, make_snapshots, make_workspaces
from orchestrator.errors import UsageError
from orchestrator.git.identity import OURS, Identity
from orchestrator.git.repository import Repository
from orchestrator.git.snapshot import snapshot_among
from orchestrator.git.store import Store
from orchestrator.git.workspace import Workspaces
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
    """The run's store and the work trees that hang on it."""

    repository: Repository
    store: Store
    workspaces: Workspaces


def open_workshop(
    repository: Repository, folders: Folders, begin: str, author: Identity = OURS
) -> Workshop:
    """The store, made with its tip at the commit `begin`, or opened; may be repeated. `author` makes
    the commits of a store that is made.
    """
    make_workspaces(folders)
    store = Store.create(folders.store, repository, begin, folders.run, author)
    return Workshop(repository, store, Workspaces(store, folders.trees))


def reopen_workshop(state: State, folders: Folders) -> Workshop:
    """A store that was removed is made again; where that lost work, recovery says so or has it done
    again.
    """
    where = Path(state.started.repository)
    if not where.exists():
        raise UsageError(
            "the run's repository is gone", where=str(where), mend="move it back, then resume"
        )
    repository = Repository.discover(where)
    begin = (
        state.tip
        if not folders.store.exists() and repository.has(state.tip)
        else state.started.base
    )
    return open_workshop(repository, folders, begin, author_of(state.plan.mission, repository))
