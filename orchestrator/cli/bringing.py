"""`land` and `follow`: what a run made, brought to a branch, here or by pull requests that are followed
until they are merged.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Annotated

import typer
from rich.console import Console

from orchestrator.cli.options import HERE, Auto, Base, Each, Plain, RemoteName, Repo, Root, RunName
from orchestrator.cli.runs import find_left, find_run
from orchestrator.cli.watching import watched
from orchestrator.engine.beside.meeting import Meeting, Reproof
from orchestrator.engine.beside.reading import read_state
from orchestrator.engine.beside.rescue import land_from_store
from orchestrator.engine.beside.target import land_run
from orchestrator.engine.folders import Folders
from orchestrator.engine.run import Observers, Selection
from orchestrator.engine.run import resume as resume_run
from orchestrator.engine.workshop import repository_of
from orchestrator.errors import UsageError
from orchestrator.isolation.secrets import know_of
from orchestrator.journal.events import Return
from orchestrator.journal.lock import is_owned
from orchestrator.journal.state import State
from orchestrator.mission.model import parse_duration
from orchestrator.reports.background import BackgroundWriter
from orchestrator.reports.summary import summarize
from orchestrator.reports.writer import ReportWriter
from orchestrator.tracker.following import Bounds, Following
from orchestrator.tracker.gh import Gh, Slug
from orchestrator.tracker.pulls import Prove, Tracked, Wish, open_pulls
from orchestrator.tracker.remotes import Remote, slug_of
from orchestrator.ui.displays import choose_display
from orchestrator.ui.gate_view import make_gate_display, render_judgement


def register(app: typer.Typer) -> None:
    """Add this module's verbs."""
    app.command()(land)
    app.command()(follow)


def land(
    run: RunName = None,
    root: Root = HERE,
    branch: Annotated[
        str | None,
        typer.Option(
            "--branch", metavar="NAME", help="Land here instead; made at the base if absent."
        ),
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Also when not everything landed in the run.")
    ] = False,
    reprove: Annotated[
        bool,
        typer.Option(
            "--reprove",
            help="When the branch moved meanwhile: merge with it, run the gates on that, land it.",
        ),
    ] = False,
    plain: Plain = False,
    from_store: Annotated[
        bool,
        typer.Option(
            "--from-store",
            help="When the journal is damaged or gone: bring what landed to a new branch.",
        ),
    ] = False,
    pr: Annotated[
        bool, typer.Option("--pr", help="Push it, and open a pull request on GitHub instead.")
    ] = False,
    repo: Repo = None,
    remote: RemoteName = "origin",
    base: Base = None,
    each: Each = False,
    label: Annotated[
        list[str] | None,
        typer.Option(
            "--label", metavar="NAME", help="With --pr: a label of it.", show_default=False
        ),
    ] = None,
    ready: Annotated[
        bool, typer.Option("--ready", help="With --pr: no draft, although not all is proven.")
    ] = False,
    auto: Auto = False,
) -> None:
    """Bring the run's tip to the branch it started from: the tested commit, or nothing.

    Where the branch moved meanwhile, --reprove merges the two, has the gates of what landed judge that against the
    branch, and lands exactly that commit; a conflict or a red gate moves nothing and exits with 1. Where the journal is
    damaged or gone, --from-store makes a new branch (orchestrate/RUN, or --branch) at the tip of the run's own store.

    With --pr a branch (orchestrate/RUN, or --branch) is pushed, never one that is protected, and a pull request opened
    or brought up to date: the report is its text, and it is a draft until all is proven. Where its base moved, the two
    are merged and proven first. `orchestrate follow RUN` goes on from there.
    """
    if pr:
        wish = Wish(base, branch, each, tuple(label or ()), ready=ready, auto=auto)
        _open(find_run(root, run), repo, remote, wish, plain=plain)
        return
    for name, given in {
        "--base": base,
        "--repo": repo,
        "--each": each,
        "--label": label,
        "--ready": ready,
        "--auto": auto,
    }.items():
        if given:
            raise UsageError(
                f"{name} is for pull requests", mend="say --pr as well, or leave it out"
            )
    if from_store:
        typer.echo(land_from_store(find_left(root, run), branch))
        return
    folders = find_run(root, run)
    if reprove:
        _reprove(folders, branch, partial=partial, plain=plain)
    else:
        typer.echo(land_run(folders, branch=branch, allow_partial=partial))
    ReportWriter(folders.report).write(read_state(folders), is_alive=False)


def follow(
    run: RunName = None,
    root: Root = HERE,
    repo: Repo = None,
    remote: RemoteName = "origin",
    base: Base = None,
    branch: Annotated[
        str | None,
        typer.Option("--branch", metavar="NAME", help="The one that `land --pr` was given."),
    ] = None,
    rounds: Annotated[
        int,
        typer.Option(
            "--rounds", min=0, metavar="N", help="How often agents are given what is found."
        ),
    ] = 3,
    interval: Annotated[
        str, typer.Option("--interval", metavar="TIME", help="Between two looks, such as 1m.")
    ] = "1m",
    once: Annotated[bool, typer.Option("--once", help="Look and act once, then end.")] = False,
    agent: Annotated[
        str | None,
        typer.Option(
            "--agent",
            metavar="ID",
            help="Whose work it is that something is found of.",
            show_default="told by the files",
        ),
    ] = None,
    auto: Auto = False,
    plain: Plain = False,
) -> None:
    """Follow a run's pull requests until they are merged, in their order.

    A red check, a review that wants changes (of somebody who may write there) and a conflict go to the agent whose work
    they speak of, as the evidence of its next attempt; the gates judge what comes of it, and that is pushed and
    answered. Where the base moved, the two are merged and proven first. At most --rounds times over all calls; then,
    and where nobody can tell whose work it is, it ends with exit code 1. Exit code 0: merged, or with --once: nothing
    stands against it.
    """
    try:
        seconds = parse_duration(interval)
    except ValueError as error:
        raise UsageError(f"--interval {interval}: {error}", mend="such as 30s or 5m") from None
    folders = find_run(root, run)
    wish = Wish(base, branch, auto=auto)
    tracked = _track(folders, repo, remote, wish)
    if agent is not None and agent not in tracked.state.agents:
        raise UsageError(
            f"run {folders.run} has no agent {agent}",
            mend=f"it has: {', '.join(tracked.state.agents)}",
        )

    def redo(returns: tuple[Return, ...], answers: tuple[str, ...]) -> int:
        selection = Selection((), tuple(each.agent for each in returns), returns, answers)

        def carry_out(observers: Observers) -> tuple[State, int]:
            return resume_run(folders, parallel=None, selection=selection, observers=observers)

        return int(watched(carry_out, BackgroundWriter, json=False, plain=plain)[1])

    following = Following(
        tracked,
        Bounds(rounds, once, agent),
        _prover(folders, plain=plain),
        redo,
        lambda before: _again(before, folders),
        lambda: time.sleep(seconds),
    )
    raise typer.Exit(following.carry_out())


def _reprove(folders: Folders, branch: str | None, *, partial: bool, plain: bool) -> None:
    """Prove and land on top of what came meanwhile; exits with 1 where nothing moved."""
    # Who only lands needs no judge.
    from orchestrator.engine.beside.reproving import reprove_run

    kind = choose_display(json=False, plain=plain, environ=os.environ, is_tty=sys.stderr.isatty())
    with make_gate_display(sys.stderr, is_live=kind == "live") as display:
        found = reprove_run(folders, branch=branch, allow_partial=partial, watcher=display)
    for conflict in found.conflicts:
        at = f"{conflict.path}::{conflict.symbol}" if conflict.symbol else conflict.path
        typer.echo(f"conflict: {at}: {conflict.text}")
    if found.judgement is not None:
        render_judgement(found.judgement, Console(highlight=False))
    if not found.landed:
        why = "both changed the same" if found.conflicts else "the gates did not pass"
        typer.echo(
            f"nothing was moved: {why}\n  `orchestrate land {folders.run} --branch NAME` brings "
            "what the run proved to a branch of its own, to be merged by hand"
        )
        raise typer.Exit(int(found.judgement.exit_code) if found.judgement else 1)
    typer.echo(found.landed)


def _open(folders: Folders, repo: str | None, remote: str, wish: Wish, *, plain: bool) -> None:
    """Open the run's pull requests, or bring them up to date."""
    pulls = open_pulls(_track(folders, repo, remote, wish), _prover(folders, plain=plain))
    typer.echo(
        f"{', '.join(pull['html_url'] for pull in pulls)}\nnext: orchestrate follow {folders.run}"
    )


def _track(folders: Folders, repo: str | None, remote: str, wish: Wish) -> Tracked:
    """The run, as it stands now, and where it goes."""
    state = read_state(folders)
    know_of(state.started.mission)
    repository = repository_of(state, folders)
    slug = Slug.parse(repo) if repo is not None else slug_of(repository, remote)
    summary = summarize(state, is_alive=is_owned(folders.report))
    there = Remote(repository, remote)
    return Tracked(Gh.find(slug), folders, state, summary, there, wish, typer.echo)


def _again(before: Tracked, folders: Folders) -> Tracked:
    state = read_state(folders)
    summary = summarize(state, is_alive=is_owned(folders.report))
    there = before.remote
    return Tracked(
        before.gh, folders, state, summary, there, before.wish, before.tell, before.about
    )


def _prover(folders: Folders, *, plain: bool) -> Prove:
    """What proves a run's work on top of another commit, and shows how far it is."""

    def prove(meeting: Meeting) -> Reproof:
        # Few bases move.
        from orchestrator.engine.beside.reproving import prove_on

        kind = choose_display(
            json=False, plain=plain, environ=os.environ, is_tty=sys.stderr.isatty()
        )
        with make_gate_display(sys.stderr, is_live=kind == "live") as display:
            found = prove_on(folders, meeting, display)
        for conflict in found.conflicts:
            typer.echo(f"conflict: {conflict.path}: {conflict.text}")
        if found.judgement is not None:
            render_judgement(found.judgement, Console(highlight=False))
        return found

    return prove
