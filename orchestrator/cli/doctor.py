"""`doctor`: what works on this machine, and how to mend what does not."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from orchestrator.agents.registry import available
from orchestrator.cli.options import HERE, Json, Root
from orchestrator.engine.beside.doctor import examine
from orchestrator.isolation.preflight import probes
from orchestrator.isolation.secrets import know_of, known
from orchestrator.mission.loading import load_mission
from orchestrator.ui.doctor_view import examined_document, render_examined


def register(app: typer.Typer) -> None:
    """Add this module's verbs."""
    app.command()(doctor)


def doctor(
    mission: Annotated[
        Path | None,
        typer.Argument(
            metavar="[MISSION]", help="A mission file: what it needs.", show_default=False
        ),
    ] = None,
    root: Root = HERE,
    json: Json = False,
) -> None:
    """What works on this machine, and how to mend what does not.

    Looked at are git, interpreters, disk, sandbox, agents and grammars. No run is started and no token is spent. With a
    MISSION only what that mission needs counts, its backends, programs and variables among it. Exit code 0 if all that
    is needed is here, 4 if something of it is missing.
    """
    loaded = load_mission(mission) if mission else None
    clean = know_of(loaded.mission) if loaded else known()
    found = examine(root, loaded, probes=probes, agents=available)
    if json:
        text = json_module.dumps(examined_document(found), indent=2, ensure_ascii=False)
        typer.echo(clean.text(text))
    else:
        render_examined(found, Console(highlight=False))
    raise typer.Exit(int(found.exit_code))
