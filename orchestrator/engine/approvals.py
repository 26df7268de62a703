"""Sign-offs: `orchestrate approve` leaves a file, the process that owns the run makes an event of
it.

The journal has one writer, so the person's command does not write to it; it also works while nobody
is at work, and the next resume finds it.
"""

from __future__ import annotations

import contextlib
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import anyio
from pydantic import BaseModel, ConfigDict, ValidationError

from orchestrator.engine.recorder import Recorder
from orchestrator.gates.subject import named_checks
from orchestrator.journal.events import ApprovalRecorded
from orchestrator.journal.facts import Decision
from orchestrator.journal.state import State

POLL_SECONDS = 0.3
TIME_LIMIT = "(time limit)"


class SignOff(BaseModel):
    """What a person said of one tree."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    batch: str
    check: str
    tree: str
    approved: bool
    by: str
    at: str
    comment: str = ""


def now() -> str:
    """The time as a person reads it, in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def leave(folder: Path, sign_off: SignOff) -> None:
    """Hand a sign-off to whoever owns the run, now or later."""
    hand_over(folder, f"{sign_off.batch}--{sign_off.check}", sign_off.model_dump_json())


def hand_over(folder: Path, about: str, text: str) -> None:
    """Leave what a person answered, as a file of its own; whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{about}--{time.time_ns()}.json"
    temporary = path.with_suffix(".tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)


def awaited(state: State) -> list[tuple[str, str, str]]:
    """The sign-offs that are missing: batch, check and the tree that is to be looked at."""
    found = []
    for batch in state.batches.values():
        if batch.awaits_approval and batch.verdict:
            verdict = batch.verdict.verdict
            given = state.approvals_for(batch.id, verdict.tree)
            found += [
                (batch.id, check.name, verdict.tree)
                for check in verdict.checks
                if check.decision is Decision.WAITING
                and (check.name not in given or given[check.name].tree != verdict.tree)
            ]
    return found


async def watch(recorder: Recorder, folder: Path) -> None:
    """Record sign-offs as they come, and the end of a check's patience, for as long as the run goes
    on.
    """
    since: dict[tuple[str, str, str], float] = {}
    while True:
        if not awaited(recorder.state):
            await recorder.change()
            continue
        collect(recorder, folder)
        for item in awaited(recorder.state):
            patience = _patience(recorder.state, item[0], item[1])
            if (
                patience is not None
                and time.monotonic() - since.setdefault(item, time.monotonic()) > patience
            ):
                _record(
                    recorder,
                    SignOff(
                        batch=item[0],
                        check=item[1],
                        tree=item[2],
                        approved=False,
                        by=TIME_LIMIT,
                        at=now(),
                    ),
                )
        await anyio.sleep(POLL_SECONDS)


def collect(recorder: Recorder, folder: Path) -> None:
    """Make events of all sign-offs that lie there. A kill in between records one twice, to no
    effect.
    """
    for path in sorted(folder.glob("*.json")):
        with contextlib.suppress(
            ValidationError
        ):  # not one of ours: left where it is, and of no effect
            _record(recorder, SignOff.model_validate_json(path.read_bytes()))
            path.rename(path.with_suffix(".recorded"))


def _record(recorder: Recorder, sign_off: SignOff) -> None:
    recorder.emit(ApprovalRecorded(**sign_off.model_dump()))


def _patience(state: State, batch: str, check: str) -> float | None:
    """Seconds that the check named in the mission waits; None: for ever."""
    gate = state.plan.batch(batch).gate
    return named_checks(gate.checks)[check].timeout if gate else None
