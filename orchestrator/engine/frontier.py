"""What may happen next: state in, decisions out. No I/O, no clock, no memory.

Owns every rule of scheduling: needs, slots, retries, the serial order of landing, what an unmet
need blocks, when a run has ended. The scheduler carries the decisions out and asks again; each one
changes the state that the next answer is made from, so asking twice between two events gives the
same answer.
"""

from __future__ import annotations

from dataclasses import dataclass

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
    racer: int = 0
    """From 1, in a race."""


@dataclass(frozen=True, slots=True)
class JudgeRace:
    """All racers of the agent have ended: pick the one whose work goes into the batch."""

    batch: str
    agent: str


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


Step = StartBatch | StartAttempt | JudgeRace | Integrate | EndBatch | EndRun


def frontier(state: State) -> tuple[Step, ...]:
    """All that may be started now, in plan order; empty while there is only something to wait
    for.
    """
    if state.ended:
        return ()
    if all(batch.outcome for batch in state.batches.values()):
        return (EndRun(exit_code_of(state)),)
    steps: list[Step] = []
    slots = _Slots(state)
    for planned in state.plan.batches:
        batch = state.batches[planned.id]
        if batch.outcome:
            continue
        if batch.base is None:
            steps.extend(_before(state, planned))
            continue
        begun = [*_races(state, planned), *_attempts(state, planned, slots)]
        steps.extend(begun)
        if not begun:
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


class _Slots:
    """What is free in the run as a whole, and what each provider lets begin."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.free = state.parallel - sum(len(it.running) for it in state.agents.values())
        self._left = {
            provider: it.most - state.at_work(it.event.backends)
            for provider, it in state.throttles.items()
        }

    def take(self, backend: str) -> bool:
        """Whether there is one for an attempt of the backend; then it is taken."""
        throttle = self._state.throttle_of(backend)
        if self.free <= 0 or (throttle and self._left[throttle.event.provider] <= 0):
            return False
        self.free -= 1
        if throttle:
            self._left[throttle.event.provider] -= 1
        return True


def _races(state: State, planned: PlannedBatch) -> list[Step]:
    """Races that are over: whoever has not ended can do nothing any more."""
    is_spent = state.over_budget(planned.id) is not None
    return [
        JudgeRace(planned.id, agent.id)
        for agent in state.agents_of(planned.id)
        if agent.has_raced and (is_spent or not agent.to_start)
    ]


def _attempts(state: State, planned: PlannedBatch, slots: _Slots) -> list[Step]:
    """Attempts for which there is a slot, both in the batch and in the run, and of a provider that
    has room.
    """
    agents = state.agents_of(planned.id)
    free = planned.parallel - sum(len(agent.running) for agent in agents)
    steps: list[Step] = []
    for agent in agents:
        if len(steps) >= free or slots.free <= 0:
            break  # this is asked after every event, of thousands of agents
        racers = agent.to_start if _is_startable(state, agent) else ()
        number = len(agent.attempts)
        for racer in racers:
            if len(steps) < free and slots.take(state.backend_for(agent.id, racer)):
                number += 1
                steps.append(StartAttempt(planned.id, agent.id, number, racer))
    return steps


def _is_startable(state: State, agent: AgentState) -> bool:
    planned = state.plan.agent(agent.id)
    needed = [state.agents[need] for need in planned.needs]
    return (
        bool(agent.to_start)
        and state.over_budget(agent.batch) is None
        # A reviewer reads what there is, once nobody works on it any more.
        and all(
            it.has_delivered or (planned.is_reviewer and it.phase is Phase.ENDED) for it in needed
        )
    )


def _after(state: State, planned: PlannedBatch, *, has_turn: bool) -> list[Step]:
    """What a batch may do in which nobody is at work and no attempt can be started now."""
    agents = state.agents_of(planned.id)
    at_work = any(it.phase is Phase.RUNNING or _is_startable(state, it) for it in agents)
    if at_work or state.integrating == planned.id or _waits_for_a_person(state, planned.id):
        return []
    # Nobody runs and nobody can be started: an agent that is still pending needs one that failed.
    required = [agent for agent in agents if not _may_fail(state, agent)]
    failed = [agent for agent in required if not agent.has_delivered]
    if not any(agent.phase is Phase.READY for agent in state.hands_of(planned.id)):
        return [EndBatch(planned.id, *_outcome_of(state, agents, failed))]
    if failed and planned.land is Land.WHOLE:
        outcome, reason = _outcome_of(state, agents, failed)
        return [EndBatch(planned.id, outcome, f"the batch lands whole or not at all, and {reason}")]
    return [Integrate(planned.id)] if has_turn else []


def _may_fail(state: State, agent: AgentState) -> bool:
    """Whether its batch is whole without it: a review decides nothing, so that a failed one does
    not.
    """
    planned = state.plan.agent(agent.id)
    return planned.agent.optional or planned.is_reviewer


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
