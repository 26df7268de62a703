"""Rule 3: a red test is run again before anybody is blamed for it, and what goes both ways on one
tree is flaky.

Owns which tests are run again, where, and how often. A test is flaky when its outcomes differ in
the same circumstances: by itself, or among the others. One that fails among the others and passes
by itself, both each time, is none: something that runs before it breaks it. Pure: the runs are the
judge's, and what they said is kept with the observations, so that nothing is run again for an
answer that is known.
"""

from __future__ import annotations

from enum import StrEnum

from orchestrator.gates.observing.observation import GREEN, RED, Observation

LIMIT = 5
"""More tests than this do not fail by chance at once: none of them is run again."""
TIMES = 2
"""How often a test is run by itself on a tree."""


class Rerun(StrEnum):
    """What is to be run next for a test."""

    ALONE = "alone"
    BASE_ALONE = "base_alone"
    AMONG = "among"  # the whole check, once, on the candidate
    BASE_AMONG = "base_among"  # the whole check, once more, on the base


def suspects(candidate: Observation, base: Observation | None) -> tuple[str, ...]:
    """The tests that may be red by chance: red on the candidate, and not red on the base.

    None where the run did not come to its end, and where they are too many.
    """
    if not candidate.is_whole() or candidate.timed_out:
        return ()
    before = base.tests if base else {}
    red = [i for i, test in candidate.tests.items() if test.outcome in RED]
    red = [i for i in red if i not in before or before[i].outcome not in RED]
    return tuple(red) if len(red) <= LIMIT else ()


def next_rerun(
    test_id: str, candidate: Observation, base: Observation | None, *, can_pick: bool = True
) -> Rerun | None:
    """What would tell more of a test that is red on the candidate; None when enough is known.

    Where single tests cannot be picked, all of the check is run once more.
    """
    if candidate.is_flaky(test_id) or (base is not None and base.is_flaky(test_id)):
        return None
    if not can_pick:
        return Rerun.AMONG if not candidate.among.get(test_id) else None
    alone = candidate.alone.get(test_id, ())
    if len(alone) < TIMES:
        return Rerun.ALONE
    if all(outcome in GREEN for outcome in alone):
        return Rerun.AMONG if not candidate.among.get(test_id) else None
    if base is None or base.outcome(test_id) not in GREEN:
        return None
    return _next_on_base(test_id, base)


def _next_on_base(test_id: str, base: Observation) -> Rerun | None:
    alone = base.alone.get(test_id, ())
    if len(alone) < TIMES:
        return Rerun.BASE_ALONE
    # Red by itself on both trees: it needs the others, or the place has changed since the base was
    # seen, such as a port that somebody has taken.
    is_red = all(outcome in RED for outcome in alone)
    return Rerun.BASE_AMONG if is_red and not base.among.get(test_id) else None


def reruns_of(candidate: Observation, base: Observation | None) -> int:
    """How many runs of tests the candidate's red ones have taken so far."""
    whole = max((len(outcomes) for outcomes in candidate.among.values()), default=0)
    mine = sum(len(outcomes) for outcomes in candidate.alone.values())
    theirs = sum(len(base.alone.get(test_id, ())) for test_id in candidate.alone) if base else 0
    if base:
        theirs += max((len(base.among.get(test_id, ())) for test_id in candidate.alone), default=0)
    return whole + mine + theirs
