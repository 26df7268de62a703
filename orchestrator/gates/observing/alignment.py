"""Tests whose ids differ from run to run, held against each other all the same.

`pytest.mark.parametrize` makes ids of values; where these are times, addresses, uuids or chance,
the same test is called otherwise in every run, and would seem to have vanished. Owns which ids of
two observations stand for one test: those that are alike but for what plainly changes (their
*normal form*), one for one, so that a test that is really gone still is; and those that a second
run on one tree has shown to change. Pure: the runs are the judge's.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from orchestrator.gates.observing.observation import GREEN, Observation
from orchestrator.gates.observing.selection import path_of
from orchestrator.mission.model import PytestCheck

CHANGING = re.compile(
    r"""
      [0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}                        # a uuid
    | 0x[0-9a-f]{8,}                                                    # where an object lies
    | \d{4}-\d\d-\d\d(?:[T\ _]\d\d[:.-]?\d\d(?:[:.-]?\d\d(?:[.,]\d+)?)?)?(?:Z|[+-]\d\d:?\d\d)?
    | \d\d:\d\d:\d\d(?:[.,]\d+)?                                        # the time of day
    | (?<![0-9a-z])(?=[a-f]*\d)[0-9a-f]{16,}(?![0-9a-z])                # a digest, a token
    | -?\d+\.\d{6,}(?:e[+-]?\d+)?                                       # chance, or a clock
    | (?<!\d)\d{9,}(?!\d)                                               # seconds since 1970
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""What changes from run to run in the ids that are made of it."""

T = TypeVar("T")
IsEdited = Callable[[str], bool]
"""Whether a candidate has changed the file at a path: then its ids may differ for that."""


def normal_form(test_id: str) -> str:
    """An id without what plainly changes from run to run in its parameters."""
    head, bracket, rest = test_id.partition("[")
    return f"{head}{bracket}{CHANGING.sub('…', rest)}"


def family(test_id: str) -> str:
    """A test without its parameters."""
    return test_id.partition("[")[0]


def _nowhere(_: str) -> bool:
    return False


def aligned(
    seen: Observation, known: Observation | None, is_edited: IsEdited = _nowhere
) -> Observation:
    """`seen`, in which tests that `known` has under another id go by that one."""
    if known is None:
        return seen
    came = [test_id for test_id in seen.tests if test_id not in known.tests]
    gone = [test_id for test_id in known.tests if test_id not in seen.tests] if came else []
    named: dict[str, str] = {}
    for groups, key_of in (
        (_by_form(gone, is_edited), normal_form),
        (_by_family(gone, known.unstable), family),
    ):
        for test_id in came:
            if test_id in named:
                continue
            waiting = groups.get(key_of(test_id), deque[str]())
            while waiting:
                name = waiting.popleft()
                if name not in named.values():
                    named[test_id] = name
                    break
    if not named:
        return seen

    def renamed(by_id: dict[str, T]) -> dict[str, T]:
        return {named.get(test_id, test_id): value for test_id, value in by_id.items()}

    return seen.model_copy(
        update={
            "tests": renamed(seen.tests),
            "alone": renamed(seen.alone),
            "among": renamed(seen.among),
            "unstable": tuple(dict.fromkeys((*seen.unstable, *named.values()))),
        }
    )


def _by_form(gone: Iterable[str], is_edited: IsEdited) -> dict[str, deque[str]]:
    groups: defaultdict[str, deque[str]] = defaultdict(deque)
    for test_id in gone:
        form = normal_form(test_id)
        if form != test_id and not is_edited(path_of(test_id)):
            groups[form].append(test_id)
    return groups


def _by_family(gone: Iterable[str], unstable: tuple[str, ...]) -> dict[str, deque[str]]:
    groups: defaultdict[str, deque[str]] = defaultdict(deque)
    for test_id in gone:
        if test_id in unstable:
            groups[family(test_id)].append(test_id)
    return groups


def to_be_compared(seen: Observation, known: Observation) -> tuple[str, ...]:
    """Families of which tests that were green have gone and others have come, where a second run on
    the tree of `known` would tell whether their ids change by themselves. `seen` is aligned.
    """
    came = {family(test_id) for test_id in seen.tests if test_id not in known.tests}
    gone = dict.fromkeys(
        family(test_id)
        for test_id, test in known.tests.items()
        if "[" in test_id and test.outcome in GREEN and test_id not in seen.tests
    )
    return tuple(each for each in gone if each in came and each not in known.compared)


def compared(known: Observation, again: Observation, families: tuple[str, ...]) -> Observation:
    """`known`, with what a second run of these families on its tree says of their ids."""
    if not again.is_whole():
        return known
    unstable = (
        test_id
        for test_id in known.tests
        if family(test_id) in families and test_id not in again.tests
    )
    return known.model_copy(
        update={
            "unstable": tuple(dict.fromkeys((*known.unstable, *unstable))),
            "compared": (*known.compared, *families),
        }
    )


def asked_for(check: PytestCheck, known: Observation | None) -> PytestCheck:
    """A check of single tests; of one whose id changes, all of its family are asked for."""
    if known is None or not known.unstable:
        return check
    tests = (family(entry) if entry in known.unstable else entry for entry in check.pytest)
    return check.model_copy(update={"pytest": tuple(dict.fromkeys(tests))})


def told(unstable: Iterable[str]) -> Iterator[str]:
    """What is to be said of tests whose ids change, and how that is mended."""
    families = list(dict.fromkeys(map(family, unstable)))
    if families:
        more = f" and {len(families) - 3} more" if len(families) > 3 else ""
        yield (
            f"the ids of {', '.join(families[:3])}{more} change from run to run "
            "(give their parameters fixed `ids`)"
        )
