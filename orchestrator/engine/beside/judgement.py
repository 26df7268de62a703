"""What a person wants judged without a run, and what came of it.

Owns the values; `judging` carries them out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from orchestrator.errors import ExitCode, UsageError
from orchestrator.gates.subject import Progress
from orchestrator.journal.facts import Decision, Reason, Verdict


class NothingToJudge(UsageError):
    """The candidate is the base."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a person wants judged; None stands for what the mission and its repository say."""

    gate: str | None = None
    """All gates of the mission, by default."""
    base: str | None = None
    """A commit; by default the newest one that the mission's base and the candidate have in common.
    """
    candidate: str | None = None
    """A commit; by default the one that is checked out."""
    uncommitted: bool = False
    """The candidate is what stands in the checkout, committed or not."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two commits, and what it is called."""

    name: str
    commit: str


@dataclass(frozen=True, slots=True)
class Case:
    """What is held against what, and by which gates. `unjudged` counts uncommitted paths that no
    commit holds.
    """

    mission: str
    mission_file: Path
    repository: Path
    base: Side
    candidate: Side
    gates: tuple[str, ...]
    unjudged: int
    folder: Path
    """Where the evidence is kept."""
    isolation: str = ""
    """How tests are kept in, for people."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdicts, by gate; fewer than the case has gates where a signal stopped it."""

    case: Case
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    stopped_by: str = ""

    @property
    def exit_code(self) -> ExitCode:
        """Zero only if every gate passed; that of the environment where one cannot run here."""
        if self.stopped_by:
            return ExitCode.INTERRUPTED
        checks = [check for verdict in self.verdicts.values() for check in verdict.checks]
        if any(check.reason is Reason.CANNOT_RUN for check in checks):
            return ExitCode.ENVIRONMENT
        is_passed = all(verdict.said is Decision.PASSED for verdict in self.verdicts.values())
        return ExitCode.OK if is_passed else ExitCode.NOT_LANDED


class Watcher(Protocol):
    """Whoever watches a case being judged."""

    def on_case(self, case: Case) -> None:
        """It is known what will be judged."""
        ...

    def on_progress(self, gate: str, progress: Progress) -> None:
        """A check of a gate has come this far."""
        ...

    def on_verdict(self, gate: str, verdict: Verdict) -> None:
        """A gate has decided."""
        ...
