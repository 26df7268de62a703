"""The place on trial: why a gate cannot run on a base, for nobody's fault.

Owns what is read of a commit for that, and that what was lacking when an earlier process looked is
looked at again. What counts as lacking is `rules.lacking`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

import anyio

from orchestrator.gates.observing.evidence import check_fingerprint
from orchestrator.gates.observing.observation import Observation
from orchestrator.gates.observing.observer import Observer, Sighting
from orchestrator.gates.observing.sources import Commits
from orchestrator.gates.rules.claims import plan_proofs
from orchestrator.gates.rules.declared import declared
from orchestrator.gates.rules.lacking import Reach, lack_of, names_of
from orchestrator.gates.rules.origin import untested
from orchestrator.gates.subject import OnProgress, Subject
from orchestrator.journal.facts import CheckResult, Decision, PlaceFault, Reason
from orchestrator.mission.model import ApprovalCheck
from orchestrator.mission.scope import Scope


class Bases:
    """Bases as the gates see them; `scopes` are those of all agents (None: anything may be made),
    `protect` what nobody may change.
    """

    def __init__(
        self,
        commits: Commits,
        observer: Observer,
        scopes: Iterable[Scope] | None,
        protect: Iterable[str],
    ) -> None:
        self._commits = commits
        self._observer = observer
        self._scopes = tuple(scopes) if scopes is not None else None
        self._protect = Scope(tuple(protect))
        self._reaches: dict[str, Reach] = {}
        self._seen_here: set[tuple[str, str]] = set()

    async def see(
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
        """
        tree = await anyio.to_thread.run_sync(self._commits.tree_of, commit)
        found: dict[str, Observation] = {}
        for name, check in subject.named.items():
            if not isinstance(check, ApprovalCheck):
                what = Sighting(
                    name, check, commit, tree, subject, on_progress, among_agents=among_agents
                )
                found[name] = await self._see(what, is_afresh=is_afresh)
        return found

    async def known(self, subject: Subject, commit: str) -> dict[str, Observation]:
        """What of that is known without a run."""
        tree = await anyio.to_thread.run_sync(self._commits.tree_of, commit)
        found: dict[str, Observation] = {}
        for name, check in subject.named.items():
            what = Sighting(name, check, commit, tree, subject)
            if not isinstance(check, ApprovalCheck) and (seen := await self._observer.known(what)):
                found[name] = seen
        return found

    async def lacks(self, subject: Subject, commit: str) -> tuple[PlaceFault, ...]:
        """Why the checks cannot run on a base; none where they can."""
        seen = await self.see(subject, commit)
        reach = await anyio.to_thread.run_sync(self._reach, commit)
        plan = plan_proofs(subject.claims, subject.named)
        tree = await anyio.to_thread.run_sync(self._commits.tree_of, commit)
        found: list[PlaceFault] = []
        for name, observed in seen.items():
            check, required = subject.named[name], plan.by_check.get(name, ())
            lack = lack_of(check, observed, required, reach)
            if lack and (check_fingerprint(check), tree) not in self._seen_here:
                what = Sighting(name, check, commit, tree, subject)
                again = await self._see(what, is_afresh=True)
                lack = lack_of(check, again, required, reach)
            if lack is None:
                lack = untested(observed, self._may_make, self._observer.follows)
            if lack:
                line, mend = lack
                found.append(PlaceFault(gate=subject.gate, check=name, line=line, mend=mend))
        return tuple(found)

    async def excused(
        self,
        subject: Subject,
        result: CheckResult,
        seen: Mapping[str, Observation],
        base: str,
    ) -> CheckResult:
        """A check's result; where the base and the candidate lack the same, it is that it cannot run
        here. `seen` are the observations of both.
        """
        reach = await anyio.to_thread.run_sync(self._reach, base)
        check = subject.named[result.name]
        required = plan_proofs(subject.claims, subject.named).by_check.get(result.name, ())
        lacks = [lack_of(check, observed, required, reach) for observed in seen.values()]
        lack = lacks[0]
        if lack is None or None in lacks:
            return result
        line, mend = lack
        return result.model_copy(
            update={
                "decision": Decision.ERRORED,
                "reason": Reason.CANNOT_RUN,
                "text": f"it cannot run here, on the base either: {line} ({mend})",
            }
        )

    async def _see(self, what: Sighting, *, is_afresh: bool = False) -> Observation:
        seen, was_known = await self._observer.see(
            what, is_enough=lambda _: True, is_afresh=is_afresh
        )
        if not was_known:
            self._seen_here.add((check_fingerprint(what.check), what.tree))
        return seen

    def _reach(self, commit: str) -> Reach:
        """What there is on a base, and what agents may bring."""
        if commit not in self._reaches:
            paths = frozenset(self._commits.entries(commit))
            globs = (entry.glob for scope in self._scopes or () for entry in scope.entries)
            read = partial(self._commits.read, commit)
            names = frozenset(names_of(globs))
            self._reaches[commit] = Reach(paths, self._may_make, names, declared(paths, read))
        return self._reaches[commit]

    def _may_make(self, path: str) -> bool:
        if self._scopes is None:
            return True
        is_allowed = any(scope.allows(path) for scope in self._scopes)
        return is_allowed and not self._protect.allows(path)
