"""Taking a run back to a batch: what was done for later ones is undone, and the tip returns.

Owns the order: the batches that landed later say how they are undone (`rollback:`), the newest
first, each in a clean checkout of its commit and as a fact of its own; only when all of that went well
does the tip return. A kill between any two is repeated, without what was done. What is taken back
is to be done again by a resume; the user's branches are left alone.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from anyio import to_thread

from orchestrator.engine import redo
from orchestrator.engine.folders import tag_of
from orchestrator.engine.tools import Tools
from orchestrator.isolation.environment import clean_environment
from orchestrator.isolation.processes import Exit, NotStarted, ProcessSpec, run_process
from orchestrator.journal.events import RolledBack, RunInterrupted
from orchestrator.mission.model import Mission

TREE = "rollback"


async def roll_back(
    tools: Tools, to: str, move_tip_back: Callable[[Tools], Awaitable[None]]
) -> None:
    """Undo what landed after the batch `to` (something has), and end there; where a command says no, nothing more is
    undone and the tip stays.
    """
    recorder = tools.recorder
    later = redo.landed_after(recorder.state, to)
    for batch in reversed(later):
        fact = await _undone(tools, batch)
        if fact is not None and not fact.is_done:
            reason = f"rolling back batch {batch} failed: {fact.reason}"
            recorder.emit(RunInterrupted(reason=f"{reason}; the tip is where it was"))
            return
    recorder.emit(redo.choose(recorder.state, later, ()))
    await move_tip_back(tools)
    recorder.emit(RunInterrupted(reason=f"rolled back to batch {to}"))


async def _undone(tools: Tools, batch: str) -> RolledBack | None:
    """What became of a batch's own command; None where it has none."""
    state = tools.recorder.state
    planned, commit = state.plan.batch(batch).batch, state.batches[batch].landings[-1].commit
    if planned.rollback is None:
        return None
    known = [fact for fact in state.rolled_back if (fact.batch, fact.commit) == (batch, commit)]
    if known and known[-1].is_done:
        return known[-1]
    log = tools.folders.logs / f"{TREE}-{batch}-{len(known) + 1}.log"
    told = str(planned.rollback)
    try:
        ended = await _carried_out(tools, batch, commit, log)
        reason = f"still running after {ended.seconds:.0f} s" if ended.timed_out else ""
        reason = reason or (f"`{told}` exited with {ended.code}" if ended.code else "")
        code = ended.code
    except NotStarted as error:
        code, reason = None, f"`{told}` could not be started: {error}"
    fact = RolledBack(
        batch=batch,
        commit=commit,
        command=told,
        exit_code=code,
        reason=reason,
        log=str(log.relative_to(tools.folders.report)),
    )
    tools.recorder.emit(fact)
    return fact


async def _carried_out(tools: Tools, batch: str, commit: str, log: Path) -> Exit:
    state = tools.recorder.state
    command = state.plan.batch(batch).batch.rollback
    assert command is not None
    mission = state.plan.mission
    tree = await to_thread.run_sync(tools.checkout, TREE, commit)
    told = {
        "ORCHESTRATE_RUN": state.run,
        "ORCHESTRATE_BATCH": batch,
        "ORCHESTRATE_COMMIT": commit,
        "ORCHESTRATE_BEFORE": state.batches[batch].landings[-1].before,
    }
    home = tools.folders.homes / TREE
    env = await to_thread.run_sync(
        partial(clean_environment, home, _of_gate(mission, batch) | told)
    )
    spec = ProcessSpec(
        argv=command.argv,
        cwd=tree,
        env=env,
        timeout=mission.defaults.gate_timeout,
        log=log,
        tag=tag_of(tools.folders, TREE),
    )
    return await run_process(spec)


def _of_gate(mission: Mission, batch: str) -> dict[str, str]:
    """The variables that the batch's gate is given: what reaches a deployment undoes it too."""
    gate = next(each.gate for each in mission.batches if each.id == batch)
    return mission.gates[gate].env.of(os.environ) if gate else {}
