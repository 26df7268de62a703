"""Landing one batch: candidate → gate → (culprits) → land; or, with reasons, back to the agents."""

from __future__ import annotations

from collections.abc import Sequence

from anyio import CancelScope, to_thread

from orchestrator.engine.baselines import see_baseline
from orchestrator.engine.landings.candidate import build, evidence_of, judge
from orchestrator.engine.landings.conflicts import built, conflicted, suspected
from orchestrator.engine.landings.culprits import Sorted, sort_out
from orchestrator.engine.landings.moving import move_tip
from orchestrator.engine.subjects import absentees, gate_name
from orchestrator.engine.tools import Tools
from orchestrator.journal.events import (
    AgentsReturned,
    CandidateBuilt,
    GateFinished,
    Return,
)
from orchestrator.journal.facts import Decision, MergeWarning, Outcome, Verdict
from orchestrator.journal.state import AgentState, Phase, State
from orchestrator.mission.model import Land
from orchestrator.plan import PlannedBatch


async def land_batch(tools: Tools, batch: str) -> None:
    """Bring one batch's delivered work to the run's tip, or return it to its agents with the
    reason.
    """
    recorder = tools.recorder
    state = recorder.state
    planned = state.plan.batch(batch)
    ready = [agent for agent in state.hands_of(batch) if agent.phase is Phase.READY]
    merged = await to_thread.run_sync(build, tools, planned, ready)
    if merged.conflicts:
        recorder.emit(AgentsReturned(batch=batch, returns=conflicted(planned, state, merged)))
        return
    fact = built(
        batch, state.tip, merged.commit or state.tip, [agent.id for agent in ready], merged
    )
    recorder.emit(fact)
    verdict = _known_red(state, batch, fact.agents, merged.tree)
    if verdict is None:
        await see_baseline(tools, batch)
        verdict = await judge(tools, planned, fact.commit)
        recorder.emit(
            GateFinished(batch=batch, gate=gate_name(planned), agents=fact.agents, verdict=verdict)
        )
    if verdict.decision is Decision.WAITING:
        return
    landing: CandidateBuilt | None = fact
    if not verdict.is_passed:
        landing = await _sort_out(tools, planned, ready, fact, verdict)
    if landing:
        with CancelScope(shield=True):  # from the intent to the fact nothing waits for anybody
            await move_tip(tools, landing, [agent for agent in ready if agent.id in landing.agents])


async def _sort_out(
    tools: Tools,
    planned: PlannedBatch,
    ready: list[AgentState],
    fact: CandidateBuilt,
    verdict: Verdict,
) -> CandidateBuilt | None:
    """Send back whoever made the gate red, or everybody if that is not to be found out; what may
    land nevertheless.
    """
    state = tools.recorder.state
    found: Sorted | None = await sort_out(tools, planned, ready, fact, verdict)
    if found is None:
        returns = _rejected(
            planned, state, ready, verdict, await evidence_of(tools, verdict), fact.warnings
        )
        tools.recorder.emit(AgentsReturned(batch=planned.id, returns=returns))
        return None
    lands = found.passed is not None and (planned.land is Land.PASSING or not found.returns)
    if found.returns:
        tools.recorder.emit(
            AgentsReturned(batch=planned.id, returns=found.returns, others_land=lands)
        )
    return found.passed if lands else None


def _known_red(state: State, batch: str, agents: Sequence[str], tree: str) -> Verdict | None:
    """The red verdict on this very candidate from which a search began that a kill has cut
    short.
    """
    search = state.batches[batch].search
    if search is None or not search.judged:
        return None
    first = search.judged[0]
    return first.verdict if first.verdict.tree == tree and first.agents == tuple(agents) else None


def _rejected(  # noqa: PLR0917  (a verdict, and what is known beside it)
    planned: PlannedBatch,
    state: State,
    ready: list[AgentState],
    verdict: Verdict,
    evidence: str,
    warnings: Sequence[MergeWarning] = (),
) -> tuple[Return, ...]:
    """A red gate that nobody can be blamed for sends back all of the candidate; another try makes
    sense only while the batch can be whole.
    """
    missing = [a.id for a in absentees(state, planned) if not state.plan.agent(a.id).agent.optional]
    without = f" (without {', '.join(missing)})" if missing else ""
    return tuple(
        Return(
            agent=agent.id,
            outcome=Outcome.REJECTED,
            reason=f"gate {gate_name(planned)} is red{without}: {verdict.reasons()}",
            evidence=suspected(agent.id, warnings) + evidence,
            may_retry=not missing,
        )
        for agent in ready
    )
