"""What is worth watching but not worth keeping: it reaches displays, never the journal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OutputLine:
    """The newest line that an attempt's backend printed."""

    batch: str
    agent: str
    attempt: int
    line: str


@dataclass(frozen=True, slots=True)
class GateProgress:
    """How far a gate is: `done` of `total` tests of `check` (None while they are being collected),
    `red` of them.
    """

    batch: str
    check: str
    done: int
    total: int | None
    red: int


Progress = OutputLine | GateProgress
OnProgress = Callable[[Progress], None]
