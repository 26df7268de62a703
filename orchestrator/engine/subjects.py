"""What the gate of a batch is asked, and of what: read from the state of a run. Pure."""

from __future__ import annotations

from orchestrator.gates.subject import Subject
from orchestrator.journal.state import AgentState, Phase, State
from orchestrator.mission.model import Gate, Mission, Variables
from orchestrator.plan import PlannedBatch


def subject_of(state: State, planned: PlannedBatch) -> Subject:
    """What the batch's gate asks of its candidate. Without a gate, only what its claims name as
    proof.
    """
    return Subject(
        gate=gate_name(planned),
        checks=planned.gate.checks if planned.gate else (),
        env=planned.gate.env if planned.gate else Variables(),
        services=services_of(state.plan.mission, planned.gate),
        may_change=planned.gate.may_change if planned.gate else (),
        criteria=planned.batch.criteria,
        deliverables=state.plan.deliverables[planned.id],
        timeout=state.plan.mission.defaults.gate_timeout,
        plugins=state.plan.mission.defaults.plugins,
        exercise=planned.batch.exercise,
    )


def services_of(mission: Mission, gate: Gate | None) -> tuple[str, ...]:
    """What the checks of a gate have beside them that say nothing of it."""
    own = gate.services if gate else None
    return mission.defaults.services if own is None else own


def gate_name(planned: PlannedBatch) -> str:
    """What reports call the batch's gate."""
    return planned.gate_name or "(none)"


def baseline_of(state: State, batch: str) -> str:
    """What a batch's candidate is compared with: the tip, or where the tip was before the first
    part of it landed.
    """
    landings = state.batches[batch].landings
    return landings[0].before if landings else state.tip


def absentees(state: State, planned: PlannedBatch) -> list[AgentState]:
    """Agents of the batch whose work is neither in the candidate nor in the tip below it."""
    return [
        agent
        for agent in state.agents_of(planned.id)
        if agent.phase is not Phase.READY and not (agent.outcome and agent.outcome.is_good)
    ]
