"""Running trials of one candidate on trees that are the candidate but for what was done to it.

Owns the effects that every way of breaking has in common: the making of a tree in the object store,
and a look at it. These trees are the same whenever the candidate is, so that nothing is run twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import anyio

from orchestrator.gates.exercise.breaking import ON_PURPOSE
from orchestrator.gates.exercise.trial import Trial
from orchestrator.gates.observing.company import is_unclean
from orchestrator.gates.observing.joining import settled
from orchestrator.gates.observing.observation import Observation
from orchestrator.gates.observing.product import IsProduct
from orchestrator.gates.observing.sighting import Sighting
from orchestrator.gates.observing.sources import Commits
from orchestrator.gates.subject import OnProgress, Progress, Subject
from orchestrator.journal.facts import CheckResult
from orchestrator.mission.model import AnyCheck

IsEnough = Callable[[Trial, Observation], bool]
Tree = tuple[str, str]
"""A commit, and its tree."""
Tells = Callable[[Observation], bool]


class Sees(Protocol):
    """Who sees checks on commits: `orchestrator.gates.observing.observer.Observer`."""

    async def see(
        self,
        what: Sighting,
        is_enough: Tells,
        *,
        is_suspect: Tells | None = None,
    ) -> tuple[Observation, bool]:
        """What is known of it if that is enough, else what is seen now; and whether it was
        known.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Green:
    """A candidate that its gate lets pass: what was run for it, by name, how that came out, and how
    it had come out on the base. `proofs` are the tests and paths that claims rest on.
    """

    subject: Subject
    base: str
    commit: str
    checks: Mapping[str, AnyCheck]
    results: Mapping[str, CheckResult]
    seen: Mapping[str, Observation]
    before: Mapping[str, Observation]
    is_product: IsProduct
    proofs: tuple[str, ...] = ()
    on_progress: OnProgress | None = None


@dataclass(frozen=True, slots=True)
class Trials:
    """Where trials of a candidate are run; `name` is the result's. `known` tells of each whether it
    had been run before.
    """

    commits: Commits
    observer: Sees
    green: Green
    name: str
    known: list[bool] = field(default_factory=list)

    async def tree(self, make: Callable[[], Mapping[str, bytes | None]]) -> Tree:
        """The candidate with these contents, which are made in a worker thread."""

        def build() -> Tree:
            commit = self.commits.with_contents(self.green.commit, make())
            return commit, self.commits.tree_of(commit)

        return await anyio.to_thread.run_sync(build)

    async def look(self, tree: Tree, is_enough: IsEnough, trial: Trial) -> Observation:
        """How a trial comes out on a tree; what is known of it counts where it is enough."""
        seen, was_known = await self.observer.see(
            self._sighting(tree, trial),
            lambda seen: is_enough(trial, _as_it_lands(seen)),
            is_suspect=_is_not_ours,
        )
        self.known.append(was_known)
        return _as_it_lands(seen)

    def _sighting(self, tree: Tree, trial: Trial) -> Sighting:
        green = self.green
        limit = min(trial.timeout, trial.check.timeout or green.subject.timeout)
        return Sighting(
            trial.name,
            # How long it took before is no part of what it is.
            trial.check.model_copy(update={"timeout": None}),
            *tree,
            replace(green.subject, timeout=limit),
            _named(green.on_progress, self.name),
            base=green.base,
        )


def _as_it_lands(seen: Observation) -> Observation:
    """What was seen, in which what is green as it would land has noticed nothing."""
    return settled(seen, lambda _: True)


def is_whole(_: Trial, seen: Observation) -> bool:
    """Whether it ran to its end, whatever came of it."""
    return seen.is_whole()


def _is_not_ours(seen: Observation) -> bool:
    """Whether it is red, and not because of what was broken on purpose: then another test run that
    went on meanwhile may be the reason.
    """
    told = (*(test.message for test in seen.tests.values()), *seen.collection_errors.values())
    return is_unclean(seen) and not any(ON_PURPOSE in text for text in (*told, seen.tail))


def _named(on_progress: OnProgress | None, name: str) -> OnProgress | None:
    if on_progress is None:
        return None

    def tell(progress: Progress) -> None:
        on_progress(replace(progress, check=name))

    return tell
