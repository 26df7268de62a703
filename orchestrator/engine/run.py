"""The story of a run, top to bottom: begin or take up, carry out, end.

Owns the order in which a run's parts are made and let go. What happens next inside it is the
scheduler's. The larger half of the program is imported inside these functions: a new run imports it
while git fills the first work trees.
"""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.agents.registry import backends_of, make_backend
from orchestrator.engine.folders import Folders, durable, tag_of
from orchestrator.engine.workshop import Workshop, open_repository, open_workshop, reopen_workshop
from orchestrator.errors import EnvironmentRefused, UsageError
from orchestrator.executors.furnish import Furnishing
from orchestrator.git.client import require_git
from orchestrator.journal.events import RedoRequested, RunResumed
from orchestrator.journal.lock import owned
from orchestrator.mission.loading import LoadedMission
from orchestrator.mission.model import Mission

if TYPE_CHECKING:
    from orchestrator.engine.recorder import Observer
    from orchestrator.engine.tools import Tools
    from orchestrator.journal.events import RedoRequested
    from orchestrator.journal.state import State

Observers = Callable[[Folders], "Sequence[Observer]"]
"""Who watches a run, made once its folders are known."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What a person wants done again."""

    batches: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.batches or self.agents)


def start(
    loaded: LoadedMission, root: Path, *, parallel: int | None, observers: Observers
) -> tuple[State, int]:
    """Carry a mission out; returns the last state and the exit code."""
    mission, mission_dir = loaded.mission, loaded.path.resolve().parent
    require_git()
    target = open_repository(mission, mission_dir, root)
    # Whatever cannot work here is found before anything starts.
    Furnishing(target.repository, target.base, mission.workspace)
    _refuse_faulty_template(mission, mission_dir)
    for backend in backends_of(mission):
        make_backend(backend, mission, mission_dir)
    folders = _new_run(root, mission.name)
    spares = min(parallel or mission.defaults.parallel, len(mission.batches[0].agents))
    with _owned(folders), ThreadPoolExecutor(1) as early:
        workshop = open_workshop(target.repository, folders, target.base)
        # Filling work trees waits for the disk; what else there is to do at a start need not wait
        # for that.
        filling = early.submit(workshop.workspaces.prepare, spares, target.base)

        def filled() -> Workshop:
            filling.result()
            return workshop

        from orchestrator.engine.carry import carry_out
        from orchestrator.engine.recorder import Recorder
        from orchestrator.journal.events import RunStarted
        from orchestrator.journal.log import Journal

        journal = Journal(folders.report)
        recorder = Recorder(journal, observers(folders))
        recorder.emit(
            RunStarted(
                run=folders.run,
                mission=mission,
                mission_file=str(loaded.path),
                mission_dir=str(mission_dir),
                repository=str(target.repository.work_tree or target.repository.git_dir),
                base=target.base,
                branch=target.branch,
                isolation="worktree (a sandbox for `strict` is not supported yet)",
                parallel=parallel
                or sum(batch.parallel or mission.defaults.parallel for batch in mission.batches),
                versions=_versions(),
            )
        )
        return carry_out(recorder, journal, folders, _nothing, filled)


def resume(
    folders: Folders, *, parallel: int | None, selection: Selection, observers: Observers
) -> tuple[State, int]:
    """Take a run up where its journal ends; returns the last state and the exit code."""
    from orchestrator.engine.carry import carry_out
    from orchestrator.engine.recorder import Recorder
    from orchestrator.engine.recovery import move_tip_back, recover
    from orchestrator.isolation.processes import end_leftovers
    from orchestrator.journal.log import Journal

    with _owned(folders):
        journal = Journal(folders.report)
        if not journal.records:
            raise UsageError(f"run {folders.run} never began", mend="run its mission again")
        recorder = Recorder(journal, observers(folders))
        state = recorder.state
        again = _redo_of(state, selection)
        if state.ended and again is None:
            return state, state.ended.exit_code
        leftovers = end_leftovers(tag_of(folders))
        recorder.emit(
            RunResumed(
                parallel=parallel or state.parallel, versions=_versions(), leftovers=leftovers
            )
        )

        async def take_up(tools: Tools) -> None:
            await recover(tools)
            # Chosen from the state that recovery leaves: a landing that was torn has been completed
            # by now.
            again = _redo_of(recorder.state, selection)
            if again is not None:
                recorder.emit(again)
                await move_tip_back(tools)

        return carry_out(
            recorder, journal, folders, take_up, partial(reopen_workshop, state, folders)
        )


def _refuse_faulty_template(mission: Mission, mission_dir: Path) -> None:
    if mission.brief_template is None:
        return
    import jinja2

    from orchestrator.agents.brief import Briefs
    from orchestrator.plan import make_plan

    path = mission_dir / mission.brief_template
    try:
        briefs = Briefs(mission, path)
        for batch in make_plan(mission).batches:
            for agent in batch.agents:
                briefs.render(batch, agent)
    except jinja2.TemplateError as error:
        raise UsageError(
            f"the brief cannot be rendered: {error}", where=str(path), mend="mend the template"
        ) from error


def _redo_of(state: State, selection: Selection) -> RedoRequested | None:
    from orchestrator.engine import redo

    if selection:
        return redo.choose(state, selection.batches, selection.agents)
    return redo.unfinished(state) if state.ended else None


async def _nothing(_: Tools) -> None:
    return None


@contextlib.contextmanager
def _owned(folders: Folders) -> Iterator[None]:
    with owned(
        folders.report,
        f"run {folders.run}",
        f"`orchestrate watch {folders.run}` shows it; stop it there before resuming",
    ):
        yield


def _new_run(root: Path, mission: str) -> Folders:
    """A run id that sorts by time and says what it is, with its report folder made."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    number = 1
    while True:
        run = f"{stamp}-{mission}" + (f"-{number}" if number > 1 else "")
        folders = Folders(root, run)
        try:
            durable(root)
            folders.report.mkdir()
        except FileExistsError:
            number += 1
        except OSError as error:
            raise EnvironmentRefused(
                f"reports cannot be written: {error.strerror}",
                where=str(folders.report),
                mend="choose another --root",
            ) from error
        else:
            return folders


def _versions() -> dict[str, str]:
    return {
        "orchestrate": metadata.version("orchestrate"),
        "python": platform.python_version(),
        "git": require_git(),
        "pytest": metadata.version("pytest"),
        "platform": platform.platform(terse=True),
    }
