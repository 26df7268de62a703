"""What a backend is: a program that turns a brief into changes in a workspace.

It never commits, merges or judges; the orchestrator does. Success, as far as a backend can tell, is
that its program ended as it should: whether anything was delivered is found out from the workspace,
and whether it is any good at a gate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from orchestrator.isolation.processes import Exit
from orchestrator.isolation.sandbox import Box


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One attempt, as a backend sees it."""

    run: str
    batch: str
    agent: str
    attempt: int
    workspace: Path
    brief: str
    brief_file: Path
    mission_dir: Path
    home: Path
    """A private home folder; made if absent."""
    log: Path
    timeout: float
    """Seconds from the start of the process."""
    python: Path | None = None
    """What it is to call `python`: as its gates do."""
    tag: str
    """Marks every process of the attempt."""
    box: Box | None = None
    """Where its programs are to run: in a sandbox, or just in the workspace."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How the backend's program ended; `failure` says why that is no success, `exit` is None when
    it never started.
    """

    exit: Exit | None
    failure: str | None = None

    @property
    def timed_out(self) -> bool:
        return self.exit is not None and self.exit.timed_out


class Backend(Protocol):
    """One way to get work done. Passes `tests/agents/test_conformance.py`."""

    name: str
    is_replay: bool
    """Whether it replays what another run's agents made; a run says so plainly."""

    def unusable(self) -> str | None:
        """Why it cannot work on this machine; None when it can."""
        ...

    async def work(self, work: Work, on_line: Callable[[str], None]) -> Ended:
        """Carry out one attempt. Cancelling it returns only when its whole process tree is gone."""
        ...
