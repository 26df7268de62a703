"""What was found where gates were run on a mission's base: the values of `plan --check`.

`checking` finds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.engine.beside.finding import Finding
from orchestrator.engine.beside.judgement import Side
from orchestrator.errors import ExitCode
from orchestrator.gates.rules.promises import Promise
from orchestrator.journal.facts import Counts, PlaceFault


@dataclass(frozen=True, slots=True)
class CheckOnBase:
    """How one check comes out on the base. `fault` says why it cannot run there."""

    name: str
    kind: str
    counts: Counts
    exit_code: int | None
    seconds: float
    red: tuple[str, ...] = ()
    uncollected: Mapping[str, str] = field(default_factory=dict)
    """Files that cannot be collected, each with the last line of why."""
    value: float | None = None
    fault: PlaceFault | None = None
    interpreter: str = ""
    """What ran it, with what it can import."""
    log: str = ""


@dataclass(frozen=True, slots=True)
class GateOnBase:
    """One gate: its checks, and what the mission promises of it. `seconds` with trees and set-up."""

    gate: str
    batches: tuple[str, ...]
    checks: tuple[CheckOnBase, ...]
    promises: tuple[Promise, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Checked:
    """What a mission's gates say of its base; fewer than there are where a signal stopped it."""

    base: Side
    folder: Path
    """Where the logs are."""
    gates: tuple[GateOnBase, ...]
    stopped_by: str = ""
    lacks: tuple[Finding, ...] = ()
    """What a run would not start without, beside what its gates need."""
    services: Mapping[str, str] = field(default_factory=dict)
    """Services of agents that cannot be had here, each with the reason."""

    @property
    def faults(self) -> tuple[PlaceFault, ...]:
        """Why gates cannot run here."""
        return tuple(check.fault for gate in self.gates for check in gate.checks if check.fault)

    @property
    def wrong(self) -> tuple[Promise, ...]:
        """What the mission names and nobody can bring about."""
        return tuple(it for gate in self.gates for it in gate.promises if it.is_wrong)

    @property
    def exit_code(self) -> ExitCode:
        """4 where a gate or a run cannot begin, 2 where the mission promises what cannot be."""
        if self.stopped_by:
            return ExitCode.INTERRUPTED
        if self.faults or self.services:
            return ExitCode.ENVIRONMENT
        if self.wrong:
            return ExitCode.USAGE
        return ExitCode.ENVIRONMENT if self.lacks else ExitCode.OK
