"""Landing one batch: candidate → gate → land; or, with reasons, back to the agents."""

from __future__ import annotations

from collections.abc import Sequence

from anyio import CancelScope, to_thread

from orchestrator.engine.conflicts import built, conflicted, suspected
from orchestrator.engine.progress import GateProgress
from orchestrator.engine.tools import Tools
from orchestrator.gates.subject import Approval, Subject
from orchestrator.git.integrate import Contribution, Integration, integrate
from orchestrator.git.store import Store
from orchestrator.git.values import RefMoved
from orchestrator.journal.events import (
    AgentsReturned,
    BatchLanded,
    GateFinished,
    GateStarted,
    LandingStarted,
    Return,
)
from orchestrator.journal.facts import CheckResult, Decision, MergeWarning, Outcome, Verdict
from orchestrator.journal.state import AgentState, Phase, State
from orchestrator.plan import PlannedBatch

EVIDENCE_TESTS = 20
EVIDENCE_CHARACTERS = 6000


async def land_batch(tools: Tools, batch: str) -> None:
    """Bring one batch's delivered work to the run's tip, or return it to its agents with the reason."""
    recorder = tools.recorder
    state = recorder.state
    planned = state.plan.batch(batch)
    ready = [agent for agent in state.agents_of(batch) if agent.phase is Phase.READY]
    merged = await to_thread.run_sync(_candidate, tools, planned, state, ready)
    candidate = merged.commit or state.tip
    # Named before it is judged or built upon: an agent of another batch that prunes the store must not take it away.
    await to_thread.run_sync(lambda: tools.store.set_ref(_gate_ref(state.run, batch), candidate, old=None))
    if merged.conflicts:
        recorder.emit(AgentsReturned(batch=batch, returns=conflicted(planned, state, merged)))
        return
    agents = tuple(agent.id for agent in ready)
    fact = built(batch, state.tip, candidate, agents, merged)
    recorder.emit(fact)
    verdict = await _judge(tools, planned, candidate)
    recorder.emit(GateFinished(batch=batch, gate=gate_name(planned), agents=agents, verdict=verdict))
    if verdict.decision is Decision.WAITING:
        return
    if not verdict.is_passed:
        returns = _rejected(planned, state, ready, verdict, await _evidence(tools, verdict), fact.warnings)
        recorder.emit(AgentsReturned(batch=batch, returns=returns))
        return
    with CancelScope(shield=True):  # from the intent to the fact nothing waits for anybody
        await _move_tip(tools, batch, state.tip, candidate, ready)


def subject_of(state: State, planned: PlannedBatch) -> Subject:
    """What the batch's gate asks of its candidate. Without a gate, only what its claims name as proof."""
    return Subject(
        gate=gate_name(planned),
        checks=planned.gate.checks if planned.gate else (),
        criteria=planned.batch.criteria,
        deliverables={agent.id: agent.agent.deliverables for agent in planned.agents},
        timeout=state.plan.mission.defaults.gate_timeout,
        plugins=state.plan.mission.defaults.plugins,
        exercise=planned.batch.exercise,
    )


def gate_name(planned: PlannedBatch) -> str:
    """What reports call the batch's gate."""
    return planned.gate_name or "(none)"


def _candidate(tools: Tools, planned: PlannedBatch, state: State, ready: list[AgentState]) -> Integration:
    works = [
        Contribution(agent.id, agent.last.started.base, agent.work.commit)
        for agent in ready
        if agent.last and agent.work and agent.work.commit
    ]
    return integrate(
        tools.store,
        state.tip,
        works,
        message=_message(state, planned, [work.agent for work in works]),
        when=int(state.batches[planned.id].started_at or state.started_at),
    )


def _message(state: State, planned: PlannedBatch, agents: list[str]) -> str:
    trailers = [f"Mission: {state.plan.mission.name}", f"Run: {state.run}", f"Batch: {planned.id}"]
    names = {agent.id: agent.agent.name for agent in planned.agents}
    body = "\n".join(f"- {agent} {names[agent]}" for agent in agents)
    return (
        f"{planned.id}: {planned.title}\n\n{body}\n\n" + "\n".join([*trailers, *(f"Agent: {a}" for a in agents)]) + "\n"
    )


async def _judge(tools: Tools, planned: PlannedBatch, candidate: str) -> Verdict:
    recorder, state = tools.recorder, tools.recorder.state
    recorder.emit(GateStarted(batch=planned.id, gate=gate_name(planned), candidate=candidate))
    return await tools.judge.judge(
        subject_of(state, planned),
        candidate=candidate,
        base=baseline_of(state, planned.id),
        approvals={
            check: Approval(by=given.by, at=given.at, tree=given.tree, is_granted=given.approved)
            for check, given in state.approvals_for(planned.id).items()
        },
        absent={
            agent.id: f"its work is not in the candidate: {_why_absent(agent)}" for agent in _absent(state, planned)
        },
        on_progress=lambda p: recorder.progress(GateProgress(planned.id, p.check, p.done, p.total, p.red)),
    )


def _absent(state: State, planned: PlannedBatch) -> list[AgentState]:
    """Agents of the batch whose work is neither in the candidate nor in the tip below it."""
    return [
        agent
        for agent in state.agents_of(planned.id)
        if agent.phase is not Phase.READY and not (agent.outcome and agent.outcome.is_good)
    ]


def _why_absent(agent: AgentState) -> str:
    return f"{agent.outcome or Outcome.BLOCKED}{f', {agent.reason}' if agent.reason else ''}"


def baseline_of(state: State, batch: str) -> str:
    """What a batch's candidate is compared with: the tip, or where the tip was before the first part of it landed."""
    landings = state.batches[batch].landings
    return landings[0].before if landings else state.tip


def _rejected(  # noqa: PLR0913, PLR0917  (a verdict, and what is known beside it)
    planned: PlannedBatch,
    state: State,
    ready: list[AgentState],
    verdict: Verdict,
    evidence: str,
    warnings: Sequence[MergeWarning] = (),
) -> tuple[Return, ...]:
    """A red gate sends back all of the candidate; another try makes sense only while the batch can be whole."""
    missing = [a.id for a in _absent(state, planned) if not state.plan.agent(a.id).agent.optional]
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


async def _evidence(tools: Tools, verdict: Verdict) -> str:
    """What the next attempt is told of a red gate: per check what was found, and the end of its log."""
    return await to_thread.run_sync(
        lambda: "\n\n".join(_told(tools, check) for check in verdict.checks if check.decision is not Decision.PASSED)
    )


def _told(tools: Tools, check: CheckResult) -> str:
    lines = [f"The gate's check `{check.name}` is red: {check.text}"]
    lines += [f"- {test}" for test in (check.broken or check.failing)[:EVIDENCE_TESTS]]
    if check.log and (log := tools.folders.report / check.log).is_file():
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - EVIDENCE_CHARACTERS))
            lines.append(f"\n```\n{file.read().decode('utf-8', 'replace')}\n```")
    return "\n".join(lines)


async def _move_tip(tools: Tools, batch: str, before: str, candidate: str, ready: list[AgentState]) -> None:
    """Intent, one compare-and-swap, fact: a kill between any two of them resumes to the same tip."""
    run = tools.folders.run
    tools.recorder.emit(LandingStarted(batch=batch, before=before, after=candidate))
    await to_thread.run_sync(_swap_tip, tools.store, before, candidate)
    await to_thread.run_sync(lambda: tools.store.set_ref(f"refs/orchestrate/{run}/landed/{batch}", candidate, old=None))
    tools.recorder.emit(landed(batch, before, candidate, ready))


def _swap_tip(store: Store, before: str, candidate: str) -> None:
    try:
        store.set_ref(store.tip_name, candidate, old=before)
    except RefMoved as error:
        # Only this process lands; so an agent moved the ref, which a linked work tree lets it do. The journal decides.
        store.set_ref(store.tip_name, candidate, old=error.found)


def _gate_ref(run: str, batch: str) -> str:
    return f"refs/orchestrate/{run}/gates/{batch}"


def landed(batch: str, before: str, commit: str, ready: list[AgentState]) -> BatchLanded:
    """The fact that follows the intent; also for a resume that finds the tip moved already."""
    return BatchLanded(
        batch=batch,
        before=before,
        commit=commit,
        agents=tuple(agent.id for agent in ready if agent.work),
        unchanged=tuple(agent.id for agent in ready if not agent.work),
    )
