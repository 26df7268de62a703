"""What a merge has to tell: who is sent back with which conflict, and what the journal keeps of the
rest. Pure.

Owns the policies for conflicts. The later of two agents that clash goes back with all of its work:
to begin again on top of the others' (`retry`), to have its work and theirs put together by a
resolver (`resolve`), or for good (`fail`).
"""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.agents.bounded import listed
from orchestrator.journal.events import CandidateBuilt, Return
from orchestrator.journal.facts import ConflictFact, MergeNote, MergeWarning, Outcome
from orchestrator.journal.state import AgentState, Phase, State
from orchestrator.merging.contribution import Integration
from orchestrator.mission.model import OnConflict
from orchestrator.plan import PlannedBatch

_BEGUN_AGAIN = "Your work did not merge with what others made. You now start on top of their work."
_TO_RESOLVE = "This work did not merge with what others made."


def built(
    batch: str, tip: str, commit: str, agents: Sequence[str], merged: Integration
) -> CandidateBuilt:
    """The candidate, with all that its merge decided and all that it suspects."""
    return CandidateBuilt(
        batch=batch,
        tip=tip,
        commit=commit,
        agents=tuple(agents),
        notes=tuple(
            MergeNote(agent=note.agent, path=note.path, text=note.text) for note in merged.notes
        ),
        warnings=tuple(
            MergeWarning(
                check=each.check,
                path=each.path,
                symbol=each.symbol,
                agents=each.agents,
                text=each.text,
            )
            for each in merged.warnings
        ),
    )


def conflicted(planned: PlannedBatch, state: State, merged: Integration) -> tuple[Return, ...]:
    """The later of two that clash goes back, to start again on top of all that did merge; so does
    who needs it.
    """
    found: dict[str, list[ConflictFact]] = {}
    for conflict in merged.conflicts:
        fact = ConflictFact(
            agent=conflict.agent,
            others=conflict.others,
            path=conflict.path,
            kind=conflict.kind,
            text=conflict.text,
            symbol=conflict.symbol,
        )
        found.setdefault(conflict.agent, []).append(fact)
    base = merged.commit or state.tip
    returns = [_return(planned, state, agent, tuple(facts), base) for agent, facts in found.items()]
    return (*returns, *_with_dependents(state, planned, [item.agent for item in returns]))


def suspected(agent: str, warnings: Sequence[MergeWarning]) -> str:
    """What an agent of a candidate with a red gate is told first: what of its work may not go with
    others'.
    """
    own = [warning for warning in warnings if agent in warning.agents]
    if not own:
        return ""
    lines = listed(
        [f"{warning.path} {warning.symbol} ({warning.check}): {warning.text}" for warning in own]
    )
    return f"Together with the work of others this may be why:\n{lines}\n\n"


def _return(
    planned: PlannedBatch, state: State, agent: str, facts: tuple[ConflictFact, ...], base: str
) -> Return:
    resolver = _resolver(planned, state, state.agents[agent])
    others = ", ".join(sorted({other for fact in facts for other in fact.others})) or "the tip"
    places = list(dict.fromkeys(f"{fact.path} {fact.symbol}".rstrip() for fact in facts))
    more = f" and {len(places) - 3} more" if len(places) > 3 else ""
    intro = _TO_RESOLVE if resolver else _BEGUN_AGAIN
    return Return(
        agent=agent,
        outcome=Outcome.CONFLICTED,
        reason=f"does not merge with {others}: {', '.join(places[:3])}{more}",
        evidence=f"{intro}\n{listed([fact.line for fact in facts])}",
        conflicts=facts,
        base=base,
        may_retry=bool(resolver)
        if planned.on_conflict is OnConflict.RESOLVE
        else planned.on_conflict is OnConflict.RETRY,
        resolver=resolver,
    )


def _resolver(planned: PlannedBatch, state: State, agent: AgentState) -> str:
    """The backend that is asked to resolve, at least once and as long as the agent has attempts;
    empty for none.
    """
    if planned.on_conflict is not OnConflict.RESOLVE:
        return ""
    asked = any(it.returned and it.returned.resolver for it in agent.attempts[agent.forgotten :])
    return state.plan.mission.resolver or "" if agent.charged < agent.limit or not asked else ""


def _with_dependents(
    state: State, planned: PlannedBatch, agents: Sequence[str]
) -> tuple[Return, ...]:
    """Delivered work that stands on returned work has to be done again with it."""
    dependents = {d for agent in agents for d in state.plan.agent_dependents(agent)} - set(agents)
    return tuple(
        Return(agent=agent.id, outcome=Outcome.CONFLICTED, reason="what it needs was sent back")
        for agent in state.agents_of(planned.id)
        if agent.id in dependents and agent.phase is Phase.READY
    )
