"""`plan`, `schema` and `init`: the verbs that start nothing."""

from __future__ import annotations

import json as json_module
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from orchestrator.cli.options import HERE, Json, Root
from orchestrator.cli.sample import copy_sample
from orchestrator.engine.beside.preview import preview
from orchestrator.errors import UsageError
from orchestrator.mission.loading import load_mission
from orchestrator.mission.schema import mission_schema
from orchestrator.mission.todos import open_todos
from orchestrator.ui.plan_view import plan_document, render_plan

if TYPE_CHECKING:
    from orchestrator.engine.beside.checked import GateOnBase


def register(app: typer.Typer) -> None:
    """Add this module's verbs."""
    app.command()(plan)
    app.command()(schema)
    app.command()(init)


def plan(
    mission: Annotated[
        Path, typer.Argument(metavar="MISSION", help="A mission file.", show_default=False)
    ],
    check: Annotated[
        bool,
        typer.Option("--check", help="Prepare the set-up and run every gate on the base, too."),
    ] = False,
    root: Root = HERE,
    json: Json = False,
) -> None:
    """Show what would run: waves, agents, overlaps, gates, the critical path. Starts no agent.

    With --check the set-up is prepared and every gate is run on the base: what is red there, what cannot run and why,
    how long it takes, and which tests and proofs of the mission do not exist (those that an agent may write are fine).
    Exit code 0 if all gates can run, 4 if one cannot or a run would be refused for what is not here, 2 if the mission
    is refused or names what nobody can bring about.
    """
    loaded = load_mission(mission)
    found = preview(loaded)
    checked = None
    todos = open_todos(loaded.text)
    if not json:
        render_plan(found.plan, found.findings, Console())
        if found.inside:
            typer.echo(
                f"\nrepository.path names {found.inside}/ inside a repository: agents and gates get all of it,\n"
                f"and `files`, tests and proofs are relative to its root, as in {found.inside}/…"
            )
        for line, text in todos:
            typer.echo(f"{mission}:{line}: TODO: {text}")
    if check and not found.findings.refused:
        # All that a run has, which a plan alone does without.
        from orchestrator.engine.beside.checking import check_gates

        checked = check_gates(loaded, root, _tell_gate)
    if json:
        document = plan_document(found.plan, found.findings, found.outlines)
        if todos:
            document["todos"] = [{"line": line, "text": text} for line, text in todos]
        if checked:
            from orchestrator.ui.check_view import checked_document

            document["check"] = checked_document(checked)
        typer.echo(json_module.dumps(document, indent=2))
    elif checked:
        from orchestrator.ui.check_view import render_checked

        render_checked(checked, Console(highlight=False))
    if found.findings.refused:
        raise typer.Exit(2)
    if checked:
        raise typer.Exit(int(checked.exit_code))


def _tell_gate(gate: GateOnBase) -> None:
    """For whoever waits; what was found is told at the end."""
    typer.echo(f"gate {gate.gate} was run on the base in {gate.seconds:.1f}s", err=True)


def schema() -> None:
    """Print the JSON schema of mission files, for editors."""
    typer.echo(json_module.dumps(mission_schema(), indent=2))


FIRST_MISSION = """\
# yaml-language-server: $schema={schema}
version: 1
name: {name}
objective: What should be true afterwards, in one sentence.
repository:
  path: {repository}
backends:
  worker:
    # Any program: it finds its brief on standard input and changes files in the current folder.
    command: [my-agent, --edit, .]
defaults:
  backend: worker
  timeout: 30m
gates:
  tests:
    checks:
      - pytest: tests
        at_least: 1
batches:
  - id: first
    agents:
      - id: "1.1"
        name: The first agent
        mission: What it should do, in one sentence.
        files: [src/**]
        deliverables:
          - text: What must come of it
            proof: tests/test_something.py::test_it
    gate: tests
"""


def init(
    path: Annotated[Path, typer.Argument(metavar="[FILE]", help="Where to write it.")] = Path(
        "missions/first.yaml"
    ),
    repository: Annotated[
        Path, typer.Option("--repository", help="The repository under repair.")
    ] = HERE,
    sample: Annotated[
        Path | None,
        typer.Option(
            "--sample",
            metavar="DIR",
            help="Instead, put the sample there: a mission with its target and a recording.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write a first mission to fill in, with the JSON schema beside it for editors."""
    if sample is not None:
        typer.echo(copy_sample(sample))
        return
    if path.exists():
        raise UsageError("there is a file already", where=str(path), mend="name another")
    path.parent.mkdir(parents=True, exist_ok=True)
    schema_file = path.parent / "mission.schema.json"
    schema_file.write_text(json_module.dumps(mission_schema(), indent=2) + "\n", encoding="utf-8")
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", path.stem).strip("-") or "first"
    where = os.path.relpath(repository.resolve(), path.parent.resolve())
    path.write_text(
        FIRST_MISSION.format(schema=schema_file.name, name=name, repository=where), encoding="utf-8"
    )
    typer.echo(f"wrote {path}; fill it in, then: orchestrate plan {path}")
