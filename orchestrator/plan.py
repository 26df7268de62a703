"""The plan: in what order a mission's batches and agents can run.

Owns the graph and the defaults: what a mission leaves open is resolved here, so that nobody after this asks
`mission.defaults` again. It starts nothing, reads no file and prints nothing (see `ui.plan_view`); what a person should
know before a run is found in `inspection`. What it makes is the same for the same mission.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from orchestrator.errors import UsageError
from orchestrator.mission.model import Agent, Batch, Gate, Land, Mission, OnConflict, Overlap
from orchestrator.mission.scope import Scope
from orchestrator.mission.symbols import Outline

if TYPE_CHECKING:
    import networkx as nx

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
    wave: int
    """Index into `Plan.waves`: how many batches must have landed one after the other before it, at least."""

    @property
    def title(self) -> str:
        """What people call it."""
        return self.batch.title or self.id


@dataclass(frozen=True)
class Plan:
    """A mission's graph. Batches and agents stand in the mission's order, which is also the order of landing."""

    mission: Mission
    batches: tuple[PlannedBatch, ...]
    waves: tuple[tuple[str, ...], ...]
    """Batches that may run side by side, wave after wave; a batch starts as soon as what it needs has landed."""
    critical_path: tuple[str, ...]
    """The chain of batches that takes longest if every agent takes its whole timeout."""
    _dependents: Mapping[str, frozenset[str]] = field(repr=False, compare=False)
    _agent_dependents: Mapping[str, frozenset[str]] = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        # Lookups that the engine makes in every round; derived, so no part of what a plan is.
        object.__setattr__(self, "_batches", {batch.id: batch for batch in self.batches})
        object.__setattr__(self, "_agents", {agent.id: agent for batch in self.batches for agent in batch.agents})

    @property
    def agents(self) -> tuple[PlannedAgent, ...]:
        """All agents in plan order."""
        return tuple(agent for batch in self.batches for agent in batch.agents)

    def batch(self, id: str) -> PlannedBatch:
        """Raises KeyError for an unknown id."""
        batches: Mapping[str, PlannedBatch] = self.__dict__["_batches"]
        return batches[id]

    def agent(self, id: str) -> PlannedAgent:
        """Raises KeyError for an unknown id."""
        agents: Mapping[str, PlannedAgent] = self.__dict__["_agents"]
        return agents[id]

    def dependents(self, batch_id: str) -> frozenset[str]:
        """The batches that need this one, directly or through others."""
        return self._dependents[batch_id]

    def agent_dependents(self, agent_id: str) -> frozenset[str]:
        """The agents of the same batch that need this one, directly or through others."""
        return self._agent_dependents[agent_id]

    def resolved(self, outlines: Mapping[str, Outline | None]) -> Plan:
        """The plan with each line of a scope bound to its symbol; `outlines` are those of the run's base, by path."""

        def bound(batch: PlannedBatch) -> PlannedBatch:
            agents = (replace(agent, scope=agent.scope.resolved(outlines)) for agent in batch.agents)
            return replace(batch, agents=tuple(agents))

        return replace(self, batches=tuple(map(bound, self.batches)))

    @property
    def ceiling(self) -> float:
        """Seconds that the critical path takes if every agent takes the whole timeout of one attempt; without gates."""
        return sum(batch_seconds(self.batch(batch)) for batch in self.critical_path)


def make_plan(mission: Mission) -> Plan:
    """The plan of a mission whose names are right, as `load_mission` makes sure. Raises UsageError for a cycle."""
    graph = _graph(mission.batches)
    waves = _generations(graph, [batch.id for batch in mission.batches])
    wave_of = {name: index for index, wave in enumerate(waves) for name in wave}
    batches = tuple(_plan_batch(batch, mission, wave_of[batch.id]) for batch in mission.batches)
    agent_dependents: dict[str, frozenset[str]] = {}
    for batch in mission.batches:
        agent_dependents |= _descendants(_graph(batch.agents))
    seconds = {batch.id: batch_seconds(batch) for batch in batches}
    return Plan(
        mission=mission,
        batches=batches,
        waves=waves,
        critical_path=_longest_path(graph, seconds.__getitem__),
        _dependents=_descendants(graph),
        _agent_dependents=agent_dependents,
    )


def batch_seconds(batch: PlannedBatch) -> float:
    """How long a batch's agents take at most in one attempt each: the longer of its longest chain and its queue."""
    graph = _graph([planned.agent for planned in batch.agents])
    timeouts = {agent.id: agent.timeout for agent in batch.agents}
    chain = sum(timeouts[agent] for agent in _longest_path(graph, timeouts.__getitem__))
    return max(chain, sum(timeouts.values()) / batch.parallel)


def _plan_batch(batch: Batch, mission: Mission, wave: int) -> PlannedBatch:
    defaults = mission.defaults
    return PlannedBatch(
        id=batch.id,
        batch=batch,
        agents=tuple(_plan_agent(agent, batch.id, mission) for agent in batch.agents),
        needs=batch.needs,
        parallel=_first(batch.parallel, defaults.parallel),
        land=_first(batch.land, defaults.land),
        on_conflict=_first(batch.on_conflict, defaults.on_conflict),
        overlap=_first(batch.overlap, defaults.overlap),
        gate_name=batch.gate,
        gate=mission.gates[batch.gate] if batch.gate is not None else None,
        wave=wave,
    )


def _plan_agent(agent: Agent, batch_id: str, mission: Mission) -> PlannedAgent:
    return PlannedAgent(
        id=agent.id,
        batch=batch_id,
        agent=agent,
        backend=_first(agent.backend, mission.defaults.backend),
        timeout=_first(agent.timeout, mission.defaults.timeout),
        attempts=_first(agent.attempts, mission.defaults.attempts),
        scope=Scope(agent.files, agent.imports or "add", agent.new_symbols or "private"),
        needs=agent.needs,
    )


def _first(value: T | None, default: T) -> T:
    return default if value is None else value


# networkx takes longer to import than a mission takes to load; only those who make a plan pay for it.


def _graph(nodes: Iterable[Batch] | Iterable[Agent]) -> nx.DiGraph[str]:
    """Edges point from what is needed to who needs it."""
    import networkx as nx

    graph: nx.DiGraph[str] = nx.DiGraph()
    for node in nodes:
        graph.add_node(node.id)
        graph.add_edges_from((need, node.id) for need in node.needs)
    if not nx.is_directed_acyclic_graph(graph):
        cycle = [start for start, _ in nx.find_cycle(graph)]
        raise UsageError(f"a cycle of needs: {' → '.join([*cycle, cycle[0]])}", mend="take one of these needs out")
    return graph


def _generations(graph: nx.DiGraph[str], order: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    import networkx as nx

    rank = {name: index for index, name in enumerate(order)}
    return tuple(tuple(sorted(wave, key=rank.__getitem__)) for wave in nx.topological_generations(graph))


def _descendants(graph: nx.DiGraph[str]) -> dict[str, frozenset[str]]:
    import networkx as nx

    return {node: frozenset(nx.descendants(graph, node)) for node in graph}


def _longest_path(graph: nx.DiGraph[str], seconds: Callable[[str], float]) -> tuple[str, ...]:
    """The heaviest chain by the weight of its nodes, which stand on the edges that lead to them."""
    import networkx as nx

    weighted: nx.DiGraph[str] = nx.DiGraph()
    weighted.add_edges_from(("", node, {"weight": seconds(node)}) for node in graph)
    weighted.add_edges_from((start, end, {"weight": seconds(end)}) for start, end in graph.edges)
    return tuple(nx.dag_longest_path(weighted)[1:])
