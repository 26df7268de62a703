"""The seam between what should be done and on which machine: one attempt in, what came of it
out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from orchestrator.agents.backend import Backend, Conversation, Ended, Meter
from orchestrator.errors import EnvironmentRefused
from orchestrator.git.captured import Capture

Emit = Callable[[str], None]
"""Told the newest line of an attempt's output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptSpec:
    """All that is needed to carry out one attempt, wherever that is."""

    run: str
    batch: str
    agent: str
    attempt: int
    base: str
    """The commit that its workspace starts from."""
    backend: Backend
    brief: str
    timeout: float
    """Seconds from the start of the backend's process; waiting for a slot or for a work tree does
    not count.
    """
    mission_dir: Path
    services: tuple[str, ...] = ()
    """What it has beside it."""
    message: str
    """The message of the commit that its work is captured as."""
    when: int
    """The date of that commit, in seconds since 1970."""
    meter: Meter | None = None
    """Who is told what it has used so far."""
    may_change: Callable[[str], bool] | None = None
    """Whether it may change a path, for agents that ask; None: any."""
    conversation: Conversation | None = None
    """What an earlier attempt began, to be gone on with in the home of that."""

    @property
    def name(self) -> str:
        """What the attempt's folder, log and brief are called."""
        return f"{self.agent}-{self.attempt}"

    @property
    def home(self) -> str:
        """What its home is called."""
        return self.conversation.home if self.conversation else self.name


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """How the backend ended, and what stood in the workspace then."""

    ended: Ended
    capture: Capture
    log: Path
    brief: Path


class WorkerLost(EnvironmentRefused):
    """The place failed, not the agent: the attempt is not charged."""


class Executor(Protocol):
    """Carries out attempts. An async context manager."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc: object) -> None: ...

    async def run(self, spec: AttemptSpec, emit: Emit) -> AttemptResult:
        """Carry out one attempt; called again for the same one, it starts over in its workspace.

        Cancelling it returns only when the attempt's whole process tree is gone. Raises WorkerLost
        for faults of the place.
        """
        ...

    async def salvage(self, name: str, *, base: str, message: str, when: int) -> str | None:
        """Capture what the interrupted attempt `name` left in its workspace, as a commit; None when
        that is nothing.
        """
        ...

    async def release(self, name: str) -> None:
        """The workspace of the attempt `name`, whose work is captured and recorded, may be used
        again.
        """
        ...

    async def quiet(self) -> None:
        """Wait until no attempt waits for its work tree: what can wait should not be in its way."""
        ...

    async def prepare(self, count: int, base: str) -> None:
        """Have work trees for attempts to come: `count` of them, ready at `base`, which may be a
        guess.
        """
        ...
