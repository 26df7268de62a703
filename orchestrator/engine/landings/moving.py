"""Moving the run's tip to a candidate that passed: intent, one compare-and-swap, fact.

Owns that order, so that a kill between any two of them resumes to the same tip. Whether it may be
moved is `landing`'s to say.
"""

from __future__ import annotations

from anyio import to_thread

from orchestrator.engine.kept import keeping_landing, landed_refs
from orchestrator.engine.tools import Tools
from orchestrator.git.store import Store
from orchestrator.git.values import RefMoved
from orchestrator.journal.events import BatchLanded, CandidateBuilt, LandingStarted
from orchestrator.journal.state import AgentState


async def move_tip(tools: Tools, landing: CandidateBuilt, ready: list[AgentState]) -> None:
    """Intent, one compare-and-swap, fact: a kill between any two of them resumes to the same
    tip. Before the fact, what landed stands where the journal does.
    """
    run, batch, before, after = tools.folders.run, landing.batch, landing.tip, landing.commit
    tools.recorder.emit(LandingStarted(batch=batch, before=before, after=after))
    refs = landed_refs(tools.recorder.state, batch, after, [agent.id for agent in ready])

    def move() -> None:
        with keeping_landing(tools.store, tools.folders, refs, before, after):
            _swap_tip(tools.store, before, after)
            tools.store.set_ref(f"refs/orchestrate/{run}/landed/{batch}", after, old=None)

    await to_thread.run_sync(move)
    tools.recorder.emit(landed(batch, before, after, ready))


async def complete(tools: Tools, batch: str, commit: str, ready: list[AgentState]) -> None:
    """What is left to do of a landing that was torn after its swap."""
    state = tools.recorder.state
    refs = landed_refs(state, batch, commit, [agent.id for agent in ready])

    def keep() -> None:
        with keeping_landing(tools.store, tools.folders, refs, state.tip, commit):
            pass

    await to_thread.run_sync(keep)
    tools.recorder.emit(landed(batch, state.tip, commit, ready))


def _swap_tip(store: Store, before: str, candidate: str) -> None:
    try:
        store.set_ref(store.tip_name, candidate, old=before)
    except RefMoved as error:
        # Only this process lands; so an agent moved the ref, which a linked work tree lets it do.
        # The journal decides.
        store.set_ref(store.tip_name, candidate, old=error.found)


def landed(batch: str, before: str, commit: str, ready: list[AgentState]) -> BatchLanded:
    """The fact that follows the intent; also for a resume that finds the tip moved already."""
    return BatchLanded(
        batch=batch,
        before=before,
        commit=commit,
        agents=tuple(agent.id for agent in ready if agent.work),
        unchanged=tuple(agent.id for agent in ready if not agent.work),
    )
