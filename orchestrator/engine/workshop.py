"""Where a run is worked on: the repository under repair, the run's store and work trees, and the tools made of them.

Owns how these are made, so that a kill at any point of it is repeated harmlessly. When they are made is `run`'s.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from anyio import to_thread

from orchestrator.agents.brief import Briefs
from orchestrator.agents.registry import make_backend
from orchestrator.engine.folders import Folders, disposable, tag_of
from orchestrator.engine.recorder import Recorder
from orchestrator.engine.tools import Tools
from orchestrator.errors import UsageError
from orchestrator.executors.furnish import Furnished, Furnishing
from orchestrator.executors.local import LocalExecutor
from orchestrator.gates.judge import Judge
from orchestrator.git.repository import Repository
from orchestrator.git.snapshot import snapshot_among
from orchestrator.git.store import Store
from orchestrator.git.workspace import Workspaces
from orchestrator.journal.state import State
from orchestrator.mission.model import Mission


@dataclass(frozen=True, slots=True)
class Target:
    """What is under repair: the repository, the commit to start from, and the branch that `land` would go to."""

    repository: Repository
    base: str
    branch: str | None


def open_repository(mission: Mission, mission_dir: Path, root: Path) -> Target:
    """Find the mission's repository, or make it of the mission's plain files."""
    if mission.repository.snapshot is not None:
        made = snapshot_among(mission_dir / mission.repository.snapshot, disposable(root) / "snapshots", mission.name)
        # From the plain files, also when an earlier run has landed there.
        return Target(made, made.first_commit("main"), "main")
    repository = Repository.discover(mission_dir / (mission.repository.path or "."))
    rev = mission.repository.base
    return Target(repository, repository.resolve(rev or "HEAD"), repository.branch(rev))


@dataclass(frozen=True, slots=True)
class Workshop:
    """The run's store and the work trees that hang on it."""

    repository: Repository
    store: Store
    workspaces: Workspaces


def open_workshop(repository: Repository, folders: Folders, begin: str, spares: int) -> Workshop:
    """The store, made or opened, with `spares` work trees at the commit `begin`; may be repeated."""
    disposable(folders.root)
    store = Store.create(folders.store, repository, begin, folders.run)
    workspaces = Workspaces(store, folders.workspaces)
    workspaces.prepare(spares, begin)
    return Workshop(repository, store, workspaces)


def reopen_workshop(state: State, folders: Folders) -> Workshop:
    """A store that was removed is made again; where that lost work, recovery says so or has it done again."""
    where = Path(state.started.repository)
    if not where.exists():
        raise UsageError("the run's repository is gone", where=str(where), mend="move it back, then resume")
    repository = Repository.discover(where)
    begin = state.tip if not folders.store.exists() and repository.has(state.tip) else state.started.base
    return open_workshop(repository, folders, begin, 0)


@contextlib.asynccontextmanager
async def make_tools(recorder: Recorder, folders: Folders, workshop: Callable[[], Workshop]) -> AsyncIterator[Tools]:
    """Everything the engine works with; made so that a kill at any point of it is repeated harmlessly by a resume."""
    started = recorder.state.started
    mission, mission_dir = started.mission, Path(started.mission_dir)
    made = await to_thread.run_sync(workshop)
    store, workspaces, repository = made.store, made.workspaces, made.repository
    await to_thread.run_sync(repository.pin, folders.run, started.base)
    try:
        furnishing = Furnishing(repository, started.base, mission.workspace)
        template = mission_dir / mission.brief_template if mission.brief_template else None
        executor = LocalExecutor(
            workspaces,
            furnishing,
            briefs=folders.briefs,
            logs=folders.logs,
            homes=folders.homes,
            tag_of=lambda name: tag_of(folders, name),
        )
        names = {agent.backend for agent in recorder.state.plan.agents}
        async with executor:
            yield Tools(
                recorder=recorder,
                folders=folders,
                store=store,
                executor=executor,
                judge=Judge(
                    checkouts=Furnished(workspaces, furnishing),
                    commits=store,
                    reports=folders.report,
                    home=folders.homes,
                    tag=tag_of(folders, "gate"),
                ),
                briefs=Briefs(mission, template),
                backends={name: make_backend(name, mission, mission_dir) for name in names},
                mission_dir=mission_dir,
            )
    finally:
        store.close()
