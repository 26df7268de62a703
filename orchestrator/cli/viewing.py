"""`status`, `runs`, `watch`, `report` and `diff`: the verbs that only look."""

from __future__ import annotations

import os
import sys
import time
import webbrowser
from typing import Annotated

import typer
from rich.console import Console

from orchestrator.cli import completing
from orchestrator.cli.options import HERE, Json, Plain, Root, RunName
from orchestrator.cli.runs import find_run, run_ids
from orchestrator.engine.beside.reading import read_state
from orchestrator.engine.folders import Folders
from orchestrator.errors import EnvironmentRefused, OrchestrateError
from orchestrator.journal.lock import is_owned
from orchestrator.journal.log import read
from orchestrator.journal.state import State, apply
from orchestrator.reports.summary import summarize
from orchestrator.ui.status_view import render_runs, render_status

WATCH_SECONDS = 0.2


def register(app: typer.Typer) -> None:
    """Add this module's verbs."""
    for verb in (status, runs, watch, report, diff):
        app.command()(verb)


def status(run: RunName = None, root: Root = HERE, json: Json = False) -> None:
    """One run at a glance. The exit code is the run's: 0 only if everything landed."""
    folders = find_run(root, run)
    state = read_state(folders)
    summary = summarize(state, is_alive=is_owned(folders.report))
    if json:
        typer.echo(summary.model_dump_json(by_alias=True, indent=2))
    else:
        render_status(summary, Console(highlight=False))
    raise typer.Exit(0 if state.ended and state.ended.exit_code == 0 else 1)


def runs(root: Root = HERE, json: Json = False) -> None:
    """All runs, newest first."""
    summaries = []
    for name in reversed(run_ids(root)):
        try:
            folders = Folders(root, name)
            summaries.append(summarize(read_state(folders), is_alive=is_owned(folders.report)))
        except OrchestrateError as error:
            typer.echo(f"{name}: {error}", err=True)
    if json:
        typer.echo(
            "[" + ",\n".join(summary.model_dump_json(by_alias=True) for summary in summaries) + "]"
        )
    else:
        render_runs(summaries, Console(highlight=False))


def watch(run: RunName = None, root: Root = HERE, json: Json = False, plain: Plain = False) -> None:
    """A live view of a run that another process carries out; ends when it does."""
    from orchestrator.ui.displays import choose_display, make_display  # more than `status` needs

    folders = find_run(root, run)
    kind = choose_display(json=json, plain=plain, environ=os.environ, is_tty=sys.stdout.isatty())
    state: State | None = None
    shown = 0
    with make_display(kind, report=folders.report / "report.md") as display:
        while True:
            # Asked before reading: what is written up to the owner's end is then read once more.
            is_alive = is_owned(folders.report)
            records = read(folders.report).records
            for record in records[shown:]:
                state = apply(state, record)
                display.on_record(record, state)
            shown = len(records)
            if not is_alive:
                break
            time.sleep(WATCH_SECONDS)
    raise typer.Exit(0 if state and state.ended and state.ended.exit_code == 0 else 1)


def report(
    run: RunName = None,
    root: Root = HERE,
    formats: Annotated[
        str, typer.Option("--format", metavar="LIST", help="Of md, json, html and junit.")
    ] = "md,json,html,junit",
    open_: Annotated[
        bool, typer.Option("--open", help="Show the page in a browser as well.")
    ] = False,
) -> None:
    """Render a run's report again, and say where it is."""
    from orchestrator.reports.writer import ReportWriter  # every format; `status` needs none

    folders = find_run(root, run)
    names = tuple(name.strip() for name in formats.split(",") if name.strip())
    if open_ and "html" not in names:
        names = (*names, "html")
    for path in ReportWriter(folders.report, names).write(
        read_state(folders), is_alive=is_owned(folders.report)
    ):
        typer.echo(path)
    page = (folders.report / "report.html").resolve()
    if open_ and not webbrowser.open(page.as_uri()):
        raise EnvironmentRefused(
            "no browser was found to show the report in", where=str(page), mend="open the file"
        )


def diff(
    run: RunName = None,
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="[AGENT|BATCH]",
            help="All that has landed, by default.",
            show_default=False,
            autocompletion=completing.parts,
        ),
    ] = None,
    root: Root = HERE,
) -> None:
    """What an agent, a batch or the whole run changed, as a patch.

    While a batch waits for a sign-off its candidate is part of it: what is shown is what would land.
    """
    from orchestrator.engine.beside.patches import patch_of  # git, of all verbs here for this one

    folders = find_run(root, run)
    patch = patch_of(read_state(folders), folders, what)
    if patch.lost:
        typer.echo(f"orchestrate: {patch.lost}", err=True)
    sys.stdout.flush()
    sys.stdout.buffer.write(patch.data)
    sys.stdout.buffer.flush()
