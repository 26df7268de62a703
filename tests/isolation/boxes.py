"""What the tests of the sandbox share: one program in a box of its own, and what it left."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio

from orchestrator.isolation.environment import clean_environment, temporary_of
from orchestrator.isolation.processes import Exit, ProcessSpec, run_process
from orchestrator.isolation.sandbox import Box

PYTHON = str(getattr(sys, "_base_executable", None) or sys.executable)


def box_in(folder: Path, **more: Any) -> Box:
    """A box with a workspace and a home below a folder."""
    workspace, home = folder / "workspace", folder / "home"
    workspace.mkdir(parents=True, exist_ok=True)
    home.mkdir(exist_ok=True)
    box = Box(workspace=workspace, home=home, temporary=temporary_of(home), has_network=False)
    return replace(box, **more)


def run(
    box: Box,
    *argv: str,
    strict: bool = True,
    timeout: float = 30.0,
    env: dict[str, str] | None = None,
) -> Exit:
    """Run a program in the box; without `strict`, in its workspace alone."""
    spec = ProcessSpec(
        argv=argv,
        cwd=box.workspace,
        env=clean_environment(box.home, env),
        timeout=timeout,
        log=box.workspace.parent / "log.txt",
        tag=str(box.workspace),
        box=box if strict else None,
    )
    return anyio.run(run_process, spec)
