"""`gate`: the judge by itself, on any two commits."""

from __future__ import annotations

import json as json_module
import os
import sys
from typing import Annotated

import typer
from rich.console import Console

from orchestrator.cli.judged import split_gate, told
from orchestrator.cli.options import HERE, Plain, Root
from orchestrator.engine.beside.judgement import Request
from orchestrator.engine.beside.judging import judge_commits
from orchestrator.engine.beside.listing import list_tests
from orchestrator.errors import UsageError
from orchestrator.mission.loading import load_mission
from orchestrator.reports import github
from orchestrator.reports.verdict import document, keep
from orchestrator.ui.displays import choose_display
from orchestrator.ui.gate_view import make_gate_display, render_judgement
from orchestrator.ui.listing_view import listing_document, render_listing


def register(app: typer.Typer) -> None:
    """Add this module's verbs."""
    app.command()(gate)


def gate(
    mission: Annotated[
        str,
        typer.Argument(
            metavar="MISSION[:GATE]",
            help="A mission file; one of its gates, or all.",
            show_default=False,
        ),
    ],
    base: Annotated[
        str | None,
        typer.Option(
            "--base",
            metavar="REF",
            help="What to compare with; where the candidate left the mission's base.",
        ),
    ] = None,
    candidate: Annotated[
        str | None,
        typer.Option(
            "--candidate", metavar="REF", help="What to judge; the commit that is checked out."
        ),
    ] = None,
    uncommitted: Annotated[
        bool,
        typer.Option("--uncommitted", help="Judge what stands in the checkout, committed or not."),
    ] = False,
    list_: Annotated[
        bool,
        typer.Option(
            "--list", help="Judge nothing: list the tests of each check on the base, by id."
        ),
    ] = False,
    root: Root = HERE,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON document on standard output.")
    ] = False,
    plain: Plain = False,
) -> None:
    """Judge one commit against another, with a mission's gates and by the rules of a run. No agent is needed.

    A test that passed on the base must pass on the candidate; what was to turn green must have been red; a gate that
    ran nothing is red. What the batches that use a gate claim is judged too. Your repository is only read. Exit code 0
    only if every gate passed; the evidence is kept in reports/gate-<mission>, and passes are not run again.

    \b
    orchestrate gate missions/fix.yaml                     the commit that is checked out, all gates
    orchestrate gate missions/fix.yaml:core --uncommitted  before committing, one gate
    orchestrate gate --base v1.4 --candidate v1.5 --json missions/fix.yaml
    orchestrate gate missions/fix.yaml:core --list         what can be named in must_turn_green
    """  # noqa: D301  (the mark by which click leaves lines as they are)
    if candidate is not None and uncommitted:
        raise UsageError(
            "--candidate names a commit and --uncommitted the checkout", mend="give one of the two"
        )
    path, name = split_gate(mission)
    if list_:
        if candidate is not None or uncommitted:
            raise UsageError("--list lists the tests of the base", mend="leave the candidate out")
        listing = list_tests(load_mission(path), root, name, base)
        if json:
            typer.echo(json_module.dumps(listing_document(listing), indent=2))
        else:
            render_listing(listing, Console(highlight=False))
        raise typer.Exit(int(listing.exit_code))
    kind = choose_display(json=False, plain=plain, environ=os.environ, is_tty=sys.stderr.isatty())
    with make_gate_display(sys.stderr, is_live=kind == "live") as display:
        request = Request(gate=name, base=base, candidate=candidate, uncommitted=uncommitted)
        found = judge_commits(load_mission(path), root, request, display)
    text = keep(document(found), found.case.folder)
    github.annotate(github.of_verdicts(found.verdicts), sys.stderr, os.environ)
    github.summarize(f"### {found.case.mission}\n\n{github.fenced(told(found))}", os.environ)
    if json:
        typer.echo(text)
    else:
        render_judgement(found, Console(highlight=False))
    raise typer.Exit(int(found.exit_code))
