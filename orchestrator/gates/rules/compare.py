"""Two observations of the same tests held against each other: what broke, what turned green, what
was red before.

Owns the meaning of a baseline, test by test. Pure. Which of it makes a check fail, and in which
words, is `decide`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchestrator.gates.observing.observation import GREEN, RED, Observation
from orchestrator.gates.observing.selection import Families, ancestors, excuses, normal
from orchestrator.journal.facts import Reason, TestOutcome, TestRecord


@dataclass(frozen=True, slots=True)
class Comparison:
    """Test ids, each list in the order of the run."""

    failing: tuple[str, ...]
    """Red on the candidate, whoever is to blame."""
    broken: tuple[str, ...]
    """Passed on the base and does not pass here: failed, vanished, skipped, or expected to fail."""
    newly_failing: tuple[str, ...]
    """Red here, and neither passed nor was red on the base."""
    pre_existing: tuple[str, ...]
    """Red there and here, files that cannot be collected included."""
    flaky: tuple[str, ...]
    """Went both ways on one of the trees; neither broken nor newly failing."""
    turned_green: tuple[str, ...]
    collection_errors: tuple[str, ...]
    """Files that cannot be collected here and could be on the base."""


def compare(
    candidate: Observation, base: Observation | None, may_remove: Sequence[str] = ()
) -> Comparison:
    """Rule 2 without the names that a mission gives: those are `unproven` and
    `not_turned_green`.
    """
    before = base.tests if base else {}
    errors_before = base.collection_errors if base else {}

    def was(test_id: str) -> TestOutcome:
        return base.outcome(test_id) if base else TestOutcome.ABSENT

    def is_unknown(test_id: str) -> bool:
        """Whether it is in a file that cannot be collected here, which is a failure of its own."""
        return any(above in candidate.collection_errors for above in ancestors(test_id))

    failing = tuple(test_id for test_id, test in candidate.tests.items() if test.outcome in RED)
    flaky = tuple(
        i
        for i in candidate.tests
        if candidate.is_flaky(i) or (base is not None and base.is_flaky(i))
    )
    broken = tuple(
        test_id
        for test_id, test in before.items()
        if test.outcome in GREEN and (here := candidate.outcome(test_id)) not in GREEN
        if (here in RED and test_id not in flaky)
        or not (here in RED or is_unknown(test_id) or excuses(may_remove, test_id))
    )
    still_uncollected = tuple(path for path in candidate.collection_errors if path in errors_before)
    return Comparison(
        failing=failing,
        broken=broken,
        newly_failing=tuple(i for i in failing if was(i) not in RED + GREEN and i not in flaky),
        pre_existing=(
            *still_uncollected,
            *(i for i in failing if was(i) in RED and i not in flaky),
        ),
        flaky=flaky,
        turned_green=tuple(
            test_id
            for test_id, test in candidate.tests.items()
            if test.outcome in GREEN and base is not None and was(test_id) in RED
        ),
        collection_errors=tuple(
            path for path in candidate.collection_errors if path not in errors_before
        ),
    )


def records(candidate: Observation, base: Observation | None) -> tuple[TestRecord, ...]:
    """Every test of either tree by id, with how it ended on both."""
    ids = dict.fromkeys([*candidate.tests, *(base.tests if base else ())])

    def again(seen: Observation | None, test_id: str) -> tuple[TestOutcome, ...]:
        return (*seen.alone.get(test_id, ()), *seen.among.get(test_id, ())) if seen else ()

    return tuple(
        TestRecord(
            id=test_id,
            base=base.outcome(test_id) if base else None,
            candidate=candidate.outcome(test_id),
            is_flaky=candidate.is_flaky(test_id) or (base is not None and base.is_flaky(test_id)),
            again=again(candidate, test_id),
            base_again=again(base, test_id),
            seconds=candidate.tests[test_id].seconds if test_id in candidate.tests else 0.0,
            message=candidate.tests[test_id].message if test_id in candidate.tests else "",
        )
        for test_id in ids
    )


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A name of the mission that the tests do not bear out: the reason, the name, the tests that
    are in the way.
    """

    reason: Reason
    entry: str
    ids: tuple[str, ...] = ()
    is_there: bool = True
    """Whether any test goes by that name."""


def not_turned_green(
    entries: Iterable[str], candidate: Observation, base: Observation | None
) -> list[Shortfall]:
    """`must_turn_green`, entry by entry: red or absent on the base, and all that it names passes on
    the candidate.

    Of a path, a class or a parametrised family at least one test must have been red or absent on
    the base. What is red by chance proves nothing, and is in nobody's way where other tests of the
    entry do.
    """
    here, missing = candidate.families, []
    for entry in entries:
        flaky = [test_id for test_id in here[entry] if candidate.is_flaky(test_id)]
        ids = tuple(i for i in here[entry] if i not in flaky)
        bad = (
            *_uncollected(entry, candidate),
            *(i for i in ids if candidate.outcome(i) not in GREEN),
        )
        if flaky and not ids:
            missing.append(Shortfall(Reason.FLAKY, entry, tuple(flaky)))
        elif bad or not ids or base is None:
            missing.append(Shortfall(Reason.DID_NOT_TURN_GREEN, entry, bad))
        elif all(base.outcome(test_id) in GREEN for test_id in ids):
            missing.append(Shortfall(Reason.ALREADY_GREEN, entry, ids))
    return missing


def unproven(proofs: Iterable[str], candidate: Observation) -> list[Shortfall]:
    """Proofs that this observation does not bear out: at least one test passed, none was red,
    before or after, and none goes both ways.
    """
    here, missing = candidate.families, []
    for proof in proofs:
        flaky = [test_id for test_id in here[proof] if candidate.is_flaky(test_id)]
        red = [i for i in here[proof] if candidate.outcome(i) in RED and i not in flaky]
        if red := [*_uncollected(proof, candidate), *red]:
            missing.append(Shortfall(Reason.TESTS_FAILED, proof, tuple(red)))
        elif flaky:
            missing.append(Shortfall(Reason.FLAKY, proof, tuple(flaky)))
        elif not any(candidate.outcome(test_id) in GREEN for test_id in here[proof]):
            missing.append(Shortfall(Reason.PROOF_MISSING, proof, is_there=bool(here[proof])))
    return missing


def _uncollected(entry: str, candidate: Observation) -> tuple[str, ...]:
    """The files that cannot be collected and that an entry names, is in, or is above of."""
    if not candidate.collection_errors:
        return ()
    above = tuple(path for path in ancestors(normal(entry)) if path in candidate.collection_errors)
    return above or Families(candidate.collection_errors)[entry]
