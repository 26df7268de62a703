"""What can speak against a pass: one function per way in which tests say yes for nothing.

Each gives the findings of its kind, with a sentence for people, or none. Pure. In which order they
count, and what of them becomes a result, is `decide`'s.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from orchestrator.gates.observing.observation import (
    BYTECODE,
    GREEN,
    PROTECTED,
    Observation,
    RecordState,
)
from orchestrator.gates.observing.selection import Families, ancestors, excuses, normal
from orchestrator.gates.rules.changed_tests import ChangedTests
from orchestrator.gates.rules.compare import Comparison, Shortfall
from orchestrator.gates.rules.finding import Finding
from orchestrator.gates.rules.nearest import nearest_text
from orchestrator.gates.rules.words import count, named
from orchestrator.journal.facts import Decision, Reason
from orchestrator.mission.model import CommandCheck, PytestCheck

TAIL_LINES, TAIL_LINE = 12, 240
COVERAGE = re.compile(r"Required test coverage of \S+ not reached|Coverage failure: [^\n]*")
"""What pytest-cov ends with, which fails a run of green tests."""
PYTEST_EXITS = {2: "interrupted", 3: "internal error", 4: "usage error", 5: "no tests"}


def not_carried_out(seen: Observation) -> Iterator[Finding]:
    """Was it started, and did it come to its end?"""
    if seen.not_ready:
        yield Finding(Reason.SETUP_FAILED, " ".join(seen.not_ready.split()), Decision.ERRORED)
    elif seen.no_service:
        yield Finding(Reason.SERVICE_FAILED, " ".join(seen.no_service.split()), Decision.ERRORED)
    elif seen.not_started:
        yield Finding(
            Reason.NOT_STARTED, f"it could not be started: {seen.not_started}", Decision.ERRORED
        )
    elif seen.timed_out:
        done = f" after {count(len(seen.tests), 'test')}" if seen.tests else ""
        where = f", at {seen.not_run[0]}" if seen.not_run else ""
        text = f"it did not end in {seen.seconds:.0f} s and was stopped{done}{where}"
        yield Finding(Reason.TIMED_OUT, text, Decision.ERRORED)


def base_is_unknown(base: Observation | None) -> Iterator[Finding]:
    """Could the machine not even begin on the base? Then there is nothing to hold the candidate
    against.
    """
    if base is not None and (why := base.not_ready or base.no_service or base.not_started):
        yield Finding(
            Reason.BASE_UNKNOWN,
            f"the base could not be looked at: {' '.join(why.split())}",
            Decision.ERRORED,
        )


def record_is_not_whole(seen: Observation) -> Iterator[Finding]:
    """Is there a whole record?"""
    is_report = seen.kind == "command"
    exit_text = f" (exit {seen.exit_code})" if seen.exit_code is not None else ""
    match seen.record:
        case RecordState.MISSING:
            reason = Reason.REPORT_MISSING if is_report else Reason.RECORD_MISSING
            yield Finding(reason, f"{seen.problem}{exit_text}{last_words(seen)}")
        case RecordState.TRUNCATED:
            yield Finding(Reason.RECORD_TRUNCATED, f"{seen.problem}{exit_text}{last_words(seen)}")
        case RecordState.DAMAGED:
            yield Finding(Reason.RECORD_DAMAGED, f"{seen.problem}{exit_text}")
        case RecordState.UNREADABLE:
            yield Finding(Reason.REPORT_UNREADABLE, f"the report cannot be used: {seen.problem}")


def last_lines(seen: Observation) -> str:
    """The end of its output, short enough to be shown with a result."""
    lines = [line.rstrip()[:TAIL_LINE] for line in seen.tail.strip().splitlines() if line.strip()]
    return "\n".join(lines[-TAIL_LINES:])


def last_words(seen: Observation) -> str:
    """The line of its last output that most likely says what went wrong."""
    lines = [line.strip() for line in seen.tail.splitlines() if line.strip()]
    telling = [line for line in lines if re.search(r"error\b", line, re.IGNORECASE)]
    return f": {(telling or lines)[-1].removeprefix('E ').strip()[:200]}" if lines else ""


def not_to_be_believed(seen: Observation, base: Observation | None) -> Iterator[Finding]:
    """Was anything seen in the test process that makes its outcomes worth nothing? What the base
    has too is no news.
    """
    before = base.oddities if base else {}

    def new(kind: str) -> list[str]:
        return [text for text in seen.oddities.get(kind, ()) if text not in before.get(kind, ())]

    if controls := seen.oddities.get(
        "control"
    ):  # where nothing can fail, a base that has it too is no excuse
        yield Finding(Reason.RUNNER_TAMPERED, controls[0])
    if patched := new("patched"):
        yield Finding(
            Reason.RUNNER_TAMPERED,
            "the project replaces parts of the test runner, of Python or of the tests: "
            f"{named(patched)}",
        )
    if reached := new("reached"):
        yield Finding(
            Reason.RUNNER_TAMPERED,
            f"the project reaches into what runs its tests: {named(reached)}",
        )
    # A name is taken from somebody where somebody has used it.
    if shadowed := [
        text
        for text in new("shadowed")
        if base is None or not text.endswith(".py)") or text.partition(" ")[0] in base.used
    ]:
        text = "a module of the project takes the place of Python's, a package's or the tests'"
        yield Finding(Reason.MODULE_SHADOWED, f"{text}: {named(shadowed)}")
    if foreign := new("foreign"):
        text = f"the report is not of this run and this tree: {named(foreign)}"
        yield Finding(Reason.REPORT_UNREADABLE, text)
    if stands_in := seen.oddities.get("stands_in"):
        text = f"a new file of the tests would be imported in place of another: {named(stands_in)}"
        yield Finding(Reason.MODULE_SHADOWED, text)
    if equal := new("always_equal"):
        text = f"agrees with whatever it is compared with: {named(equal)}"
        yield Finding(Reason.ALWAYS_EQUAL, text)


def not_watched(seen: Observation) -> Iterator[Finding]:
    """Was nobody there to see whether a test can fail? Where processes of xdist died, what they saw
    died with them.
    """
    if unwatched := seen.oddities.get("unwatched"):
        yield Finding(Reason.RUNNER_TAMPERED, unwatched[0])


def cannot_collect(found: Comparison, seen: Observation) -> Iterator[Finding]:
    """Are there files that cannot be collected, and could be on the base?"""
    if errors := found.collection_errors:
        text = f"cannot be collected: {named(errors)}{_detail(seen, errors[0])}"
        yield Finding(Reason.COLLECTION_ERROR, text)


def nothing_passed(seen: Observation, found: Comparison) -> Iterator[Finding]:
    """Is there anything that speaks for a pass at all?"""
    counts = seen.counts
    if counts.passed or counts.xpassed:
        return
    if counts.executed:
        if counts.xfailed == counts.executed:
            text = f"no test passed: {count(counts.xfailed, 'test')} expected to fail did"
            yield Finding(Reason.NO_TESTS_EXECUTED, text)
        elif set(found.failing) <= {*found.pre_existing, *found.flaky}:
            how = "by chance" if found.flaky else "as on the base"
            text = f"no test passed: {count(len(found.failing), 'test')} failed, {how}"
            yield Finding(Reason.TESTS_FAILED, text)
    elif counts.skipped:
        yield Finding(
            Reason.ALL_SKIPPED, f"no test was executed: all {counts.skipped} were skipped"
        )
    elif counts.deselected:
        yield Finding(
            Reason.ALL_DESELECTED, f"no test was executed: all {counts.deselected} were deselected"
        )
    elif not found.collection_errors:
        yield Finding(Reason.NO_TESTS_EXECUTED, f"no test was executed{_why_none(seen)}")


def _why_none(seen: Observation) -> str:
    if errors := tuple(seen.collection_errors):
        said = f"{named(errors)} cannot be collected, as on the base{_detail(seen, errors[0])}"
        return f": {said}"
    return f": {named(seen.absent)} not in this tree" if seen.absent else ""


def _detail(seen: Observation, path: str) -> str:
    """The last line of why a file cannot be collected."""
    lines = seen.collection_errors[path].strip().splitlines()
    return f" ({lines[-1].removeprefix('E ').strip()[:200]})" if lines else ""


def exit_disagrees(seen: Observation, *, is_pytest: bool) -> Iterator[Finding]:
    """Does the runner's exit status say what its record says? Failures that are not new count for
    both.
    """
    code = seen.exit_code
    if code is None:
        return
    red = seen.counts.failed + seen.counts.error + len(seen.collection_errors)
    meaning = f" ({PYTEST_EXITS[code]})" if is_pytest and code in PYTEST_EXITS else ""
    if code == 0 and red:
        yield Finding(Reason.EXIT_DISAGREES, f"it ended with exit 0 after {count(red, 'failure')}")
    elif code == 1 and not red and (under := COVERAGE.search(seen.tail)):
        yield Finding(
            Reason.EXIT_DISAGREES,
            f"no test failed, but {under[0]}: name all the tests that it is asked of, "
            "or do without: `env: {PYTEST_ADDOPTS: --no-cov}`",
        )
    elif code != 0 and not red:
        yield Finding(
            Reason.EXIT_DISAGREES,
            f"it ended with exit {code}{meaning}, but no failure was recorded{last_words(seen)}",
        )
    elif is_pytest and code not in (0, 1):
        yield Finding(
            Reason.EXIT_DISAGREES,
            f"it ended with exit {code}{meaning}, not as pytest does after failures{last_words(seen)}",
        )
    elif seen.reported_exit not in (None, code):
        yield Finding(
            Reason.EXIT_DISAGREES,
            f"it ended with exit {code}, but pytest reported {seen.reported_exit}",
        )


def worse_than_base(found: Comparison, shortfalls: Sequence[Shortfall]) -> Iterator[Finding]:
    """Did something break, or fail that is new?"""
    if found.broken:
        yield Finding(Reason.BROKEN, f"passed on the base and no longer do: {named(found.broken)}")
    spoken_of = {test_id for shortfall in shortfalls for test_id in shortfall.ids}
    if new := [test_id for test_id in found.newly_failing if test_id not in spoken_of]:
        yield Finding(Reason.TESTS_FAILED, f"{count(len(new), 'new failure')}: {named(new)}")


def tests_changed(changed: ChangedTests, may_remove: Sequence[str]) -> Iterator[Finding]:
    """Are there tests that pass because the candidate changed them?"""
    if left := [test_id for test_id in changed.emptied if not excuses(may_remove, test_id)]:
        yield Finding(
            Reason.EMPTIED, f"passed on the base and check nothing any more: {named(left)}"
        )


def rewritten(changed: ChangedTests, may_remove: Sequence[str]) -> Iterator[Finding]:
    """Are there tests that turn green because they were rewritten?"""
    if left := [test_id for test_id in changed.rewritten if not excuses(may_remove, test_id)]:
        yield Finding(
            Reason.TEST_CHANGED,
            f"to turn green as they were on the base, but rewritten: {named(left)} "
            "(where the test itself is what was to be mended, `may_change` names its file)",
        )


def side_changed(seen: Observation) -> Iterator[Finding]:
    """Was the test side changed where the mission does not say that it may be?"""
    if seen.put_back:
        told = [f"{path} ({what})" for path, what in seen.put_back.items()]
        yield Finding(
            Reason.TEST_SIDE_CHANGED,
            f"belongs to the tests, and was judged as on the base: {named(told)} "
            "(what may be edited, moved or removed is named in the check's `may_change`)",
        )


def asserts_nothing(
    seen: Observation, base: Observation | None, may_remove: Sequence[str]
) -> Iterator[Finding]:
    """Are there tests that made assertions on the base and make none, where their runner tells?"""
    before = base.tests if base else {}
    emptied = [
        test_id
        for test_id, test in seen.tests.items()
        if test.assertions == 0 and test.outcome in GREEN and (then := before.get(test_id))
        if then.assertions and then.outcome in GREEN and not excuses(may_remove, test_id)
    ]
    if emptied:
        yield Finding(
            Reason.EMPTIED, f"made assertions on the base and make none any more: {named(emptied)}"
        )


def put_back(seen: Observation) -> Iterator[Finding]:
    """Would something land with the candidate that it was judged without?"""
    protected = [path for path, why in seen.restored.items() if why == PROTECTED]
    if protected:
        yield Finding(
            Reason.PROTECTED_CHANGED, f"protected, and judged as on the base: {named(protected)}"
        )
    if changed := [
        f"{path}: {why}" for path, why in seen.restored.items() if why not in (PROTECTED, BYTECODE)
    ]:
        yield Finding(
            Reason.RUNNER_CHANGED,
            f"changes how its own tests are run, and was judged without: {named(changed)}",
        )


def not_borne_out(
    shortfalls: Sequence[Shortfall], proofs: Sequence[Shortfall], ids: Collection[str] = ()
) -> Iterator[Finding]:
    """What the mission names, and is not so; `ids` are those that there are, for what is no name of
    any.
    """
    for shortfall in sorted(
        shortfalls, key=lambda shortfall: shortfall.reason is Reason.ALREADY_GREEN
    ):
        if shortfall.reason is Reason.ALREADY_GREEN:
            text = f"{shortfall.entry} was to turn green, but passed on the base already"
        elif shortfall.reason is Reason.FLAKY:
            text = (
                f"{shortfall.entry} was to turn green, and goes both ways: {named(shortfall.ids)}"
            )
        elif shortfall.ids == (shortfall.entry,):
            text = f"{shortfall.entry} did not turn green"
        elif shortfall.ids:
            text = f"{shortfall.entry} did not turn green: {named(shortfall.ids)} did not pass"
        else:
            near = nearest_text(shortfall.entry, ids)
            text = f"{shortfall.entry} did not turn green: no such test ran{near}"
        yield Finding(shortfall.reason, text)
    for shortfall in proofs:
        if shortfall.reason is Reason.FLAKY:
            continue  # the claim stays unproven, for which nobody is sent back
        if shortfall.ids:
            yield Finding(
                shortfall.reason, f"the proof {shortfall.entry} fails: {named(shortfall.ids)}"
            )
        else:
            near = "" if shortfall.is_there else nearest_text(shortfall.entry, ids)
            text = f"no test of the proof {shortfall.entry} passed{near}"
            yield Finding(shortfall.reason, text)


def empty_places(check: PytestCheck | CommandCheck, seen: Observation) -> Iterator[Finding]:
    """Everything that the gate names must be there, or a renamed file would pass unnoticed for
    ever.
    """
    if not isinstance(check, PytestCheck) or not (seen.tests or seen.deselected):
        return
    known = Families((*seen.tests, *seen.deselected, *seen.not_run, *seen.collection_errors))
    empty = [
        entry
        for entry in check.pytest
        if not known[entry]
        and not any(above in seen.collection_errors for above in ancestors(normal(entry)))
        and not excuses(check.may_remove, normal(entry))
    ]
    if empty:
        yield Finding(Reason.NO_TESTS_EXECUTED, f"there are no tests in {named(empty)}")


def too_few(check: PytestCheck | CommandCheck, seen: Observation) -> Iterator[Finding]:
    """Were as many tests executed as the mission asks for?"""
    ended = seen.counts.passed + seen.counts.xpassed + seen.counts.failed
    if ended < check.at_least and (seen.counts.executed or check.at_least > 1):
        text = f"{count(ended, 'test')} executed, at least {check.at_least} required"
        yield Finding(Reason.TOO_FEW_TESTS, text)
