"""`merge-file`: the merger by itself, as a git merge driver or by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add this module's verbs."""
    app.command(name="merge-file")(merge_file)


def merge_file(
    base: Annotated[Path, typer.Argument(metavar="BASE", help="The common ancestor (%O).", show_default=False)],
    ours: Annotated[
        Path, typer.Argument(metavar="OURS", help="Our version; gets the result (%A).", show_default=False)
    ],
    theirs: Annotated[Path, typer.Argument(metavar="THEIRS", help="Their version (%B).", show_default=False)],
    path: Annotated[
        str | None, typer.Argument(metavar="[PATH]", help="Its name in the repository (%P): tells its language.")
    ] = None,
) -> None:
    """Merge one file by lines, then by its symbols, and check what comes out.

    As a git merge driver: git config merge.orchestrate.driver "orchestrate merge-file %O %A %B %P", and
    `*.py merge=orchestrate` in .gitattributes. Exit code 1 is a conflict: OURS then holds git's markers, and each
    conflict is named with its symbol and reason.
    """
    from orchestrator.errors import UsageError
    from orchestrator.git.merge_driver import drive

    for file in (base, ours, theirs):
        if not file.is_file():
            raise UsageError("there is no such file", where=str(file), mend="give the three versions of one file")
    outcome = drive(base, ours, theirs, path or ours.name)
    for line in outcome.told:
        typer.echo(line, err=True)
    raise typer.Exit(0 if outcome.is_clean else 1)
