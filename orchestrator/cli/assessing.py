"""`assess`: what is claimed, set beside what the gates of a run found."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.options import HERE, Root
from orchestrator.cli.runs import find_run, run_ids
from orchestrator.engine.beside.reading import read_state
from orchestrator.engine.folders import Folders
from orchestrator.errors import UsageError
from orchestrator.importing.statuses import read_claims
from orchestrator.journal.lock import is_owned
from orchestrator.mission.loading import load_mission
from orchestrator.mission.source import LARGEST
from orchestrator.reports.assessed import (
    correction,
    render_markdown,
    render_text,
)
from orchestrator.reports.assessment import Assessment, assess_document, assess_run
from orchestrator.reports.model import Summary
from orchestrator.reports.summary import summarize


class Form(StrEnum):
    """How an assessment is told."""

    TEXT = "text"
    MARKDOWN = "md"
    JSON = "json"


def register(app: typer.Typer) -> None:
    """Add this module's verbs."""
    app.command()(assess)


def assess(
    what: Annotated[
        str,
        typer.Argument(
            metavar="RUN|MISSION|STATUS.md",
            help="A run, a mission file, or a document in Markdown.",
            show_default=False,
        ),
    ],
    run: Annotated[
        str | None,
        typer.Option(
            "--run",
            metavar="RUN",
            help="The run to hold a document against; the newest by default.",
        ),
    ] = None,
    form: Annotated[Form, typer.Option("--format", help="text, md or json.")] = Form.TEXT,
    patch: Annotated[
        Path | None,
        typer.Option(
            "--patch",
            metavar="FILE",
            help="Write the correction of the document there, for `git apply`.",
            show_default=False,
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="A claim without evidence counts as a false one.")
    ] = False,
    root: Root = HERE,
) -> None:
    """Set what a document or mission claims beside what gates found.

    A document's tables, boxes, signs and words of state are read as claims; none is believed. Each is VALIDATED,
    FAILED, UNVALIDATED or without evidence by what the run's gates found, with failure rates before and after, and a
    correction of the document as a patch. Exit code 1 where a claim is false; with --strict also where one is not
    proven.
    """
    path = Path(what)
    is_document = path.is_file() and path.suffix.lower() not in {".yaml", ".yml"}
    if not is_document and patch is not None:
        raise UsageError("only a document can be corrected", mend="leave --patch out")
    text = ""
    if is_document:
        text = _read(path)
        found = assess_document(what, read_claims(_unified(text)), _newest(root, run))
    elif path.is_file():
        found = _of_mission(path, root, run)
    else:
        if run is not None:
            raise UsageError("two runs are named", mend="give one of the two")
        found = assess_run(what, _summary(find_run(root, what)))
    _show(found, form)
    if is_document:
        _correct(found, text, path, patch, form)
    is_false = bool(found.false) or (strict and bool(found.unproven))
    raise typer.Exit(1 if is_false else 0)


def _show(found: Assessment, form: Form) -> None:
    match form:
        case Form.JSON:
            typer.echo(found.model_dump_json(indent=2))
        case Form.MARKDOWN:
            typer.echo(render_markdown(found), nl=False)
        case Form.TEXT:
            typer.echo(render_text(found), nl=False)


def _correct(found: Assessment, text: str, path: Path, patch: Path | None, form: Form) -> None:
    name = path.name if path.is_absolute() else path.as_posix().removeprefix("./")
    diff = correction(found, text, name)
    if patch is not None:
        patch.write_text(diff, encoding="utf-8", newline="")
    elif diff and form is Form.TEXT:
        typer.echo(f"\nThe correction (--patch FILE writes it):\n{diff}", nl=False)


def _of_mission(path: Path, root: Path, run: str | None) -> Assessment:
    name = load_mission(path).mission.name
    if run is not None:
        summary = _summary(find_run(root, run))
        if summary.mission != name:
            raise UsageError(
                f"run {summary.run} carried out {summary.mission}, not {name}",
                mend="name a run of this mission",
            )
        return assess_run(str(path), summary)
    for known in reversed(run_ids(root)):
        summary = _summary(Folders(root, known))
        if summary.mission == name:
            return assess_run(str(path), summary)
    raise UsageError(
        f"no run of {name} is here, so nothing is known of what it claims",
        where=str(root),
        mend=f"start one: orchestrate run {path}",
    )


def _newest(root: Path, run: str | None) -> Summary | None:
    """The run that was named, else the newest; None where there is none, for then nothing is proven."""
    if run is None and not run_ids(root):
        return None
    return _summary(find_run(root, run))


def _summary(folders: Folders) -> Summary:
    return summarize(read_state(folders), is_alive=is_owned(folders.report))


def _read(path: Path) -> str:
    data = path.read_bytes()
    if len(data) > LARGEST:
        raise UsageError("a document is at most 1 MiB", where=str(path), mend="split it")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError(
            "this is no text in UTF-8", where=str(path), mend="save it as UTF-8"
        ) from None


def _unified(text: str) -> str:
    return text.replace("\r\n", "\n")
