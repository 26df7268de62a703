"""What a backend is: a program that turns a brief into changes in a workspace.

It never commits, merges or judges; the orchestrator does. Success, as far as a backend can tell, is
that its program ended as it should: whether anything was delivered is found out from the workspace,
and whether it is any good at a gate. What it answers is one of a closed set, for not every failure
is the agent's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from orchestrator.isolation.processes import Exit
from orchestrator.isolation.sandbox import Box
from orchestrator.journal.facts import Usage
from orchestrator.mission.model import Isolation


class Answer(StrEnum):
    """What became of an attempt, as far as its backend can tell. A closed set."""

    DELIVERED = "delivered"  # it ended as it should; whether anything was changed is another matter
    FAILED = "failed"
    RATE_LIMITED = "rate_limited"  # nobody's fault: not charged, waits, then again
    NOT_LOGGED_IN = "not_logged_in"  # the same for every attempt of this backend: it is stopped
    OVER_BUDGET = "over_budget"  # a limit of turns or money, of the agent or of the account


Meter = Callable[[Usage], str | None]
"""Told what an attempt has used so far, as often as its agent says; returns why it has to end now, if
it has to.
"""


@dataclass(frozen=True, slots=True)
class Conversation:
    """What an agent had said and done in an earlier attempt, to be gone on with."""

    session: str
    """What the agent calls it."""
    home: str
    """The attempt in whose home it is kept."""
    cost_usd: float = 0.0
    """What it has cost so far."""


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
    variables: Mapping[str, str] = field(default_factory=dict)
    """Where its services are found; they go before what the backend says."""
    tag: str
    """Marks every process of the attempt."""
    conversation: Conversation | None = None
    """To go on with, where the agent can; `home` is the one that it is kept in."""
    meter: Meter | None = None
    """To be told what it has used so far."""
    box: Box | None = None
    """Where its programs are to run: in a sandbox, or just in the workspace."""
    may_change: Callable[[str], bool] | None = None
    """Whether its scope, as it is at that moment, has a path, relative to the workspace; None: any.
    For agents that ask before they do something; what they did is held against the scope anyway.
    """
    channel: Path | None = None
    """The folder of its channel to the orchestrator, in its home; None: it has none."""

    @property
    def level(self) -> Isolation:
        """How it is fenced in, `worktree` or `strict`: what the agent need not ask leave for."""
        return Isolation.WORKTREE if self.box is None else Isolation.STRICT


@dataclass(frozen=True, slots=True)
class Ended:
    """How the backend's program ended; `failure` says why that is no success, `exit` is None when
    it never started.
    """

    exit: Exit | None
    failure: str | None = None
    kind: Answer | None = None
    """What kind of failure, where more is known than that it is one."""
    mend: str = ""
    """What a person can do about it."""
    retry_after: float | None = None
    """Seconds, where whoever limits the rate says so."""
    said: str | None = None
    """The agent's last words, without what its program prints beside; None where that is not known.
    """
    usage: Usage | None = None
    session: str = ""
    """What the agent calls the conversation; with it the agent can go on with that."""

    @property
    def answer(self) -> Answer:
        """One of the closed set."""
        return Answer.DELIVERED if self.failure is None else self.kind or Answer.FAILED

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
