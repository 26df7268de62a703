"""What a mission promises of its tests, held against a base: does what it names exist there, or may
somebody write it?

Owns the meaning of names that nothing on the base bears out: those of new files in some agent's
scope are usual, those that are in nobody's reach can never be kept. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.gates.observing.observation import GREEN, Observation
from orchestrator.gates.observing.selection import Families, ancestors, normal, path_of
from orchestrator.gates.rules.nearest import nearest_text

MakersOf = Callable[[str], Sequence[str]]
"""The agents that may write a file at a path, or below it."""


class Kind(StrEnum):
    """Where a name stands in the mission."""

    RUNS = "pytest"
    TURNS_GREEN = "must_turn_green"
    PROVES = "proof"


@dataclass(frozen=True, slots=True)
class Promise:
    """One name of the mission, and what there is of it on the base; a wrong one cannot be kept."""

    kind: Kind
    entry: str
    text: str
    is_wrong: bool = False


def of_tests(
    kind: Kind,
    entries: Sequence[str],
    seen: Observation,
    paths: frozenset[str],
    makers_of: MakersOf,
    *,
    are_paths: bool = True,
) -> list[Promise]:
    """What there is of paths and node ids on a base that was seen so.

    Not `are_paths`: they are ids of a report, whose classes nobody's scope speaks of, so that
    nothing is known of those that are not there.
    """
    known = Families((*seen.tests, *seen.not_run, *seen.deselected))
    errors = Families(seen.collection_errors)
    found = []
    for entry in dict.fromkeys(entries):
        tests = known[entry]
        red = [test for test in tests if seen.outcome(test) not in GREEN]
        above = [path for path in ancestors(normal(entry)) if path in seen.collection_errors]
        if above or errors[entry]:
            promise = Promise(kind, entry, "cannot be collected on the base")
        elif not tests and are_paths:
            promise = _not_there(kind, entry, paths, makers_of)
        elif not tests:
            near = nearest_text(entry, seen.tests)
            promise = Promise(kind, entry, f"no such test in the report of the base yet{near}")
        elif red:
            promise = Promise(kind, entry, "red on the base")
        else:
            is_wrong = kind is Kind.TURNS_GREEN
            promise = Promise(kind, entry, "green on the base already", is_wrong)
        found.append(promise)
    return found


def of_thing(entry: str, path: str, problem: str | None, makers_of: MakersOf) -> Promise:
    """What there is of a file or symbol that proves something; `problem` as `things` says it."""
    if problem is None:
        return Promise(Kind.PROVES, entry, "is there on the base")
    if makers := makers_of(path):
        return Promise(Kind.PROVES, entry, f"{problem} yet; {_within(makers)}")
    return Promise(Kind.PROVES, entry, f"{problem}, and nobody may change {path}", is_wrong=True)


def _not_there(kind: Kind, entry: str, paths: frozenset[str], makers_of: MakersOf) -> Promise:
    path = path_of(entry)
    is_there = path in paths or any(each.startswith(f"{path}/") for each in paths) or path == "."
    what = "no such test" if is_there else "no such file"
    if makers := makers_of(path):
        return Promise(kind, entry, f"{what} on the base yet; {_within(makers)}")
    text = f"{what} on the base, and it is in nobody's scope"
    return Promise(kind, entry, text, is_wrong=True)


def _within(makers: Sequence[str]) -> str:
    agents = list(dict.fromkeys(makers))
    more = f" and {len(agents) - 3} more" if len(agents) > 3 else ""
    return f"in the scope of {', '.join(agents[:3])}{more}"
