"""A red candidate, sorted out: who made it so is found, the others are judged again, the guilty are
sent back.

Owns the story of a search and its journal: every answer is recorded before it is used, so that a
search that a kill has cut short is taken up where it was. Which parts of the candidate are looked
at is `gates.culprits`' to say, how that is done `probes`', what the guilty are told `blame`'s.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from anyio import to_thread

from orchestrator.engine.landings.blame import keep_diffs, returns_of
from orchestrator.engine.landings.candidate import judge
from orchestrator.engine.landings.conflicts import built
from orchestrator.engine.landings.probes import Probes
from orchestrator.engine.subjects import gate_name
from orchestrator.engine.tools import Tools
from orchestrator.gates.blame.culprits import Complaint, Findings, find_culprits
from orchestrator.journal.events import (
    CandidateBuilt,
    GateFinished,
    ProbeFinished,
    Return,
    SearchFinished,
    SearchStarted,
)
from orchestrator.journal.facts import CulpritSet, Decision, MergeWarning, Symptom, Verdict
from orchestrator.journal.state import AgentState, Search
from orchestrator.plan import PlannedBatch


@dataclass(frozen=True, slots=True)
class Sorted:
    """Who is sent back, and the candidate of the others if it has passed the gate."""

    returns: tuple[Return, ...]
    passed: CandidateBuilt | None


async def sort_out(
    tools: Tools,
    planned: PlannedBatch,
    ready: Sequence[AgentState],
    red: CandidateBuilt,
    verdict: Verdict,
) -> Sorted | None:
    """Find out who made the gate red and judge the work of the others; None if nobody can be
    blamed.

    `red` is the candidate of the agents that are `ready`, `verdict` what its gate said.
    """
    makers = [agent.id for agent in ready if agent.work]
    known = tools.recorder.state.batches[planned.id].search
    begun = len(known.rounds) if known and known.judged[0].verdict is verdict else 0
    hunt = _Hunt(Probes(tools, planned, {agent.id: agent for agent in ready}), red, verdict, begun)
    wrong = await hunt.complaints()
    if (
        not any(each.claimed_by is None or each.claimed_by.intersection(makers) for each in wrong)
        or not makers
    ):
        return None
    started = time.monotonic()
    stands_on = await to_thread.run_sync(_stands_on, tools, ready)
    parallel = tools.recorder.state.plan.mission.defaults.gate_parallel
    found = await find_culprits(
        makers, wrong, hunt.probe, hunt.confirm, stands_on=stands_on, parallel=parallel
    )
    return await hunt.conclude(found, red.warnings, time.monotonic() - started)


@dataclass(slots=True)
class _Hunt:
    """One search, and how far it is: `candidate` is the newest that was built of those who are
    left.
    """

    probes: Probes
    candidate: CandidateBuilt
    verdict: Verdict
    begun: int
    """How many rounds the journal knows of; more than none if a kill cut this search short."""
    round: int = 0
    confirmed: int = 0
    symptoms: tuple[Symptom, ...] = ()
    unsteady: set[Symptom] = field(default_factory=set)
    """What was another thing when it was looked for by itself."""

    @property
    def tools(self) -> Tools:
        return self.probes.tools

    @property
    def planned(self) -> PlannedBatch:
        return self.probes.planned

    @property
    def known(self) -> Search | None:
        """What the journal holds of this search."""
        return self.tools.recorder.state.batches[self.planned.id].search

    async def complaints(self) -> list[Complaint[Symptom]]:
        """What the verdict holds against its candidate: the question of the next round."""
        found = await self.probes.complaints(self.verdict, self.candidate.agents)
        self.round += 1
        self.symptoms = tuple(each.symptom for each in found if each.claimed_by != frozenset())
        # Red in the whole gate again: it may be so with all of its check only, and not flaky.
        self.probes.doubted.update(self.unsteady.intersection(self.symptoms))
        return found

    async def probe(self, agents: tuple[str, ...], again: bool) -> frozenset[Symptom] | None:  # noqa: FBT001  (`Probe`)
        """What of the round's symptoms the work of these agents shows, from the journal if it is
        known there.
        """
        if self.begun < self.round:
            self.begun = self.round
            where = {"commit": self.candidate.commit, "agents": self.candidate.agents}
            event = SearchStarted(
                batch=self.planned.id, round=self.round, symptoms=self.symptoms, **where
            )
            self.tools.recorder.emit(event)
        done = self._journalled(agents, is_again=again)
        if done is None:
            done = await self.probes.probe(
                agents, self.symptoms, again=self.candidate.commit if again else None
            )
            self.tools.recorder.emit(done)
        if again or not agents:
            self.unsteady.update(
                done.red if not agents else set(self.symptoms).difference(done.red)
            )
        return frozenset(done.red) if done.commit else None

    def _journalled(self, agents: tuple[str, ...], *, is_again: bool) -> ProbeFinished | None:
        asked = (self.round, agents, is_again)
        known = self.known.probes if self.known else ()
        return next(
            (done for round_, done in known if (round_, done.agents, done.again) == asked), None
        )

    async def confirm(self, makers: tuple[str, ...]) -> Sequence[Complaint[Symptom]]:
        """Judge the work of those who are left by the whole gate."""
        self.confirmed += 1
        staying = [
            agent.id for agent in self.probes.ready.values() if agent.id in makers or not agent.work
        ]
        merged = await self.probes.build(staying, "left")
        tip = self.tools.recorder.state.tip
        self.candidate = built(self.planned.id, tip, merged.commit or tip, staying, merged)
        self.tools.recorder.emit(self.candidate)
        self.verdict = self._judged(merged.tree) or await self._judge()
        # A person is asked for a sign-off when all of the batch is there.
        is_red = not self.verdict.is_passed and self.verdict.decision is not Decision.WAITING
        return await self.complaints() if is_red else ()

    def _judged(self, tree: str) -> Verdict | None:
        """The verdict that was journalled at this point of the search, if it was of this tree."""
        judged = self.known.judged[self.confirmed : self.confirmed + 1] if self.known else ()
        return next((each.verdict for each in judged if each.verdict.tree == tree), None)

    async def _judge(self) -> Verdict:
        gone = [agent for agent in self.probes.ready if agent not in self.candidate.agents]
        without = dict.fromkeys(gone, "its work is not in the candidate: the gate was red with it")
        verdict = await judge(self.tools, self.planned, self.candidate.commit, without)
        if verdict.decision is not Decision.WAITING:
            self._emit(verdict)
        return verdict

    def _emit(self, verdict: Verdict) -> None:
        gate, agents = gate_name(self.planned), self.candidate.agents
        self.tools.recorder.emit(
            GateFinished(batch=self.planned.id, gate=gate, agents=agents, verdict=verdict)
        )

    async def conclude(
        self, found: Findings[Symptom], warnings: Sequence[MergeWarning], seconds: float
    ) -> Sorted | None:
        """Journal what was found; who is sent back with what, and what may land.

        Nothing waits between the journal's word and the caller's next: all that takes time is done
        before.
        """
        ready = self.probes.ready.values()
        culprits, left = (
            await self._sets(found),
            [a for a in ready if a.id in found.left or not a.work],
        )
        base = self.candidate.commit if found.left else None
        gone = [agent for agent in ready if agent not in left]
        returns = await to_thread.run_sync(
            lambda: returns_of(
                self.tools, self.planned, gone, culprits, self.probes.said, base, warnings
            )
        )
        self.tools.recorder.emit(
            SearchFinished(
                batch=self.planned.id,
                culprits=culprits,
                left=tuple(agent.id for agent in left),
                flaky=found.flaky,
                open=tuple(each.symptom for each in found.remaining),
                runs=self.known.runs if self.known else 0,
                confirmed=self.known.confirmed if self.known else 0,
                seconds=round(seconds, 3),
            )
        )
        if not culprits and found.remaining:
            return None
        if not culprits and self.verdict.decision is Decision.WAITING:
            self._emit(self.verdict)
            return Sorted((), None)
        return Sorted(returns, self.candidate if self.verdict.is_passed and found.left else None)

    async def _sets(self, found: Findings[Symptom]) -> tuple[CulpritSet, ...]:
        """The culprits, with where to read on."""
        blamed = dict.fromkeys(agent for culprit in found.culprits for agent in culprit.agents)
        diffs = await to_thread.run_sync(keep_diffs, self.tools, blamed)
        return tuple(
            CulpritSet(
                agents=it.agents,
                guilty=it.guilty,
                symptoms=it.symptoms,
                log=self._log_of(it.agents),
                diffs={agent: diffs[agent] for agent in it.agents},
            )
            for it in found.culprits
        )

    def _log_of(self, agents: tuple[str, ...]) -> str:
        """The output of the probe of these agents that has the fewest others in it."""
        probes = [done for _, done in self.known.probes if done.log] if self.known else []
        holding = [done for done in probes if set(agents) <= set(done.agents)]
        return min(holding, key=lambda done: len(done.agents)).log if holding else ""


def _stands_on(tools: Tools, ready: Sequence[AgentState]) -> dict[str, frozenset[str]]:
    """Whose work each agent's own cannot be put together without: what it needs, and what it was
    begun on top of.
    """
    plan, store = tools.recorder.state.plan, tools.store
    by_commit = {agent.work.commit: agent.id for agent in ready if agent.work}
    found: dict[str, frozenset[str]] = {}
    for agent in ready:
        base = agent.last.started.base if agent.last else None
        below = (
            {by_commit[commit] for commit in store.parents(base) if commit in by_commit}
            if base
            else set[str]()
        )
        needed = {other.id for other in ready if agent.id in plan.agent_dependents(other.id)}
        found[agent.id] = frozenset(below | needed)
    return found
