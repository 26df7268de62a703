"""Rule 7: tests must care. The functions that a candidate changes are broken on purpose, and the
gate is run again.

Owns what is run then, in which order, and what the outcomes are worth. A few of the tests that
turned green come first: most often one of them notices, which settles the matter. If none does, all
that turned green are run, then the whole gate; if all of that stays green, the change is vacuous.
Beside that the tests that turned green are run with functions that only leave a mark when they are
called: what nobody calls, nobody proves. The same run is the control: what is red there too (a test
that looks at the source, a linter) is red because text was changed, and has noticed nothing.
Running is done by whoever asks; which functions changed is `changed_functions`', how they are made
to fail `breaking`'s.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from orchestrator.gates.exercise.breaking import failing, inserted
from orchestrator.gates.exercise.changed_functions import ChangedFunctions, Function, Read
from orchestrator.gates.exercise.trial import Trial
from orchestrator.gates.observing.alignment import aligned
from orchestrator.gates.observing.observation import GREEN, RED, Observation, TestSeen
from orchestrator.gates.rules.compare import records
from orchestrator.gates.rules.decide import FAILING_LIMIT, decide
from orchestrator.gates.rules.words import count, named
from orchestrator.journal.facts import CheckResult, Decision, Exercise, Reason, TestRecord
from orchestrator.mission.model import AnyCheck, CommandCheck, PytestCheck

KIND = "exercise"
FIRST = 8
"""How many of the tests that turned green are run first."""


@dataclass(frozen=True, slots=True)
class Course:
    """What there is to run: with marks, and (until something notices) with failures."""

    marked: tuple[Trial, ...]
    broken: tuple[Trial, ...]
    whose: str
    """Which tests those with marks are, in words."""

    @property
    def marked_tests(self) -> set[str]:
        """The tests that are run with marks in any case."""
        return {test for trial in self.marked for test in trial.normal.tests}

    def control_of(self, trial: Trial) -> Trial:
        """What is run with marks to know what the changed text alone does to a trial."""
        return self.marked[0] if trial.name == KIND else trial


@dataclass(frozen=True, slots=True)
class Exercised:
    """What came of it: the fact, and the result with every test of the last trial where there was
    anything to break.
    """

    fact: Exercise
    result: CheckResult | None = None
    tests: tuple[TestRecord, ...] = ()
    noticed: frozenset[str] = frozenset()
    """All tests that noticed by themselves, of those that were run."""
    careless: frozenset[str] = frozenset()
    """All new tests that noticed nothing at all."""


@dataclass(frozen=True, slots=True)
class Harm:
    """What was done to a candidate, in words; `is_value`: nothing fails by itself then, so that only
    a test that is red has noticed, and not one that is not there.
    """

    names: tuple[str, ...]
    noun: str = "changed function"
    how: str = "broken on purpose"
    is_value: bool = False

    @property
    def text(self) -> str:
        return f"{count(len(self.names), self.noun)} {self.how}"


Look = Callable[[Trial], Awaitable[Observation]]
"""Runs a trial on a tree."""


def breakable(changed: ChangedFunctions, read: Read) -> ChangedFunctions:
    """The same; a function in a file in which nothing can be put in its place is one of those that
    cannot be broken.
    """
    is_possible = {
        path: inserted(read(path) or b"", {function: failing(function) for function in functions})
        is not None
        for path, functions in changed.by_path().items()
    }
    left = [
        function.cannot_be_broken()
        for function in changed.functions
        if not is_possible[function.path]
    ]
    functions = tuple(function for function in changed.functions if is_possible[function.path])
    return ChangedFunctions(functions, (*changed.unbreakable, *left))


def rewritten(
    changed: ChangedFunctions, read: Read, statement: Callable[[Function], str]
) -> dict[str, bytes]:
    """The contents of all files with breakable functions, in which each of these begins with its
    statement.
    """
    return {
        path: made
        for path, functions in changed.by_path().items()
        if (
            made := inserted(
                read(path) or b"", {function: statement(function) for function in functions}
            )
        )
    }


def course(
    checks: Mapping[str, AnyCheck],
    results: Mapping[str, CheckResult],
    seen: Mapping[str, Observation],
    plugins: tuple[str, ...] = (),
    heads: Collection[str] = (),
) -> Course:
    """What is run of a green gate: `checks` with what was run for claims alone; all three go by the
    same names.

    `plugins` are those of tests that are not run by the check that they are of; `heads` are tests
    that are among the first, each for others.
    """
    turned = {
        test: seen[name].tests[test]
        for name, check in checks.items()
        if isinstance(check, PytestCheck) and name in seen
        for test in results[name].turned_green
        if test in seen[name].tests and not seen[name].is_flaky(test)
        if test not in seen[name].unstable
    }
    whole = [Trial(name, check, seen[name]) for name, check in checks.items() if name in seen]
    if not turned:
        return Course(
            tuple(trial for trial in whole if isinstance(trial.check, PytestCheck)),
            tuple(whole),
            "the tests of the gate",
        )
    every = -(-len(turned) // FIRST)
    first = list(turned)[::every]
    some = {test: seen for test, seen in turned.items() if test in first or test in heads}
    theirs = [
        check
        for name, check in checks.items()
        if isinstance(check, PytestCheck)
        and name in seen
        and not turned.keys().isdisjoint(seen[name].tests)
    ]
    like = theirs[0] if len(theirs) == 1 else None
    of_turned = [
        trial_of(tests, plugins, like) for tests in ([some, turned] if every > 1 else [turned])
    ]
    rest = [
        trial
        for trial in whole
        if not (green := _green(trial.normal)) or not green <= turned.keys()
    ]
    return Course((of_turned[-1],), (*of_turned, *rest), "the tests that turned green")


def trial_of(
    tests: Mapping[str, TestSeen], plugins: tuple[str, ...], like: PytestCheck | None = None
) -> Trial:
    """Some tests, to be run by themselves, with what the check is given that they are of."""
    seconds = sum(test.seconds for test in tests.values())
    normal = Observation(kind="pytest", exit_code=0, tests=dict(tests), seconds=seconds)
    check = PytestCheck(pytest=tuple(tests), plugins=plugins)
    if like is not None:
        check = check.model_copy(update={"env": like.env})
    return Trial(KIND, check, normal)


def _green(seen: Observation) -> set[str]:
    return {test for test in seen.tests if seen.outcome(test) in GREEN}


async def exercise(  # noqa: PLR0917  (a course, and who runs it)
    name: str, fact: Exercise, harm: Harm, trials: Iterable[Trial], look: Look, control: Look
) -> Exercised:
    """Run the trials on the broken tree until one notices; `name` is the result's, `control` runs
    one with marks.
    """
    number, last, but = 0, None, ""
    for trial in trials:
        seen = await look(trial)
        last = trial, seen
        if seen.not_started:
            text = f"it could not be started: {seen.not_started}"
            result = result_of(name, last, Decision.ERRORED, Reason.NOT_STARTED, text)
            return Exercised(fact, result, records(seen, trial.normal))
        if notices(trial, seen, is_value=harm.is_value):
            marked = await control(trial)
            noticed = noticed_by(trial, seen, marked, is_value=harm.is_value)
            if noticed or not notices(trial, marked):
                who = (
                    f"{len(noticed)} of {count(len(_green(trial.normal)), 'test')}"
                    if noticed
                    else trial.name
                )
                text = f"{harm.text}: {who} noticed"
                fact = fact.model_copy(update={"noticed_by": noticed[:FAILING_LIMIT]})
                result = result_of(name, last, Decision.PASSED, None, text)
                own = frozenset(test for test in noticed if _is_its_own(test, seen))
                return Exercised(fact, result, records(seen, trial.normal), own)
            but = ", but for what looks at the text of it,"
        number = max(number, len(_green(trial.normal)))
    stays = f"all {count(number, 'test')} stay green" if number else "the gate stays green"
    done = harm.how.partition(" ")[0]
    text = f"the tests do not exercise the change: {stays}{but} with {named(harm.names)} {done}"
    result = result_of(name, last, Decision.FAILED, Reason.VACUOUS, text)
    return Exercised(fact, result, records(last[1], last[0].normal) if last else ())


def noticed_by(
    trial: Trial, seen: Observation, marked: Observation, *, is_value: bool = False
) -> tuple[str, ...]:
    """The tests that are green on the candidate and with marks, and not when functions are
    broken.
    """
    seen, marked = aligned(seen, trial.normal), aligned(marked, trial.normal)
    care = _green(trial.normal) & _green(marked) - _green(seen)
    return tuple(
        test
        for test in trial.normal.tests
        if test in care and (not is_value or seen.outcome(test) in RED)
    )


def _is_its_own(test: str, seen: Observation) -> bool:
    """Whether a test is red because of what it does, and not because a module could not be
    imported.
    """
    return seen.outcome(test) in RED and ": in <module>" not in seen.tests[test].message


def with_notes(found: Exercised, whose: str) -> Exercised:
    """The same, with what else is to know of it in the result's text; `whose` calls are known."""
    fact, result = found.fact, found.result
    if result is None:
        return found
    notes = [result.text]
    if not fact.functions:
        return found
    if fact.called == ():
        notes.append(f"none of them is called by {whose}")
    elif fact.not_called:
        notes.append(f"not called by {whose}: {named(fact.not_called)}")
    elif result.reason is Reason.VACUOUS and fact.called is not None:
        notes.append("they are called, and no test looks at what comes of it")
    if fact.unbreakable:
        notes.append(f"cannot be broken so: {named(fact.unbreakable)}")
    return replace(found, result=result.model_copy(update={"text": "; ".join(notes)}))


def notices(trial: Trial, seen: Observation, *, is_value: bool = False) -> bool:
    """Whether the gate would not be green any more."""
    asked = trial.check
    if isinstance(asked, PytestCheck | CommandCheck):
        asked = asked.model_copy(update={"must_turn_green": (), "may_remove": ()})
    seen = aligned(seen, trial.normal)
    if is_value and _green(trial.normal):
        return any(seen.outcome(test) in RED for test in _green(trial.normal))
    return decide(trial.name, asked, seen, trial.normal).decision is not Decision.PASSED


def result_of(
    name: str,
    last: tuple[Trial, Observation] | None,
    decision: Decision,
    reason: Reason | None,
    text: str,
) -> CheckResult:
    """The result of an exercise check; `last` is what was run last for it."""
    seen = last[1] if last else Observation(kind=KIND)
    return CheckResult(
        name=name,
        kind=KIND,
        decision=decision,
        reason=reason,
        text=text,
        command=seen.command,
        seconds=seen.seconds,
        log=seen.log,
    )
