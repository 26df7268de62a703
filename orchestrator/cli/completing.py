"""What a shell completes: runs, and the agents and batches of one. Whatever is wrong completes to
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import typer

from orchestrator.errors import OrchestrateError
from orchestrator.journal.state import State


def runs(ctx: typer.Context, incomplete: str) -> list[str]:
    """The runs below the folder, newest first."""
    return [name for name in _names(ctx) if incomplete in name]


def parts(ctx: typer.Context, incomplete: str) -> list[str]:
    """The agents and batches of the run that was typed, or of the newest."""
    state = _state(ctx)
    known = [*state.batches, *state.agents] if state else []
    return [name for name in known if name.startswith(incomplete)]


def runs_and_agents(ctx: typer.Context, incomplete: str) -> list[str]:
    """Agents of the newest run, and runs."""
    state = _state(ctx)
    agents = [name for name in (state.agents if state else ()) if name.startswith(incomplete)]
    return agents + runs(ctx, incomplete)


def _names(ctx: typer.Context) -> list[str]:
    root = Path(ctx.params.get("root") or Path.cwd())
    return sorted(
        (path.parent.name for path in (root / "reports").glob("*/journal.jsonl")), reverse=True
    )


def _state(ctx: typer.Context) -> State | None:
    from orchestrator.engine.beside.reading import read_state  # what a shell waits for, if at all
    from orchestrator.engine.folders import Folders

    said = ctx.params.get("run")
    for name in _found(_names(ctx), said if isinstance(said, str) else ""):
        try:
            return read_state(Folders(Path(ctx.params.get("root") or Path.cwd()), name))
        except OrchestrateError:
            continue
    return None


def _found(names: list[str], part: str) -> Iterator[str]:
    return (name for name in names if part in name)
