"""Options that several verbs share, and how a run is named on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.engine.beside.reading import is_begun
from orchestrator.engine.folders import Folders
from orchestrator.errors import UsageError

RUN_HELP = "A run id or the beginning or any unmistakable part of one; the newest when left out."

Root = Annotated[
    Path,
    typer.Option(
        "--root",
        metavar="DIR",
        help="Where workspaces/ and reports/ are.",
        envvar="ORCHESTRATE_ROOT",
        resolve_path=True,
        show_default="the current folder",
    ),
]
RunName = Annotated[str | None, typer.Argument(metavar="[RUN]", help=RUN_HELP, show_default=False)]
Json = Annotated[
    bool, typer.Option("--json", help="For machines: one JSON document, or one event a line.")
]
Plain = Annotated[bool, typer.Option("--plain", help="Plain lines instead of the live display.")]
Parallel = Annotated[
    int | None,
    typer.Option("--parallel", "-j", min=1, metavar="N", help="Agents at once in the whole run."),
]
HERE = Path()


def run_ids(root: Path) -> list[str]:
    """All runs under `root` that have begun, oldest first."""
    names = (path.parent.name for path in (root / "reports").glob("*/journal.jsonl"))
    return sorted(name for name in names if is_begun(Folders(root, name)))


def find_run(root: Path, name: str | None) -> Folders:
    """The run that was meant. Raises UsageError when there is none, or more than one."""
    known = run_ids(root)
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
