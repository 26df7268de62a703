"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli import completing

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
RunName = Annotated[
    str | None,
    typer.Argument(
        metavar="[RUN]", help=RUN_HELP, show_default=False, autocompletion=completing.runs
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="For machines: one JSON document, or one event a line.")
]
Plain = Annotated[bool, typer.Option("--plain", help="Plain lines instead of the live display.")]
Parallel = Annotated[
    int | None,
    typer.Option("--parallel", "-j", min=1, metavar="N", help="Agents at once in the whole run."),
]
HERE = Path()
Repo = Annotated[
    str | None,
    typer.Option(
        "--repo",
        "-R",
        metavar="OWNER/NAME",
        help="The repository on GitHub; by default what the remote is called there.",
        show_default=False,
    ),
]
RemoteName = Annotated[
    str, typer.Option("--remote", metavar="NAME", help="Where branches are pushed to.")
]
Base = Annotated[
    str | None,
    typer.Option(
        "--base",
        metavar="BRANCH",
        help="What a pull request is merged into; by default the branch that the run started from.",
        show_default=False,
    ),
]
Each = Annotated[
    bool, typer.Option("--each", help="A pull request for each batch, merged in their order.")
]
Auto = Annotated[
    bool,
    typer.Option(
        "--auto",
        help="Have GitHub merge it, or queue it, once all that its rules ask for is there.",
    ),
]
