"""The decisions, without anything being run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.gates.observing.observation import GREEN, RED, Observation, RecordState, TestSeen
from orchestrator.gates.rules.compare import records
from orchestrator.gates.rules.decide import decide, decide_proofs
from orchestrator.journal.facts import CheckResult, Decision, Reason, TestOutcome
from orchestrator.mission.model import (
    AnyCheck,
    ApprovalCheck,
    CommandCheck,
    FileProof,
    MetricCheck,
    PytestCheck,
    SymbolProof,
)
from tests.gates.helpers import seen


def check(**more: object) -> PytestCheck:
    return PytestCheck.model_validate({"pytest": ["."], **more})


def decided(
    candidate: Observation,
    base: Observation | None = None,
    proofs: tuple[str, ...] = (),
    **more: object,
) -> CheckResult:
    return decide("x", check(**more), candidate, base, proofs)


def said(result: CheckResult) -> tuple[Reason | None, str]:
    return result.reason, result.text


def test_what_passed_and_passes_is_green() -> None:
    result = decided(seen(a__x="passed", a__y="skipped"), seen(a__x="passed", a__y="skipped"))
    assert (result.decision, result.reason, result.text) == (
        Decision.PASSED,
        None,
        "1 test passed, 1 skipped",
    )
    assert (
        result.counts and result.counts.executed,
        result.base_counts and result.base_counts.passed,
    ) == (1, 1)


@pytest.mark.parametrize(
    ("now", "words"),
    [("failed", "a.py::x"), ("error", "a.py::x"), ("skipped", "a.py::x"), ("xfailed", "a.py::x")],
)
def test_what_passed_must_pass(now: str, words: str) -> None:
    result = decided(seen(a__x=now, a__y="passed"), seen(a__x="passed", a__y="passed"))
    assert said(result) == (Reason.BROKEN, f"passed on the base and no longer do: {words}")
    assert result.broken == ("a.py::x",)


def test_what_vanished_is_broken_unless_the_mission_says_so() -> None:
    here, base = seen(a__y="passed"), seen(a__x="passed", a__z="passed", a__y="passed")
    assert decided(here, base).broken == ("a.py::x", "a.py::z")
    assert decided(here, base, may_remove=["a.py::x"]).broken == ("a.py::z",)
    assert decided(here, base, may_remove=["a.py::[xz]"]).decision is Decision.PASSED
    assert decided(here, base, may_remove=["./a.py"]).decision is Decision.PASSED


def test_may_remove_does_not_excuse_a_failure() -> None:
    result = decided(
        seen(a__x="failed", a__y="passed"), seen(a__x="passed", a__y="passed"), may_remove=["a.py"]
    )
    assert result.reason is Reason.BROKEN


def test_what_failed_before_is_shown_and_not_held_against_anybody() -> None:
    result = decided(seen(a__x="failed", a__y="passed"), seen(a__x="error", a__y="passed"))
    assert result.decision is Decision.PASSED
    assert (result.pre_existing, result.failing) == (("a.py::x",), ("a.py::x",))
    assert result.text == "1 test passed, 1 failing as on the base"


def test_but_it_is_where_a_proof_or_a_fix_names_it() -> None:
    here, base = seen(a__x="failed", a__y="passed"), seen(a__x="failed", a__y="passed")
    assert said(decided(here, base, proofs=("a.py::x",))) == (
        Reason.TESTS_FAILED,
        "the proof a.py::x fails: a.py::x",
    )
    assert said(decided(here, base, must_turn_green=["a.py::x"])) == (
        Reason.DID_NOT_TURN_GREEN,
        "a.py::x did not turn green",
    )


@pytest.mark.parametrize("before", ["absent", "skipped", "xfailed"])
def test_a_new_failure_is_red(before: str) -> None:
    base = seen(a__y="passed") if before == "absent" else seen(a__x=before, a__y="passed")
    result = decided(seen(a__x="failed", a__y="passed"), base)
    assert said(result) == (Reason.TESTS_FAILED, "1 new failure: a.py::x")


def test_nothing_but_old_failures_is_no_pass() -> None:
    result = decided(seen(a__x="failed"), seen(a__x="failed"))
    assert said(result) == (Reason.TESTS_FAILED, "no test passed: 1 test failed, as on the base")


@pytest.mark.parametrize("before", ["failed", "error", "absent", "skipped", "xfailed"])
def test_turning_green(before: str) -> None:
    base = seen(a__y="passed") if before == "absent" else seen(a__x=before, a__y="passed")
    result = decided(seen(a__x="passed", a__y="passed"), base, must_turn_green=["a.py::x"])
    assert result.decision is Decision.PASSED, result.text
    assert result.turned_green == (("a.py::x",) if before in ("failed", "error", "absent") else ())


@pytest.mark.parametrize(
    ("entry", "here", "base", "reason"),
    [
        ("a.py::x", {"a__x": "passed"}, {"a__x": "passed"}, "already_green"),
        ("a.py::x", {"a__x": "xpassed"}, {"a__x": "xpassed"}, "already_green"),
        (
            "a.py::x",
            {"a__x": "skipped", "b__y": "passed"},
            {"a__x": "failed", "b__y": "passed"},
            "did_not_turn_green",
        ),
        ("a.py::x", {"b__y": "passed"}, {"a__x": "failed", "b__y": "passed"}, "did_not_turn_green"),
        ("a.py::x", {"b__y": "passed"}, {"b__y": "passed"}, "did_not_turn_green"),
        ("a.py::x", {"a__x": "failed", "b__y": "passed"}, {"b__y": "passed"}, "did_not_turn_green"),
        (
            "a.py",
            {"a__x": "passed", "a__y": "failed"},
            {"a__x": "failed", "a__y": "failed"},
            "did_not_turn_green",
        ),
        ("a.py", {"a__x": "passed", "a__y": "skipped"}, {"a__x": "failed"}, "did_not_turn_green"),
        (
            "a.py",
            {"a__x": "passed", "a__y": "passed"},
            {"a__x": "passed", "a__y": "passed"},
            "already_green",
        ),
        ("a.py", {"a__x": "passed", "a__y": "passed"}, {"a__x": "passed", "a__y": "failed"}, None),
        ("./a.py", {"a__x": "passed", "a__y": "passed"}, {"a__x": "passed"}, None),
        (
            "a.py::x",
            {"a__x[1]": "passed", "a__x[2]": "passed"},
            {"a__x[1]": "passed", "a__x[2]": "failed"},
            None,
        ),
        (
            "a.py::x",
            {"a__x[1]": "passed", "a__x[2]": "failed"},
            {"a__x[2]": "failed"},
            "did_not_turn_green",
        ),
        (
            "a.py::K",
            {"a__K::t": "passed", "a__u": "passed"},
            {"a__K::t": "failed", "a__u": "passed"},
            None,
        ),
    ],
)
def test_must_turn_green(
    entry: str, here: dict[str, str], base: dict[str, str], reason: str | None
) -> None:
    result = decided(seen(**here), seen(**base), must_turn_green=[entry])
    assert result.reason == reason, result.text


def test_without_a_baseline_nothing_turns_green() -> None:
    assert (
        decided(seen(a__x="passed"), must_turn_green=["a.py"]).reason is Reason.DID_NOT_TURN_GREEN
    )


def test_a_base_that_could_not_be_run_to_its_end_is_red_there() -> None:
    base = Observation(kind="pytest", record=RecordState.TRUNCATED, exit_code=4)
    assert decided(seen(a__x="passed"), base, must_turn_green=["a.py"]).decision is Decision.PASSED


def test_an_uncollectable_file_is_red_once_and_shown_when_it_was_before() -> None:
    errors = {
        "collection_errors": {"b.py": "E   ImportError: no"},
        "exit_code": 1,
        "reported_exit": 1,
    }
    here = seen(a__x="passed").model_copy(update=errors)
    before = seen(a__x="passed", b__y="passed")
    result = decided(here, before)
    assert said(result) == (Reason.COLLECTION_ERROR, "cannot be collected: b.py (ImportError: no)")
    assert result.broken == ()
    as_before = decided(here, here)
    assert (as_before.decision, as_before.pre_existing) == (Decision.PASSED, ("b.py",))
    assert decided(here, here, proofs=("b.py::y",)).reason is Reason.TESTS_FAILED
    assert decided(here, here, must_turn_green=["b.py"]).reason is Reason.DID_NOT_TURN_GREEN


def test_too_few() -> None:
    result = decided(seen(a__x="passed", a__y="skipped", a__z="xfailed"), at_least=2)
    assert said(result) == (Reason.TOO_FEW_TESTS, "1 test executed, at least 2 required")
    assert decided(seen(a__x="passed", a__y="passed"), at_least=2).decision is Decision.PASSED


def test_every_place_that_a_gate_names_has_tests() -> None:
    here = seen(a__x="passed")
    assert decided(here, pytest=["a.py", "b.py"]).reason is Reason.NO_TESTS_EXECUTED
    assert decided(here, pytest=["a.py", "b.py"], may_remove=["b.py"]).decision is Decision.PASSED


@pytest.mark.parametrize(
    ("code", "tests", "words"),
    [
        (0, {"a__x": "failed", "a__y": "passed"}, "it ended with exit 0 after 1 failure"),
        (5, {"a__y": "passed"}, "it ended with exit 5 (no tests), but no failure was recorded"),
        (-11, {"a__y": "passed"}, "it ended with exit -11, but no failure was recorded"),
        (
            3,
            {"a__x": "failed", "a__y": "passed"},
            "it ended with exit 3 (internal error), not as pytest does after failures",
        ),
    ],
)
def test_exit_and_record_must_agree(code: int, tests: dict[str, str], words: str) -> None:
    here = seen(code, **tests)
    result = decided(here, here)  # old failures do not excuse it
    assert said(result) == (Reason.EXIT_DISAGREES, words)


def test_what_pytest_says_of_itself_must_be_how_it_ended() -> None:
    here = seen(1, a__x="failed", a__y="passed").model_copy(update={"reported_exit": 0})
    assert decided(here, here).reason is Reason.EXIT_DISAGREES


@pytest.mark.parametrize(
    "end",
    [
        "FAIL Required test coverage of 72.0% not reached. Total coverage: 34.38%\n== 2 passed ==",
        "ERROR: Coverage failure: total of 34 is less than fail-under=72\n\n== 2 passed ==",
    ],
)
def test_coverage_that_is_asked_of_all_tests_is_named_as_the_cause(end: str) -> None:
    here = seen(1, a__x="passed").model_copy(update={"tail": end})
    reason, words = said(decided(here, seen(a__x="passed")))
    assert reason is Reason.EXIT_DISAGREES
    assert "overage" in words.partition(": name all the tests")[0]
    assert words.endswith("or do without: `env: {PYTEST_ADDOPTS: --no-cov}`")


def test_several_findings_are_all_told() -> None:
    result = decided(
        seen(a__x="failed", a__y="failed", a__z="passed"), seen(a__x="passed"), at_least=9
    )
    assert result.text == (
        "passed on the base and no longer do: a.py::x; 1 new failure: a.py::y; 3 tests executed, at least 9 required"
    )


def test_many_names_are_cut() -> None:
    tests = {f"a__t{number}": "failed" for number in range(200)}
    result = decided(seen(**tests, b__x="passed"), seen(b__x="passed"))
    assert result.text == "200 new failures: a.py::t0, a.py::t1, a.py::t2 and 197 more"
    assert len(result.failing) == 100


def test_the_table_of_tests_has_both_sides() -> None:
    rows = records(seen(a__x="passed", a__y="failed"), seen(a__x="failed", a__z="passed"))
    assert [(row.id, row.base, row.candidate) for row in rows] == [
        ("a.py::x", "failed", "passed"),
        ("a.py::y", "absent", "failed"),
        ("a.py::z", "passed", "absent"),
    ]
    assert records(seen(a__x="passed"), None)[0].base is None


# -- checks that are not tests


def command(**facts: object) -> Observation:
    return Observation.model_validate({"kind": "command", "exit_code": 0, **facts})


def test_an_exit_code_alone_is_called_that() -> None:
    plain = CommandCheck.model_validate({"command": "make test"})
    good = decide("x", plain, command())
    assert (good.decision, good.text, good.counts) == (Decision.PASSED, "exit code only: 0", None)
    assert said(decide("x", plain, command(exit_code=2))) == (Reason.EXIT_CODE, "exit code only: 2")
    assert (
        decide("x", plain, command(exit_code=2), command(exit_code=3)).text
        == "exit code only: 2 (on the base 3)"
    )
    loud = decide("x", plain, command(exit_code=2, tail="a\n\nTypeError: no\n    at x.js:1\n"))
    assert said(loud) == (Reason.EXIT_CODE, "exit code only: 2: TypeError: no")
    assert loud.tail == "a\nTypeError: no\n    at x.js:1"
    assert decide("x", plain, command(tail="all is well")).tail == ""
    assert decide("x", plain, command(quoted="Ran 0 tests in")).reason is Reason.NO_TESTS_EXECUTED
    named = CommandCheck.model_validate({"command": "make test", "must_turn_green": ["a"]})
    assert decide("x", named, command(), command(exit_code=1)).reason is Reason.DID_NOT_TURN_GREEN


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("missing", Reason.REPORT_MISSING),
        ("unreadable", Reason.REPORT_UNREADABLE),
        ("complete", Reason.NO_TESTS_EXECUTED),
    ],
)
def test_a_report_must_be_there_and_hold_tests(state: str, reason: Reason) -> None:
    reporting = CommandCheck.model_validate({"command": "true", "report": "out.xml"})
    result = decide("x", reporting, command(record=state, problem="out.xml was not written"))
    assert (result.decision, result.reason) == (Decision.FAILED, reason)


def test_a_report_of_dotted_names_is_selected_by_module() -> None:
    reporting = CommandCheck.model_validate(
        {"command": "true", "report": "o.xml", "must_turn_green": ["tests.test_a"]}
    )
    green = {"tests.test_a.TestK::test_x": TestSeen(outcome=TestOutcome.PASSED)}
    here = command(record="complete", tests=green)
    assert decide("x", reporting, here, command(record="missing")).decision is Decision.PASSED
    assert decide("x", reporting, here, here).reason is Reason.ALREADY_GREEN


@pytest.mark.parametrize(
    ("require", "value", "holds"),
    [
        (">= 95", 95, True),
        (">= 95", 94.99, False),
        ("<5", 5, False),
        ("<= 5", 5, True),
        ("> -1", 0, True),
        ("== 0.5", 0.5, True),
    ],
)
def test_a_metric_is_held_against_its_threshold(require: str, value: float, holds: bool) -> None:
    metric = MetricCheck.model_validate({"metric": "m", "value": "v", "require": require})
    here = Observation(kind="metric", exit_code=0, value=value)
    result = decide("x", metric, here, Observation(kind="metric", exit_code=1, value=1.5))
    assert result.decision is (Decision.PASSED if holds else Decision.FAILED)
    assert result.reason is (None if holds else Reason.BELOW_THRESHOLD)
    assert (result.value, result.base_value, result.require) == (value, 1.5, require)
    assert result.text == f"{value:g} {'is' if holds else 'is not'} {require}"


def test_a_metric_without_a_number_or_with_an_error_is_red() -> None:
    metric = MetricCheck.model_validate({"metric": "m", "value": "v", "require": "> 0"})
    assert (
        decide("x", metric, Observation(kind="metric", exit_code=0, problem="no")).reason
        is Reason.VALUE_MISSING
    )
    failed = decide("x", metric, Observation(kind="metric", exit_code=1, value=5))
    assert said(failed) == (Reason.EXIT_CODE, "it ended with exit 1 after it printed 5")


@pytest.mark.parametrize(
    "facts", [{"timed_out": True, "exit_code": -9}, {"not_started": "m: no such file"}]
)
def test_what_could_not_be_carried_out_is_an_error_whatever_the_kind(
    facts: dict[str, object],
) -> None:
    checks: list[AnyCheck] = [
        check(),
        CommandCheck.model_validate({"command": "m"}),
        CommandCheck.model_validate({"command": "m", "report": "r"}),
        MetricCheck.model_validate({"metric": "m", "value": "v", "require": "> 0"}),
    ]
    for one in checks:
        result = decide("x", one, Observation.model_validate({"kind": "any", **facts}))
        assert result.decision is Decision.ERRORED
        assert result.reason in (Reason.TIMED_OUT, Reason.NOT_STARTED)


def test_an_approval_is_not_for_here() -> None:
    with pytest.raises(TypeError):
        decide("x", ApprovalCheck(approval="yes?"), seen())


# -- proofs


def test_proofs_by_tests_and_files() -> None:
    here = seen(a__x="passed", a__y="skipped")
    good = decide_proofs("proofs", here, ["a.py::x"], {FileProof(file="doc.md"): None})
    assert (good.decision, good.kind, good.text) == (
        Decision.PASSED,
        "proofs",
        "1 test passed, 1 file there",
    )
    bad = decide_proofs(
        "proofs", here, ["a.py::x", "a.py::y", "b.py"], {FileProof(file="doc.md"): "is empty"}
    )
    assert (bad.decision, bad.reason) == (Decision.FAILED, Reason.PROOF_MISSING)
    assert (
        bad.text
        == "no test of the proof a.py::y passed; no test of the proof b.py passed; the file doc.md is empty"
    )
    red = seen(a__x="failed", a__y="passed")
    symbols = {
        SymbolProof(symbol="a.py::f"): None,
        SymbolProof(symbol="a.py::g"): None,
        FileProof(file="doc.md"): None,
    }
    assert decide_proofs("proofs", None, [], symbols).text == "2 symbols there, 1 file there"
    gone = decide_proofs("proofs", None, [], {SymbolProof(symbol="a.py::f"): "does not exist"})
    assert (gone.reason, gone.text) == (Reason.PROOF_MISSING, "the symbol a.py::f does not exist")
    assert decide_proofs("proofs", red, ["a.py"], {}).reason is Reason.TESTS_FAILED
    assert (
        decide_proofs("proofs", None, [], {FileProof(file="doc.md"): "does not exist"}).reason
        is Reason.PROOF_MISSING
    )


# -- properties

IDS = st.sampled_from(
    [f"{file}.py::{name}" for file in "ab" for name in ("x", "y", "K::z", "p[1]", "p[2]")]
)
OUTCOMES = st.sampled_from(
    [outcome for outcome in TestOutcome if outcome is not TestOutcome.ABSENT]
)
TESTS = st.dictionaries(IDS, OUTCOMES.map(lambda outcome: TestSeen(outcome=outcome)), max_size=8)
ENTRIES = st.lists(
    st.one_of(IDS, st.sampled_from(["a.py", "b.py", "a.py::K", "b.py::p", "."])), max_size=2
)


@st.composite
def observations(draw: st.DrawFn) -> Observation:
    tests = draw(TESTS)
    honest = int(any(test.outcome in RED for test in tests.values()))
    code = draw(st.one_of(st.just(honest), st.sampled_from([0, 1, 2, 5, -9])))
    errors = draw(st.dictionaries(st.sampled_from(["c.py", "d.py"]), st.just("E"), max_size=1))
    record = draw(st.sampled_from([RecordState.COMPLETE] * 4 + list(RecordState)))
    return Observation(
        kind="pytest",
        tests=tests,
        exit_code=code,
        reported_exit=code,
        record=record,
        collection_errors=errors,
        timed_out=draw(st.sampled_from([False] * 5 + [True])),
    )


CHECKS = st.builds(
    lambda at_least, green, remove: check(
        at_least=at_least, must_turn_green=green, may_remove=remove
    ),
    st.integers(1, 3),
    ENTRIES,
    ENTRIES,
)
BASES = st.one_of(st.none(), observations())


@given(CHECKS, observations(), BASES, ENTRIES)
def test_a_pass_has_its_evidence(
    one: PytestCheck, here: Observation, base: Observation | None, proofs: list[str]
) -> None:
    result = decide("x", one, here, base, proofs)
    assert (result.decision is Decision.PASSED) == (result.reason is None)
    assert result.text
    if result.decision is not Decision.PASSED:
        return
    assert here.is_whole()
    assert not here.timed_out
    assert any(test.outcome in GREEN for test in here.tests.values())
    assert (
        sum(test.outcome in (*GREEN, TestOutcome.FAILED) for test in here.tests.values())
        >= one.at_least
    )
    red = [test_id for test_id, test in here.tests.items() if test.outcome in RED]
    assert (here.exit_code == 0) == (not red and not here.collection_errors)
    for test_id in red:
        assert base is not None
        assert base.outcome(test_id) in RED
    assert not result.broken


@given(CHECKS, observations(), BASES, ENTRIES, st.sampled_from(RED))
def test_one_more_failure_never_turns_red_to_green(
    one: PytestCheck,
    here: Observation,
    base: Observation | None,
    proofs: list[str],
    outcome: TestOutcome,
) -> None:
    if decide("x", one, here, base, proofs).decision is Decision.PASSED:
        return
    tests = {**here.tests, "z.py::new": TestSeen(outcome=outcome)}
    worse = here.model_copy(update={"tests": tests, "exit_code": 1, "reported_exit": 1})
    # An exit that said "failed" while no failure was recorded agrees now: the new failure has to be
    # red by itself.
    assert decide("x", one, worse, base, proofs).decision is not Decision.PASSED


@given(CHECKS, observations(), observations())
def test_what_passes_twice_in_a_row_is_never_already_broken(
    one: PytestCheck, here: Observation, base: Observation
) -> None:
    """A tree that passed is a baseline against which it breaks nothing itself."""
    if decide("x", one, here, base).decision is Decision.PASSED:
        again = decide("x", one.model_copy(update={"must_turn_green": ()}), here, here)
        assert again.decision is Decision.PASSED, again.text


@given(CHECKS, observations(), BASES)
def test_a_test_that_gets_worse_never_helps(
    one: PytestCheck, here: Observation, base: Observation | None
) -> None:
    if decide("x", one, here, base).decision is Decision.PASSED:
        return
    for test_id in here.tests:
        tests = {**here.tests, test_id: TestSeen(outcome=TestOutcome.FAILED)}
        worse = here.model_copy(update={"tests": tests})
        after = decide("x", one, worse, base)
        if here.exit_code == 0 or any(test.outcome in RED for test in here.tests.values()):
            assert after.decision is not Decision.PASSED or (
                base and base.outcome(test_id) in RED
            ), after.text
