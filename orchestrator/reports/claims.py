"""What is known of every deliverable and criterion of the mission, and from which judgement.

A claim is what the mission says will be true of the run's result. So a judgement speaks of it only
if the commit that it judged is in that result: what held on a candidate that never landed is told,
and counted as unvalidated.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Sequence

from orchestrator.journal.events import GateFinished
from orchestrator.journal.facts import ClaimResult, ClaimStatus
from orchestrator.journal.state import AgentState, BatchState
from orchestrator.mission.model import Claim
from orchestrator.reports.text import short


def landed_commits(batch: BatchState) -> frozenset[str]:
    """The commits of this batch that the run's tip holds."""
    return frozenset(landing.commit for landing in batch.landings)


def criteria_of(batch: BatchState, claims: Sequence[Claim]) -> tuple[ClaimResult, ...]:
    """The batch's criteria, in the mission's order."""
    return _results(
        batch, claims, lambda judged: judged.verdict.criteria, "its gate has not judged it"
    )


def deliverables_of(
    batch: BatchState, agent: AgentState, claims: Sequence[Claim]
) -> tuple[ClaimResult, ...]:
    """The agent's deliverables, in the mission's order."""
    missing = "no gate has judged this agent's work" if agent.attempts else "the agent has not run"
    return _results(
        batch, claims, lambda judged: judged.verdict.deliverables.get(agent.id, ()), missing
    )


def _results(
    batch: BatchState,
    claims: Sequence[Claim],
    found_in: Callable[[GateFinished], Sequence[ClaimResult]],
    missing: str,
) -> tuple[ClaimResult, ...]:
    landed = landed_commits(batch)
    speaking = [judged for judged in batch.verdicts if found_in(judged)]
    counting = [
        judged
        for judged in speaking
        if judged.verdict.commit in landed and judged.verdict.is_passed
    ]
    judged = next(reversed(counting or speaking), None)
    found: dict[str, deque[ClaimResult]] = defaultdict(deque)
    for known in found_in(judged) if judged else ():
        found[known.text].append(
            known
        )  # two claims may have the same words; their order is the mission's
    results = []
    for claim in claims:
        result = found[claim.text].popleft() if found[claim.text] else None
        if result is None or judged is None:
            proofs = tuple(str(proof) for proof in claim.proof)
            detail = missing if proofs else "no proof is named for it"
            result = ClaimResult(
                text=claim.text, status=ClaimStatus.UNVALIDATED, proofs=proofs, detail=detail
            )
        elif result.status is ClaimStatus.VALIDATED and judged not in counting:
            detail = f"held on candidate {short(judged.verdict.commit)}, which is not in the run's result"
            result = result.model_copy(update={"status": ClaimStatus.UNVALIDATED, "detail": detail})
        results.append(result)
    return tuple(results)
