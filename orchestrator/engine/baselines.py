"""The baseline of a batch's gate: seen beforehand, and the run stopped where the gate cannot run on
it.

Owns when a gate that cannot run is the place's fault: only what lacked at the run's base too was not
brought about by work that has landed since.
"""

from __future__ import annotations

from orchestrator.engine.subjects import baseline_of, subject_of
from orchestrator.engine.tools import GateCannotRun, Tools


async def see_baseline(tools: Tools, batch: str, *, among_agents: bool = False) -> None:
    """See how the batch's gate comes out on its base. Raises GateCannotRun where it cannot be
    carried out there, for nobody's fault.
    """
    state = tools.recorder.state
    planned = state.plan.batch(batch)
    if planned.gate is None:
        return
    subject, base = subject_of(state, planned), baseline_of(state, batch)
    await tools.judge.baseline(subject, base, among_agents=among_agents)
    faults = await tools.judge.lacks(subject, base)
    if faults and base != state.started.base:
        before = await tools.judge.lacks(subject, state.started.base)
        faults = tuple(fault for fault in faults if fault.check in {each.check for each in before})
    if faults:
        raise GateCannotRun(faults)
