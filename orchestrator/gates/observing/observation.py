"""What ran on one tree: the raw material of every decision.

Owns the shape of an observation and what can be counted in it. It is complete by itself (nothing in
it refers to another tree) and is kept as a versioned JSON file (`evidence`). Runners make
observations; `decide` reads them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Literal

from pydantic import BaseModel, ConfigDict

from orchestrator.gates.observing.selection import Families
from orchestrator.journal.facts import CheckResult, Counts, TestOutcome

GREEN = (TestOutcome.PASSED, TestOutcome.XPASSED)
RED = (TestOutcome.FAILED, TestOutcome.ERROR)
PROTECTED, BYTECODE = "protected", "bytecode"
"""Why a path was put back, where that is no sentence."""


class RecordState(StrEnum):
    """How much is known beside the exit code."""

    NONE = "none"  # the exit code only, or nothing was run
    COMPLETE = "complete"
    MISSING = "missing"
    TRUNCATED = "truncated"
    DAMAGED = "damaged"
    UNREADABLE = "unreadable"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class TestSeen(_Part):
    """One test on one tree."""

    __test__ = False

    outcome: TestOutcome
    seconds: float = 0.0
    message: str = ""
    assertions: int | None = None
    """How many assertions it made, where the runner tells."""


class Observation(_Part):
    """One check, carried out once on one tree."""

    version: Literal[1] = 1
    kind: str
    check: str = ""
    """The check's fingerprint."""
    commit: str = ""
    tree: str = ""
    environment: str = ""
    interpreter: str = ""
    """What ran it, and what that can import, for people."""
    command: str = ""
    not_started: str = ""
    """Why the program could not be started; empty when it was, or when there was nothing to run."""
    not_ready: str = ""
    """Why the tree could not be made ready for it; empty when it was."""
    no_service: str = ""
    """Which service it could not have, or lost while it ran, and what the service said last; empty
    when it had all.
    """
    timed_out: bool = False
    exit_code: int | None = None
    """None when nothing was run."""
    seconds: float = 0.0
    record: RecordState = RecordState.NONE
    reported_exit: int | None = None
    """What pytest said about itself in the finish record."""
    problem: str = ""
    """What is wrong with the record, the report or the value, for people."""
    absent: tuple[str, ...] = ()
    """Paths and ids that were asked for and whose file is not in the tree."""
    tests: dict[str, TestSeen] = {}
    alone: dict[str, tuple[TestOutcome, ...]] = {}
    """How tests ended that were run again, each by itself."""
    among: dict[str, tuple[TestOutcome, ...]] = {}
    """How tests ended when all of the check was run again for their sake."""
    not_run: tuple[str, ...] = ()
    """Collected, but no outcome was reported."""
    deselected: tuple[str, ...] = ()
    collection_errors: dict[str, str] = {}
    oddities: dict[str, tuple[str, ...]] = {}
    """By kind, what the watch in the test process saw that makes its tests hard to believe;
    `written`: files that a check is judged by, and that were written to while it ran.
    """
    used: tuple[str, ...] = ()
    """Top-level modules, of the project or not, of which modules of the project have something."""
    was_repeated_apart: bool = False
    """It was red beside another test run of ours, and has been seen again apart from all others:
    this is what was seen then.
    """
    disturbed: tuple[str, ...] = ()
    """Tests that were red beside another test run and are green apart from it."""
    among_agents: bool = False
    """It was seen while agents were at work, whose servers may have been in the way: what is red
    here does not excuse a candidate before it has been seen again.
    """
    unstable: tuple[str, ...] = ()
    """Tests whose ids change from run to run, by the ids that they go by here."""
    compared: tuple[str, ...] = ()
    """Families of parametrised tests whose ids were compared with those of a second run."""
    restored: dict[str, str] = {}
    """Changed paths that were put back to what the base holds, because they are protected or decide
    how tests are run, each with the reason.
    """
    put_back: dict[str, str] = {}
    """Paths of the test side that were put back, each with what had been done to it without
    leave.
    """
    on_base_side: dict[str, TestSeen] = {}
    """How tests end with the base's test side that may be changed, and end otherwise as they would
    land, which is what `tests` says.
    """
    as_it_lands: dict[str, TestSeen] = {}
    """How tests that are red with the base's test side, which `tests` says, end as they would land,
    where what they rest on may be changed.
    """
    value: float | None = None
    told: dict[str, int] = {}
    """How many tests the output says were executed, by test runner; for checks that count none."""
    quoted: str = ""
    """The line in which it says that none was."""
    tail: str = ""
    """The end of the output."""
    log: str = ""
    """Relative to the run's report folder."""

    @cached_property
    def counts(self) -> Counts:
        """How many tests ended how."""
        outcomes = Counter(test.outcome for test in self.tests.values())
        return Counts(
            collected=len(self.tests) + len(self.not_run),
            executed=sum(count for outcome, count in outcomes.items() if outcome.is_executed),
            passed=outcomes[TestOutcome.PASSED],
            failed=outcomes[TestOutcome.FAILED],
            error=outcomes[TestOutcome.ERROR],
            skipped=outcomes[TestOutcome.SKIPPED],
            xfailed=outcomes[TestOutcome.XFAILED],
            xpassed=outcomes[TestOutcome.XPASSED],
            deselected=len(self.deselected),
        )

    @cached_property
    def families(self) -> Families:
        """The tests by everything that they are under."""
        return Families(self.tests)

    def outcome(self, test_id: str) -> TestOutcome:
        """How a test ended here; `absent` when there is no word of it."""
        seen = self.tests.get(test_id)
        return seen.outcome if seen else TestOutcome.ABSENT

    def is_flaky(self, test_id: str) -> bool:
        """Whether a test went both ways here, in the same circumstances: by itself, or among the
        others.
        """
        if test_id not in self.alone and test_id not in self.among:
            return False
        ways = (self.alone.get(test_id, ()), (self.outcome(test_id), *self.among.get(test_id, ())))
        return any(not {*GREEN}.isdisjoint(way) and not {*RED}.isdisjoint(way) for way in ways)

    def following(self, earlier: Observation) -> Observation:
        """The same, with what an earlier one of the same check on the same tree saw of the tests
        that were red then, or are red now.
        """
        if not (self.is_whole() and earlier.is_whole()):
            return self
        red = [
            test_id
            for test_id, test in earlier.tests.items()
            if test.outcome in RED or (test.outcome in GREEN and self.outcome(test_id) in RED)
        ]
        among = {
            test_id: (*earlier.among.get(test_id, ()), earlier.outcome(test_id)) for test_id in red
        }
        return self.model_copy(update={"alone": earlier.alone, "among": {**earlier.among, **among}})

    @property
    def is_unable(self) -> bool:
        """Whether what it needs was not there, so that nothing was seen."""
        return bool(self.not_ready or self.no_service)

    def is_whole(self) -> bool:
        """Whether it ran to its end with all its records, so that what is not in it did not
        happen.
        """
        return not (self.not_started or self.is_unable or self.timed_out) and self.record in (
            RecordState.NONE,
            RecordState.COMPLETE,
        )


@dataclass(frozen=True, slots=True)
class Look:
    """What one check came to on one commit; `base` is what was seen of it there, `ran` whether it
    had to be run.
    """

    result: CheckResult
    seen: Observation
    base: Observation | None
    ran: bool
