"""The plan: in what order a mission's batches and agents can run.

Owns the graph and the defaults: what a mission leaves open is resolved here, so that nobody after
this asks `mission.defaults` again. It starts nothing, reads no file and prints nothing (see
`ui.plan_view`); what a person should know before a run is found in `inspection`. What it makes is
the same for the same mission.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, TypeVar

from orchestrator.errors import UsageError
from orchestrator.mission.model import (
    Agent,
    Batch,
    Ceiling,
    Claim,
    Gate,
    Land,
    Mission,
    OnConflict,
    Overlap,
)
from orchestrator.mission.paths import Paths
from orchestrator.mission.scope import Scope
from orchestrator.mission.symbols import Outline

if TYPE_CHECKING:
    from orchestrator.graph import Graph

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PlannedAgent:
    """An agent with nothing left open."""

    id: str
    batch: str
    agent: Agent
    backend: str
    timeout: float
    """Seconds of one attempt."""
    attempts: int
    scope: Scope
    needs: tuple[str, ...]
    """Agents of the same batch."""
    services: tuple[str, ...] = ()
    """What each of its attempts has beside it."""
    racers: tuple[str, ...] = ()
    """The backends that do its work at once, of which the gate picks; none: there is no race."""
    ceiling: Ceiling | None = None
    """What one attempt may use."""

    @property
    def is_reviewer(self) -> bool:
        """Whether it changes nothing, and reports findings."""
        return not self.agent.files

    @property
    def backends(self) -> tuple[str, ...]:
        """Whom it may be given to."""
        return self.racers or (self.backend,)


@dataclass(frozen=True, slots=True)
class PlannedBatch:
    """A batch with nothing left open; its agents stand in the mission's order."""

    id: str
    batch: Batch
    agents: tuple[PlannedAgent, ...]
    needs: tuple[str, ...]
    parallel: int
    land: Land
    on_conflict: OnConflict
    overlap: Overlap
    gate_name: str | None
    gate: Gate | None

    @property
    def title(self) -> str:
        """What people call it."""
        return self.batch.title or self.id


@dataclass(frozen=True)  # without slots: what is derived is kept
class Plan:
    """A mission's graph. Batches and agents stand in the mission's order, which is also the order
    of landing.
    """

    mission: Mission
    batches: tuple[PlannedBatch, ...]

    @property
    def agents(self) -> tuple[PlannedAgent, ...]:
        """All agents in plan order."""
        return tuple(agent for batch in self.batches for agent in batch.agents)

    def batch(self, id: str) -> PlannedBatch:
        """Raises KeyError for an unknown id."""
        return self._batches[id]

    def agent(self, id: str) -> PlannedAgent:
        """Raises KeyError for an unknown id."""
        return self._agents[id]

    @cached_property
    def waves(self) -> tuple[tuple[str, ...], ...]:
        """Batches that may run side by side, wave after wave; a batch starts as soon as what it
        needs has landed.
        """
        return self._graph.generations([batch.id for batch in self.batches])

    def wave(self, batch_id: str) -> int:
        """Index into `waves`: how many batches must have landed one after the other before it, at
        least.
        """
        return self._wave[batch_id]

    @cached_property
    def critical_path(self) -> tuple[str, ...]:
        """The chain of batches that takes longest if every agent takes its whole timeout."""
        return self._graph.longest_path(lambda batch: batch_seconds(self.batch(batch)))

    def dependents(self, batch_id: str) -> frozenset[str]:
        """The batches that need this one, directly or through others."""
        return self._dependents[batch_id]

    def agent_dependents(self, agent_id: str) -> frozenset[str]:
        """The agents of the same batch that need this one, directly or through others."""
        return self._agent_dependents.get(agent_id, frozenset())

    def resolved(self, outlines: Mapping[str, Outline | None]) -> Plan:
        """The plan with each line of a scope bound to its symbol; `outlines` are those of the run's
        base, by path.
        """
        paths = Paths(outlines)

        def bound(batch: PlannedBatch) -> PlannedBatch:
            agents = (
                replace(agent, scope=agent.scope.resolved(outlines, paths))
                for agent in batch.agents
            )
            return replace(batch, agents=tuple(agents))

        return replace(self, batches=tuple(map(bound, self.batches)))

    @property
    def ceiling(self) -> float:
        """Seconds that the critical path takes if every agent takes the whole timeout of one
        attempt; without gates.
        """
        return sum(batch_seconds(self.batch(batch)) for batch in self.critical_path)

    @cached_property
    def deliverables(self) -> Mapping[str, dict[str, tuple[Claim, ...]]]:
        """What is claimed of each agent's work, by batch and agent. Not to be modified."""
        return {
            batch.id: {agent.id: agent.agent.deliverables for agent in batch.agents}
            for batch in self.batches
        }

    # Derived when first asked for, so no part of what a plan is; a run asks for the lookups in
    # every round.

    @cached_property
    def _batches(self) -> Mapping[str, PlannedBatch]:
        return {batch.id: batch for batch in self.batches}

    @cached_property
    def _agents(self) -> Mapping[str, PlannedAgent]:
        return {agent.id: agent for agent in self.agents}

    @cached_property
    def _wave(self) -> Mapping[str, int]:
        return {batch: index for index, wave in enumerate(self.waves) for batch in wave}

    @cached_property
    def _graph(self) -> Graph:
        return _graph_of(self.batches)

    @cached_property
    def _dependents(self) -> Mapping[str, frozenset[str]]:
        return self._graph.descendants()

    @cached_property
    def _agent_dependents(self) -> Mapping[str, frozenset[str]]:
        """Only those of batches in which there are any."""
        chained = [
            batch.agents for batch in self.batches if any(agent.needs for agent in batch.agents)
        ]
        return {
            id: found for agents in chained for id, found in _graph_of(agents).descendants().items()
        }


def make_plan(mission: Mission) -> Plan:
    """The plan of a mission whose names are right, as `load_mission` makes sure. Raises UsageError
    for a cycle.
    """
    refuse_cycle({batch.id: batch.needs for batch in mission.batches})
    for batch in mission.batches:
        refuse_cycle({agent.id: agent.needs for agent in batch.agents})
    return Plan(mission, tuple(_plan_batch(batch, mission) for batch in mission.batches))


def refuse_cycle(needs: Mapping[str, Iterable[str]]) -> None:
    """Raise UsageError if something needs itself, directly or through others; the message shows the
    way round.
    """
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        cycle: list[str] = error.args[1]
        raise UsageError(
            f"a cycle of needs: {' → '.join(cycle)}", mend="take one of these needs out"
        ) from None


def batch_seconds(batch: PlannedBatch) -> float:
    """How long a batch's agents take at most in one attempt each: the longer of its longest chain
    and its queue.
    """
    graph = _graph_of(batch.agents)
    timeouts = {agent.id: agent.timeout for agent in batch.agents}
    chain = sum(timeouts[agent] for agent in graph.longest_path(timeouts.__getitem__))
    return max(chain, sum(timeouts.values()) / batch.parallel)


def _plan_batch(batch: Batch, mission: Mission) -> PlannedBatch:
    defaults = mission.defaults
    return PlannedBatch(
        id=batch.id,
        batch=batch,
        agents=tuple(_plan_agent(agent, batch, mission) for agent in batch.agents),
        needs=batch.needs,
        parallel=_first(batch.parallel, defaults.parallel),
        land=_first(batch.land, defaults.land),
        on_conflict=_first(batch.on_conflict, defaults.on_conflict),
        overlap=_first(batch.overlap, defaults.overlap),
        gate_name=batch.gate,
        gate=mission.gates[batch.gate] if batch.gate is not None else None,
    )


def _plan_agent(agent: Agent, batch: Batch, mission: Mission) -> PlannedAgent:
    return PlannedAgent(
        id=agent.id,
        batch=batch.id,
        agent=agent,
        backend=_first(agent.backend, mission.defaults.backend),
        timeout=_first(agent.timeout, mission.defaults.timeout),
        attempts=_first(agent.attempts, mission.defaults.attempts),
        scope=Scope(agent.files, agent.imports or "add", agent.new_symbols or "private"),
        needs=_needs_of(agent, batch),
        services=_first(agent.services, _first(batch.services, mission.defaults.services)),
        racers=racers_of(agent, mission),
        ceiling=agent.budget or mission.defaults.budget,
    )


def racers_of(agent: Agent, mission: Mission) -> tuple[str, ...]:
    """The backends that race one another for an agent's work; none where there is no race."""
    race = 1 if not agent.files else _first(agent.race, mission.defaults.race or 1)
    if isinstance(race, int):
        race = (_first(agent.backend, mission.defaults.backend),) * race
    return race if len(race) > 1 else ()


def _needs_of(agent: Agent, batch: Batch) -> tuple[str, ...]:
    """A reviewer that says nothing of it reads the work of all others of its batch."""
    if agent.files or agent.needs:
        return agent.needs
    after = {agent.id}
    for _ in batch.agents:  # whoever waits for it, directly or through others, is not waited for
        after |= {other.id for other in batch.agents if after & set(other.needs)}
    return tuple(other.id for other in batch.agents if other.files and other.id not in after)


def _first(value: T | None, default: T) -> T:
    return default if value is None else value


def _graph_of(nodes: Iterable[PlannedBatch] | Iterable[PlannedAgent]) -> Graph:
    from orchestrator.graph import Graph  # a run does without it until somebody looks at the plan

    return Graph(nodes)
