"""What is wrong with a candidate, as things that can be looked for in parts of it: one symptom for
each.

Owns how a red verdict is taken apart, what has to be run to look for its symptoms, and how they are
seen in what was run. Pure. Who shows them is `culprits`' to find.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from orchestrator.gates.blame.culprits import Complaint
from orchestrator.gates.observing.observation import GREEN, RED, Observation
from orchestrator.gates.observing.selection import Families, ancestors, covers, normal
from orchestrator.gates.rules.claims import Proof, Thing, plan_proofs
from orchestrator.gates.rules.compare import compare, not_turned_green, unproven
from orchestrator.gates.subject import Subject
from orchestrator.journal.facts import CheckResult, Decision, Reason, Symptom, SymptomKind
from orchestrator.mission.model import Claim, CommandCheck, PytestCheck

BY_TEST = frozenset(
    {
        *(Reason.BROKEN, Reason.TESTS_FAILED, Reason.COLLECTION_ERROR),
        *(Reason.DID_NOT_TURN_GREEN, Reason.ALREADY_GREEN, Reason.PROOF_MISSING, Reason.FLAKY),
    }
)
"""Reasons that name tests; any other speaks of the check as a whole."""
MOST_SYMPTOMS = 60
"""Of one check. What else is red is seen when those who are left are judged."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One check on one commit: its result, which says nothing of what was to turn green, and what
    was seen.
    """

    result: CheckResult
    seen: Observation


def complaints(  # noqa: PLR0917  (a check, and where it was seen)
    subject: Subject,
    name: str,
    here: Shown,
    baseline: Observation,
    start: Shown,
    present: Iterable[str],
) -> tuple[Complaint[Symptom], ...]:
    """What a red check of the gate holds against its candidate, and whose it was to put right.

    `baseline` is what the candidate was compared with, `start` how the check comes out on what it
    was built on, `present` are the agents whose work is in it. Empty when nothing in it can be
    looked for.
    """
    found = list(_symptoms(subject, name, here, baseline, tuple(present)))[:MOST_SYMPTOMS]

    def claimed_by(symptom: Symptom) -> frozenset[str] | None:
        if not is_shown(symptom, here):
            return (
                frozenset()
            )  # such as a test that was to turn green and was so before: the mission's fault
        return _claimants(subject, symptom) if is_shown(symptom, start) else None

    return tuple(Complaint(symptom, claimed_by(symptom)) for symptom in found)


def proof_complaints(
    subject: Subject,
    name: str,
    seen: Observation | None,
    missing: Iterable[str],
    present: Iterable[str],
) -> tuple[Complaint[Symptom], ...]:
    """What the proofs that no check runs hold against those who named them; `missing` are things
    that are not there.
    """
    part = proof_part(subject, present)
    shortfalls = unproven(part.pytest, seen) if part and seen else []
    shortfalls = [shortfall for shortfall in shortfalls if shortfall.reason is not Reason.FLAKY]
    symptoms = [
        Symptom(check=name, kind=SymptomKind.UNPROVEN, test=shortfall.entry)
        for shortfall in shortfalls
    ]
    symptoms += [Symptom(check=name, kind=SymptomKind.ABSENT, test=what) for what in missing]
    return tuple(
        Complaint(symptom, _claimants(subject, symptom)) for symptom in symptoms[:MOST_SYMPTOMS]
    )


def proof_part(subject: Subject, present: Iterable[str]) -> PytestCheck | None:
    """The tests that claims rest on and no check of the gate runs; None if there are none."""
    tests = plan_proofs(_claims(subject, present), subject.named).extra
    return PytestCheck(pytest=tests, plugins=subject.all_plugins) if tests else None


def proof_things(subject: Subject, present: Iterable[str]) -> dict[str, Thing]:
    """The files and symbols that claims rest on, by what symptoms call them."""
    return {
        thing.what: thing for thing in plan_proofs(_claims(subject, present), subject.named).things
    }


def part_for(
    subject: Subject, name: str, symptoms: Iterable[Symptom], *, is_whole: bool = False
) -> PytestCheck | None:
    """As little of a check as shows these symptoms, also of one of ours, for proofs that none of
    the gate's runs; None if that is all of it. With `is_whole` it is all of a check of the gate's.
    """
    check = subject.named.get(name)
    symptoms = tuple(symptoms)
    tests = tuple(dict.fromkeys(symptom.test for symptom in symptoms))
    if check is None:
        return PytestCheck(pytest=tests, plugins=subject.all_plugins)
    if (
        is_whole
        or not isinstance(check, PytestCheck)
        or any(symptom.kind is SymptomKind.CHECK for symptom in symptoms)
    ):
        return None
    return check.model_copy(
        update={"pytest": tests, "must_turn_green": (), "may_remove": (), "at_least": 1}
    )


def is_shown(symptom: Symptom, here: Shown) -> bool:
    """Whether what was run shows the symptom."""
    seen, test = here.seen, symptom.test
    match symptom.kind:
        case SymptomKind.BROKEN:
            return seen.outcome(test) not in GREEN
        case SymptomKind.NEW_FAILURE:
            return seen.outcome(test) in RED
        case SymptomKind.UNCOLLECTED:
            return test in seen.collection_errors
        case SymptomKind.NOT_GREEN:
            above = any(path in seen.collection_errors for path in ancestors(normal(test)))
            below = Families((*seen.tests, *seen.collection_errors))[test]
            return above or not below or any(seen.outcome(each) not in GREEN for each in below)
        case SymptomKind.UNPROVEN:
            return bool(unproven([test], seen))
        case SymptomKind.CHECK:
            return here.result.decision is not Decision.PASSED and here.result.reason not in BY_TEST
        case SymptomKind.ABSENT:
            raise ValueError("a thing is looked for in a commit, not in what was run")


def was_repeated(symptom: Symptom, seen: Observation) -> bool:
    """Whether the judge has run the symptom's test again on the candidate, and found it steady."""
    return (
        symptom.kind in (SymptomKind.BROKEN, SymptomKind.NEW_FAILURE) and symptom.test in seen.alone
    )


def is_red_among_others_only(symptom: Symptom, seen: Observation) -> bool:
    """Whether the symptom's test is green by itself each time, and red with the others of its
    check: one that runs before it breaks it.
    """
    return was_repeated(symptom, seen) and all(
        outcome in GREEN for outcome in seen.alone[symptom.test]
    )


def _symptoms(
    subject: Subject, name: str, here: Shown, baseline: Observation, present: Sequence[str]
) -> Iterator[Symptom]:
    check = subject.named[name]

    def symptom(kind: SymptomKind, test: str = "") -> Symptom:
        return Symptom(check=name, kind=kind, test=test)

    is_by_test = isinstance(check, PytestCheck) or (
        isinstance(check, CommandCheck) and check.report
    )
    whole = symptom(SymptomKind.CHECK)
    if not is_by_test or is_shown(whole, here):
        yield whole
        return
    assert isinstance(check, PytestCheck | CommandCheck)
    found = compare(here.seen, baseline, check.may_remove)
    proofs = plan_proofs(_claims(subject, present), subject.named).by_check.get(name, ())
    shortfalls = not_turned_green(check.must_turn_green, here.seen, baseline)
    spoken_of = {test for shortfall in shortfalls for test in shortfall.ids}
    yield from (symptom(SymptomKind.UNCOLLECTED, path) for path in found.collection_errors)
    yield from (symptom(SymptomKind.BROKEN, test) for test in found.broken)
    yield from (
        symptom(SymptomKind.NEW_FAILURE, test)
        for test in found.newly_failing
        if test not in spoken_of
    )
    yield from (symptom(SymptomKind.NOT_GREEN, shortfall.entry) for shortfall in shortfalls)
    told = {*found.broken, *found.newly_failing, *found.collection_errors, *spoken_of}
    for shortfall in unproven(proofs, here.seen):
        if shortfall.reason is not Reason.FLAKY and (
            not shortfall.ids or not told.issuperset(shortfall.ids)
        ):
            yield symptom(SymptomKind.UNPROVEN, shortfall.entry)


def _claims(subject: Subject, agents: Iterable[str]) -> list[Claim]:
    own = [claim for agent in agents for claim in subject.deliverables.get(agent, ())]
    return [*subject.criteria, *own]


def _claimants(subject: Subject, symptom: Symptom) -> frozenset[str]:
    """Agents whose deliverables rest on what the symptom speaks of: on its test, something above it
    or below it, or on the check.
    """

    def speaks(proof: Proof) -> bool:
        if not isinstance(proof, str):
            return proof.what == symptom.test
        if not symptom.test:
            return proof == symptom.check
        return covers([proof], symptom.test) or covers([symptom.test], proof)

    return frozenset(
        agent
        for agent, claims in subject.deliverables.items()
        if any(speaks(proof) for claim in claims for proof in claim.proof)
    )
