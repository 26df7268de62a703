"""The plan: in what order a mission's batches and agents can run, what overlaps, and what a person should know first.

Owns the graph, the defaults (what a mission leaves open is resolved here, so that nobody after this asks
`mission.defaults` again) and the findings: one module, because people read them as one thing. It starts nothing, reads
no file (the base's paths are handed in) and prints nothing (see `ui.plan_view`). What it makes is the same for the same
mission.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import combinations
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TypeVar

from orchestrator.errors import UsageError
from orchestrator.mission.model import Agent, Batch, Claim, Gate, Land, Mission, OnConflict, Overlap
from orchestrator.mission.scope import Scope, is_literal, may_overlap

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
        scope=Scope(agent.files),
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


class Severity(StrEnum):
    """How much a finding weighs: a note to know, a warning to look at, or a reason not to start."""

    NOTE = "note"
    WARNING = "warning"
    REFUSED = "refused"


class FindingKind(StrEnum):
    """What can be found out about a plan before anything is spent."""

    OVERLAP = "overlap"
    MATCHES_NOTHING = "matches_nothing"
    READ_ONLY = "read_only"
    NO_GATE = "no_gate"
    UNPROVEN = "unproven"
    PROTECTED = "protected"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a person should know before a run."""

    kind: FindingKind
    severity: Severity
    batch: str
    agents: tuple[str, ...]
    """None: it is about the batch itself."""
    text: str
    mend: str
    items: tuple[str, ...] = ()
    """The paths, patterns or claims that it is about."""

    @property
    def where(self) -> str:
        """The agents, or the batch."""
        return " and ".join(self.agents) or self.batch


@dataclass(frozen=True, slots=True)
class Findings:
    """All findings of a plan, in plan order."""

    all: tuple[Finding, ...] = ()

    @property
    def refused(self) -> tuple[Finding, ...]:
        """Those for which nothing may start; `plan` and `run` end with exit code 2."""
        return self.of(severity=Severity.REFUSED)

    def of(self, kind: FindingKind | None = None, severity: Severity | None = None) -> tuple[Finding, ...]:
        """Those of a kind and a severity."""
        return tuple(
            finding for finding in self.all if kind in (None, finding.kind) and severity in (None, finding.severity)
        )

    def raise_if_refused(self) -> None:
        """Raises UsageError with what was refused."""
        if self.refused:
            lines = [f"{finding.batch}: {finding.text}" for finding in self.refused]
            mends = list(dict.fromkeys(finding.mend for finding in self.refused))
            raise UsageError("the plan is refused: " + "; ".join(lines), mend="; ".join(mends))


def inspect(plan: Plan, base_paths: Sequence[str]) -> Findings:
    """What is worth knowing before anything is spent. `base_paths` are the files of the base commit."""
    files = {agent.id: agent.scope.matches(base_paths) for agent in plan.agents}
    folders = {str(folder) for path in base_paths for folder in PurePosixPath(path).parents}
    protect = Scope(plan.mission.workspace.protect)
    found: list[Finding] = []
    for batch in plan.batches:
        if batch.gate is None:
            text = "no gate: what it lands is checked by nothing"
            found.append(Finding(FindingKind.NO_GATE, Severity.WARNING, batch.id, (), text, "name a `gate:`"))
        found += _overlaps(plan, batch, files)
        found += _unproven(batch.id, (), "criteria", batch.batch.criteria)
        for agent in batch.agents:
            found += _about_scope(agent, files[agent.id], folders, protect)
            found += _unproven(batch.id, (agent.id,), "deliverables", agent.agent.deliverables)
    return Findings(tuple(found))


def _overlaps(plan: Plan, batch: PlannedBatch, files: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    severity = {Overlap.ALLOW: Severity.NOTE, Overlap.WARN: Severity.WARNING, Overlap.REFUSE: Severity.REFUSED}
    for first, second in combinations(batch.agents, 2):
        # Who needs the other starts from its work: they take turns.
        if second.id in plan.agent_dependents(first.id) or first.id in plan.agent_dependents(second.id):
            continue
        shared = may_overlap(first.scope, second.scope, files[first.id])
        if shared:
            text = f"{first.id} and {second.id} may both change {_some(shared)}"
            mend = "narrow one scope, let one agent need the other, or say `overlap: allow`"
            agents = (first.id, second.id)
            yield Finding(FindingKind.OVERLAP, severity[batch.overlap], batch.id, agents, text, mend, shared)


def _about_scope(agent: PlannedAgent, files: Sequence[str], folders: set[str], protect: Scope) -> Iterator[Finding]:
    where = (agent.batch, (agent.id,))
    if not agent.scope:
        text, mend = "no files: it may read everything and change nothing", "name `files:` if it is to change any"
        yield Finding(FindingKind.READ_ONLY, Severity.NOTE, *where, text, mend)
    for pattern in agent.scope.patterns:
        if not Scope((pattern,)).matches(files) and not _is_plainly_new(pattern, folders):
            text = f"`{pattern}` matches nothing in the base"
            mend = "check the spelling (case counts); a new file needs its extension or a folder that exists"
            if "[" in pattern:
                mend += "; a literal `[` is written `[[]`"
            yield Finding(FindingKind.MATCHES_NOTHING, Severity.WARNING, *where, text, mend, (pattern,))
    kept = protect.matches(files)
    named = tuple(path for path in agent.scope.literals if protect.allows(path) and path not in kept)
    if kept or named:
        text = f"protected in spite of its scope: {_some((*kept, *named))}"
        mend = "take them out of `files:` or of `workspace.protect`"
        # A wide scope holds protected files by accident, a path by its name is a misunderstanding.
        is_meant = any(protect.allows(path) for path in agent.scope.literals)
        severity = Severity.WARNING if is_meant else Severity.NOTE
        yield Finding(FindingKind.PROTECTED, severity, *where, text, mend, (*kept, *named))


def _is_plainly_new(pattern: str, folders: set[str]) -> bool:
    """A path without wildcards that names a file: by its extension, or in a folder that exists."""
    path = PurePosixPath(pattern.removeprefix("/"))
    if not is_literal(pattern):
        # Without a slash it holds at every depth, and yet a name with an extension says plainly what is meant.
        return not pattern.endswith("/") and not any(sign in pattern for sign in "*?[") and bool(path.suffix)
    return bool(path.suffix) or str(path.parent) in folders


def _unproven(batch: str, agents: tuple[str, ...], noun: str, claims: Sequence[Claim]) -> Iterator[Finding]:
    bare = tuple(claim.text for claim in claims if not claim.proof)
    if bare:
        text = f"{len(bare)} of {len(claims)} {noun} without proof: reported as unvalidated, never as done"
        mend = "give each a `proof:` (a test, a check's name, or `file: path`)"
        yield Finding(FindingKind.UNPROVEN, Severity.NOTE, batch, agents, text, mend, bare)


def _some(items: Sequence[str], most: int = 3) -> str:
    rest = len(items) - most
    return ", ".join(items[:most]) + (f" and {rest} more" if rest > 0 else "")
