"""`issues`: a mission's issues on GitHub, made and brought up to date."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.options import HERE, Repo, Root, RunName
from orchestrator.cli.runs import find_run
from orchestrator.engine.beside.reading import read_state
from orchestrator.engine.workshop import repository_of
from orchestrator.errors import UsageError
from orchestrator.git.repository import Repository
from orchestrator.isolation.secrets import know_of
from orchestrator.journal.lock import is_owned
from orchestrator.mission.loading import load_mission
from orchestrator.plan import make_plan
from orchestrator.reports.summary import summarize
from orchestrator.tracker.gh import Gh, Slug
from orchestrator.tracker.publishing import publish as publish_mission
from orchestrator.tracker.remotes import slug_of
from orchestrator.tracker.script import write_script
from orchestrator.tracker.syncing import sync as sync_run

DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be written; write nothing.")
]


def register(app: typer.Typer) -> None:
    """Add this module's verbs."""
    group = typer.Typer(
        no_args_is_help=True,
        help="A mission's issues on GitHub: publish them, bring outcomes back.",
    )
    group.command()(publish)
    group.command()(sync)
    app.add_typer(group, name="issues")


def publish(
    mission: Annotated[
        Path, typer.Argument(metavar="MISSION", help="A mission file.", show_default=False)
    ],
    repo: Repo = None,
    parent: Annotated[
        int | None,
        typer.Option(
            "--parent",
            min=1,
            metavar="N",
            help="The issue that the mission resolves; without, it gets one of its own.",
            show_default=False,
        ),
    ] = None,
    close_parent: Annotated[
        bool,
        typer.Option("--close-parent", help="Close that one in favour of what it was split into."),
    ] = False,
    dry_run: DryRun = False,
    script: Annotated[
        Path | None,
        typer.Option(
            "--script",
            metavar="FILE",
            help="Ask nothing and write nothing there; write the shell script that does it.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Make issues of a mission: its batches, and below them its agents, with labels and what blocks them.

    Again, it renews what it made, finds it by a mark in the bodies, and never makes anything twice; what people wrote
    round it stays. Sub-issues and "blocked by" are true links where the server has them.
    """
    loaded = load_mission(mission)
    know_of(loaded.mission)
    make_plan(loaded.mission)  # whose needs go round in a circle is no plan
    if close_parent and parent is None:
        raise UsageError("there is no parent to close", mend="name it: --parent N")
    slug = _slug(
        repo,
        lambda: Repository.discover(
            loaded.path.resolve().parent / (loaded.mission.repository.path or ".")
        ),
    )
    if script is not None:
        if dry_run:
            raise UsageError("a script writes nothing by itself", mend="leave --dry-run out")
        if script.exists() or script.is_symlink():
            raise UsageError("there is a file already", where=str(script), mend="name another")
        text = write_script(loaded.mission, slug, parent=parent, close_parent=close_parent)
        script.write_text(text, encoding="utf-8")
        script.chmod(0o755)
        typer.echo(f"wrote {script}; read it, then: bash {script}")
        return
    done = publish_mission(
        Gh.find(slug),
        loaded.mission,
        parent=parent,
        close_parent=close_parent,
        dry_run=dry_run,
        tell=typer.echo,
    )
    for note in done.notes:
        typer.echo(f"note: {note}", err=True)
    _end(f"{len(done.issues)} issues in {slug}", done.changed, dry_run=dry_run)
    if not dry_run:
        typer.echo(f"sub-issues and blockers: {done.way}")


def sync(
    run: RunName = None,
    repo: Repo = None,
    root: Root = HERE,
    dry_run: DryRun = False,
) -> None:
    """Bring what a run found to the mission's issues: outcomes with their evidence, in a comment that is renewed.

    Closes what is proven and leaves open what is not; what it closed and is not proven any more is opened again. What
    a person opened again stays open for that run.
    """
    folders = find_run(root, run)
    state = read_state(folders)
    slug = _slug(repo, lambda: repository_of(state, folders))
    know_of(state.started.mission)
    summary = summarize(state, is_alive=is_owned(folders.report))
    done = sync_run(Gh.find(slug), summary, dry_run=dry_run, tell=typer.echo)
    for note in done.notes:
        typer.echo(f"note: {note}", err=True)
    _end(f"run {state.run} in {slug}", done.changed, dry_run=dry_run)


def _slug(repo: str | None, repository: Callable[[], Repository]) -> Slug:
    return Slug.parse(repo) if repo is not None else slug_of(repository())


def _end(what: str, changed: int, *, dry_run: bool) -> None:
    if not changed:
        typer.echo(f"{what}: nothing to do")
    else:
        typer.echo(f"{what}: {changed} changes {'would be made' if dry_run else 'made'}")
