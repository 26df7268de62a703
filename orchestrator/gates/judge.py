"""The judge: the order in which a candidate is looked at, and the verdict that comes of it.

Owns the story of a judgement and its baseline. How checks are carried out and remembered is
`observer`'s, what an observation is worth `decide`'s, what it says of claims `claims`'. What
becomes of a verdict is not known here.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import anyio

from orchestrator.gates.blame.place import Bases
from orchestrator.gates.exercise.exercise import KIND
from orchestrator.gates.exercise.exercising import Exerciser
from orchestrator.gates.exercise.trials import Green
from orchestrator.gates.observing.alignment import aligned, asked_for
from orchestrator.gates.observing.bare_ground import BareGround
from orchestrator.gates.observing.company import is_not_all_green
from orchestrator.gates.observing.evidence import Evidence
from orchestrator.gates.observing.guard import Guard
from orchestrator.gates.observing.joining import settled
from orchestrator.gates.observing.observation import GREEN, Look, Observation
from orchestrator.gates.observing.observer import BoxOf, Observer, Sighting
from orchestrator.gates.observing.product import IsProduct, product_of
from orchestrator.gates.observing.restore import Asked, Restoration
from orchestrator.gates.observing.sighting import tests_of
from orchestrator.gates.observing.sorting import restoration
from orchestrator.gates.observing.sources import Checkouts, Commits, Ground
from orchestrator.gates.observing.trees import Trees
from orchestrator.gates.pair import Pair
from orchestrator.gates.rules.approvals import decide_approval, overall
from orchestrator.gates.rules.claims import (
    Findings,
    Thing,
    judge_claims,
    left_out,
    plan_proofs,
    tests_among,
)
from orchestrator.gates.rules.compare import records
from orchestrator.gates.rules.decide import decide, decide_proofs
from orchestrator.gates.rules.sides import told_side
from orchestrator.gates.rules.things import problem
from orchestrator.gates.second_looks import SecondLooks
from orchestrator.gates.subject import Approval, OnProgress, Subject
from orchestrator.isolation.seal import Seal
from orchestrator.journal.facts import (
    CheckResult,
    ClaimResult,
    Decision,
    Exercise,
    PlaceFault,
    Reason,
    TestSide,
    Verdict,
)
from orchestrator.mission.model import AnyCheck, ApprovalCheck, Claim, CommandCheck, PytestCheck
from orchestrator.mission.scope import Scope
from orchestrator.services.services import Services

PROOFS = "proofs"
REMEMBERED = 256
"""Of what is put back for a candidate."""


@dataclass(slots=True, kw_only=True)
class _Hearing:
    """One candidate under judgement: what is asked, and what has been found out so far. No `base`:
    no baseline.
    """

    subject: Subject
    commit: str
    tree: str
    base: str | None
    base_tree: str = ""
    claims: tuple[Claim, ...]
    checks: Mapping[str, AnyCheck]
    on_progress: OnProgress | None
    may_rerun: bool = True
    results: dict[str, CheckResult] = field(default_factory=dict)
    observations: dict[str, Observation] = field(default_factory=dict)
    things: dict[Thing, str | None] = field(default_factory=dict)
    exercise: Exercise | None = None
    careless: frozenset[str] = frozenset()
    weaker: dict[str, None] = field(default_factory=dict)
    is_cached: bool = True

    def sighting(self, name: str, check: AnyCheck) -> Sighting:
        """A check that is to be seen on the candidate."""
        return Sighting(
            name, check, self.commit, self.tree, self.subject, self.on_progress, base=self.base
        )

    @property
    def is_green(self) -> bool:
        """Whether nothing that was found out so far speaks against it."""
        return all(result.decision is Decision.PASSED for result in self.results.values())

    def unused(self, name: str) -> str:
        """A name for a result of ours that hides none of the gate's checks."""
        while name in self.subject.named:
            name += "-of-ours"
        return name

    def judge_claims(self, claims: Iterable[Claim]) -> tuple[ClaimResult, ...]:
        """What has been found out says this of claims."""
        found = Findings(self.results, self.observations, self.things, self.careless)
        return judge_claims(claims, self.checks, found, self.unused(PROOFS))


class Judge:
    """The judge of one run. Its methods may be called at the same time, also for the same subject.

    `reports` is the run's report folder (evidence and logs go below it), `home` a folder for what
    tests take for their home, outside of any tree; `tag` names the judge's processes; `protect` are
    globs of files that come from the base; `ground` is what trees need beside their commit;
    `parallel` is how many checks run at once; `scopes` are those of all agents, for what their work
    may bring (None: anything); `seal` is what evidence of other judges carries that is believed (None:
    no other's is); `box` makes what checks run in, `services` are those that they may have beside
    them; `clock` gives seconds.
    """

    def __init__(  # noqa: PLR0913  (what a judge is made of)
        self,
        *,
        checkouts: Checkouts,
        commits: Commits,
        reports: Path,
        home: Path,
        tag: str,
        protect: Iterable[str] = (),
        ground: Ground | None = None,
        parallel: int = 2,
        scopes: Iterable[Scope] | None = None,
        seal: Seal | None = None,
        box: BoxOf | None = None,
        services: Services | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._commits = commits
        self._restored = functools.lru_cache(REMEMBERED)(
            partial(_restored, commits, tuple(protect))
        )
        self._products = functools.lru_cache(REMEMBERED)(partial(product_of, commits))
        self._home = home
        self._evidence = Evidence(reports, seal)
        self._observer = Observer(
            Trees(checkouts, home, parallel),
            ground or BareGround(),
            self._evidence,
            tag,
            restored=self._restored,
            guard=Guard(commits, protect),
            box=box,
            services=services,
        )
        self._again = SecondLooks(self._observer)
        self._exerciser = Exerciser(commits, self._observer, self._evidence)
        self._clock = clock
        self._bases = Bases(commits, self._observer, scopes, protect)

    async def baseline(
        self,
        subject: Subject,
        commit: str,
        on_progress: OnProgress | None = None,
        *,
        among_agents: bool = False,
        is_afresh: bool = False,
    ) -> dict[str, Observation]:
        """How the checks come out on a base, by name; seen once only, red or green, unless
        `is_afresh`.

        What is red while `among_agents` is seen again, by the judgement that it would excuse.
        """
        return await self._bases.see(
            subject, commit, on_progress, among_agents=among_agents, is_afresh=is_afresh
        )

    async def known_baseline(self, subject: Subject, commit: str) -> dict[str, Observation]:
        """The same as far as it is known without a run."""
        return await self._bases.known(subject, commit)

    async def lacks(self, subject: Subject, commit: str) -> tuple[PlaceFault, ...]:
        """Why the checks cannot run on a base, for nobody's fault; none where they can."""
        return await self._bases.lacks(subject, commit)

    async def prepare(self, subject: Subject) -> None:
        """Do now what the judgement to come can be spared; for when agents are at work."""
        if any(isinstance(check, PytestCheck) for check in subject.checks):
            await self._observer.prepare(self._home / "waiting")

    async def aclose(self) -> None:
        """End what was prepared in vain."""
        await self._observer.aclose()

    async def judge(
        self,
        subject: Subject,
        *,
        candidate: str,
        base: str,
        approvals: Mapping[str, Approval] | None = None,
        absent: Mapping[str, str] | None = None,
        on_progress: OnProgress | None = None,
        may_rerun: bool = True,
    ) -> Verdict:
        """Judge the commit `candidate` against the commit `base`.

        `approvals` are people's answers by the name of the check; one that was given to another
        tree does not count. `absent` are the agents whose work is not in the candidate, each with
        why not: nothing is run for their claims. Without `may_rerun` what is red counts as red, and
        nobody finds out whether it is by chance. A subject without checks and proofs is not
        checked: it may land, and its claims are unvalidated.
        """
        started = self._clock()
        approvals, absent = approvals or {}, absent or {}
        await self.baseline(subject, base, on_progress)
        tree, base_tree = [
            await anyio.to_thread.run_sync(self._commits.tree_of, c) for c in (candidate, base)
        ]
        present = [
            claim
            for agent, claims in subject.deliverables.items()
            if agent not in absent
            for claim in claims
        ]
        hearing = _Hearing(
            subject=subject,
            commit=candidate,
            tree=tree,
            base=base,
            base_tree=base_tree,
            claims=(*subject.criteria, *present),
            checks=subject.named,
            on_progress=on_progress,
            may_rerun=may_rerun,
        )
        await self._hear(hearing)
        if subject.claims_a_fix:
            await self._hear_what_changed(hearing)
        if subject.is_exercised and hearing.is_green:
            await self._hear_exercise(hearing, base)
        if hearing.is_green:
            for name, check in subject.named.items():
                if isinstance(check, ApprovalCheck):
                    hearing.results[name] = decide_approval(
                        name, check.approval, approvals.get(name), tree
                    )
        return Verdict(
            decision=overall(hearing.results.values()) if hearing.results else Decision.NOT_CHECKED,
            commit=candidate,
            tree=tree,
            base=base,
            checks=tuple(hearing.results.values()),
            criteria=hearing.judge_claims(subject.criteria),
            deliverables={
                agent: left_out(claims, absent[agent])
                if agent in absent
                else hearing.judge_claims(claims)
                for agent, claims in subject.deliverables.items()
            },
            exercise=hearing.exercise,
            suspicious=await anyio.to_thread.run_sync(self._suspicious, hearing, base),
            test_side=await anyio.to_thread.run_sync(self._test_side, hearing),
            environment=self._observer.environment,
            interpreter="; ".join(
                dict.fromkeys(
                    it.interpreter for it in hearing.observations.values() if it.interpreter
                )
            ),
            seconds=round(self._clock() - started, 3),
            cached=hearing.is_cached and bool(hearing.observations),
        )

    async def prove(
        self,
        claims: Iterable[Claim],
        *,
        commit: str,
        subject: Subject | None = None,
        on_progress: OnProgress | None = None,
    ) -> tuple[ClaimResult, ...]:
        """Whether claims hold on a commit as it is; proofs may speak of the subject's checks by
        name.

        `claims.is_proven` says whether that is enough for an agent that changed nothing.
        """
        claims, subject = tuple(claims), subject or Subject()
        spoken_of = {proof for claim in claims for proof in claim.proof if isinstance(proof, str)}
        checks = {name: check for name, check in subject.named.items() if name in spoken_of}
        tree = await anyio.to_thread.run_sync(self._commits.tree_of, commit)
        hearing = _Hearing(
            subject=subject,
            commit=commit,
            tree=tree,
            base=None,
            claims=claims,
            checks=checks,
            on_progress=on_progress,
        )
        await self._hear(hearing)
        return hearing.judge_claims(claims)

    async def look(
        self,
        subject: Subject,
        name: str,
        *,
        commit: str,
        base: str,
        part: PytestCheck | None = None,
        is_afresh: bool = False,
        on_progress: OnProgress | None = None,
    ) -> Look:
        """How one check comes out on a commit, without a verdict: red is as good as green, and what
        was seen is kept.

        `part` is run in its place, some of its tests or proofs that no check runs; not where all of
        it has been seen, unless `is_afresh`. The result says nothing of what was to turn green.
        """
        tree, base_tree = [
            await anyio.to_thread.run_sync(self._commits.tree_of, c) for c in (commit, base)
        ]
        whole = subject.named.get(name)
        check = part or whole
        if check is None:
            raise KeyError(name)
        before = None
        if whole is not None:
            on_base = Sighting(name, whole, base, base_tree, subject)
            before, _ = await self._observer.see(on_base, is_enough=_anything)
            if commit == base and not is_afresh:
                return Look(
                    self._result(subject, name, whole, before, before, commit, base),
                    before,
                    before,
                    ran=False,
                )
        if part is not None:
            check = asked_for(part, before)
        what = Sighting(name, check, commit, tree, subject, on_progress, base=base)
        seen = None
        if whole is not None and not is_afresh:
            seen = await self._observer.known(replace(what, check=whole))
        was_known = seen is not None
        if seen is None:
            seen, was_known = await self._observer.see(
                what,
                is_enough=_anything,
                is_afresh=is_afresh,
                is_suspect=is_not_all_green if part else None,
            )
        seen = _as_it_counts(
            aligned(seen, before, Pair(self._commits, base, commit).edits()), before
        )
        return Look(
            self._result(subject, name, check, seen, before, commit, base),
            seen,
            before,
            ran=not was_known,
        )

    def _result(  # noqa: PLR0917  (a check, and where it was seen)
        self,
        subject: Subject,
        name: str,
        check: AnyCheck,
        seen: Observation,
        before: Observation | None,
        commit: str,
        base: str,
    ) -> CheckResult:
        asked = check
        if isinstance(check, PytestCheck | CommandCheck):
            asked = check.model_copy(update={"must_turn_green": ()})
        return decide(
            name,
            asked,
            seen,
            before,
            changed=Pair(self._commits, base, commit).tests(subject, asked, seen, before),
        )

    async def _hear(self, hearing: _Hearing) -> None:
        """Carry out every check, one after another, then what claims need beside them."""
        plan = plan_proofs(hearing.claims, hearing.checks)
        for name, check in _runnable(hearing.checks):
            await self._hear_check(hearing, name, check, plan.by_check.get(name, ()))
        for thing in plan.things:
            hearing.things[thing] = await anyio.to_thread.run_sync(
                problem, self._commits, hearing.commit, thing
            )
        if plan.extra or plan.things:
            await self._hear_proofs(hearing, plan.extra)

    async def _hear_check(
        self, hearing: _Hearing, name: str, check: AnyCheck, proofs: tuple[str, ...]
    ) -> None:
        base, there = None, None
        if hearing.base is not None:
            there = Sighting(
                name, check, hearing.base, hearing.base_tree, hearing.subject, hearing.on_progress
            )
            base, _ = await self._observer.see(there, is_enough=_anything)

        asked = check
        if base is None and isinstance(check, PytestCheck | CommandCheck):
            asked = check.model_copy(
                update={"must_turn_green": ()}
            )  # whether it is so already is the question

        pair = self._pair(hearing)
        is_edited = pair.edits()

        def decided(seen: Observation, base: Observation | None) -> CheckResult:
            seen = _as_it_counts(aligned(seen, base, is_edited), base)
            changed = pair.tests(hearing.subject, check, seen, base)
            return decide(name, asked, seen, base, proofs, changed=changed)

        def passes(seen: Observation) -> bool:
            return decided(seen, base).decision is Decision.PASSED

        what = hearing.sighting(name, check)
        seen = await self._see(hearing, what, passes)
        if there is not None and base is not None:
            seen, base = await self._again.aligned(there, base, seen, is_edited)
            hearing.observations[name] = seen
            base = await self._again.confirmed(there, base, seen)
        if hearing.may_rerun and not passes(seen):
            seen, base = await self._again.run_again(what, seen, there, base)
        result = decided(seen, base)
        hearing.observations[name] = seen = _as_it_counts(seen, base)
        changed = pair.tests(hearing.subject, check, seen, base)
        hearing.weaker.update(dict.fromkeys(changed.weaker))
        is_red = result.decision is Decision.FAILED or result.reason is Reason.SERVICE_FAILED
        if base is not None and hearing.base is not None and is_red:
            bases = {hearing.base: base, hearing.commit: seen}
            result = await self._bases.excused(hearing.subject, result, bases, hearing.base)
        await self._keep(hearing, result, seen, base)

    def _test_side(self, hearing: _Hearing) -> TestSide:
        """What the candidate did to the test side, whichever check looks at it."""
        checks = _runnable(hearing.checks)
        asked = [hearing.sighting(name, check).asked for name, check in checks]
        changes = (
            change
            for each in asked or [Asked(may_change=hearing.subject.may_change)]
            for change in self._restored(hearing.base, hearing.commit, each).changes
        )
        return told_side(changes, hearing.observations.values(), hearing.weaker)

    async def _hear_proofs(self, hearing: _Hearing, proofs: tuple[str, ...]) -> None:
        seen, name = None, hearing.unused(PROOFS)
        if proofs:

            def passes(seen: Observation) -> bool:
                return decide_proofs(name, seen, proofs, {}).decision is Decision.PASSED

            check = PytestCheck(pytest=proofs, plugins=hearing.subject.all_plugins)
            what = hearing.sighting(name, check)
            seen = await self._see(hearing, what, passes)
            if hearing.may_rerun and not passes(seen):
                seen, _ = await self._again.run_again(what, seen)
                hearing.observations[name] = seen
        await self._keep(hearing, decide_proofs(name, seen, proofs, hearing.things), seen, None)

    async def _hear_what_changed(self, hearing: _Hearing) -> None:
        prose = await anyio.to_thread.run_sync(
            partial(self._pair(hearing).prose, is_green=hearing.is_green)
        )
        if prose is not None:
            name = hearing.unused(prose.name)
            hearing.results[name] = prose.model_copy(update={"name": name})

    def _product(self, hearing: _Hearing, base: str) -> IsProduct:
        """Which paths of the candidate are none of its tests."""
        selected = (t for _, check in _runnable(hearing.checks) for t in tests_of(check))
        return self._products(base, hearing.commit, tuple(selected))

    def _suspicious(self, hearing: _Hearing, base: str) -> tuple[str, ...]:
        return self._pair(hearing).suspicious(self._product(hearing, base))

    def _pair(self, hearing: _Hearing) -> Pair:
        return Pair(self._commits, hearing.base, hearing.commit)

    async def _hear_exercise(self, hearing: _Hearing, base: str) -> None:
        checks = dict(_runnable(hearing.checks))
        if extra := plan_proofs(hearing.claims, hearing.checks).extra:
            checks[hearing.unused(PROOFS)] = PytestCheck(
                pytest=extra, plugins=hearing.subject.all_plugins
            )
        green = Green(
            subject=hearing.subject,
            base=base,
            commit=hearing.commit,
            checks=checks,
            results=hearing.results,
            seen=hearing.observations,
            before=await self._bases.known(hearing.subject, base),
            is_product=await anyio.to_thread.run_sync(self._product, hearing, base),
            proofs=tests_among(hearing.claims, hearing.checks),
            on_progress=hearing.on_progress,
        )
        found, was_known = await self._exerciser.exercise(green, hearing.unused(KIND))
        hearing.exercise, hearing.careless = found.fact, found.careless
        hearing.is_cached = hearing.is_cached and was_known
        if found.result is not None:
            hearing.results[found.result.name] = found.result

    async def _see(
        self, hearing: _Hearing, what: Sighting, passes: Callable[[Observation], bool]
    ) -> Observation:
        seen, was_known = await self._observer.see(what, is_enough=passes)
        hearing.is_cached = hearing.is_cached and was_known
        hearing.observations[what.name] = seen
        return seen

    async def _keep(
        self,
        hearing: _Hearing,
        result: CheckResult,
        seen: Observation | None,
        base: Observation | None,
    ) -> None:
        stem = f"{hearing.subject.gate}-{result.name}-{hearing.tree[:12]}"
        tests = records(seen, base) if seen else ()
        hearing.results[result.name] = await anyio.to_thread.run_sync(
            self._evidence.keep_result, stem, result, tests
        )


def _as_it_counts(seen: Observation, base: Observation | None) -> Observation:
    """What was seen, where tests that did not pass on the base may pass by what may be changed of
    the test side; what did pass must do so without.
    """
    return settled(seen, lambda test: base is None or base.outcome(test) not in GREEN)


def _restored(
    commits: Commits, protect: tuple[str, ...], base: str | None, commit: str, asked: Asked
) -> Restoration:
    return restoration(commits, base, commit, protect, asked)


def _runnable(checks: Mapping[str, AnyCheck]) -> list[tuple[str, AnyCheck]]:
    return [(name, check) for name, check in checks.items() if not isinstance(check, ApprovalCheck)]


def _anything(_: Observation) -> bool:
    """A baseline is what it is, red or green."""
    return True
