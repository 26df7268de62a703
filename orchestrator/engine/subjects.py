"""What the gate of a batch is asked, and of what: read from the state of a run. Pure."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.gates.subject import Subject
from orchestrator.journal.state import AgentState, Phase, State
from orchestrator.merging.contribution import Contribution
from orchestrator.mission.model import (
    ApprovalCheck,
    CommandCheck,
    Gate,
    Mission,
    PytestCheck,
    Variables,
)
from orchestrator.plan import PlannedAgent, PlannedBatch


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


def of_racer(state: State, planned: PlannedBatch, agent: str) -> Subject:
    """What the batch's gate can ask of one agent's work by itself: no sign-off, and, where others
    are to land with it, nothing that all of them are to bring about together.
    """
    subject = subject_of(state, planned)
    checks = tuple(check for check in subject.checks if not isinstance(check, ApprovalCheck))
    own = {agent: subject.deliverables[agent]}
    if len(state.hands_of(planned.id)) == 1:
        return replace(subject, checks=checks, deliverables=own)
    return replace(
        subject,
        checks=tuple(
            check.model_copy(update={"must_turn_green": ()})
            if isinstance(check, PytestCheck | CommandCheck)
            else check
            for check in checks
        ),
        deliverables=own,
        criteria=(),
        exercise=False,
    )


def works_needed(state: State, planned: PlannedAgent) -> list[Contribution]:
    """The work of the agents that it needs, directly or through others, in plan order."""
    wanted = {need for need in state.agents if planned.id in state.plan.agent_dependents(need)}
    needed = [agent for agent in state.agents_of(planned.batch) if agent.id in wanted]
    return [
        Contribution(it.id, it.last.started.base, it.work.commit)
        for it in needed
        if it.last and it.work and it.work.commit
    ]


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
