"""The facts that events carry and every part of the program speaks of: outcomes, evidence,
verdicts, conflicts.

Owns the closed sets and their meaning. It does not decide any of them (`gates`, `engine`), does not
render them (`reports`, `ui`), and does not say when they happened (`events`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, model_validator


class Fact(BaseModel):
    """What all facts have in common: frozen, and nothing unnamed in them."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, values: object) -> object:
        return (
            {name: _escaped(value) for name, value in values.items()}
            if isinstance(values, dict)
            else values
        )


def _escaped(value: object) -> object:
    """Names that are no UTF-8 come from git with surrogates, which no JSON holds: they are shown
    escaped.
    """
    match value:
        case str() if not value.isascii():
            return value.encode("utf-8", "backslashreplace").decode()
        case tuple():
            return tuple(map(_escaped, value))
    return value


class Outcome(StrEnum):
    """How an agent or a batch ended. A closed set; never fold one into another."""

    LANDED = "landed"
    NO_CHANGE_NEEDED = "no_change_needed"
    REJECTED = "rejected"  # the gate is red
    CONFLICTED = "conflicted"
    OUT_OF_SCOPE = "out_of_scope"
    FAILED = "failed"  # the backend's error, or nothing delivered
    TIMED_OUT = "timed_out"
    OVER_BUDGET = "over_budget"
    BLOCKED = "blocked"  # a need is unmet
    CANCELLED = "cancelled"

    @property
    def is_good(self) -> bool:
        """Whether dependents may build on it."""
        return self in (Outcome.LANDED, Outcome.NO_CHANGE_NEEDED)


class Usage(Fact):
    """What an attempt cost, as its agent says; tokens by what they are, money where it is told."""

    tokens_in: int = 0
    """Read by the model, those from a cache among them."""
    tokens_cached: int = 0
    """Of these, read from a cache."""
    tokens_out: int = 0
    cost_usd: float | None = None
    means: str = ""
    """What the figures count, in words: agents mean different things by them."""

    @property
    def tokens(self) -> int:
        """Read and written."""
        return self.tokens_in + self.tokens_out


class Decision(StrEnum):
    """What a gate or a check decided."""

    PASSED = "passed"
    FAILED = "failed"
    ERRORED = "errored"  # the check could not be carried out; never a pass
    WAITING = "waiting"  # for a person
    NOT_CHECKED = "not_checked"  # nothing was asked: it may land, and nothing speaks for it


class Reason(StrEnum):
    """Why a check did not pass; each is shown by its own name."""

    NO_TESTS_EXECUTED = "no_tests_executed"
    ALL_SKIPPED = "all_skipped"
    ALL_DESELECTED = "all_deselected"
    TOO_FEW_TESTS = "too_few_tests"
    COLLECTION_ERROR = "collection_error"
    RECORD_MISSING = "record_missing"
    RECORD_TRUNCATED = "record_truncated"
    RECORD_DAMAGED = "record_damaged"  # something else than our plugin wrote to it
    RUNNER_TAMPERED = (
        "runner_tampered"  # a test that must fail does not, or parts of pytest were replaced
    )
    TAMPERED = "tampered"  # while tests ran, files that they are judged by were written to
    MODULE_SHADOWED = (
        "module_shadowed"  # a module of the candidate stands in for one of Python or of a package
    )
    NOT_TESTED = "not_tested"  # what was tested is not the candidate: it was loaded from elsewhere
    ALWAYS_EQUAL = "always_equal"  # the candidate has objects that are equal to everything
    EXIT_DISAGREES = "exit_disagrees"
    TESTS_FAILED = "tests_failed"
    BROKEN = "broken"  # passed on the base, does not pass on the candidate
    EMPTIED = "emptied"  # passed on the base, and checks nothing any more
    TEST_CHANGED = (
        "test_changed"  # named in must_turn_green, red on the base, and rewritten by the candidate
    )
    PROTECTED_CHANGED = "protected_changed"  # the candidate changes a protected file
    RUNNER_CHANGED = "runner_changed"  # the candidate changes how its own tests are run
    TEST_SIDE_CHANGED = "test_side_changed"  # what tests are made of was edited or removed unasked
    BYTECODE = "bytecode"  # compiled files would land, which it was judged without
    DID_NOT_TURN_GREEN = "did_not_turn_green"
    FLAKY = "flaky"  # what a mission names must hold, and goes both ways
    ALREADY_GREEN = "already_green"  # named in must_turn_green, but passed on the base
    PROOF_MISSING = (
        "proof_missing"  # a proof that no evidence speaks of, or a file that is missing or empty
    )
    EXIT_CODE = "exit_code"
    REPORT_MISSING = "report_missing"
    REPORT_UNREADABLE = "report_unreadable"
    VALUE_MISSING = "value_missing"
    BELOW_THRESHOLD = "below_threshold"
    TIMED_OUT = "timed_out"
    BASE_UNKNOWN = "base_unknown"  # the check could not be begun on the base
    SETUP_FAILED = "setup_failed"  # what the tree needs could not be made for this commit
    SERVICE_FAILED = "service_failed"  # a service did not get ready, or ended while it was needed
    CANNOT_RUN = "cannot_run"  # it lacks what nobody's work can bring, on the base too
    NOT_STARTED = "not_started"  # the program could not be started
    AWAITING_APPROVAL = "awaiting_approval"
    DECLINED = "declined"
    NO_CODE_CHANGED = "no_code_changed"
    VACUOUS = "vacuous"  # the tests stay green when what was changed is broken on purpose


class TestOutcome(StrEnum):
    """How one test ended on one tree; `absent` is a test that was not there."""

    __test__ = False

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"
    XFAILED = "xfailed"
    XPASSED = "xpassed"
    ABSENT = "absent"

    @property
    def is_executed(self) -> bool:
        """Whether the test's code ran to a result of its own."""
        return self not in (TestOutcome.SKIPPED, TestOutcome.ABSENT)


class Counts(Fact):
    """How many tests of a check ended how."""

    collected: int = 0
    executed: int = 0
    passed: int = 0
    failed: int = 0
    error: int = 0
    skipped: int = 0
    xfailed: int = 0
    xpassed: int = 0
    deselected: int = 0
    flaky: int = 0
    """Of those above; what a flaky test's outcome was is chance."""


class TestRecord(Fact):
    """One test: its id, how it ended on the base and on the candidate, and how long it took there
    (seconds).
    """

    __test__ = False

    id: str
    base: TestOutcome | None = None
    """None where there is no baseline to compare with."""
    candidate: TestOutcome
    is_flaky: bool = False
    again: tuple[TestOutcome, ...] = ()
    """How it ended on the candidate when it was run again."""
    base_again: tuple[TestOutcome, ...] = ()
    seconds: float = 0.0
    message: str = ""
    """The end of its failure text, bounded; empty when it passed."""


class CheckResult(Fact):
    """What one check found on one tree, with what it can be looked up by."""

    name: str
    kind: str
    """pytest, command, metric, approval; proofs: what deliverables and criteria name; changes and
    exercise: what the candidate changed, and whether the tests care.
    """
    decision: Decision
    reason: Reason | None = None
    text: str = ""
    """One sentence for people: what was found."""
    command: str = ""
    exit_code: int | None = None
    seconds: float = 0.0
    counts: Counts | None = None
    base_counts: Counts | None = None
    turned_green: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    pre_existing: tuple[str, ...] = ()
    flaky: tuple[str, ...] = ()
    """Went both ways on one tree: shown, and held against nobody."""
    reruns: int = 0
    """How many more runs of tests that took, on the candidate and on the base."""
    failing: tuple[str, ...] = ()
    """All test ids that are red on the candidate, bounded to the first hundred."""
    value: float | None = None
    """A metric's number on the candidate."""
    base_value: float | None = None
    require: str = ""
    approved_by: str = ""
    approved_at: str = ""
    tail: str = ""
    """The last lines of the output, bounded, where it is red and no test says why."""
    evidence: str = ""
    """The record with every test by id, relative to the run's report folder."""
    log: str = ""
    """The output, relative to the run's report folder."""


class ClaimStatus(StrEnum):
    """What is known of a deliverable or a criterion."""

    VALIDATED = "validated"
    FAILED = "failed"
    UNVALIDATED = "unvalidated"


class ClaimResult(Fact):
    """One deliverable or criterion, and the evidence for it."""

    text: str
    status: ClaimStatus
    proofs: tuple[str, ...] = ()
    detail: str = ""
    """The failing ids, or what is missing."""
    evidence: tuple[str, ...] = ()
    """Where the evidence lies, relative to the run's report folder."""


class Exercise(Fact):
    """What the gate says when all functions that the candidate changed are made to raise at run
    time.
    """

    functions: tuple[str, ...] = ()
    """The functions that were broken, as `path::Class.method`."""
    called: tuple[str, ...] | None = None
    """Those of them that the tests call which turned green; all tests of the gate, where none did.
    None: not known.
    """
    noticed_by: tuple[str, ...] = ()
    """Tests that are green on the candidate and were not then. Only as many were run as it took to
    know.
    """
    unbreakable: tuple[str, ...] = ()
    """Changes that no function holds (data, configuration, other languages, module code, removals),
    each with what.
    """
    undone: tuple[str, ...] = ()
    """Those of them that were undone instead, where new tests alone speak for the change."""
    careless: tuple[str, ...] = ()
    """New tests that stay green with all of the product broken on purpose."""

    @property
    def not_called(self) -> tuple[str, ...]:
        """Broken functions that those tests do not call; empty where that is not known."""
        called = set(self.functions if self.called is None else self.called)
        return tuple(function for function in self.functions if function not in called)


class SideChangeKind(StrEnum):
    """What is done to a path of the test side."""

    ADDED = "added"
    EDITED = "edited"
    REMOVED = "removed"
    MOVED = "moved"


class SideChange(Fact):
    """One path of the test side that a candidate has otherwise than its base."""

    path: str
    kind: SideChangeKind
    to: str = ""
    """Where it was moved to."""
    is_put_back: bool = False
    """Whether it was judged as on the base, because the mission does not say that it may change."""

    @property
    def what(self) -> str:
        """What was done to it: `edited`, `moved to tests/unit/test_a.py`."""
        return f"{self.kind} to {self.to}" if self.to else str(self.kind)

    def __str__(self) -> str:
        return f"{self.path} ({self.what})"


class TestSide(Fact):
    """What a candidate did to the tests that judge it, and what is to know of the tests that it was
    allowed to change.
    """

    __test__ = False

    changes: tuple[SideChange, ...] = ()
    outdated: tuple[str, ...] = ()
    """Tests that pass as they would land, and whose version of the base fails on this product."""
    weaker: tuple[str, ...] = ()
    """Tests whose checks became fewer or weaker, each with what."""

    def __bool__(self) -> bool:
        return bool(self.changes or self.outdated or self.weaker)


class Verdict(Fact):
    """What a gate decided about one tree, with all of its evidence."""

    decision: Decision
    commit: str
    tree: str
    base: str
    """The commit of the baseline."""
    checks: tuple[CheckResult, ...] = ()
    criteria: tuple[ClaimResult, ...] = ()
    deliverables: dict[str, tuple[ClaimResult, ...]] = {}
    """By agent, in the order of the mission."""
    exercise: Exercise | None = None
    """None where the batch does not ask for it, or where the gate was red without it."""
    suspicious: tuple[str, ...] = ()
    """What the candidate adds outside of its tests and mentions what only a judge has, as
    ``path:line: what``. It speaks against nobody.
    """
    test_side: TestSide = TestSide.model_construct()
    """What was done to the test side, whatever became of it."""
    environment: str = ""
    """A fingerprint of what the tests ran in."""
    interpreter: str = ""
    """What ran them, with what it can import, for people."""
    seconds: float = 0.0
    cached: bool = False

    @property
    def is_passed(self) -> bool:
        """Whether the candidate may land."""
        return self.decision in (Decision.PASSED, Decision.NOT_CHECKED)

    @property
    def said(self) -> Decision:
        """The decision as it is told: older journals call it passed where nothing was checked."""
        is_empty = self.decision is Decision.PASSED and not self.checks
        return Decision.NOT_CHECKED if is_empty else self.decision

    def reasons(self) -> str:
        """Why it did not pass, in one line; empty when it did."""
        return "; ".join(
            f"{c.name}: {c.text}" for c in self.checks if c.decision is not Decision.PASSED
        )


class PlaceFault(Fact):
    """Why a check of a gate cannot run here, on a base that nobody has changed: for want of a module,
    a plug-in, a program, a service, a file. It is held against nobody.
    """

    gate: str
    check: str
    line: str
    """What the check's own output says."""
    mend: str

    def __str__(self) -> str:
        return f"gate {self.gate}, check {self.check}: {self.line}"


class SymptomKind(StrEnum):
    """In what way something is wrong with a candidate that can be looked for in parts of it."""

    BROKEN = "broken"  # a test that passed on the base and does not pass here
    NEW_FAILURE = "new_failure"  # a red test that was neither green nor red on the base
    UNCOLLECTED = "uncollected"  # a file that cannot be collected here, and could be on the base
    NOT_GREEN = "not_green"  # what the mission says must turn green, and has not
    UNPROVEN = "unproven"  # a proof of a claim that fails
    ABSENT = "absent"  # a file or symbol that is to prove a claim, and is not there
    CHECK = "check"  # the check as a whole: it crashed, found no test, missed its threshold, …


class Symptom(Fact):
    """One thing that is wrong with a candidate, as one of its gate's checks shows it."""

    check: str
    kind: SymptomKind
    test: str = ""
    """A test id, a path, or what the mission names; empty for the check as a whole."""

    def __str__(self) -> str:
        return self.test or f"the check {self.check}"


class CulpritSet(Fact):
    """Agents whose work shows symptoms only together: the smallest set that does, in the order of
    the mission.
    """

    agents: tuple[str, ...]
    guilty: tuple[str, ...]
    """Those of them that have to try again: the last one, or all who were to turn something green
    and have not.
    """
    symptoms: tuple[Symptom, ...]
    log: str = ""
    """The output of their work judged with as little else as could be, relative to the run's report
    folder.
    """
    diffs: dict[str, str] = {}
    """What each of them had changed, likewise."""


class Breach(Fact):
    """A change that the agent's scope does not allow."""

    path: str
    reason: str
    symbol: str = ""
    """Qualified, or a name in angle brackets for what is no symbol; empty for the whole file."""
    line: int = 0
    """From 1, in the new version; in the old one for what was removed; 0 for the whole file."""

    @property
    def where(self) -> str:
        """The path, with the line and the symbol where these are known: `a.py:12 Class.method`."""
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place} {self.symbol}" if self.symbol else place


class ConflictFact(Fact):
    """Two agents' work that does not merge: where, whose, and why."""

    agent: str
    others: tuple[str, ...]
    path: str
    kind: str
    text: str
    symbol: str = ""
    """The qualified name of what both changed; empty where it is the file as a whole."""

    @property
    def line(self) -> str:
        """The conflict in one line."""
        symbol = f" {self.symbol}" if self.symbol else ""
        return f"{self.path}{symbol} ({self.kind}): {self.text}"


class MergeNote(Fact):
    """What the merge of an agent's work decided in one file, so that it is not decided in
    silence.
    """

    agent: str
    path: str
    text: str


class MergeWarning(Fact):
    """Two agents' work that merged and may not work together: the first did something to `symbol`
    that does not go with what the second added to `path`.
    """

    check: str
    path: str
    symbol: str
    agents: tuple[str, str]
    text: str


class Finding(Fact):
    """What a reviewer says of the work it read: a claim, and nothing more."""

    severity: Literal["high", "medium", "low"]
    path: str = ""
    """Empty where it is of no one file."""
    line: int = 0
    """From 1; 0 for the whole file."""
    text: str

    @property
    def where(self) -> str:
        """The path with the line, as far as these are said."""
        return f"{self.path}:{self.line}" if self.line else self.path


class RacerResult(Fact):
    """How one racer's work compares with that of the others."""

    attempt: int
    backend: str
    is_proven: bool = False
    outcome: Outcome | None = None
    """What it came to by itself, or with the gate; None where nothing stands against it."""
    lines: int = 0
    """How many lines it adds and removes."""
    reason: str
    """In one sentence: what the gate found, or why it was not asked."""


class FileChange(Fact):
    """One path of an agent's work; line counts are None for binary files."""

    path: str
    added: int | None = None
    removed: int | None = None
