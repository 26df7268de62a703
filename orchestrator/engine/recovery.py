"""Before a resume: make the world what the journal says, whatever moment the earlier orchestrator
was killed at.

What attempts in flight had made is kept; the run's tip is where the last fact or intent
put it. Every step is idempotent, so that a kill during a resume is one more kill.
"""

from __future__ import annotations

from anyio import to_thread

from orchestrator.engine.attempts.attempt import salvage
from orchestrator.engine.landings.moving import complete
from orchestrator.engine.told import require_known
from orchestrator.engine.tools import Tools
from orchestrator.errors import UsageError
from orchestrator.journal.events import AttemptInterrupted, RedoRequested
from orchestrator.journal.state import AgentState, Phase, State


async def recover(tools: Tools) -> None:
    """Settle what was in flight. The earlier orchestrator's processes are gone already."""
    await _settle_tip(tools)
    await to_thread.run_sync(_name_again, tools)
    for agent in tools.recorder.state.agents.values():
        for started in [attempt.started for attempt in agent.running]:
            salvaged = await salvage(tools, started)
            tools.recorder.emit(
                AttemptInterrupted(
                    batch=started.batch,
                    agent=started.agent,
                    attempt=started.attempt,
                    salvaged=salvaged,
                    reason="the orchestrator ended before it did",
                )
            )
    await to_thread.run_sync(_find_losses, tools)


async def _settle_tip(tools: Tools) -> None:
    """The tip is one ref; the journal holds every intent to move it. Finish what was begun."""
    state = tools.recorder.state
    found = await to_thread.run_sync(tools.store.tip)
    if found == state.tip and not _landing_stopped_at(state, found):
        return
    require_known(state, found)
    if batch := _landing_stopped_at(state, found):
        ready = [agent for agent in _in_commit(state, batch, found) if agent.phase is Phase.READY]
        await complete(tools, batch, found, ready)
    elif state.redo and found == state.redo.before:
        await move_tip_back(tools)
    elif await to_thread.run_sync(tools.store.has, state.tip):  # its files: see reopen_workshop
        # An agent can move a ref of the store from its work tree; what the journal says is what was
        # tested.
        await to_thread.run_sync(
            lambda: tools.store.set_ref(tools.store.tip_name, state.tip, old=found)
        )
    else:
        raise UsageError(
            f"what had landed in run {state.run} is gone with its workspaces",
            where=str(tools.folders.workspaces),
            mend="start a new run of the mission; the report still tells what landed",
        )


def _name_again(tools: Tools) -> None:
    """Refs that the store lost, or that somebody took away: the journal has their ids."""
    state, store = tools.recorder.state, tools.store
    known = store.refs(f"refs/orchestrate/{state.run}")
    named = {
        f"refs/orchestrate/{state.run}/{agent.id}/{attempt.started.attempt}": attempt.ended.commit
        for agent in state.agents.values()
        for attempt in agent.attempts
        if attempt.ended and attempt.ended.commit
    }
    for batch in state.batches.values():
        if batch.landings:
            name = f"refs/orchestrate/{state.run}/landed/{batch.id}"
            named[name] = batch.landings[-1].commit
    for name, commit in named.items():
        if name not in known and store.has_all(commit, since=state.started.base):
            store.set_ref(name, commit, old=None)


def _find_losses(tools: Tools) -> None:
    """Work that had been delivered and is not in the store any more is done again, with what stands
    on it; and so is that of who was to begin again on top of what is gone.
    """
    state = tools.recorder.state
    lost = {
        agent.id
        for agent in state.agents.values()
        if ((agent.phase is Phase.READY or agent.race) and _is_lost(tools, agent))
        or (agent.phase is Phase.PENDING and _has_lost_its_base(tools, agent))
    }
    lost |= {other for agent in lost for other in state.plan.agent_dependents(agent)}
    if lost:
        tools.recorder.emit(
            RedoRequested(
                agents=tuple(agent for agent in state.agents if agent in lost),
                batches=tuple(
                    batch
                    for batch in state.batches
                    if any(state.agents[a].batch == batch for a in lost)
                ),
                before=state.tip,
                after=state.tip,
            )
        )


def _has_lost_its_base(tools: Tools, agent: AgentState) -> bool:
    base = agent.sent_back.base if agent.sent_back else None
    return base is not None and not tools.store.has_all(
        base, since=tools.recorder.state.started.base
    )


def _is_lost(tools: Tools, agent: AgentState) -> bool:
    works = [agent.work, *(attempt.ended for attempt in agent.race)]
    base = tools.recorder.state.started.base
    return any(
        not tools.store.has_all(work.commit, since=base)
        for work in works
        if work is not None and work.commit
    )


def _landing_stopped_at(state: State, found: str) -> str | None:
    """The batch whose landing was torn after its compare-and-swap."""
    torn = [
        batch.id for batch in state.batches.values() if batch.intent and batch.intent.after == found
    ]
    return torn[0] if torn else None


def _in_commit(state: State, batch: str, commit: str) -> list[AgentState]:
    """The agents whose work is in a candidate of the batch; of another commit, all of the batch."""
    made = next(
        (it.agents for it in reversed(state.batches[batch].candidates) if it.commit == commit), None
    )
    return [agent for agent in state.agents_of(batch) if made is None or agent.id in made]


async def move_tip_back(tools: Tools) -> None:
    """Carry out the newest redo's intent."""
    redo = tools.recorder.state.redo
    if redo and redo.before != redo.after:
        ref = f"refs/heads/orchestrate/{tools.folders.run}"
        await to_thread.run_sync(lambda: tools.store.set_ref(ref, redo.after, old=redo.before))
