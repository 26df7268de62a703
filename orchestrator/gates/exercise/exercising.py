"""Carrying the exercise check out: trees are made in the object store, and looked at as any other
tree is.

Owns the effects alone; what is run and what it is worth is `exercise`'s. These trees are the same
whenever the candidate is, so that they are not run twice either; the marks of what was called are
kept with the evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import anyio

from orchestrator.errors import EnvironmentRefused
from orchestrator.gates.exercise.breaking import ON_PURPOSE, failing, marking
from orchestrator.gates.exercise.changed_functions import (
    ChangedFunctions,
    Function,
    changed_functions,
)
from orchestrator.gates.exercise.exercise import (
    Exercised,
    Trial,
    breakable,
    course,
    exercise,
    notices,
    rewritten,
    with_notes,
)
from orchestrator.gates.observing.company import is_unclean
from orchestrator.gates.observing.evidence import Evidence
from orchestrator.gates.observing.observation import Observation
from orchestrator.gates.observing.observer import Observer, Sighting
from orchestrator.gates.observing.sources import Commits
from orchestrator.gates.subject import OnProgress, Progress, Subject
from orchestrator.journal.facts import CheckResult, Exercise
from orchestrator.mission.model import AnyCheck

MARKS = "evidence/called"


@dataclass(frozen=True, slots=True, kw_only=True)
class Green:
    """A candidate that its gate lets pass: what was run for it, by name, and how that came out."""

    subject: Subject
    base: str
    commit: str
    checks: Mapping[str, AnyCheck]
    results: Mapping[str, CheckResult]
    seen: Mapping[str, Observation]
    on_progress: OnProgress | None = None


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
        changed = await anyio.to_thread.run_sync(self._changed, green)
        fact = Exercise(
            functions=tuple(map(str, changed.functions)),
            unbreakable=tuple(map(str, changed.unbreakable)),
        )
        if not changed.functions:
            return Exercised(fact), True
        way = course(green.checks, green.results, green.seen, green.subject.all_plugins)
        marks = self._evidence.folder.absolute() / MARKS / green.commit[:12]
        broken = await self._tree(green, changed, failing)
        marked = await self._tree(green, changed, partial(_mark, changed, marks))
        called: list[tuple[str, ...] | None] = []
        known: list[bool] = []

        async def look(
            tree: tuple[str, str], is_enough: Callable[[Trial, Observation], bool], trial: Trial
        ) -> Observation:
            seen, was_known = await self._observer.see(
                _sighting(green, name, tree, trial),
                partial(is_enough, trial),
                is_suspect=_is_not_ours,
            )
            known.append(was_known)
            return seen

        async def control(trial: Trial) -> Observation:
            return await look(marked, _is_whole, way.control_of(trial))

        async def mark() -> None:
            await anyio.to_thread.run_sync(_lay_out, marks, len(changed.functions))
            seen = [(trial, await look(marked, _is_whole, trial)) for trial in way.marked]
            found = [
                str(function)
                for n, function in enumerate(changed.functions)
                if not (marks / str(n)).exists()
            ]
            called.append(tuple(found) if seen and not any(notices(*one) for one in seen) else None)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(mark)
            found = await exercise(name, fact, way.broken, partial(look, broken, notices), control)
        # Who notices has called something: where there is no mark of it, a test has got in the way
        # of all marks.
        is_known = called[0] or not set(found.fact.noticed_by) & way.marked_tests
        fact = found.fact.model_copy(update={"called": called[0] if is_known else None})
        found = with_notes(replace(found, fact=fact), way.whose)
        if found.result is not None:
            stem = f"{green.subject.gate}-{name}-{broken[1][:12]}"
            kept = await anyio.to_thread.run_sync(
                self._evidence.keep_result, stem, found.result, found.tests
            )
            found = replace(found, result=kept)
        return found, all(known)

    def _changed(self, green: Green) -> ChangedFunctions:
        before, after = (
            partial(self._commits.read, commit) for commit in (green.base, green.commit)
        )
        changes = self._commits.changes(green.base, green.commit)
        return breakable(changed_functions(changes, before, after), after)

    async def _tree(
        self, green: Green, changed: ChangedFunctions, statement: Callable[[Function], str]
    ) -> tuple[str, str]:
        """A commit, and its tree, that is the candidate but for what its changed functions begin
        with.
        """

        def make() -> tuple[str, str]:
            contents = rewritten(changed, partial(self._commits.read, green.commit), statement)
            commit = self._commits.with_contents(green.commit, contents)
            return commit, self._commits.tree_of(commit)

        return await anyio.to_thread.run_sync(make)


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


def _is_not_ours(seen: Observation) -> bool:
    """Whether it is red, and not because of what was broken on purpose: then another test run that
    went on meanwhile may be the reason.
    """
    told = (*(test.message for test in seen.tests.values()), *seen.collection_errors.values())
    return is_unclean(seen) and not any(ON_PURPOSE in text for text in (*told, seen.tail))


def _is_whole(_: Trial, seen: Observation) -> bool:
    return seen.is_whole()


def _sighting(green: Green, name: str, tree: tuple[str, str], trial: Trial) -> Sighting:
    limit = min(trial.timeout, trial.check.timeout or green.subject.timeout)
    return Sighting(
        trial.name,
        trial.check.model_copy(
            update={"timeout": None}
        ),  # how long it took before is no part of what it is
        *tree,
        replace(green.subject, timeout=limit),
        _named(green.on_progress, name),
        base=green.base,
    )


def _named(on_progress: OnProgress | None, name: str) -> OnProgress | None:
    if on_progress is None:
        return None

    def tell(progress: Progress) -> None:
        on_progress(replace(progress, check=name))

    return tell
