"""The story of a run, top to bottom: begin or take up, carry out, end.

Owns the order in which a run's parts are made and let go. What happens next inside it is the
scheduler's. What carries a run out is imported by `_carry` and `_take_up` alone: it is the larger
half of the program, and a new run imports it while git fills the first work trees.
"""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator import version
from orchestrator.agents.registry import backends_of, make_backend
from orchestrator.engine import redo
from orchestrator.engine.beginning import beginning
from orchestrator.engine.delivering import lacking
from orchestrator.engine.folders import Folders
from orchestrator.engine.kept import Copying, owned_run, renew_journal_copy
from orchestrator.engine.notifying import Notifying
from orchestrator.engine.recorder import Observer, Recorder
from orchestrator.engine.workshop import (
    Target,
    Workshop,
    author_of,
    open_repository,
    open_workshop,
    reopen_workshop,
)
from orchestrator.errors import ExitCode, UsageError
from orchestrator.executors.boxes import readable
from orchestrator.executors.furnish import Furnishing
from orchestrator.executors.interpreters import Interpreters
from orchestrator.git.client import require_git
from orchestrator.isolation.leftovers import end_leftovers
from orchestrator.isolation.levels import Level, choose, require
from orchestrator.isolation.processes import note_in, open_house
from orchestrator.isolation.secrets import know_of
from orchestrator.journal.events import RedoRequested, Return, RunResumed, RunStarted
from orchestrator.journal.log import Journal
from orchestrator.journal.state import State
from orchestrator.mission.loading import LoadedMission
from orchestrator.mission.model import Mission
from orchestrator.services.services import require_programs

if TYPE_CHECKING:
    from orchestrator.engine.carry import Step
    from orchestrator.engine.tools import Tools

Observers = Callable[[Folders], Sequence[Observer]]
"""Who watches a run, made once its folders are known."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What a person wants done again."""

    batches: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    returns: tuple[Return, ...] = ()
    """What was found of the agents' work, which their next attempts are told."""
    answers: tuple[str, ...] = ()
    """Which findings that is."""

    def __bool__(self) -> bool:
        return bool(self.batches or self.agents)


def start(
    loaded: LoadedMission, root: Path, *, parallel: int | None, observers: Observers
) -> tuple[State, int]:
    """Carry a mission out; returns the last state and the exit code."""
    mission, mission_dir = loaded.mission, loaded.path.resolve().parent
    know_of(mission)
    require_git()
    target = open_repository(mission, mission_dir, root)
    # Whatever cannot work here is found before anything starts.
    Furnishing(target.repository, target.base, mission.workspace)
    Interpreters(mission.workspace.python).require()
    require_programs(mission)
    _refuse_faulty_template(mission, mission_dir)
    for backend in backends_of(mission):
        make_backend(backend, mission, mission_dir)
    for way in mission.notify:
        if error := lacking(way):
            raise error
    level = choose(mission.defaults.isolation)
    readable(mission.defaults, mission_dir)
    spares = min(parallel or mission.defaults.parallel, len(mission.batches[0].agents))
    new = beginning(root, mission.name, target.repository, target.base)
    with new as (folders, begun), _owned(folders), ThreadPoolExecutor(1) as early:
        author = author_of(mission, target.repository)
        workshop = open_workshop(
            target.repository, folders, target.base, author, private=level.is_strict
        )
        # Filling work trees waits for the disk; what else there is to do at a start need not wait
        # for that.
        filling = early.submit(workshop.workspaces.prepare, spares, target.base)
        workshop = replace(workshop, filling=filling)
        with contextlib.closing(Journal(folders.report)) as journal, Notifying(folders) as telling:
            recorder = Recorder(journal, (*observers(folders), Copying(folders), telling))
            recorder.emit(_started(loaded, target, folders, parallel, level))
            begun()
            return _carry(recorder, folders, lambda: workshop)


def resume(
    folders: Folders, *, parallel: int | None, selection: Selection, observers: Observers
) -> tuple[State, int]:
    """Take a run up where its journal ends; returns the last state and the exit code."""
    with _taken_up(folders, observers) as (recorder, journal):
        state = recorder.state
        if state.ended and _redo_of(state, selection) is None:
            return state, state.ended.exit_code
        _note_resume(recorder, folders, journal, parallel or state.parallel)
        workshop = partial(reopen_workshop, state, folders)
        return _carry(recorder, folders, workshop, partial(_take_up, selection=selection))


@contextlib.contextmanager
def _taken_up(folders: Folders, observers: Observers) -> Iterator[tuple[Recorder, Journal]]:
    """A run that has begun, held by this process alone."""
    with (
        _owned(folders),
        contextlib.closing(Journal(folders.report)) as journal,
        Notifying(folders) as telling,
    ):
        if not journal.records:
            raise UsageError(f"run {folders.run} never began", mend="run its mission again")
        recorder = Recorder(journal, (*observers(folders), Copying(folders), telling))
        know_of(recorder.state.started.mission)
        yield recorder, journal


def _note_resume(recorder: Recorder, folders: Folders, journal: Journal, parallel: int) -> None:
    """What was left behind is ended, and work goes on."""
    require(recorder.state.started.isolation)
    recorder.emit(
        RunResumed(
            parallel=parallel,
            versions=_versions(),
            leftovers=end_leftovers(folders.report),
            doubts=journal.doubts,
            has_head=journal.has_head,
        )
    )


def roll_back(folders: Folders, to: str, observers: Observers) -> tuple[State, int]:
    """Take a run back to a batch that landed; exit code 0 where all that landed later is undone.
    Raises UsageError for a batch that has not landed.
    """
    from orchestrator.engine import rollback
    from orchestrator.engine.recovery import move_tip_back, recover

    with _taken_up(folders, observers) as (recorder, journal):
        state = recorder.state
        redo.landed_after(state, to)
        _note_resume(recorder, folders, journal, state.parallel)
        steps = (recover, partial(rollback.roll_back, to=to, move_tip_back=move_tip_back))
        workshop = partial(reopen_workshop, state, folders)
        state, code = _carry_steps(recorder, folders, workshop, *steps)
        is_left = code == ExitCode.OK and redo.landed_after(state, to)
        return state, ExitCode.NOT_LANDED if is_left else code


def _carry(
    recorder: Recorder, folders: Folders, workshop: Callable[[], Workshop], *first: Step
) -> tuple[State, int]:
    from orchestrator.engine.scheduler import schedule

    return _carry_steps(recorder, folders, workshop, *first, schedule)


def _carry_steps(
    recorder: Recorder, folders: Folders, workshop: Callable[[], Workshop], *steps: Step
) -> tuple[State, int]:
    from orchestrator.engine.carry import carry_out
    from orchestrator.engine.making import make_tools

    return carry_out(recorder, partial(make_tools, recorder, folders, workshop), *steps)


async def _take_up(tools: Tools, selection: Selection) -> None:
    """Settle what was in flight, and take back what is to be done again."""
    from orchestrator.engine.recovery import move_tip_back, recover

    await recover(tools)
    # Chosen from the state that recovery leaves: a landing that was torn has been completed by now.
    again = _redo_of(tools.recorder.state, selection)
    if again is not None:
        tools.recorder.emit(again)
        await move_tip_back(tools)


def _started(
    loaded: LoadedMission, target: Target, folders: Folders, parallel: int | None, level: Level
) -> RunStarted:
    mission = loaded.mission
    return RunStarted(
        run=folders.run,
        mission=mission,
        mission_file=str(loaded.path),
        mission_dir=str(loaded.path.resolve().parent),
        repository=str(target.repository.work_tree or target.repository.git_dir),
        base=target.base,
        branch=target.branch,
        isolation=level.told,
        parallel=parallel
        or sum(batch.parallel or mission.defaults.parallel for batch in mission.batches),
        versions=_versions(),
    )


def _refuse_faulty_template(mission: Mission, mission_dir: Path) -> None:
    if mission.brief_template is None:
        return
    import jinja2  # a mission without a template of its own needs none of this before agents start

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
    if selection:
        return redo.choose(
            state, selection.batches, selection.agents, selection.returns, selection.answers
        )
    return redo.unfinished(state) if state.ended else None


@contextlib.contextmanager
def _owned(folders: Folders) -> Iterator[None]:
    mend = f"`orchestrate watch {folders.run}` shows it; stop it there before resuming"
    with owned_run(folders, mend):
        renew_journal_copy(folders)
        note_in(folders.report)
        open_house()
        yield


def _versions() -> dict[str, str]:
    return {
        "orchestrate": version(),
        "python": platform.python_version(),
        "git": require_git(),
        "pytest": metadata.version("pytest"),
        "platform": platform.platform(terse=True),
    }
