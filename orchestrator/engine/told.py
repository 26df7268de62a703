"""What a journal tells of its run's tip, where the journal itself is in doubt. Pure."""

from __future__ import annotations

from orchestrator.errors import JournalDamaged
from orchestrator.journal.log import HEADLESS
from orchestrator.journal.state import State


def require_known(state: State, found: str) -> None:
    """Raise JournalDamaged where the journal may lack its end and the store's tip is none that it
    tells of: then the landing is what is missing, and the tip must not be moved back.
    """
    told = {state.tip, state.started.base}
    told |= {state.redo.before} if state.redo else set()
    for batch in state.batches.values():
        told |= {landing.commit for landing in batch.landings}
        told |= {batch.intent.after} if batch.intent else set()
    if state.is_doubtful and found not in told:
        raise JournalDamaged(
            f"{HEADLESS}; and it does not tell of {found[:12]}, which is the tip of the run's store",
            where=state.run,
            mend=f"restore the journal from a copy; or `orchestrate land {state.run} --from-store` "
            "brings that commit to a branch of its own, to be looked at",
        )
