"""`import`: a mission from a plan that people wrote in Markdown."""

from __future__ import annotations

import json as json_module
import os
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from orchestrator.cli.options import HERE
from orchestrator.engine.beside.preview import base_of
from orchestrator.errors import UsageError
from orchestrator.git.repository import Repository as GitRepository
from orchestrator.importing.draft import Draft
from orchestrator.importing.outline import NO_PLAN, read_plan
from orchestrator.importing.proofs import known_tests
from orchestrator.importing.scopes import Base
from orchestrator.importing.writing import write_mission
from orchestrator.mission.model import Repository
from orchestrator.mission.source import LARGEST
from orchestrator.mission.todos import open_todos
from orchestrator.tracker.gh import Gh, Slug
from orchestrator.tracker.reading import as_one_piece, read_issue
from orchestrator.tracker.remotes import slug_of

_ISSUE = re.compile(
    r"(?:(?P<slug>[\w.-]+/[\w./-]+)?#|https?://(?P<host>[^/\s]+)/(?P<path>[\w-]+/[\w.-]+)/issues/)"
    r"(?P<number>[1-9]\d*)(?:[?#]\S*)?"
)


def register(app: typer.Typer) -> None:
    """Add this module's verbs."""
    app.command("import")(import_)


def import_(
    plan: Annotated[
        str,
        typer.Argument(
            metavar="PLAN.md|OWNER/REPO#N",
            help="A plan in Markdown, or an issue on GitHub; `#N` is one of `origin`.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Where to write it.", show_default="print it"
        ),
    ] = None,
    repository: Annotated[
        Path, typer.Option("--repository", metavar="DIR", help="The repository under repair.")
    ] = HERE,
    snapshot: Annotated[
        Path | None,
        typer.Option(
            "--snapshot",
            metavar="DIR",
            help="Instead of a repository, a folder of plain files.",
            show_default=False,
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON document: what was read, and what was not.")
    ] = False,
) -> None:
    """Write a mission from a plan in Markdown, or an issue: batches, agents, scopes, claims.

    Every bullet of the plan is in it, or is listed at its end with its line. What a person has to decide is marked
    `# TODO`, and `orchestrate plan` lists it. Tests of the repository that speak of a claim are proposed as its proof,
    in a comment. The same plan and repository give the same mission. Nothing is run, and no agent is asked.

    An issue is read with its sub-issues, what blocks them, and their comments as remarks; as a plan in Markdown that is
    written beside the mission.
    """
    beside = output.with_suffix(".md") if output is not None else None
    found = None if Path(plan).exists() else _ISSUE.fullmatch(plan)
    for path in (output, beside if found else None):
        if path is not None and (path.exists() or path.is_symlink()):
            raise UsageError("there is a file already", where=str(path), mend="name another")
    where = repository if snapshot is None else snapshot
    if not where.is_dir():
        raise UsageError("there is no such folder", where=str(where), mend="check the path")
    text = _read_issue(found, where) if found else _read(plan)
    folder = output.parent if output else Path()
    key = "path" if snapshot is None else "snapshot"
    request = Repository.model_validate({key: os.path.relpath(where.resolve(), folder.resolve())})
    with base_of(request, folder.resolve()) as (paths, read):
        base = Base(paths, read)
        draft = _draft(text, plan, base) if found else read_plan(text, plan, base)
        tests = known_tests(base)
    name = f"{beside.name if beside else 'the plan'}, which is issue {plan}" if found else ""
    mission = write_mission(draft, name or Path(plan).name, (key, getattr(request, key)), tests)
    todos = open_todos(mission)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(mission, encoding="utf-8")
        if found and beside is not None:
            beside.write_text(text, encoding="utf-8")
    if json:
        typer.echo(json_module.dumps(_document(draft, mission, todos), indent=2))
    elif output is None:
        typer.echo(mission, nl=False)
    agents = sum(len(batch.agents) for batch in draft.batches)
    typer.echo(
        f"{len(draft.batches)} batches, {agents} agents; {len(todos)} left to you (# TODO), "
        f"{len(draft.unplaced)} lines of the plan without a place (listed at the end of the mission)"
        + (f"\nwrote {output}; next: orchestrate plan {output}" if output else ""),
        err=True,
    )


def _read_issue(found: re.Match[str], where: Path) -> str:
    """The issue as a plan."""
    if found["slug"]:
        slug = Slug.parse(found["slug"])
    elif found["path"]:
        slug = Slug.parse(
            found["path"] if found["host"] == "github.com" else f"{found['host']}/{found['path']}"
        )
    else:
        slug = slug_of(GitRepository.discover(where))
    return read_issue(Gh.find(slug), int(found["number"]))


def _draft(text: str, plan: str, base: Base) -> Draft:
    """An issue that holds no plan is one piece of work."""
    try:
        return read_plan(text, plan, base)
    except UsageError as error:
        if error.what != NO_PLAN:
            raise
        return read_plan(as_one_piece(text), plan, base)


def _read(plan: str) -> str:
    path = Path(plan)
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise UsageError("there is no such plan", where=plan, mend="check the path") from None
    except IsADirectoryError:
        raise UsageError("this is a folder", where=plan, mend="name the plan in it") from None
    except OSError as error:
        raise UsageError(f"the plan cannot be read: {error.strerror}", where=plan) from None
    if len(data) > LARGEST:
        raise UsageError("a plan is at most 8 MiB", where=plan, mend="split it")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(
            "this is no text in UTF-8", where=f"{plan}:{line}", mend="save it as UTF-8"
        ) from None
    if "\0" in text:
        raise UsageError("this is no text", where=plan, mend="name a plan in Markdown")
    if not text.strip():
        raise UsageError("the plan is empty", where=plan, mend="name a plan in Markdown")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _document(draft: Draft, mission: str, todos: tuple[tuple[int, str], ...]) -> dict[str, Any]:
    return {
        "mission": mission,
        "batches": [
            {"id": batch.id, "line": batch.line, "agents": [agent.id for agent in batch.agents]}
            for batch in draft.batches
        ],
        "todos": [{"line": line, "text": text} for line, text in todos],
        "not_placed": [
            {"line": item.said.line, "section": item.section, "text": item.said.text}
            for item in draft.unplaced
        ],
    }
