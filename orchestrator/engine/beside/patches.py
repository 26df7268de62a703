"""What an agent, a batch or a run changed, as a patch: of what landed, and of what waits for a
person.
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.engine.folders import Folders
from orchestrator.engine.workshop import opened_store
from orchestrator.errors import UsageError
from orchestrator.journal.state import BatchState, State


@dataclass(frozen=True, slots=True)
class Patch:
    """The patch; `lost` says what of it is not to be had any more."""

    data: bytes
    lost: str = ""


def patch_of(state: State, folders: Folders, what: str | None) -> Patch:
    """What an agent or a batch changed, by its id, or for None all that landed. While a batch waits
    for a sign-off its candidate is part of it.

    Raises UsageError for an id that is unknown, and where all of it is gone.
    """
    pairs = _pairs(state, what)
    with opened_store(state, folders) as store:
        there = [pair for pair in pairs if all(store.has(commit) for commit in pair)]
        gone = UsageError(
            "what did not land is gone with the run's store",
            where=str(folders.store),
            mend=f"`orchestrate resume {state.run}` has it done again",
        )
        if pairs and not there:
            raise gone
        data = b"".join(store.diff(before, after) for before, after in there)
    return Patch(data, str(gone) if len(there) < len(pairs) else "")


def _pairs(state: State, what: str | None) -> list[tuple[str, str]]:
    if what is None:
        waiting = [made for batch in state.batches.values() for made in _waiting(batch)]
        return [(state.started.base, state.tip), *waiting]
    if what in state.batches:
        batch = state.batches[what]
        return [(landing.before, landing.commit) for landing in batch.landings] + _waiting(batch)
    if what not in state.agents:
        raise UsageError(
            f"run {state.run} has no agent {what}", mend=f"it has: {', '.join(state.agents)}"
        )
    works = [
        (attempt.started.base, attempt.ended.commit)
        for attempt in state.agents[what].attempts
        if attempt.ended and attempt.ended.commit
    ]
    return works[-1:]


def _waiting(batch: BatchState) -> list[tuple[str, str]]:
    """The candidate that a person is asked about, and the tip that it was made on."""
    made = batch.candidate if batch.awaits_approval else None
    return [(made.tip, made.commit)] if made else []
