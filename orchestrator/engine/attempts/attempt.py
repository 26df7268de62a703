"""One attempt: workspace → brief → backend → captured commit → scope check → what came of it.

What only matters once an agent has worked is imported then, so that the first agents of a run start
first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
from anyio import CancelScope, to_thread

from orchestrator.agents.backend import Backend
from orchestrator.agents.brief import ToReview
from orchestrator.agents.channel import Conversing
from orchestrator.agents.resolving import Resolving
from orchestrator.engine.attempts.conversing import Conversation
from orchestrator.engine.attempts.red_before import red_before
from orchestrator.engine.attempts.retelling import (
    conversation_of,
    earlier_attempts,
    to_go_on_from,
    work_to_lay_out,
)
from orchestrator.engine.budgets import Budgets
from orchestrator.engine.frontier import StartAttempt
from orchestrator.engine.progress import OutputLine
from orchestrator.engine.subjects import works_needed
from orchestrator.engine.tools import GateCannotRun, Tools
from orchestrator.executors.spec import AttemptSpec, WorkerLost
from orchestrator.isolation.secrets import known
from orchestrator.journal.events import AttemptInterrupted, AttemptStarted
from orchestrator.journal.facts import Usage
from orchestrator.journal.state import AgentState, Phase
from orchestrator.mission.scope import Scope, breaches
from orchestrator.plan import PlannedAgent

if TYPE_CHECKING:
    from orchestrator.engine.attempts.resolving import Resolution

LOST_PAUSE_SECONDS = 2.0
MOST_LOSSES = 4
"""In a row; then the place is at fault for good, and the run stops, resumable."""


async def attempt(tools: Tools, step: StartAttempt, budgets: Budgets) -> None:
    """Carry out one attempt and record how it ended."""
    recorder = tools.recorder
    planned = recorder.state.plan.agent(step.agent)
    agent = recorder.state.agents[step.agent].as_seen_by(step.attempt)
    started, is_resolving = (
        agent.attempts[-1].started,
        bool(agent.sent_back and agent.sent_back.resolver),
    )

    def show(line: str) -> None:
        recorder.progress(OutputLine(step.batch, step.agent, step.attempt, line))

    meter = budgets.meter(started, planned.ceiling, show)
    try:
        resolution = (
            await to_thread.run_sync(_resolution, tools, step.agent) if is_resolving else None
        )
        red = await red_before(tools, step.batch)
        spec = await to_thread.run_sync(_spec, tools, planned, started, resolution, red)
        spec = replace(spec, meter=meter)
        result = await tools.executor.run(spec, show)
        from orchestrator.engine.attempts.assessing import conclude, nothing_changed
        from orchestrator.engine.attempts.uncharged import UNCHARGED, set_aside

        if result.ended.answer in UNCHARGED:
            with CancelScope(shield=True):
                await set_aside(tools, spec, result, agent)
            return
        if planned.is_reviewer:
            from orchestrator.engine.attempts.reviewing import reviewed

            with CancelScope(shield=True):
                recorder.emit(await to_thread.run_sync(reviewed, tools, spec, result))
            return
        is_idle = result.capture.commit == spec.base and not result.ended.failure
        verdict = await nothing_changed(tools, planned, spec.base) if is_idle else None
    except WorkerLost as error:
        is_for_good = _losses(agent) >= MOST_LOSSES
        try:
            if not is_for_good:
                # Before the event, which has the attempt made again at once.
                await anyio.sleep(LOST_PAUSE_SECONDS)
        finally:  # also where the run is stopped meanwhile
            recorder.emit(_interrupted(started, None, str(error)))
        if is_for_good:
            raise
        return
    except (anyio.get_cancelled_exc_class(), GateCannotRun):
        with CancelScope(shield=True):
            salvaged = await salvage(tools, started)
            why = recorder.state.over_budget(step.batch) or "the run was stopped"
            recorder.emit(_interrupted(started, salvaged, str(why), meter.usage))
        raise
    with CancelScope(shield=True):  # what is finished is not run again because a stop came now
        ended = await to_thread.run_sync(
            conclude, tools, planned, spec, result, verdict, resolution
        )
        noted = meter.noted(ended.usage)
        recorder.emit(ended.model_copy(update={"notes": (*ended.notes, *noted)}))
        if recorder.state.agents[step.agent].phase is Phase.READY:
            # Of use to the agents to come; that of a failed attempt stays for whoever wants to look
            # at it.
            await tools.executor.release(spec.name)


def _resolution(tools: Tools, agent: str) -> Resolution | None:
    from orchestrator.engine.attempts.resolving import resolution_of

    return resolution_of(tools, agent)


def _losses(agent: AgentState) -> int:
    """How many attempts in a row the place lost or a stop ended, before the newest."""
    earlier = list(agent.attempts[:-1])
    return next(
        (
            n
            for n, item in enumerate(reversed(earlier))
            if not item.interrupted or item.interrupted.answer
        ),
        len(earlier),
    )


async def salvage(tools: Tools, started: AttemptStarted) -> str | None:
    """Keep what an interrupted attempt left, so that its workspace can be made anew."""
    name = f"{started.agent}-{started.attempt}"
    when = int(tools.recorder.state.started_at)
    commit = await tools.executor.salvage(
        name,
        base=started.base,
        message=f"{started.agent}: interrupted attempt {started.attempt}",
        when=when,
    )
    if commit is not None:
        ref = f"refs/orchestrate/{tools.folders.run}/{started.agent}/{started.attempt}"
        await to_thread.run_sync(lambda: tools.store.set_ref(ref, commit, old=None))
    return commit


def start_of(tools: Tools, step: StartAttempt) -> str:
    """The commit that the attempt starts from: where its work was returned to, its batch's base, or
    the work of the agents that it needs merged on top of that. Blocking.
    """
    state = tools.recorder.state
    agent, planned = state.agents[step.agent], state.plan.agent(step.agent)
    base = state.batches[step.batch].base
    if base is None:
        raise ValueError(f"batch {step.batch} has not started")
    # An interrupted retry is begun again where it began, so the attempt before it is what counts.
    if agent.sent_back and agent.sent_back.base:
        return agent.sent_back.base
    if not planned.needs:
        return base

    works = works_needed(state, planned)
    if not works:
        return base
    merged = tools.integrate(
        base,
        works,
        message=f"{step.agent}: what it needs\n",
        when=int(state.started_at),
    )
    # What conflicts here does so in the batch's candidate too, and is named there; this one starts
    # from what merges.
    return merged.commit or base


def _spec(
    tools: Tools,
    planned: PlannedAgent,
    started: AttemptStarted,
    resolution: Resolution | None,
    red: Sequence[str] | None,
) -> AttemptSpec:
    state = tools.recorder.state
    agent = state.agents[planned.id].as_seen_by(started.attempt)
    backend: Backend = tools.backends[state.backend_for(planned.id, started.racer)]
    conflict = resolution.brief if resolution else None
    config = state.plan.mission.backends.get(backend.name)
    begun = to_go_on_from(agent, is_wanted=bool(config and config.resume_work and not resolution))
    if resolution:
        backend = Resolving(backend, resolution.overlay.files)
    elif begun:
        backend = Resolving(backend, work_to_lay_out(tools.store, begun))
    backend = Conversing(backend, Conversation(tools, started))
    return AttemptSpec(
        run=state.run,
        batch=started.batch,
        agent=started.agent,
        attempt=started.attempt,
        base=started.base,
        backend=backend,
        brief=known().text(
            tools.briefs.render(
                state.plan.batch(started.batch),
                planned,
                earlier_attempts(tools, agent, begun),
                conflict,
                red,
                granted=state.batches[started.batch].talk.granted(planned.id),
                has_channel=not backend.is_replay,
                review=_review(tools, planned, started),
            )
        ),
        timeout=planned.timeout,
        mission_dir=tools.mission_dir,
        services=planned.services,
        message=f"{planned.id}: {planned.agent.name}\n\nRun: {state.run}\nAttempt: {started.attempt}\n",
        when=int(state.started_at),
        may_change=None if resolution else lambda path: _may_change(tools, planned, path),
        conversation=conversation_of(agent, begun) if begun else None,
    )


def _review(tools: Tools, planned: PlannedAgent, started: AttemptStarted) -> ToReview | None:
    """What a reviewer reads: what its batch's others made, or else what the run has landed."""
    if not planned.is_reviewer:
        return None
    from orchestrator.engine.attempts.reviewing import to_review

    return to_review(tools, started)


def _may_change(tools: Tools, planned: PlannedAgent, path: str) -> bool:
    """Whether its scope has a path, with what it was granted since it asked."""
    state = tools.recorder.state
    protect = Scope(state.plan.mission.workspace.protect)
    if path in state.batches[planned.batch].talk.granted(planned.id):
        return not protect.allows(path)
    return not breaches([path], tools.scopes[planned.id], protect)


def _interrupted(
    started: AttemptStarted, salvaged: str | None, reason: str, usage: Usage | None = None
) -> AttemptInterrupted:
    return AttemptInterrupted(
        batch=started.batch,
        agent=started.agent,
        attempt=started.attempt,
        salvaged=salvaged,
        reason=reason,
        usage=usage,
    )
