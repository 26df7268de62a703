"""What is done again when a person asks for it: the chosen work, and all that stands on it.
Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.errors import UsageError
from orchestrator.journal.events import RedoRequested, Return
from orchestrator.journal.facts import Outcome
from orchestrator.journal.state import State

DELIVERED = (None, Outcome.NO_CHANGE_NEEDED)
"""What an attempt says that has nothing against it."""


def choose(
    state: State,
    batches: Sequence[str],
    agents: Sequence[str],
    returns: tuple[Return, ...] = (),
    answers: tuple[str, ...] = (),
) -> RedoRequested:
    """The redo of `batches` and `agents` with their dependents, told by `returns` what was found of
    their work. Raises UsageError for a name that the run has not.

    Work that had landed is taken back: the tip returns to where it was before the first of those
    batches, and batches that landed later without depending on it are integrated again from the
    work they have.
    """
    _check_names(state, batches, agents)
    plan = state.plan
    again = {agent.id for batch in batches for agent in plan.batch(batch).agents}
    for agent in agents:
        again |= {agent, *plan.agent_dependents(agent)}
    touched = {plan.agent(agent).batch for agent in again}
    dependents = {dependent for batch in touched for dependent in plan.dependents(batch)}
    # A dependent that never began has nothing to be done again, but is no longer blocked either.
    again |= {agent.id for batch in dependents for agent in plan.batch(batch).agents}
    touched |= dependents
    taken_back = {state.agents[agent].batch for agent in again if _landed(state, agent)}
    after = _tip_before(state, taken_back)
    if after != state.tip:
        start = next(index for index, batch in enumerate(state.history) if batch in taken_back)
        touched |= set(state.history[start:])
    # Who has begun on a batch that is integrated again waits for it, with the work that they have.
    touched |= {
        d for batch in touched for d in plan.dependents(batch) if state.batches[d].base is not None
    }
    order = [batch.id for batch in plan.batches]
    return RedoRequested(
        agents=tuple(agent.id for agent in plan.agents if agent.id in again),
        batches=tuple(sorted(touched, key=order.index)),
        before=state.tip,
        after=after,
        returns=returns,
        answers=answers,
    )


def landed_after(state: State, batch: str) -> list[str]:
    """The batches that landed after this one did, in their order. Raises UsageError where it is no
    batch of the run, or has not landed.
    """
    if batch not in state.batches:
        raise UsageError(
            f"run {state.run} has no batch {batch}", mend=f"it has: {', '.join(state.batches)}"
        )
    if batch not in state.history:
        landed = ", ".join(dict.fromkeys(state.history)) or "nothing"
        raise UsageError(f"batch {batch} has not landed", mend=f"what has landed: {landed}")
    last = len(state.history) - 1 - state.history[::-1].index(batch)
    return list(dict.fromkeys(state.history[last + 1 :]))


def unfinished(state: State) -> RedoRequested | None:
    """What a plain resume of a run that has ended does again: every agent that is not done. None:
    all are.

    Work that was delivered and only waited for its batch is not done again, but integrated again.
    """
    open_ = [
        agent for agent in state.agents.values() if not (agent.outcome and agent.outcome.is_good)
    ]
    if not open_:
        return None
    batches = {agent.batch for agent in open_}
    return RedoRequested(
        agents=tuple(
            agent.id
            for agent in open_
            if not (agent.last and agent.last.ended and agent.last.outcome in DELIVERED)
        ),
        batches=tuple(batch.id for batch in state.plan.batches if batch.id in batches),
        before=state.tip,
        after=state.tip,
    )


def _landed(state: State, agent: str) -> bool:
    settled = state.agents[agent].settled
    return settled is not None and settled.is_good


def _tip_before(state: State, batches: set[str]) -> str:
    """Where the tip was before the first landing of any of `batches`; the tip itself when none has
    landed.
    """
    first = next((batch for batch in state.history if batch in batches), None)
    return state.batches[first].landings[0].before if first else state.tip


def _check_names(state: State, batches: Sequence[str], agents: Sequence[str]) -> None:
    for kind, names, known in (("batch", batches, state.batches), ("agent", agents, state.agents)):
        for name in names:
            if name not in known:
                raise UsageError(
                    f"run {state.run} has no {kind} {name}", mend=f"it has: {', '.join(known)}"
                )
