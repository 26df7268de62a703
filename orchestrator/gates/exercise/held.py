"""Which tests are new, and which of the mission's names rest on them alone.

A test that was red on the base and is green now has noticed the change, whatever the change is: the
base is the product without it. A test that the base does not have was never red; that it is green
says nothing before something that it looks at was broken. Owns that difference, entry by entry of
`must_turn_green`. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from orchestrator.gates.observing.observation import GREEN, RED, Observation
from orchestrator.gates.observing.selection import ancestors, path_of
from orchestrator.mission.model import AnyCheck, CommandCheck, PytestCheck


@dataclass(frozen=True, slots=True)
class Held:
    """What is to turn green, and the new tests that it rests on; `entry` is empty for all new tests
    of a gate that names none. `check` is the name of theirs.
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
        here, there = seen[name], before[name]
        families = here.families
        for entry in check.must_turn_green:
            tests = [test for test in families[entry] if _counts(test, here)]
            new = tuple(test for test in tests if is_new(test, there, edited))
            turned = [test for test in tests if there.outcome(test) not in GREEN]
            if new and len(new) == len(turned):
                found.append(Held(name, entry, new))
    return tuple(found)


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
