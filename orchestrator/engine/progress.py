"""What is worth watching but not worth keeping: it reaches displays, never the journal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from orchestrator.journal.events import Record
from orchestrator.journal.state import State


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


class Observer(Protocol):
    """Whoever watches a run: a display, a report writer, a stream for machines."""

    def on_record(self, record: Record, state: State) -> None:
        """An event has been made durable; `state` is the fold up to and including it."""
        ...

    def on_progress(self, progress: Progress) -> None:
        """Something moved that is not worth keeping."""
        ...
