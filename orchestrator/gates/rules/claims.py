"""Deliverables and criteria: what is claimed, what would prove it, and what the evidence says.

Owns where each proof is looked for and the three statuses. Pure: it is given what was observed. A
claim without a proof is unvalidated, whatever else is green; so is one whose proofs are new tests that
notice nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from orchestrator.gates.observing.observation import GREEN, Observation
from orchestrator.gates.observing.selection import covers
from orchestrator.gates.rules.compare import unproven
from orchestrator.gates.rules.words import named
from orchestrator.journal.facts import CheckResult, ClaimResult, ClaimStatus, Decision, Reason
from orchestrator.mission.model import AnyCheck, Claim, FileProof, PytestCheck, SymbolProof

Thing = FileProof | SymbolProof
"""A proof that is there or is not: nothing is run for it."""
Proof = str | Thing


@dataclass(frozen=True, slots=True)
class ProofPlan:
    """Where the proofs of some claims are looked for."""

    by_check: Mapping[str, tuple[str, ...]]
    """Test ids and paths that a pytest check of the gate runs anyway, by the check's name."""
    extra: tuple[str, ...]
    """Test ids and paths that nothing else runs."""
    things: tuple[Thing, ...]


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found out on one tree: results and observations by the name of the check, problems
    of things.
    """

    results: Mapping[str, CheckResult]
    observations: Mapping[str, Observation]
    things: Mapping[Thing, str | None] = field(default_factory=dict)
    """What is wrong with a file or symbol that proves something; None when nothing is."""
    careless: frozenset[str] = frozenset()
    """New tests that notice nothing when the product is broken."""


def plan_proofs(claims: Iterable[Claim], checks: Mapping[str, AnyCheck]) -> ProofPlan:
    """Sort the proofs of claims by what has to be run for them."""
    covered: dict[str, dict[str, None]] = {}
    extra: dict[str, None] = {}
    things: dict[Thing, None] = {}
    for proof in (proof for claim in claims for proof in claim.proof):
        match proof:
            case FileProof() | SymbolProof():
                things[proof] = None
            case str() if proof not in checks:
                home = _runs(proof, checks)
                (covered.setdefault(home, {}) if home else extra)[proof] = None
    return ProofPlan(
        {name: tuple(proofs) for name, proofs in covered.items()}, tuple(extra), tuple(things)
    )


def tests_among(claims: Iterable[Claim], checks: Mapping[str, AnyCheck]) -> tuple[str, ...]:
    """The proofs of claims that are tests or paths of tests."""
    proofs = (proof for claim in claims for proof in claim.proof)
    return tuple(
        dict.fromkeys(proof for proof in proofs if isinstance(proof, str) and proof not in checks)
    )


def _runs(proof: str, checks: Mapping[str, AnyCheck]) -> str | None:
    """The first check that runs all that a proof names."""
    for name, check in checks.items():
        if isinstance(check, PytestCheck) and covers(
            (*check.pytest, *check.must_turn_green), proof
        ):
            return name
    return None


def judge_claims(
    claims: Iterable[Claim], checks: Mapping[str, AnyCheck], found: Findings, extra: str
) -> tuple[ClaimResult, ...]:
    """Every claim with what the evidence says; `extra` is the name of the check that ran what no
    other one runs.
    """
    return tuple(_judge(claim, checks, found, extra) for claim in claims)


def left_out(claims: Iterable[Claim], why: str) -> tuple[ClaimResult, ...]:
    """The claims of an agent whose work is not in the candidate: nothing is known of them."""
    return tuple(
        ClaimResult(
            text=claim.text, status=ClaimStatus.UNVALIDATED, proofs=_texts(claim), detail=why
        )
        for claim in claims
    )


def is_proven(results: Iterable[ClaimResult]) -> bool:
    """Whether there are proofs and all of them hold; claims without a proof neither help nor
    hurt.
    """
    with_proof = [result for result in results if result.proofs]
    return bool(with_proof) and all(result.status is ClaimStatus.VALIDATED for result in with_proof)


def _judge(
    claim: Claim, checks: Mapping[str, AnyCheck], found: Findings, extra: str
) -> ClaimResult:
    if not claim.proof:
        return ClaimResult(
            text=claim.text, status=ClaimStatus.UNVALIDATED, detail="no proof is named"
        )
    said = [_look(proof, checks, found, extra) for proof in claim.proof]
    statuses = {status for status, _, _ in said}
    status = next(
        s
        for s in (ClaimStatus.FAILED, ClaimStatus.UNVALIDATED, ClaimStatus.VALIDATED)
        if s in statuses
    )
    return ClaimResult(
        text=claim.text,
        status=status,
        proofs=_texts(claim),
        detail="; ".join(
            dict.fromkeys(detail for one, detail, _ in said if one is status and detail)
        ),
        evidence=tuple(dict.fromkeys(evidence for _, _, evidence in said if evidence)),
    )


def _texts(claim: Claim) -> tuple[str, ...]:
    return tuple(str(proof) for proof in claim.proof)


Said = tuple[ClaimStatus, str, str]
"""What one proof says: status, detail, and where the evidence lies."""


def _look(proof: Proof, checks: Mapping[str, AnyCheck], found: Findings, extra: str) -> Said:
    match proof:
        case FileProof() | SymbolProof():
            problem = found.things.get(proof, "was not looked at")
            evidence = found.results[extra].evidence if extra in found.results else ""
            if problem:
                return ClaimStatus.FAILED, f"{proof.what} {problem}", evidence
            return ClaimStatus.VALIDATED, "", evidence
        case str() if proof in checks:
            return _look_at_check(proof, found)
    return _look_at_tests(proof, _runs(proof, checks) or extra, found)


def _look_at_check(name: str, found: Findings) -> Said:
    result = found.results.get(name)
    if result is None:
        return ClaimStatus.UNVALIDATED, f"{name} was not run", ""
    match result.decision:
        case Decision.PASSED:
            return ClaimStatus.VALIDATED, "", result.evidence
        case Decision.FAILED:
            return ClaimStatus.FAILED, f"{name}: {result.text}", result.evidence
    return ClaimStatus.UNVALIDATED, f"{name}: {result.text}", result.evidence


def _look_at_tests(proof: str, name: str, found: Findings) -> Said:
    result, seen = found.results.get(name), found.observations.get(name)
    if result is None or seen is None:
        return ClaimStatus.UNVALIDATED, f"{proof} was not run", ""
    shortfall = next(iter(unproven([proof], seen)), None)
    status, text = ClaimStatus.VALIDATED, ""
    if shortfall and shortfall.reason is Reason.FLAKY:
        how = "goes" if len(shortfall.ids) == 1 else "go"
        status, text = ClaimStatus.UNVALIDATED, f"{named(shortfall.ids)} {how} both ways"
    elif shortfall and shortfall.ids:
        status, text = ClaimStatus.FAILED, f"{named(shortfall.ids)} did not pass"
    elif not seen.is_whole():
        status, text = ClaimStatus.UNVALIDATED, f"{name}: {result.text}"
    elif shortfall:
        status, text = ClaimStatus.FAILED, f"no test of {proof} passed"
    elif text := _careless(proof, seen, found.careless):
        status = ClaimStatus.UNVALIDATED
    return status, text, result.evidence


def _careless(proof: str, seen: Observation, careless: frozenset[str]) -> str:
    """What there is to say of a proof whose tests all notice nothing."""
    green = [test for test in seen.families[proof] if seen.outcome(test) in GREEN]
    if not careless.issuperset(green):
        return ""
    who = f"{named(green)} {'is' if len(green) == 1 else 'are'} new and"
    return f"{who} green with every function and every value of the product broken on purpose"
