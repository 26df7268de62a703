"""One attempt: workspace → brief → backend → captured commit → scope check → what came of it."""

from __future__ import annotations

from collections.abc import Sequence

import anyio
from anyio import CancelScope, to_thread

from orchestrator.agents.brief import EarlierAttempt
from orchestrator.agents.resolving import Resolving
from orchestrator.engine.frontier import StartAttempt
from orchestrator.engine.landing import subject_of
from orchestrator.engine.progress import OutputLine
from orchestrator.engine.resolving import Resolution, backend_for, resolution_of
from orchestrator.engine.tools import Tools
from orchestrator.executors.spec import AttemptResult, AttemptSpec, WorkerLost
from orchestrator.gates.claims import is_proven
from orchestrator.git.breaches import breaches_of
from orchestrator.git.capture import Capture
from orchestrator.git.integrate import Contribution, integrate
from orchestrator.journal.events import AttemptEnded, AttemptInterrupted, AttemptStarted
from orchestrator.journal.facts import Breach, ClaimStatus, FileChange, Outcome
from orchestrator.journal.state import AgentState, Phase, State
from orchestrator.mission.scope import Scope
from orchestrator.plan import PlannedAgent

EVIDENCE_CHARACTERS = 4000
LOST_PAUSE_SECONDS = 2.0
MOST_LOSSES = 4
"""In a row; then the place is at fault for good, and the run stops, resumable."""


async def attempt(tools: Tools, step: StartAttempt) -> None:
    """Carry out one attempt and record how it ended."""
    recorder = tools.recorder
    planned = recorder.state.plan.agent(step.agent)
    agent = recorder.state.agents[step.agent]
    started, is_resolving = agent.attempts[-1].started, bool(agent.sent_back and agent.sent_back.resolver)

    def show(line: str) -> None:
        recorder.progress(OutputLine(step.batch, step.agent, step.attempt, line))

    try:
        resolution = await to_thread.run_sync(resolution_of, tools, step.agent) if is_resolving else None
        spec = _spec(tools, planned, started, resolution)
        result = await tools.executor.run(spec, show)
        is_idle = result.capture.commit == spec.base and not result.ended.failure
        verdict = await _nothing_changed(tools, planned, spec.base) if is_idle else None
    except WorkerLost as error:
        if _losses(recorder.state.agents[step.agent]) >= MOST_LOSSES:
            raise
        await anyio.sleep(LOST_PAUSE_SECONDS)  # before the event, which has the attempt made again at once
        recorder.emit(_interrupted(started, None, str(error)))
        return
    except anyio.get_cancelled_exc_class():
        with CancelScope(shield=True):
            salvaged = await salvage(tools, started)
            recorder.emit(_interrupted(started, salvaged, "the run was stopped"))
        raise
    with CancelScope(shield=True):  # what is finished is not run again because a stop came now
        recorder.emit(await to_thread.run_sync(_conclude, tools, planned, spec, result, verdict, resolution))
        if recorder.state.agents[step.agent].phase is Phase.READY:
            # Of use to the agents to come; that of a failed attempt stays for whoever wants to look at it.
            await tools.executor.release(spec.name)


def _losses(agent: AgentState) -> int:
    """How many attempts in a row ended without the agent's doing, before the newest."""
    earlier = list(agent.attempts[:-1])
    return next((n for n, item in enumerate(reversed(earlier)) if not item.interrupted), len(earlier))


async def salvage(tools: Tools, started: AttemptStarted) -> str | None:
    """Keep what an interrupted attempt left, so that its workspace can be made anew."""
    name = f"{started.agent}-{started.attempt}"
    when = int(tools.recorder.state.started_at)
    commit = await tools.executor.salvage(
        name, base=started.base, message=f"{started.agent}: interrupted attempt {started.attempt}", when=when
    )
    if commit is not None:
        ref = f"refs/orchestrate/{tools.folders.run}/{started.agent}/{started.attempt}"
        await to_thread.run_sync(lambda: tools.store.set_ref(ref, commit, old=None))
    return commit


def start_of(tools: Tools, step: StartAttempt) -> str:
    """The commit that the attempt starts from: where its work was returned to, its batch's base, or the work of the
    agents that it needs merged on top of that. Blocking.
    """
    state = tools.recorder.state
    agent, planned = state.agents[step.agent], state.plan.agent(step.agent)
    base = state.batches[step.batch].base
    if base is None:
        raise ValueError(f"batch {step.batch} has not started")
    # An interrupted retry is begun again where it began, so the attempt before it is what counts.
    if agent.sent_back and agent.sent_back.base:
        return agent.sent_back.base
    needed = [state.agents[id] for id in _all_needs(state, planned)]
    works = [
        Contribution(n.id, n.last.started.base, n.work.commit) for n in needed if n.last and n.work and n.work.commit
    ]
    if not works:
        return base
    merged = integrate(tools.store, base, works, message=f"{step.agent}: what it needs\n", when=int(state.started_at))
    # What conflicts here does so in the batch's candidate too, and is named there; this one starts from what merges.
    return merged.commit or base


def _all_needs(state: State, planned: PlannedAgent) -> list[str]:
    """What it needs, directly or through others, in plan order."""
    wanted = {other for other in state.agents if planned.id in state.plan.agent_dependents(other)}
    return [agent.id for agent in state.plan.batch(planned.batch).agents if agent.id in wanted]


def _spec(tools: Tools, planned: PlannedAgent, started: AttemptStarted, resolution: Resolution | None) -> AttemptSpec:
    state = tools.recorder.state
    agent = state.agents[planned.id]
    backend = tools.backends[backend_for(state, planned.id)]
    conflict = resolution.brief if resolution else None
    return AttemptSpec(
        run=state.run,
        batch=started.batch,
        agent=started.agent,
        attempt=started.attempt,
        base=started.base,
        backend=Resolving(backend, resolution.overlay) if resolution else backend,
        brief=tools.briefs.render(state.plan.batch(started.batch), planned, _earlier(agent), conflict),
        timeout=planned.timeout,
        mission_dir=tools.mission_dir,
        message=f"{planned.id}: {planned.agent.name}\n\nRun: {state.run}\nAttempt: {started.attempt}\n",
        when=int(state.started_at),
    )


def _earlier(agent: AgentState) -> list[EarlierAttempt]:
    return [
        EarlierAttempt(item.started.attempt, item.outcome.value, item.reason, item.evidence)
        for item in agent.attempts[:-1]
        if item.outcome is not None
    ]


def _keep(tools: Tools, spec: AttemptSpec, capture: Capture) -> None:
    """Give the captured work a name before the journal speaks of it, so that nothing can collect it."""
    if capture.commit != spec.base:
        ref = f"refs/orchestrate/{spec.run}/{spec.agent}/{spec.attempt}"
        tools.store.set_ref(ref, capture.commit, old=None)


def _conclude(  # noqa: PLR0913, PLR0917  (an attempt, and what is known of it)
    tools: Tools,
    planned: PlannedAgent,
    spec: AttemptSpec,
    result: AttemptResult,
    idle: tuple[Outcome, str] | None,
    resolution: Resolution | None,
) -> AttemptEnded:
    _keep(tools, spec, result.capture)
    ended = _assess(tools, planned, spec, result, idle)
    return resolution.assess(ended, tools.store) if resolution else ended


def _assess(
    tools: Tools, planned: PlannedAgent, spec: AttemptSpec, result: AttemptResult, idle: tuple[Outcome, str] | None
) -> AttemptEnded:
    """What came of the attempt, in the order in which things can go wrong; `idle` is the verdict on one that changed
    nothing.
    """
    capture, ended = result.capture, result.ended
    outcome, reason, evidence = None, "", ""
    protect = Scope(tools.recorder.state.plan.mission.workspace.protect)
    breached = breaches_of(tools.store, capture, tools.scopes[planned.id], protect)
    if ended.timed_out:
        outcome, reason = Outcome.TIMED_OUT, ended.failure or "timed out"
    elif ended.failure:
        outcome, reason = Outcome.FAILED, ended.failure
    elif breached:
        outcome, reason = Outcome.OUT_OF_SCOPE, _told(breached)
        evidence = "These changes were refused:\n" + "\n".join(f"- {b.where}: {b.reason}" for b in breached)
    elif idle:
        outcome, reason = idle
    if outcome in (Outcome.TIMED_OUT, Outcome.FAILED) and ended.exit and ended.exit.tail:
        evidence = f"The end of its output:\n\n```\n{ended.exit.tail[-EVIDENCE_CHARACTERS:]}\n```"
    report = tools.folders.report
    return AttemptEnded(
        batch=spec.batch,
        agent=spec.agent,
        attempt=spec.attempt,
        outcome=outcome,
        reason=reason,
        evidence=evidence,
        commit=capture.commit if capture.commit != spec.base else None,
        changes=_changes(tools, spec.base, capture),
        breaches=breached,
        notes=tuple(problem.text for problem in capture.problems if not problem.blocking),
        exit_code=ended.exit.code if ended.exit else None,
        seconds=ended.exit.seconds if ended.exit else 0.0,
        log=str(result.log.relative_to(report)),
        brief=str(result.brief.relative_to(report)),
    )


async def _nothing_changed(tools: Tools, planned: PlannedAgent, base: str) -> tuple[Outcome, str]:
    """An agent that changed nothing is right only if all that it should deliver is proven without it."""
    batch = tools.recorder.state.plan.batch(planned.batch)
    claims = await tools.judge.prove(
        planned.agent.deliverables, commit=base, subject=subject_of(tools.recorder.state, batch)
    )
    if is_proven(claims):
        return Outcome.NO_CHANGE_NEEDED, "its proofs pass without a change"
    missing = next((claim.text for claim in claims if claim.status is not ClaimStatus.VALIDATED), "no deliverable")
    return Outcome.FAILED, f"nothing delivered: no file was changed, and not proven without a change: {missing}"


def _told(breached: Sequence[Breach]) -> str:
    places = [breach.where for breach in breached]
    more = f" and {len(places) - 3} more" if len(places) > 3 else ""
    return f"changed what it may not change: {', '.join(places[:3])}{more}"


def _changes(tools: Tools, base: str, capture: Capture) -> tuple[FileChange, ...]:
    if capture.commit == base:
        return ()
    return tuple(
        FileChange(path=path, added=added, removed=removed)
        for path, added, removed in tools.store.numstat(base, capture.commit)
    )


def _interrupted(started: AttemptStarted, salvaged: str | None, reason: str) -> AttemptInterrupted:
    return AttemptInterrupted(
        batch=started.batch, agent=started.agent, attempt=started.attempt, salvaged=salvaged, reason=reason
    )
