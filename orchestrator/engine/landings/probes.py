"""Parts of a red candidate: put together in the object store, and looked at by the judge for what
is wrong.

Owns the effects of a search for culprits on git and on the gate: what a red verdict holds against
its candidate, and what of that the work of some of its agents shows. Which parts are looked at, and
what is journalled, is `culprits`'.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import anyio
from anyio import to_thread

from orchestrator.engine.landings.candidate import build, refuse_without_services
from orchestrator.engine.progress import GateProgress
from orchestrator.engine.subjects import baseline_of, subject_of
from orchestrator.engine.tools import Tools
from orchestrator.gates.blame.culprits import Complaint
from orchestrator.gates.blame.symptoms import (
    Shown,
    complaints,
    is_red_among_others_only,
    is_shown,
    part_for,
    proof_complaints,
    proof_part,
    proof_things,
    was_repeated,
)
from orchestrator.gates.observing.observation import Look, Observation
from orchestrator.gates.rules.things import problem
from orchestrator.gates.subject import Subject
from orchestrator.journal.events import ProbeFinished
from orchestrator.journal.facts import CheckResult, Decision, Reason, Symptom, SymptomKind, Verdict
from orchestrator.journal.state import AgentState
from orchestrator.merging.contribution import Integration
from orchestrator.mission.model import ApprovalCheck
from orchestrator.plan import PlannedBatch


@dataclass(slots=True)
class Probes:
    """What is needed to look at parts of one batch's candidate. `ready` are its agents, in the
    order of the mission.
    """

    tools: Tools
    planned: PlannedBatch
    ready: Mapping[str, AgentState]
    said: dict[Symptom, str] = field(default_factory=dict)
    """What the tests of symptoms had to say on the candidate."""
    doubted: set[Symptom] = field(default_factory=set)
    """What was seen to be another thing by itself than in its check: it is looked for with all of
    the check.
    """
    _building: anyio.Lock = field(default_factory=anyio.Lock)

    @property
    def _subject(self) -> Subject:
        return subject_of(self.tools.recorder.state, self.planned)

    @property
    def _base(self) -> str:
        return baseline_of(self.tools.recorder.state, self.planned.id)

    async def complaints(
        self, verdict: Verdict, present: Sequence[str]
    ) -> list[Complaint[Symptom]]:
        """What a red verdict holds against a candidate of the agents `present`. What cannot be
        looked for in parts of it, such as that only prose was changed, is nobody's to put right.
        """
        found: list[Complaint[Symptom]] = []
        for result in verdict.checks:
            if result.decision not in (Decision.PASSED, Decision.WAITING):
                nobodys = Complaint(
                    Symptom(check=result.name, kind=SymptomKind.CHECK), frozenset[str]()
                )
                found += await self._complaints(verdict.commit, result, present) or [nobodys]
        return found

    async def _complaints(
        self, commit: str, result: CheckResult, present: Sequence[str]
    ) -> Sequence[Complaint[Symptom]]:
        name, subject, look = result.name, self._subject, self.tools.judge.look
        seen = None
        if name in subject.named and not isinstance(subject.named[name], ApprovalCheck):
            if result.reason is Reason.NOT_STARTED:
                return ()
            here = await look(subject, name, commit=commit, base=self._base)
            start = await look(subject, name, commit=self.tools.recorder.state.tip, base=self._base)
            assert here.base is not None
            found = complaints(subject, name, _shown(here), here.base, _shown(start), present)
            seen = here.seen
            self.doubted.update(
                each.symptom for each in found if is_red_among_others_only(each.symptom, seen)
            )
        elif result.kind == "proofs":
            if part := proof_part(subject, present):
                seen = (await look(subject, name, commit=commit, base=self._base, part=part)).seen
            missing = [
                what
                for what in proof_things(subject, present)
                if await self._is_absent(commit, what)
            ]
            found = proof_complaints(subject, name, seen, missing, present)
        else:
            return ()
        if seen:
            self._listen(found, seen)
        return found

    def _listen(self, found: Sequence[Complaint[Symptom]], seen: Observation) -> None:
        for symptom in (each.symptom for each in found):
            test = seen.tests.get(symptom.test)
            self.said.setdefault(
                symptom, test.message if test else seen.collection_errors.get(symptom.test, "")
            )

    async def _is_absent(self, commit: str, what: str) -> bool:
        thing = proof_things(self._subject, self.ready)[what]
        return await to_thread.run_sync(problem, self.tools.store, commit, thing) is not None

    async def build(self, agents: Sequence[str], name: str) -> Integration:
        """Put the work of these agents together, one part at a time."""
        chosen = [agent for agent in self.ready.values() if agent.id in agents]
        async with self._building:
            return await to_thread.run_sync(
                lambda: build(self.tools, self.planned, chosen, part=name)
            )

    async def probe(
        self, agents: tuple[str, ...], symptoms: Sequence[Symptom], again: str | None = None
    ) -> ProbeFinished:
        """Which of the symptoms the work of these agents shows; `again` is a commit of it to be
        looked at afresh.
        """
        batch, started = self.planned.id, time.monotonic()
        commit = again or await self._part(agents)
        if commit is None:
            return ProbeFinished(batch=batch, agents=agents)
        by_check: defaultdict[str, list[Symptom]] = defaultdict(list)
        for symptom in symptoms:
            by_check[symptom.check].append(symptom)
        red: list[Symptom] = []
        logs: list[str] = []
        ran, confirmed = False, 0
        for name, of_check in by_check.items():
            things = [symptom for symptom in of_check if symptom.kind is SymptomKind.ABSENT]
            red += [symptom for symptom in things if await self._is_absent(commit, symptom.test)]
            known = await self._repeated(name, of_check, again) if again else []
            red += known
            if tests := [symptom for symptom in of_check if symptom not in (*things, *known)]:
                # What the base shows of the whole check says nothing of a test that is run by
                # itself.
                look = await self._look(
                    name, tests, commit, is_afresh=again is not None or not agents
                )
                here = [symptom for symptom in tests if is_shown(symptom, _shown(look))]
                red, ran = [*red, *here], ran or look.ran
                confirmed += look.ran and look.seen.was_repeated_apart
                logs += [look.seen.log] if here and look.seen.log else []
        return ProbeFinished(
            batch=batch,
            agents=agents,
            again=again is not None,
            commit=commit,
            red=tuple(red),
            ran=ran,
            confirmed=confirmed,
            seconds=round(time.monotonic() - started, 3),
            log=logs[0] if logs else "",
        )

    async def _repeated(self, name: str, symptoms: Sequence[Symptom], commit: str) -> list[Symptom]:
        """What the judge has looked at again itself."""
        if name not in self._subject.named:
            return []
        look = await self.tools.judge.look(self._subject, name, commit=commit, base=self._base)
        return [symptom for symptom in symptoms if was_repeated(symptom, look.seen)]

    async def _look(
        self, name: str, symptoms: Sequence[Symptom], commit: str, *, is_afresh: bool
    ) -> Look:
        recorder, batch = self.tools.recorder, self.planned.id
        look = await self.tools.judge.look(
            self._subject,
            name,
            commit=commit,
            base=self._base,
            part=part_for(
                self._subject, name, symptoms, is_whole=not self.doubted.isdisjoint(symptoms)
            ),
            is_afresh=is_afresh,
            on_progress=lambda p: recorder.progress(
                GateProgress(batch, p.check, p.done, p.total, p.red)
            ),
        )
        await refuse_without_services(self.tools, self._subject, self._base, [look.result])
        return look

    async def _part(self, agents: tuple[str, ...]) -> str | None:
        """The commit of these agents' work on the tip; None if it does not merge without the
        others'.
        """
        tip = self.tools.recorder.state.tip
        if not agents:
            return tip
        name = "-".join(agents) if len(agents) < 3 else f"{agents[0]}-{agents[-1]}-{len(agents)}"
        merged = await self.build(agents, name)
        return None if merged.conflicts else merged.commit or tip


def _shown(look: Look) -> Shown:
    return Shown(look.result, look.seen)
