"""New tests, each of which must notice when the product is broken.

A test that the base does not have turns green whatever it says, `assert 1 + 1 == 2` too. So it is
run on a product that is broken in every part (`spoiling`), in up to three ways, each of them only
for what has noticed nothing yet: calls of the test itself fail and values that it reads are others;
then files in other languages and data are empty too, and modules call nothing when they are
imported; then what fixtures and the test's own module call fails as well, for tests that have such
surroundings. What is red there, and is green where the same text harms nothing, has noticed. A test
that notices nothing looks at nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import anyio

from orchestrator.gates.exercise.exercise import FIRST, noticed_by, trial_of
from orchestrator.gates.exercise.held import Held
from orchestrator.gates.exercise.other_languages import broken, is_known
from orchestrator.gates.exercise.spoiling import Spoiling, spoiled
from orchestrator.gates.exercise.surroundings import has_more
from orchestrator.gates.exercise.trial import Trial
from orchestrator.gates.exercise.trials import Trials, is_whole
from orchestrator.gates.exercise.undoing import AROUND
from orchestrator.gates.observing.observation import Observation, TestSeen
from orchestrator.gates.observing.selection import path_of
from orchestrator.gates.rules.prose import is_prose
from orchestrator.mission.model import CommandCheck, PytestCheck

SETTINGS = re.compile(r"\.config\.\w+$|\.(ini|cfg|conf|d\.ts)$")
Contents = Mapping[str, bytes | None]
Made = Callable[[Spoiling], bytes | None]
"""What makes a module that is broken in some way; None where nothing can be done to it."""


@dataclass(frozen=True, slots=True)
class Newcomers:
    """What came of it: tests that noticed, those that did not, and what was run last."""

    noticed: frozenset[str]
    careless: tuple[str, ...]
    last: tuple[Trial, Observation] | None

    def are_careless(self, one: Held) -> bool:
        """Whether no test of an entry noticed anything."""
        return self.noticed.isdisjoint(one.tests)


@dataclass(frozen=True, slots=True)
class _Harm:
    """One way of breaking a product: what becomes of its modules, and of other files."""

    how: Spoiling
    contents: Contents
    is_sample: bool = False
    is_more_of_the_same: bool = False


def _harms(tests: tuple[str, ...], contents: Contents, others: Contents) -> Iterator[_Harm]:
    yield _Harm(Spoiling(tests), contents, is_sample=True)
    yield _Harm(Spoiling(tests), contents, is_more_of_the_same=True)
    yield _Harm(Spoiling(tests, is_quiet=True), {**contents, **others})
    yield _Harm(Spoiling(tests, is_strict=False), {**contents, **others})


async def look_at_newcomers(
    trials: Trials, groups: Sequence[Held], contents: Contents
) -> Newcomers | None:
    """Run the tests of these entries on broken products until of each of them one has noticed;
    `contents` undo what the candidate changes outside of its functions. None where there is
    nothing that could be broken.
    """
    tests = tuple(dict.fromkeys(path_of(test) for one in groups for test in one.tests))
    product = await anyio.to_thread.run_sync(_product, trials)
    others: Contents = dict.fromkeys(await anyio.to_thread.run_sync(_others, trials), b"")
    if not product and not contents and not others:
        return None
    control = await trials.tree(partial(_spoiled, product, Spoiling(tests, is_armed=False), {}))
    noticed: set[str] = set()
    ran: set[str] = set()
    uncollected: set[str] = set()
    last: tuple[Trial, Observation] | None = None
    for harm in _harms(tests, contents, others):
        left = [one for one in groups if noticed.isdisjoint(one.tests)]
        if not harm.how.is_strict:
            left = await anyio.to_thread.run_sync(_surrounded, trials, left, uncollected)
        if not left or (harm.is_more_of_the_same and all(len(o.tests) <= FIRST for o in left)):
            continue
        tree = await trials.tree(partial(_spoiled, product, harm.how, harm.contents))
        for trial in _trials(trials, left, is_sample=harm.is_sample):
            seen = await trials.look(tree, is_whole, trial)
            last = trial, seen
            uncollected |= set() if harm.how.is_quiet else set(seen.collection_errors)
            ran |= set(trial.normal.tests)
            is_value = harm.how.is_strict
            if noticed_by(trial, seen, trial.normal, is_value=is_value):
                calm = await trials.look(control, is_whole, trial)
                noticed |= set(noticed_by(trial, seen, calm, is_value=is_value))
    careless = [test for one in groups for test in one.tests if test in ran - noticed]
    return Newcomers(frozenset(noticed), tuple(dict.fromkeys(careless)), last)


def _trials(trials: Trials, groups: Sequence[Held], *, is_sample: bool) -> Iterator[Trial]:
    """What is run for some entries: of pytest's tests all or a few of each, of other runners
    all.
    """
    green = trials.green
    for name in dict.fromkeys(one.check for one in groups):
        check, seen = green.checks[name], green.seen[name]
        if isinstance(check, PytestCheck):
            picked: dict[str, TestSeen] = {}
            for one in groups:
                every = -(-len(one.tests) // FIRST) if is_sample else 1
                tests = one.tests[::every] if one.check == name else ()
                picked |= {test: seen.tests[test] for test in tests}
            yield trial_of(picked, check.plugins or green.subject.all_plugins, check)
        elif isinstance(check, CommandCheck):
            yield Trial(name, check, seen)


def _product(trials: Trials) -> dict[str, Made]:
    """The modules of the candidate that are none of its tests, with what makes them fail."""
    read = partial(trials.commits.read, trials.green.commit)
    found: dict[str, Made] = {}
    for path in _paths(trials):
        if not _is_code(path) or not (source := read(path)):
            continue
        if not path.endswith(".py"):
            found[path] = partial(_broken, path, source)
        elif (module := spoiled(path, source)) is not None:
            found[path] = module.so
    return found


def _broken(path: str, source: bytes, how: Spoiling) -> bytes | None:
    return broken(path, source, is_armed=how.is_armed)


def _others(trials: Trials) -> list[str]:
    """Other files of the product."""
    return [path for path in _paths(trials) if not _is_code(path)]


def _paths(trials: Trials) -> Iterator[str]:
    """All files of the product; not what the gate's own commands name."""
    named = {
        word.removeprefix("./")
        for check in trials.green.checks.values()
        if isinstance(check, CommandCheck)
        for word in check.command.argv
    }
    for path, entry in trials.commits.entries(trials.green.commit).items():
        is_about = is_prose(path) or AROUND.fullmatch(path) or SETTINGS.search(path)
        if entry.is_file and path not in named and not is_about and trials.green.is_product(path):
            yield path


def _is_code(path: str) -> bool:
    return path.endswith((".py", ".pyi")) or is_known(path)


def _spoiled(product: Mapping[str, Made], how: Spoiling, more: Contents) -> Contents:
    made = {path: text for path, make in product.items() if (text := make(how)) is not None}
    return {**made, **more}


def _surrounded(trials: Trials, groups: Iterable[Held], uncollected: Collection[str]) -> list[Held]:
    """Of these entries the tests that may look at what others have called for them."""
    read = partial(trials.commits.read, trials.green.commit)
    found = []
    for one in groups:
        tests = one.tests
        if isinstance(trials.green.checks[one.check], PytestCheck):
            tests = tuple(t for t in tests if path_of(t) in uncollected or has_more(t, read))
        found += [replace(one, tests=tests)] if tests else []
    return found
