"""The loop round the frontier: ask what may happen, begin it, wait for the next event, ask again.

Every step is a task of one task group: what fails here ends the run, what is cancelled is cancelled
to its last child. Work that can be done while agents run is done then: baselines of gates, test
processes, work trees for those to come.
"""

from __future__ import annotations

from itertools import islice

import anyio
import anyio.lowlevel
from anyio import to_thread
from anyio.abc import TaskGroup

from orchestrator.engine import approvals, throttling
from orchestrator.engine.attempts.attempt import attempt, start_of
from orchestrator.engine.baselines import see_baseline
from orchestrator.engine.budgets import Budgets
from orchestrator.engine.frontier import (
    EndBatch,
    EndRun,
    Integrate,
    JudgeRace,
    StartAttempt,
    StartBatch,
    frontier,
)
from orchestrator.engine.subjects import subject_of
from orchestrator.engine.tools import Tools
from orchestrator.journal.events import (
    AttemptStarted,
    BatchEnded,
    BatchStarted,
    CheckoutWritten,
    IntegrationStarted,
    RaceClosed,
    RunEnded,
)

MOST_NAMED = 10
GATE_FIRST_SECONDS = 0.05
"""A gate is waited for by everybody, so it is given its own tree before spares are made."""


async def schedule(tools: Tools) -> None:
    """Carry the run on until every batch has ended."""
    recorder = tools.recorder
    budgets = Budgets(recorder)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(budgets.watch)
        tasks.start_soon(approvals.watch, recorder, tools.folders.approvals)
        tasks.start_soon(throttling.watch, recorder)
        tasks.start_soon(_anticipate, tools)
        await _take_up_baselines(tools, tasks)
        while not recorder.state.ended:
            budgets.look()
            steps = frontier(recorder.state)
            for step in steps:
                await _begin(tools, tasks, budgets, step)
            if not steps:
                await recorder.change()
                # Whose last word that was may be about to stop the run: before anybody else begins.
                await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()


async def _take_up_baselines(tools: Tools, tasks: TaskGroup) -> None:
    """After a resume: what a gate lacked is looked at again before anybody works for it."""
    state = tools.recorder.state
    begun = [it.id for it in state.batches.values() if it.base is not None and it.outcome is None]
    for batch in begun if state.lacking else ():
        await see_baseline(tools, batch)
    for batch in begun:
        tasks.start_soon(_baseline, tools, batch)


async def _begin(tools: Tools, tasks: TaskGroup, budgets: Budgets, step: object) -> None:
    recorder = tools.recorder
    match step:
        case StartBatch(batch=batch):
            recorder.emit(BatchStarted(batch=batch, base=recorder.state.tip))
            tasks.start_soon(
                _baseline, tools, batch
            )  # runs when the agents that start now have their work trees
        case StartAttempt(batch=batch, agent=agent, attempt=number, racer=racer):
            planned = recorder.state.plan.agent(agent)
            base = (
                await to_thread.run_sync(start_of, tools, step)
                if planned.needs
                else start_of(tools, step)
            )
            backend = tools.backends[recorder.state.backend_for(agent, racer)].name
            recorder.emit(
                AttemptStarted(
                    batch=batch,
                    agent=agent,
                    attempt=number,
                    base=base,
                    backend=backend,
                    racer=racer,
                )
            )
            tasks.start_soon(_attempt, tools, budgets, step)
        case JudgeRace(batch=batch, agent=agent):
            from orchestrator.engine.landings.race import judge_race

            recorder.emit(RaceClosed(batch=batch, agent=agent))
            tasks.start_soon(judge_race, tools, agent)
        case Integrate(batch=batch):
            from orchestrator.engine.landings.landing import land_batch

            recorder.emit(IntegrationStarted(batch=batch))
            tasks.start_soon(land_batch, tools, batch)
        case EndBatch(batch=batch, outcome=outcome, reason=reason):
            recorder.emit(BatchEnded(batch=batch, outcome=outcome, reason=reason))
        case EndRun(exit_code=exit_code):
            if written := await to_thread.run_sync(tools.written):
                named = tuple(written[:MOST_NAMED])
                recorder.emit(CheckoutWritten(paths=named, number=len(written)))
            recorder.emit(RunEnded(exit_code=exit_code))


async def _attempt(tools: Tools, budgets: Budgets, step: StartAttempt) -> None:
    with budgets.holding(step.batch):
        await attempt(tools, step, budgets)


async def _baseline(tools: Tools, batch: str) -> None:
    """Judge the base while the agents are at work; the landing finds the answer cached."""
    await (
        anyio.lowlevel.checkpoint()
    )  # let the attempts that start with this batch ask for their work trees first
    await tools.executor.quiet()
    await to_thread.run_sync(_import_what_comes_after_agents)
    await see_baseline(tools, batch, among_agents=True)
    state = tools.recorder.state
    planned = state.plan.batch(batch)
    if planned.gate is not None:
        await tools.judge.prepare(subject_of(state, planned))


def _import_what_comes_after_agents() -> None:
    """In a thread: it takes as long as some agents, and those that start now are not to wait for
    it.
    """
    from orchestrator.engine.attempts import assessing  # noqa: F401
    from orchestrator.engine.landings import landing  # noqa: F401
    from orchestrator.gates import judge  # noqa: F401


async def _anticipate(tools: Tools) -> None:
    """Keep as many work trees ready as agents can start at once, on the newest tip."""
    recorder = tools.recorder
    while True:
        await recorder.change()
        await (
            anyio.lowlevel.checkpoint()
        )  # let the attempts that this event may have started ask first
        state = recorder.state
        judged = state.batches[state.integrating].candidate if state.integrating else None
        # Agents of batches to come start from what is being judged now, most likely; before that
        # their work trees would be made of the wrong commit, while those who are at work want the
        # machine.
        most = min(state.parallel, max(batch.parallel for batch in state.plan.batches))
        to_come = (
            racer
            for agent in state.agents.values()
            if judged or state.batches[agent.batch].base is not None
            for racer in agent.to_start
        )
        wanted = sum(1 for _ in islice(to_come, most))
        if judged:
            await anyio.sleep(GATE_FIRST_SECONDS)
        await tools.executor.prepare(wanted, judged.commit if judged else state.tip)
