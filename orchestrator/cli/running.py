"""`run` and `resume`: the verbs that make agents work."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.options import HERE, Json, Parallel, Plain, Root, RunName
from orchestrator.cli.runs import find_run, run_ids
from orchestrator.cli.streams import say
from orchestrator.cli.watching import watched
from orchestrator.engine.beside.preview import refuse_what_cannot_be, refuse_without_branch
from orchestrator.engine.beside.reading import is_complete, read_state
from orchestrator.engine.folders import Folders
from orchestrator.engine.redo import landed_after
from orchestrator.engine.run import Observers, Selection, roll_back, start
from orchestrator.engine.run import resume as resume_run
from orchestrator.errors import ExitCode, OrchestrateError, UsageError
from orchestrator.journal.state import State
from orchestrator.mission.loading import LoadedMission, load_mission
from orchestrator.reports.background import BackgroundWriter

MissionFile = Annotated[
    Path, typer.Argument(metavar="MISSION", help="A mission file.", show_default=False)
]


def register(app: typer.Typer) -> None:
    """Add this module's verbs."""
    app.command()(run)
    app.command()(resume)
    app.command()(rollback)


def run(
    mission: MissionFile,
    root: Root = HERE,
    parallel: Parallel = None,
    json: Json = False,
    plain: Plain = False,
    land: Annotated[
        bool, typer.Option("--land", help="Land on the base's branch if everything landed.")
    ] = False,
    start_at: Annotated[
        str | None,
        typer.Option(
            "--start-at",
            metavar="TIME",
            help="Wait until then, such as 02:00 or '2026-11-29 02:00'.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Plan a mission, carry it out, and report what is proven."""
    loaded = load_mission(mission)
    refuse_what_cannot_be(loaded)
    if land:
        refuse_without_branch(loaded, root)
    if start_at is not None:
        _wait_until(start_at, loaded)

    def carry_out(observers: Observers) -> tuple[State, int]:
        return start(loaded, root, parallel=parallel, observers=observers)

    state, code = watched(carry_out, BackgroundWriter, json=json, plain=plain)
    if land and code == 0 and state.tip != state.started.base:
        from orchestrator.engine.beside.target import land_run  # few runs land by themselves

        say(land_run(Folders(root, state.run), branch=None, allow_partial=False), err=json)
    raise typer.Exit(code)


def resume(
    run: RunName = None,
    root: Root = HERE,
    batch: Annotated[
        list[str] | None, typer.Option("--batch", metavar="ID", help="Redo this batch.")
    ] = None,
    agent: Annotated[
        list[str] | None, typer.Option("--agent", metavar="ID", help="Redo this agent.")
    ] = None,
    parallel: Parallel = None,
    json: Json = False,
    plain: Plain = False,
) -> None:
    """Go on from the journal: by default with the newest run that is not done.

    Finished agents are not run again. A run that ended with failures tries again what failed. With
    --batch or --agent the chosen work is redone, and all that depends on it.
    """
    folders = find_run(root, run) if run or batch or agent else _newest_unfinished(root)
    selection = Selection(tuple(batch or ()), tuple(agent or ()))
    if is_complete(folders) and not selection:
        # A kill may have come between the last event and the report that tells of it.
        # It brings the models of reports, which no agent waits for.
        from orchestrator.reports.writer import ReportWriter

        ReportWriter(folders.report).write(read_state(folders), is_alive=False)
        say(f"run {folders.run} is complete: nothing is left to do", err=json)
        return

    def carry_out(observers: Observers) -> tuple[State, int]:
        return resume_run(folders, parallel=parallel, selection=selection, observers=observers)

    raise typer.Exit(watched(carry_out, BackgroundWriter, json=json, plain=plain)[1])


def rollback(
    run: RunName = None,
    to: Annotated[
        str,
        typer.Option("--to", metavar="BATCH", help="The last one that stays.", show_default=False),
    ] = "",
    root: Root = HERE,
    json: Json = False,
    plain: Plain = False,
) -> None:
    """Take a run back to a batch: undo what landed after it, and return the tip.

    The `rollback:` commands of the later batches are run first, the newest batch first, each in a checkout of what it
    landed; where one fails nothing more is undone, the tip stays, and the exit code is 1. Afterwards `resume` does the
    later batches again, and `land` brings the run as it was after BATCH. Your branches are left alone.
    """
    folders = find_run(root, run)
    if not to:
        landed = ", ".join(dict.fromkeys(read_state(folders).history)) or "nothing"
        raise UsageError("name the batch that stays: --to BATCH", mend=f"what landed: {landed}")

    if not landed_after(read_state(folders), to):
        say(f"nothing landed after {to}: there is nothing to roll back", err=json)
        return

    def carry_out(observers: Observers) -> tuple[State, int]:
        return roll_back(folders, to, observers)

    raise typer.Exit(watched(carry_out, BackgroundWriter, json=json, plain=plain)[1])


def _wait_until(said: str, loaded: LoadedMission) -> None:
    """Exits with 130 where somebody stops the wait. What the run lacks is told before it."""
    # Few runs wait.
    from orchestrator.cli.starting import moment_of, told, wait_until
    from orchestrator.engine.beside.needs import refuse_to_start

    now = datetime.now()  # noqa: DTZ005 - what is said is meant by the clock on the wall
    moment = moment_of(said, now)
    refuse_to_start(loaded)
    say(told(moment, now), err=True)
    if stopped_by := wait_until(moment):
        say(f"stopped by {stopped_by}: nothing had begun", err=True)
        raise typer.Exit(int(ExitCode.INTERRUPTED))


def _newest_unfinished(root: Path) -> Folders:
    """The newest run that has something left to do; the newest of all when none has."""
    newest = find_run(root, None)
    for name in reversed(run_ids(root)):
        folders = Folders(root, name)
        try:
            state = read_state(folders)
        except OrchestrateError as error:
            say(f"{name} is passed over: {error}", err=True)
            continue
        if state.ended is None or state.ended.exit_code != 0:
            return folders
    return newest
