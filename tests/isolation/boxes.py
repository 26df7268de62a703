"""What the tests of the sandbox share: one program in a box of its own, and what it left."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from orchestrator.errors import EnvironmentRefused
from orchestrator.isolation.environment import clean_environment, temporary_of
from orchestrator.isolation.levels import choose
from orchestrator.isolation.preflight import failed
from orchestrator.isolation.processes import Exit, ProcessSpec, run_process
from orchestrator.isolation.sandbox import Box
from orchestrator.mission.model import Isolation

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


def has_sandbox() -> bool:
    """Whether there is one here; where there is none, that `strict` is refused, with a mend."""
    probe = failed()
    if probe is None:
        return True
    with pytest.raises(EnvironmentRefused) as caught:
        choose(Isolation.STRICT)
    assert probe.name in caught.value.what
    assert caught.value.mend == probe.mend
    assert probe.mend
    assert int(caught.value.exit_code) == 4
    assert choose(Isolation.AUTO).told.startswith("worktree (no sandbox here: ")
    return False


def needs_sandbox(test: Callable[..., None]) -> Callable[..., None]:
    """A test of what is in a box: where there is none, it holds that one is refused."""

    @functools.wraps(test)
    def tried(*args: Any, **named: Any) -> None:
        if has_sandbox():
            test(*args, **named)

    return tried
