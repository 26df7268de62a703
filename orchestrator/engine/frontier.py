"""What may happen next: state in, decisions out. No I/O, no clock, no memory.

Owns every rule of scheduling: needs, slots, retries, the serial order of landing, what an unmet
need blocks, when a run has ended. The scheduler carries the decisions out and asks again; each one
changes the state that the next answer is made from, so asking twice between two events gives the
same answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from orchestrator.journal.facts import Decision as Verdict
from orchestrator.journal.facts import Outcome
from orchestrator.journal.state import AgentState, Phase, State
from orchestrator.mission.model import Land, OnFailure
from orchestrator.plan import PlannedBatch


@dataclass(frozen=True, slots=True)
class StartBatch:
    """Its needs have landed: fix the commit that its agents start from."""

    batch: str


@dataclass(frozen=True, slots=True)
class StartAttempt:
    """The agent has a slot."""

    batch: str
    agent: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Integrate:
    """Nobody of the batch is at work any more: build its candidate, judge it, land it."""

    batch: str


@dataclass(frozen=True, slots=True)
class EndBatch:
    """Nothing more can be done for the batch."""

    batch: str
    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True)
class EndRun:
    """Every batch has ended."""

    exit_code: int


Step = StartBatch | StartAttempt | Integrate | EndBatch | EndRun


def frontier(state: State) -> tuple[Step, ...]:
    """All that may be started now, in plan order; empty while there is only something to wait
    for.
    """
    if state.ended:
        return ()
    if all(batch.outcome for batch in state.batches.values()):
        return (EndRun(exit_code_of(state)),)
    steps: list[Step] = []
    # Looked at once for all that follows: this is asked after every event, of thousands of agents.
    at_work = Phase.RUNNING
    running = Counter([it.batch for it in state.agents.values() if it.phase is at_work])
    free = state.parallel - running.total()
    for planned in state.plan.batches:
        batch = state.batches[planned.id]
        if batch.outcome:
            continue
        if batch.base is None:
            steps.extend(_before(state, planned))
            continue
        slots = min(free, planned.parallel - running[planned.id])
        attempts = _attempts(state, planned, slots)
        free -= len(attempts)
        steps.extend(attempts)
        if not attempts and not running[planned.id]:
            has_turn = state.integrating is None and not any(
                isinstance(step, Integrate) for step in steps
            )
            steps.extend(_after(state, planned, has_turn=has_turn))
    return tuple(steps)


def exit_code_of(state: State) -> int:
    """0 only if every agent landed or was not needed: an optional agent that failed is a failure
    too.
    """
    return (
        0 if all(agent.outcome and agent.outcome.is_good for agent in state.agents.values()) else 1
    )


def _before(state: State, planned: PlannedBatch) -> list[Step]:
    """What a batch that has not begun may do."""
    failed = [
        need for need in planned.needs if state.batches[need].outcome and not state.is_whole(need)
    ]
    if failed:
        reasons = ", ".join(f"{need}, which is {state.batches[need].outcome}" for need in failed)
        return [EndBatch(planned.id, Outcome.BLOCKED, f"needs {reasons}")]
    if spent := state.over_budget(planned.id):
        return [EndBatch(planned.id, Outcome.OVER_BUDGET, str(spent))]
    if state.plan.mission.on_failure is OnFailure.STOP:
        ended = [
            b
            for b in state.batches.values()
            if b.outcome and (b.ended_at or 0.0) >= state.redone_at
        ]
        stopped_by = [b.id for b in ended if b.outcome and not b.outcome.is_good]
        if stopped_by:
            return [
                EndBatch(
                    planned.id,
                    Outcome.CANCELLED,
                    f"the run stops on a failure, and {stopped_by[0]} failed",
                )
            ]
    return [StartBatch(planned.id)] if all(state.is_whole(need) for need in planned.needs) else []


def _attempts(state: State, planned: PlannedBatch, slots: int) -> list[Step]:
    """Attempts for which there is a slot, both in the batch and in the run."""
    return [
        StartAttempt(planned.id, agent.id, len(agent.attempts) + 1)
        for agent in islice(_startable(state, planned), max(0, slots))
    ]


def _startable(state: State, planned: PlannedBatch) -> Iterator[AgentState]:
    """The agents of a batch that wait for nothing but a slot."""
    if state.over_budget(planned.id) is None:
        for agent in planned.agents:
            known = state.agents[agent.id]
            if known.phase is Phase.PENDING and all(
                state.agents[need].has_delivered for need in agent.needs
            ):
                yield known


def _after(state: State, planned: PlannedBatch, *, has_turn: bool) -> list[Step]:
    """What a batch may do in which nobody is at work and no attempt can be started now."""
    agents = state.agents_of(planned.id)
    is_waiting = any(True for _ in _startable(state, planned))
    if is_waiting or state.integrating == planned.id or _waits_for_a_person(state, planned.id):
        return []
    # Nobody runs and nobody can be started: an agent that is still pending needs one that failed.
    required = [agent for agent in agents if not state.plan.agent(agent.id).agent.optional]
    failed = [agent for agent in required if not agent.has_delivered]
    if not any(agent.phase is Phase.READY for agent in agents):
        return [EndBatch(planned.id, *_outcome_of(state, agents, failed))]
    if failed and planned.land is Land.WHOLE:
        outcome, reason = _outcome_of(state, agents, failed)
        return [EndBatch(planned.id, outcome, f"the batch lands whole or not at all, and {reason}")]
    return [Integrate(planned.id)] if has_turn else []


def _waits_for_a_person(state: State, batch: str) -> bool:
    """Whether a sign-off is missing for the very tree that was judged."""
    finished = state.batches[batch].verdict
    if finished is None or finished.verdict.decision is not Verdict.WAITING:
        return False
    given = state.approvals_for(batch, finished.verdict.tree)
    waiting = [check.name for check in finished.verdict.checks if check.decision is Verdict.WAITING]
    return any(name not in given or given[name].tree != finished.verdict.tree for name in waiting)


def _outcome_of(
    state: State, agents: tuple[AgentState, ...], failed: list[AgentState]
) -> tuple[Outcome, str]:
    """A batch's outcome: that of its first agent that failed, in plan order, with all of them
    named.
    """
    if failed:
        came = {agent.id: _came_to(state, agent) for agent in failed}
        # One that never ran because of another says less than that other.
        first = next((agent.outcome for agent in failed if agent.outcome), None)
        kept = next((it for it in came.values() if it is Outcome.OVER_BUDGET), Outcome.BLOCKED)
        return first or kept, "; ".join(f"{id} {outcome.value}" for id, outcome in came.items())
    landed = any(agent.outcome is Outcome.LANDED for agent in agents)
    return (Outcome.LANDED if landed else Outcome.NO_CHANGE_NEEDED), ""


def _came_to(state: State, agent: AgentState) -> Outcome:
    if agent.outcome:
        return agent.outcome
    return Outcome.OVER_BUDGET if state.is_kept_by_budget(agent.id) else Outcome.BLOCKED
