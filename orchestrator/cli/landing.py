"""`approve`, `record` and `clean`: the verbs with which people finish what a run began."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.options import (
    HERE,
    Root,
)
from orchestrator.cli.runs import find_run, run_ids
from orchestrator.engine.approvals import SignOff, awaited, leave, now
from orchestrator.engine.beside.cleaning import (
    clean_run,
    clean_snapshots,
    clean_stillborn,
    would_clean,
)
from orchestrator.engine.beside.reading import read_state
from orchestrator.engine.beside.target import write_recording
from orchestrator.errors import OrchestrateError, UsageError
from orchestrator.journal.lock import is_owned


def register(app: typer.Typer) -> None:
    """Add this module's verbs."""
    for verb in (approve, record, clean):
        app.command()(verb)


def approve(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run id or part of one.")],
    gate: Annotated[
        str | None,
        typer.Argument(
            metavar="[GATE]", help="A batch, its gate, or the check; needed when several wait."
        ),
    ] = None,
    root: Root = HERE,
    decline: Annotated[
        bool, typer.Option("--decline", help="Say no: the batch is rejected.")
    ] = False,
    by: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help="Who signs; you by default.")
    ] = None,
    comment: Annotated[str, typer.Option("--comment", "-m", help="What you looked at.")] = "",
) -> None:
    """Sign off what a gate waits for; recorded with who, when, and the tree that was looked at."""
    folders = find_run(root, run)
    state = read_state(folders)
    waiting = awaited(state)
    chosen = [
        item
        for item in waiting
        if gate is None or gate in (item[0], item[1], state.plan.batch(item[0]).gate_name)
    ]
    if len(chosen) != 1:
        listed = ", ".join(f"{batch}/{check}" for batch, check, _ in waiting) or "nothing"
        raise UsageError(
            f"{'several sign-offs are' if len(chosen) > 1 else 'no such sign-off is'} waited for",
            mend=f"run {folders.run} waits for: {listed}",
        )
    batch, check, tree = chosen[0]
    signer = by or getpass.getuser()
    leave(
        folders.approvals,
        SignOff(
            batch=batch,
            check=check,
            tree=tree,
            approved=not decline,
            by=signer,
            at=now(),
            comment=comment,
        ),
    )
    typer.echo(
        f"{'declined' if decline else 'approved'} {batch}/{check} for tree {tree[:12]} as {signer}"
    )
    if not is_owned(folders.report):
        typer.echo(
            f"nobody is at work on the run now; go on with: orchestrate resume {folders.run}"
        )


def record(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run id or part of one.")],
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where the patches go.", show_default=False)
    ],
    root: Root = HERE,
    force: Annotated[bool, typer.Option("--force", help="Replace patches that are there.")] = False,
) -> None:
    """Keep what a run's agents made as a recording, one patch an agent, that replays without any
    model.
    """
    for line in write_recording(find_run(root, run), folder, force=force):
        typer.echo(line)


def clean(
    run: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN]...", help="All runs by default.")
    ] = None,
    root: Root = HERE,
    salvage: Annotated[
        bool,
        typer.Option(
            "--salvage", help="Keep work that is not landed as a git bundle beside the report."
        ),
    ] = False,
    discard: Annotated[
        bool, typer.Option("--discard", help="Give up work that is not landed.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be removed, and remove nothing.")
    ] = False,
) -> None:
    """Remove the workspaces of finished runs; reports stay. Refuses what is neither landed nor
    salvaged.
    """
    if dry_run:
        for name in run if run is not None else run_ids(root):
            typer.echo(would_clean(find_run(root, name), salvage=salvage, discard=discard))
        return
    refused: list[OrchestrateError] = []
    for name in run if run is not None else run_ids(root):
        try:
            typer.echo(clean_run(find_run(root, name), salvage=salvage, discard=discard))
        except OrchestrateError as error:
            refused.append(error)
    for line in (*clean_stillborn(root), *clean_snapshots(root)):
        typer.echo(line)
    for refusal in refused:
        typer.echo(f"orchestrate: {refusal}", err=True)
    if refused:
        raise typer.Exit(max(int(refusal.exit_code) for refusal in refused))
