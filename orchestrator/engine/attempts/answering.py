"""What a person answers an agent that asks for more scope: `orchestrate channel answer` leaves a
file, the process that owns the run makes an event of it.

As with sign-offs, the journal has one writer, so the person's command does not write to it.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from orchestrator.engine.approvals import hand_over
from orchestrator.engine.recorder import Recorder
from orchestrator.journal.events import ScopeAnswered, ScopeRequested
from orchestrator.journal.state import State


class Answered(BaseModel):
    """What a person said to one request."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    batch: str
    agent: str
    path: str
    granted: bool
    by: str
    reason: str = ""


def unanswered(state: State) -> list[ScopeRequested]:
    """The requests that wait for a person, oldest first."""
    return [
        request
        for batch in state.batches.values()
        for request in batch.talk.pending
        if batch.outcome is None
    ]


def leave_answer(folder: Path, answered: Answered) -> None:
    """Hand an answer to whoever owns the run."""
    hand_over(folder, answered.agent, answered.model_dump_json())


def collect(recorder: Recorder, folder: Path) -> None:
    """Make events of all answers that lie there and that somebody waits for."""
    for path in sorted(folder.glob("*.json")):
        with contextlib.suppress(ValidationError):  # not one of ours, and of no effect
            answered = Answered.model_validate_json(path.read_bytes())
            waiting = {(it.batch, it.agent, it.path) for it in unanswered(recorder.state)}
            if (answered.batch, answered.agent, answered.path) in waiting:
                recorder.emit(ScopeAnswered(**answered.model_dump()))
        path.rename(path.with_suffix(".recorded"))
