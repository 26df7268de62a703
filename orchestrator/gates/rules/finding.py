"""What speaks against a pass, as a value."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.journal.facts import Decision, Reason


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that speaks against a pass."""

    reason: Reason
    text: str
    decision: Decision = Decision.FAILED
