"""People's sign-off, and what the results of a gate's checks come to.

Owns when an approval counts (given to this very tree) and how a waiting verdict becomes a final
one. Pure: asking the person, and recording who they are, is done elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.gates.subject import Approval
from orchestrator.journal.facts import (
    CheckResult,
    ClaimResult,
    ClaimStatus,
    Decision,
    Reason,
    Verdict,
)

PRECEDENCE = (Decision.FAILED, Decision.ERRORED, Decision.WAITING, Decision.PASSED)


def overall(results: Iterable[CheckResult]) -> Decision:
    """What a gate decides: evidence against outweighs a check that could not be carried out, and
    that a wait.
    """
    decisions = {result.decision for result in results}
    return next((decision for decision in PRECEDENCE if decision in decisions), Decision.PASSED)


def decide_approval(name: str, text: str, approval: Approval | None, tree: str) -> CheckResult:
    """The result of an approval check that asks `text`, for a tree."""
    result = CheckResult(
        name=name,
        kind="approval",
        decision=Decision.WAITING,
        reason=Reason.AWAITING_APPROVAL,
        require=text,
    )
    if approval is None:
        return result.model_copy(update={"text": f"waits for a person: {text}"})
    if approval.tree != tree:
        return result.model_copy(
            update={"text": f"waits for a person: {text} ({approval.by} saw another tree)"}
        )
    facts = {"approved_by": approval.by, "approved_at": approval.at}
    if not approval.is_granted:
        declined = {
            "decision": Decision.FAILED,
            "reason": Reason.DECLINED,
            "text": f"{approval.by} declined: {text}",
        }
        return result.model_copy(update={**facts, **declined})
    approved = {
        "decision": Decision.PASSED,
        "reason": None,
        "text": f"{approval.by} approved: {text}",
    }
    return result.model_copy(update={**facts, **approved})


def approve(verdict: Verdict, check: str, approval: Approval) -> Verdict:
    """The verdict once a person has answered the approval check of that name; unchanged if that one
    does not wait.

    Claims that rest on the check's name follow it.
    """
    asked = next(
        (r for r in verdict.checks if r.name == check and r.decision is Decision.WAITING), None
    )
    if asked is None:
        return verdict
    answer = decide_approval(check, asked.require, approval, verdict.tree)
    checks = tuple(answer if result is asked else result for result in verdict.checks)
    waiting = {result.name for result in checks if result.decision is Decision.WAITING}

    def follow(claims: tuple[ClaimResult, ...]) -> tuple[ClaimResult, ...]:
        return tuple(_follow(claim, answer, waiting) for claim in claims)

    return verdict.model_copy(
        update={
            "decision": overall(checks),
            "checks": checks,
            "criteria": follow(verdict.criteria),
            "deliverables": {
                agent: follow(claims) for agent, claims in verdict.deliverables.items()
            },
        }
    )


def _follow(claim: ClaimResult, answer: CheckResult, waiting: set[str]) -> ClaimResult:
    if answer.name not in claim.proofs or claim.status is not ClaimStatus.UNVALIDATED:
        return claim
    if answer.decision is Decision.FAILED:
        return claim.model_copy(
            update={"status": ClaimStatus.FAILED, "detail": f"{answer.name}: {answer.text}"}
        )
    # A verdict waits only when all else passed: the claim was open for its approvals alone.
    if waiting.isdisjoint(claim.proofs):
        return claim.model_copy(update={"status": ClaimStatus.VALIDATED, "detail": ""})
    return claim
