"""`land --reprove` as people see it: progress on standard error, what was found, where it went."""

from __future__ import annotations

import os
import sys

import typer
from rich.console import Console

from orchestrator.engine.beside.reproving import reprove_run
from orchestrator.engine.folders import Folders
from orchestrator.ui.displays import choose_display
from orchestrator.ui.gate_view import make_gate_display, render_judgement


def reprove_and_tell(folders: Folders, branch: str | None, *, partial: bool, plain: bool) -> None:
    """Prove and land on top of what came meanwhile; exits with 1 where nothing moved."""
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
