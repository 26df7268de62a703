"""What a candidate changes, as far as a judge has to know of it: its tests, its product, its prose.

Owns which files of two commits are held against one another. What that is worth is said in `rules`.
All of it is blocking.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace

from orchestrator.gates.observing.alignment import IsEdited
from orchestrator.gates.observing.observation import GREEN, Observation
from orchestrator.gates.observing.product import IsProduct
from orchestrator.gates.observing.selection import path_of
from orchestrator.gates.observing.sorting import named_files
from orchestrator.gates.observing.sources import Changed, Commits
from orchestrator.gates.rules.changed_tests import ChangedTests, changed_tests, rewritten_tests
from orchestrator.gates.rules.prose import no_code_changed
from orchestrator.gates.rules.script_tests import changed_script_tests
from orchestrator.gates.rules.suspicious import suspicious
from orchestrator.gates.subject import Subject
from orchestrator.journal.facts import CheckResult
from orchestrator.mission.model import AnyCheck, CommandCheck, PytestCheck


@dataclass(frozen=True, slots=True)
class Pair:
    """A candidate (`commit`) beside its base; without one nothing is known to be changed."""

    commits: Commits
    base: str | None
    commit: str

    def changes(self) -> Mapping[str, Changed]:
        """What differs, by path."""
        return self.commits.changes(self.base, self.commit) if self.base else {}

    def edits(self) -> IsEdited:
        """Whether a path is one that differs; found out when it is asked."""

        @functools.cache
        def changes() -> frozenset[str]:
            return frozenset(self.changes())

        return lambda path: path in changes()

    def then(self, path: str) -> bytes | None:
        """The bytes of a path on the base."""
        return self.commits.read(self.base, path) if self.base else None

    def now(self, path: str) -> bytes | None:
        """The bytes of a path on the candidate."""
        return self.commits.read(self.commit, path)

    def tests(
        self, subject: Subject, check: AnyCheck, seen: Observation, before: Observation | None
    ) -> ChangedTests:
        """What the candidate does to the tests of a check that are green on it."""
        if before is None:
            return ChangedTests()
        paths = self.changes().keys() - {*seen.restored, *seen.put_back}
        if isinstance(check, CommandCheck) and check.report:
            kept = [
                test
                for test in seen.tests
                if {seen.outcome(test), before.outcome(test)} <= {*GREEN}
            ]
            return changed_script_tests(paths, kept, self.then, self.now)
        if not isinstance(check, PytestCheck):
            return ChangedTests()
        green = [
            test for test in seen.tests if seen.outcome(test) in GREEN and path_of(test) in paths
        ]
        found = changed_tests(
            [test for test in green if before.outcome(test) in GREEN],
            [test for test in green if before.outcome(test) not in GREEN],
            self.then,
            self.now,
        )
        unnamed = paths - named_files(subject.all_that_may_change)
        own = rewritten_tests(seen, before, check.must_turn_green, unnamed.__contains__)
        return replace(found, rewritten=own)

    def prose(self, *, is_green: bool) -> CheckResult | None:
        """What there is to say where nothing but prose is changed."""
        changed = self.changes()
        if any(one.old and one.new and one.old.mode != one.new.mode for one in changed.values()):
            return None
        return no_code_changed(changed, self.then, self.now, is_green=is_green)

    def suspicious(self, is_product: IsProduct) -> tuple[str, ...]:
        """What the candidate adds to its product that mentions what only a judge has."""
        return suspicious(filter(is_product, self.changes()), self.then, self.now)
