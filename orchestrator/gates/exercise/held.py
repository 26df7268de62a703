"""Which tests are new, and which of the mission's names rest on them alone.

A test that was red on the base and is green now has noticed the change, whatever the change is: the
base is the product without it. A test that the base does not have was never red; that it is green
says nothing before something that it looks at was broken. Owns that difference, entry by entry of
`must_turn_green` and of proofs. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from orchestrator.gates.observing.observation import GREEN, RED, Observation
from orchestrator.gates.observing.selection import ancestors, path_of
from orchestrator.mission.model import AnyCheck, CommandCheck, PytestCheck


@dataclass(frozen=True, slots=True)
class Held:
    """What is to turn green, or proves a claim, and the new tests that it rests on; `entry` is empty
    for all new tests of a gate that names none. `check` is the name of theirs.
    """

    check: str
    entry: str
    tests: tuple[str, ...]


def held(
    checks: Mapping[str, AnyCheck],
    seen: Mapping[str, Observation],
    before: Mapping[str, Observation],
    edited: Collection[str],
) -> tuple[Held, ...]:
    """The entries that no test speaks for but new ones; `edited` are the paths that differ from the
    base.
    """
    found: list[Held] = []
    for name, check in checks.items():
        if not isinstance(check, PytestCheck | CommandCheck) or name not in seen:
            continue
        if name not in before:
            continue
        found += (
            Held(name, entry, new)
            for entry in check.must_turn_green
            if (new := _only_new(entry, seen[name], before[name], edited))
        )
    return tuple(found)


def proving(
    proofs: Iterable[str],
    seen: Mapping[str, Observation],
    before: Mapping[str, Observation],
    edited: Collection[str],
) -> tuple[Held, ...]:
    """The same for tests that are named as proofs. What was run for them alone was not run on the
    base: there only tests are new that stand in a file which is new or edited.
    """
    found: list[Held] = []
    for proof in proofs:
        for name, here in seen.items():
            there = before.get(name, Observation(kind=here.kind))
            new = _only_new(proof, here, there, edited)
            if new and (name in before or all(path_of(test) in edited for test in new)):
                found.append(Held(name, proof, new))
                break
    return tuple(found)


def _only_new(
    entry: str, here: Observation, there: Observation, edited: Collection[str]
) -> tuple[str, ...]:
    """The new tests of an entry, if all that speaks for it is new."""
    tests = [test for test in here.families[entry] if _counts(test, here)]
    new = tuple(test for test in tests if is_new(test, there, edited))
    turned = [test for test in tests if there.outcome(test) not in GREEN]
    return new if len(new) == len(turned) else ()


def all_new(
    checks: Mapping[str, AnyCheck],
    seen: Mapping[str, Observation],
    before: Mapping[str, Observation],
    edited: Collection[str],
) -> tuple[Held, ...]:
    """Every check that has new tests in files that the candidate brings or edits, with these."""
    found = []
    for name in checks.keys() & seen.keys() & before.keys():
        here, there = seen[name], before[name]
        tests = [test for test in here.tests if path_of(test) in edited and _counts(test, here)]
        if new := tuple(test for test in tests if is_new(test, there, edited)):
            found.append(Held(name, "", new))
    return tuple(sorted(found, key=lambda one: one.check))


def is_new(test: str, there: Observation, edited: Collection[str]) -> bool:
    """Whether a test was neither red nor green on the base, and not because its file, which nobody
    has edited, could not be collected there.
    """
    if there.outcome(test) in (*RED, *GREEN) or test in there.not_run:
        return False
    is_uncollected = any(above in there.collection_errors for above in ancestors(test))
    return not is_uncollected or path_of(test) in edited


def _counts(test: str, here: Observation) -> bool:
    return here.outcome(test) in GREEN and not here.is_flaky(test) and test not in here.unstable
