"""`merge` and `merge-file`: the merger by itself, on branches of any repository, as a git merge
driver or by hand.
"""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from orchestrator.cli.options import HERE, Json
from orchestrator.errors import ExitCode, UsageError
from orchestrator.git.repository import Repository
from orchestrator.merging.branches import merge_branches
from orchestrator.merging.driver import drive
from orchestrator.ui.merge_view import merge_document, render_merge


def register(app: typer.Typer) -> None:
    """Add this module's verbs."""
    app.command()(merge)
    app.command(name="merge-file")(merge_file)


def merge(
    base: Annotated[
        str,
        typer.Argument(
            metavar="BASE", help="The branch or commit to merge onto.", show_default=False
        ),
    ],
    sides: Annotated[
        list[str],
        typer.Argument(metavar="A B ...", help="Branches or commits; earlier ones go first."),
    ],
    repository: Annotated[
        Path,
        typer.Option(
            "--repo", "-C", metavar="DIR", help="The repository.", show_default="the current folder"
        ),
    ] = HERE,
    into: Annotated[
        str | None,
        typer.Option(
            "--into",
            metavar="BRANCH",
            help="Keep the result: make this branch, or move it from BASE.",
        ),
    ] = None,
    partial: Annotated[
        bool,
        typer.Option(
            "--partial", help="With --into: also when a side conflicts, without that side."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Merge branches as the agents of one batch are merged: by lines, by symbols, and checked.

    A side is in the result with all of its work or, if it conflicts, not at all. Nothing is written
    without --into, and no checkout is ever touched. Exit code 1 says that a side conflicts.
    """
    if partial and into is None:
        raise UsageError(
            "--partial says what to keep, and nothing is kept", mend="Give --into BRANCH with it."
        )
    done = merge_branches(Repository.discover(repository), base, sides, into=into, partial=partial)
    if json:
        typer.echo(json_module.dumps(merge_document(done), indent=2))
    else:
        render_merge(done, Console())
    raise typer.Exit(ExitCode.OK if done.is_clean else ExitCode.NOT_LANDED)


def merge_file(
    base: Annotated[
        Path, typer.Argument(metavar="BASE", help="The common ancestor (%O).", show_default=False)
    ],
    ours: Annotated[
        Path,
        typer.Argument(
            metavar="OURS", help="Our version; gets the result (%A).", show_default=False
        ),
    ],
    theirs: Annotated[
        Path, typer.Argument(metavar="THEIRS", help="Their version (%B).", show_default=False)
    ],
    path: Annotated[
        str | None,
        typer.Argument(
            metavar="[PATH]", help="Its name in the repository (%P): tells its language."
        ),
    ] = None,
) -> None:
    """Merge one file by lines, then by its symbols, and check what comes out.

    As a git merge driver: git config merge.orchestrate.driver "orchestrate merge-file %O %A %B %P",
    and `*.py merge=orchestrate` in .gitattributes. Exit code 1 is a conflict: OURS then holds git's
    markers, and each conflict is named with its symbol and reason.
    """
    for file in (base, ours, theirs):
        if not file.is_file():
            raise UsageError(
                "there is no such file", where=str(file), mend="give the three versions of one file"
            )
    outcome = drive(base, ours, theirs, path or ours.name)
    for line in outcome.told:
        typer.echo(line, err=True)
    raise typer.Exit(0 if outcome.is_clean else 1)
