"""Which run is meant by what a person typed."""

from __future__ import annotations

from pathlib import Path

import typer

from orchestrator.engine.beside.reading import headless, is_begun, lost_journals, refuse_lost
from orchestrator.engine.brought_back import bring_back_reports
from orchestrator.engine.folders import Folders
from orchestrator.errors import UsageError


def run_ids(root: Path) -> list[str]:
    """All runs under `root` that have begun, oldest first."""
    for run in bring_back_reports(root):
        typer.echo(f"{run}: its report folder was gone; made again of its journal's copy", err=True)
    names = (path.parent.name for path in (root / "reports").glob("*/journal.jsonl"))
    return sorted(name for name in names if is_begun(Folders(root, name)))


def find_run(root: Path, name: str | None) -> Folders:
    """The run that was meant. Raises UsageError when there is none, or more than one."""
    known, lost = run_ids(root), lost_journals(root)
    if name is None and known:
        for run in (run for run in lost if run > known[-1]):
            typer.echo(f"orchestrate: passing over {run}, the journal of which is gone", err=True)
        lost = []
    found = _named(root, sorted(known + lost), name)
    if found.run in lost:
        refuse_lost(found)
    if doubt := headless(found):
        typer.echo(f"orchestrate: run {found.run}: {doubt}", err=True)
    return found


def find_left(root: Path, name: str | None) -> Folders:
    """The run that was meant, among all that left a report or a store, whatever became of their
    journals.
    """
    from orchestrator.engine.beside.rescue import left_runs  # git, which no reader of runs needs

    return _named(root, left_runs(root), name)


def _named(root: Path, known: list[str], name: str | None) -> Folders:

    if not known:
        raise UsageError(
            "there is no run here",
            where=str(root.resolve()),
            mend="start one: orchestrate run MISSION",
        )
    if name is None:
        return Folders(root, known[-1])
    for matches in (
        [run for run in known if run == name],
        [run for run in known if run.startswith(name)],
        [run for run in known if name in run],
    ):
        if len(matches) == 1:
            return Folders(root, matches[0])
        if matches:
            raise UsageError(
                f"{name} could be {', '.join(matches[-5:])}", mend="type more of the id"
            )
    raise UsageError(f"there is no run {name}", mend=f"the newest are: {', '.join(known[-5:])}")
