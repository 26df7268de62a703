"""Carrying the exercise check out: what a green candidate changes is broken, and who does not
notice is told.

Owns the order. Functions that changed are made to fail; where none did, what changed beside them is
undone, if new tests alone speak for it; and every name of `must_turn_green` that rests on new tests
has one among them that notices something of the product. New tests that prove a claim are looked at
in the same way: one that notices nothing proves nothing, which is for the claim to say. What is run
and what it is worth is `exercise`'s, `undoing`'s and `newcomers`'; the marks of what was called are
kept with the evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import anyio

from orchestrator.errors import EnvironmentRefused
from orchestrator.gates.exercise.breaking import failing, marking
from orchestrator.gates.exercise.changed_functions import (
    ChangedFunctions,
    Function,
    changed_functions,
)
from orchestrator.gates.exercise.exercise import (
    Course,
    Exercised,
    Harm,
    breakable,
    course,
    exercise,
    notices,
    result_of,
    rewritten,
    with_notes,
)
from orchestrator.gates.exercise.held import Held, all_new, held, proving
from orchestrator.gates.exercise.newcomers import Newcomers, look_at_newcomers
from orchestrator.gates.exercise.trial import Trial
from orchestrator.gates.exercise.trials import Green, Trials, is_whole
from orchestrator.gates.exercise.undoing import Undone, undone
from orchestrator.gates.observing.evidence import Evidence
from orchestrator.gates.observing.observation import Observation
from orchestrator.gates.observing.observer import Observer
from orchestrator.gates.observing.selection import path_of
from orchestrator.gates.observing.sources import Changed, Commits
from orchestrator.gates.rules.compare import records
from orchestrator.gates.rules.words import count, named
from orchestrator.journal.facts import Decision, Exercise, Reason, TestRecord

MARKS = "evidence/called"
CARELESS_LIMIT = 100


@dataclass(frozen=True, slots=True)
class _Case:
    """What a candidate changes, which new tests have to notice something, and which have to if they
    are to prove what is claimed.
    """

    functions: ChangedFunctions
    undone: Undone
    held: tuple[Held, ...]
    proving: tuple[Held, ...]


class Exerciser:
    """Runs gates again with the changed functions broken."""

    def __init__(self, commits: Commits, observer: Observer, evidence: Evidence) -> None:
        self._commits = commits
        self._observer = observer
        self._evidence = evidence

    async def exercise(self, green: Green, name: str) -> tuple[Exercised, bool]:
        """What the exercise check says of it, as the result `name`; and whether all of that was
        known from before.
        """
        trials = Trials(self._commits, self._observer, green, name)
        case = await anyio.to_thread.run_sync(self._case, green)
        found = Exercised(
            Exercise(
                functions=tuple(map(str, case.functions.functions)),
                unbreakable=tuple(map(str, case.functions.unbreakable)),
            )
        )
        if case.functions.functions:
            found = await self._break(trials, case, found.fact)
        elif case.held and case.undone.names and green.subject.claims_a_fix:
            found = await _undo(trials, case, found.fact)
        if found.result is None or found.result.decision is Decision.PASSED:
            found = await self._hold(trials, case, found)
        if found.result is not None:
            tree = await anyio.to_thread.run_sync(self._commits.tree_of, green.commit)
            stem = f"{green.subject.gate}-{name}-{tree[:12]}"
            kept = await anyio.to_thread.run_sync(
                self._evidence.keep_result, stem, found.result, found.tests
            )
            found = replace(found, result=kept)
        return found, all(trials.known)

    def _case(self, green: Green) -> _Case:
        before, after = (
            partial(self._commits.read, commit) for commit in (green.base, green.commit)
        )
        changes = self._commits.changes(green.base, green.commit)
        product: dict[str, Changed] = {p: c for p, c in changes.items() if green.is_product(p)}
        functions = breakable(changed_functions(product, before, after), after)
        found = held(green.checks, green.seen, green.before, changes.keys())
        is_of_tests = not functions.functions and not functions.unbreakable
        if not found and is_of_tests and not green.subject.claims_a_fix:
            found = all_new(green.checks, green.seen, green.before, changes.keys())
        proofs = proving(green.proofs, green.seen, green.before, changes.keys())
        entries = (*found, *proofs)
        tests = tuple(dict.fromkeys(path_of(test) for one in entries for test in one.tests))
        changed = undone(product, before, after, tests) if entries else Undone()
        return _Case(functions, changed, found, proofs)

    async def _break(self, trials: Trials, case: _Case, fact: Exercise) -> Exercised:
        """The functions that changed, made to fail."""
        green, changed = trials.green, case.functions
        marks = self._evidence.folder.absolute() / MARKS / green.commit[:12]
        read = partial(self._commits.read, green.commit)
        broken = await trials.tree(partial(rewritten, changed, read, failing))
        marked = await trials.tree(
            partial(rewritten, changed, read, partial(_mark, changed, marks))
        )
        way = _course(green, case.held)
        called: list[tuple[str, ...] | None] = []

        async def mark() -> None:
            await anyio.to_thread.run_sync(_lay_out, marks, len(changed.functions))
            seen = [(trial, await trials.look(marked, is_whole, trial)) for trial in way.marked]
            found = [
                str(function)
                for n, function in enumerate(changed.functions)
                if not (marks / str(n)).exists()
            ]
            called.append(tuple(found) if seen and not any(notices(*one) for one in seen) else None)

        async def control(trial: Trial) -> Observation:
            return await trials.look(marked, is_whole, way.control_of(trial))

        look = partial(trials.look, broken, notices)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(mark)
            harm = Harm(fact.functions)
            found = await exercise(trials.name, fact, harm, way.broken, look, control)
        # Who notices has called something: where there is no mark of it, a test has got in the way
        # of all marks.
        is_known = called[0] or not set(found.fact.noticed_by) & way.marked_tests
        fact = found.fact.model_copy(update={"called": called[0] if is_known else None})
        return with_notes(replace(found, fact=fact), way.whose)

    async def _hold(self, trials: Trials, case: _Case, found: Exercised) -> Exercised:
        """What new tests notice that have noticed nothing of the change."""
        entries = (*case.held, *case.proving)
        left = [one for one in entries if found.noticed.isdisjoint(one.tests)]
        files = {p: c for p, c in case.undone.contents.items() if not p.endswith(".py")}
        looked = await look_at_newcomers(trials, left, files) if left else None
        if looked is None:
            return found
        return _told(trials.name, found, [one for one in left if one in case.held], looked)


def _course(green: Green, entries: Sequence[Held]) -> Course:
    heads = {one.tests[0] for one in entries}
    return course(green.checks, green.results, green.seen, green.subject.all_plugins, heads)


async def _undo(trials: Trials, case: _Case, fact: Exercise) -> Exercised:
    """What changed beside functions, undone."""
    way = _course(trials.green, case.held)
    tree = await trials.tree(lambda: case.undone.contents)
    calm = await trials.tree(lambda: case.undone.control) if case.undone.control else None

    def is_noticed(trial: Trial, seen: Observation) -> bool:
        return notices(trial, seen, is_value=True)

    async def control(trial: Trial) -> Observation:
        if calm is None:
            return trial.normal
        return await trials.look(calm, is_whole, trial)

    fact = fact.model_copy(update={"undone": case.undone.names})
    harm = Harm(case.undone.names, "change", "undone", is_value=True)
    look = partial(trials.look, tree, is_noticed)
    return await exercise(trials.name, fact, harm, way.broken, look, control)


def _told(name: str, found: Exercised, entries: Sequence[Held], looked: Newcomers) -> Exercised:
    """What is known of the change, with what is known of new tests."""
    fact = found.fact.model_copy(update={"careless": looked.careless[:CARELESS_LIMIT]})
    found = replace(found, careless=frozenset(looked.careless))
    bad = [one for one in entries if looked.are_careless(one)]
    tests = tuple(dict.fromkeys(test for one in entries for test in one.tests))
    if not bad:
        noticed = [test for test in tests if test in looked.noticed]
        if found.result is None and noticed:
            text = f"the product broken on purpose: {count(len(noticed), 'new test')} noticed"
            result = result_of(name, looked.last, Decision.PASSED, None, text)
            fact = fact.model_copy(update={"noticed_by": tuple(noticed)[:CARELESS_LIMIT]})
            return replace(found, fact=fact, result=result, tests=_records(looked))
        return replace(found, fact=fact)
    names = [one.entry or f"every new test of {one.check}" for one in bad]
    text = (
        f"{named(names)} {'notices' if len(bad) == 1 else 'notice'} nothing: new, and green with "
        "every function and every value of the product broken on purpose; a test of the change "
        "calls what was changed and asserts what comes of it"
    )
    result = result_of(name, looked.last, Decision.FAILED, Reason.VACUOUS, text)
    return replace(found, fact=fact, result=result, tests=_records(looked))


def _records(looked: Newcomers) -> tuple[TestRecord, ...]:
    return records(looked.last[1], looked.last[0].normal) if looked.last else ()


def _lay_out(folder: Path, number: int) -> None:
    """An empty folder for each function, for it to remove; what an earlier run of the same removed
    stays away.
    """
    if folder.exists():
        return
    draft = folder.with_name(f".{folder.name}")
    try:
        for n in range(number):
            (draft / str(n)).mkdir(parents=True, exist_ok=True)
        draft.rename(folder)
    except OSError as error:
        raise EnvironmentRefused(
            f"evidence cannot be written: {error.strerror}",
            where=str(folder),
            mend="Make room or mend the permissions of the reports folder, then resume the run.",
        ) from error


def _mark(changed: ChangedFunctions, folder: Path, function: Function) -> str:
    number = changed.functions.index(function)
    return marking(f"_called_{number}", folder / str(number))
