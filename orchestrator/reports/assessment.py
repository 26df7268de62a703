"""What is claimed, set beside what the gates of a run found: component, claim, state, evidence.

Owns which evidence a claim is about, and what the two together come to. It believes no document: a
claim that nothing is found for is not proven, and what is shown is the run's own words. A claim is
matched by the id that it names, by its text, or by most of its words in both directions; what fits
two things alike fits none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from orchestrator.importing.headings import AGENT_WORDS, BATCH_WORDS
from orchestrator.importing.statuses import Claimed, StatusClaim
from orchestrator.importing.words import words_of
from orchestrator.journal.facts import CheckResult, ClaimResult, ClaimStatus, Decision, Outcome
from orchestrator.reports.model import AgentSummary, BatchSummary, Part, Summary
from orchestrator.reports.text import count, short

Found = Literal["validated", "failed", "unvalidated", "no_evidence"]
Comes = Literal["agrees", "false", "unproven", "outdated"]

_NAMED = re.compile(rf"(?i:\b(?:{BATCH_WORDS}|{AGENT_WORDS}))\s+(?P<id>\w+(?:[.-]\w+)*)")
_NEGATION = re.compile(r"(?i)\b(no|not|none|never|without|zero)\b")
_RESULTS = re.compile(r"(?i)(?P<failed>\d+)\s+failed\W+(?P<passed>\d+)\s+passed")
_RESULTS_TURNED = re.compile(r"(?i)(?P<passed>\d+)\s+passed\W+(?P<failed>\d+)\s+failed")
OF_CLAIM, OF_EVIDENCE = 0.6, 0.5
"""How much of a claim's words, and of the evidence's, have to be shared."""


class Evidence(Part):
    """One thing that a run knows the state of."""

    kind: Literal["run", "batch", "agent", "criterion", "deliverable", "check"]
    component: str
    """Where it belongs: a batch's or an agent's id; the run's."""
    text: str
    found: Found
    detail: str = ""
    links: tuple[str, ...] = ()
    """Relative to the run's report."""


class AssessedClaim(Part):
    """One claim, and what was found."""

    line: int
    """Of the document; 0 where the mission is what claims."""
    section: str
    text: str
    said: str
    claimed: Claimed
    found: Found
    comes_to: Comes
    evidence: Evidence | None


class Suite(Part):
    """One check of a batch's gate that runs tests or measures, before and after."""

    batch: str
    name: str
    before: str
    after: str
    requires: str
    decision: Decision


class Assessment(Part):
    """All claims of a document or a mission beside the evidence of one run."""

    format: Literal["orchestrate/assessment"] = "orchestrate/assessment"
    version: Literal[1] = 1
    subject: str
    """The document, or the run."""
    run: str
    """Empty where no run was found: then nothing is known."""
    tip: str
    claims: tuple[AssessedClaim, ...]
    suites: tuple[Suite, ...]
    commits: tuple[str, ...]
    """The landed ones, each with the batch that it proves, as `<commit> <batch>`."""
    recommendation: str
    reasons: tuple[str, ...]

    @property
    def false(self) -> tuple[AssessedClaim, ...]:
        """Claims that the evidence contradicts."""
        return tuple(claim for claim in self.claims if claim.comes_to == "false")

    @property
    def unproven(self) -> tuple[AssessedClaim, ...]:
        """Claims of something done that no evidence stands behind."""
        return tuple(claim for claim in self.claims if claim.comes_to == "unproven")


def assess_document(
    subject: str, claims: Sequence[StatusClaim], summary: Summary | None
) -> Assessment:
    """The claims of a document, each beside what the run found; without a run, nothing is found."""
    known = tuple(evidence_of(summary)) if summary else ()
    return _assessment(subject, tuple(_assess(claim, known, summary) for claim in claims), summary)


def assess_run(subject: str, summary: Summary) -> Assessment:
    """What the run's mission claims: its criteria and deliverables. They are not said to be done, so
    only one that failed is false.
    """
    claims = tuple(
        AssessedClaim(
            line=0,
            section=item.component,
            text=item.text,
            said="",
            claimed=Claimed.DONE,
            found=item.found,
            comes_to=_comes_to(Claimed.DONE, item.found),
            evidence=item,
        )
        for item in evidence_of(summary)
        if item.kind in {"criterion", "deliverable"}
    )
    return _assessment(subject, claims, summary)


def _assessment(
    subject: str, claims: tuple[AssessedClaim, ...], summary: Summary | None
) -> Assessment:
    if summary is None:
        return Assessment(
            subject=subject,
            run="",
            tip="",
            claims=claims,
            suites=(),
            commits=(),
            recommendation="keep open",
            reasons=("no run has judged any of it",),
        )
    advice = summary.recommendation
    return Assessment(
        subject=subject,
        run=summary.run,
        tip=summary.tip,
        claims=claims,
        suites=tuple(_suites(summary)),
        commits=tuple(
            f"{short(landing.commit)} {batch.id}"
            for batch in summary.batches
            for landing in batch.landings
        ),
        recommendation="resolved" if advice.is_resolved else "keep open",
        reasons=tuple(f"{item.subject}: {item.text}" for item in advice.items if item.keeps_open),
    )


# -- what a run knows ----------------------------------------------------------------------------------


def evidence_of(summary: Summary) -> Iterator[Evidence]:
    """All that a run knows the state of, the mission as a whole first."""
    failed = any(batch.outcome and not batch.outcome.is_good for batch in summary.batches)
    is_resolved = summary.recommendation.is_resolved
    yield Evidence(
        kind="run",
        component=summary.run,
        text=summary.objective,
        found="validated" if is_resolved else "failed" if failed else "unvalidated",
        detail=summary.recommendation.text,
    )
    for batch in summary.batches:
        yield _batch(batch)
        for claim in batch.criteria:
            yield _claim("criterion", batch.id, claim)
        for agent in batch.agents:
            yield _agent(agent)
            for claim in agent.deliverables:
                yield _claim("deliverable", agent.id, claim)
        if batch.verdict:
            for check in batch.verdict.checks:
                yield _check(batch, check)


def _batch(batch: BatchSummary) -> Evidence:
    found: Found = "unvalidated"
    failing = [claim for claim in batch.criteria if claim.status is ClaimStatus.FAILED]
    is_proven = batch.verdict is not None and batch.verdict.decision is Decision.PASSED
    open_ = [claim for claim in batch.criteria if claim.status is ClaimStatus.UNVALIDATED]
    detail = f"{batch.status}; {count(len(open_), 'criterion', 'criteria')} without evidence"
    if (batch.outcome and not batch.outcome.is_good and batch.outcome not in _UNTRIED) or failing:
        found = "failed"
        detail = batch.reason or "; ".join(claim.text for claim in failing)
    elif batch.is_whole and is_proven and not open_ and batch.verdict and batch.verdict.checks:
        found, detail = "validated", f"{batch.status}; gate {batch.verdict.gate} passed"
    elif batch.outcome in _UNTRIED or not batch.is_whole:
        detail = batch.reason or f"batch {batch.id} is {batch.status}"
    elif not is_proven:
        detail = "no gate has judged it"
    return Evidence(
        kind="batch", component=batch.id, text=batch.title or batch.id, found=found, detail=detail
    )


_UNTRIED = (Outcome.BLOCKED, Outcome.CANCELLED)


def _agent(agent: AgentSummary) -> Evidence:
    states = [claim.status for claim in agent.deliverables]
    found: Found = "unvalidated"
    if ClaimStatus.FAILED in states or (
        agent.outcome and not agent.is_good and agent.outcome not in _UNTRIED
    ):
        found = "failed"
    elif agent.is_good and states and all(state is ClaimStatus.VALIDATED for state in states):
        found = "validated"
    validated = states.count(ClaimStatus.VALIDATED)
    detail = f"{agent.status}; {validated} of {count(len(states), 'deliverable')} validated"
    return Evidence(
        kind="agent",
        component=agent.id,
        text=agent.name,
        found=found,
        detail=f"{detail}: {agent.reason}" if agent.reason else detail,
    )


def _claim(
    kind: Literal["criterion", "deliverable"], component: str, claim: ClaimResult
) -> Evidence:
    return Evidence(
        kind=kind,
        component=component,
        text=claim.text,
        found=claim.status.value,
        detail=claim.detail or ", ".join(claim.proofs[:2]),
        links=claim.evidence,
    )


def _check(batch: BatchSummary, check: CheckResult) -> Evidence:
    landed = batch.verdict is not None and batch.verdict.landed
    is_passed = check.decision is Decision.PASSED
    return Evidence(
        kind="check",
        component=batch.id,
        text=check.name,
        found="failed" if not is_passed else "validated" if landed else "unvalidated",
        detail=check.text,
        links=(check.evidence,) if check.evidence else (),
    )


def _suites(summary: Summary) -> Iterator[Suite]:
    for batch in summary.batches:
        for check in batch.verdict.checks if batch.verdict else ():
            if check.counts or check.value is not None:
                yield Suite(
                    batch=batch.id,
                    name=check.name,
                    before=_measure(check, is_base=True),
                    after=_measure(check, is_base=False),
                    requires=check.require,
                    decision=check.decision,
                )


def _measure(check: CheckResult, *, is_base: bool) -> str:
    counts = check.base_counts if is_base else check.counts
    value = check.base_value if is_base else check.value
    if counts is not None:
        red = counts.failed + counts.error
        rate = f" ({100 * red / counts.executed:.0f}% failing)" if counts.executed else ""
        return f"{red} failed / {counts.passed} passed{rate}"
    return f"{value:g}" if value is not None else "not known"


# -- claims and evidence ---------------------------------------------------------------------------------


def _assess(
    claim: StatusClaim, known: Sequence[Evidence], summary: Summary | None
) -> AssessedClaim:
    evidence = _matching(claim, known, summary)
    found: Found = evidence.found if evidence else "no_evidence"
    if (
        evidence
        and evidence.kind == "check"
        and summary
        and (wrong := _wrong_numbers(claim, evidence, summary))
    ):
        found, evidence = "failed", evidence.model_copy(update={"detail": wrong})
        comes: Comes = "false"
    else:
        comes = _comes_to(claim.claimed, found)
    return AssessedClaim(
        line=claim.line,
        section=claim.section,
        text=claim.subject,
        said=claim.said,
        claimed=claim.claimed,
        found=found,
        comes_to=comes,
        evidence=evidence,
    )


def _comes_to(claimed: Claimed, found: Found) -> Comes:
    if claimed is Claimed.DONE:
        return "agrees" if found == "validated" else "false" if found == "failed" else "unproven"
    return "outdated" if found == "validated" else "agrees"


def _matching(
    claim: StatusClaim, known: Sequence[Evidence], summary: Summary | None
) -> Evidence | None:
    if claim.is_overall:
        return next((item for item in known if item.kind == "run"), None)
    wanted = _normal(claim.subject)
    same = [item for item in known if _normal(item.text) == wanted]
    if same:
        return _worst(same)
    if item := _by_id(claim.subject, known, summary):
        return item
    words, is_negative = words_of(claim.subject), bool(_NEGATION.search(claim.subject))
    best: list[tuple[float, Evidence]] = []
    for item in known:
        other = words_of(item.text)
        shared = words & other
        if (
            len(shared) >= 2
            and len(shared) >= OF_CLAIM * len(words)
            and len(shared) >= OF_EVIDENCE * len(other)
            and bool(_NEGATION.search(item.text)) is is_negative
        ):
            best.append((len(shared) / len(words | other), item))
    best.sort(key=lambda pair: -pair[0])
    alike = [item for score, item in best if score == best[0][0]]
    return _worst(alike) if len({_normal(item.text) for item in alike}) == 1 else None


def _by_id(subject: str, known: Sequence[Evidence], summary: Summary | None) -> Evidence | None:
    """What a claim names by its number or id: `Agent 1.2 …`, `Batch 2`, `integration`."""
    if summary is None:
        return None
    agents = {agent.id for agent in summary.agents}
    batches = {batch.id for batch in summary.batches}
    by_number = {str(n): batch.id for n, batch in enumerate(summary.batches, 1)}
    known_ids = agents | batches | by_number.keys()
    names = [found["id"] for found in _NAMED.finditer(subject) if found["id"] in known_ids]
    if len(set(names)) == 1:
        name = names[0]
        id = name if name in agents or name in batches else by_number.get(name)
    else:
        id = subject.strip() if not names and subject.strip() in agents | batches else None
    kinds = ("agent",) if id in agents else ("batch",)
    return next((item for item in known if item.component == id and item.kind in kinds), None)


def _worst(items: Sequence[Evidence]) -> Evidence:
    """Of several that a claim can mean, the one that says least for it."""
    order = ("failed", "no_evidence", "unvalidated", "validated")
    return min(items, key=lambda item: order.index(item.found))


def _normal(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def _wrong_numbers(claim: StatusClaim, evidence: Evidence, summary: Summary) -> str:
    """What is wrong with the counts that a claim gives for a suite; empty where none are, or they are
    right.
    """
    said = _RESULTS.search(claim.subject) or _RESULTS_TURNED.search(claim.subject)
    for batch in summary.batches:
        for check in (
            batch.verdict.checks if batch.verdict and batch.id == evidence.component else ()
        ):
            if check.name == evidence.text and check.counts and said:
                red = check.counts.failed + check.counts.error
                if (int(said["failed"]), int(said["passed"])) != (red, check.counts.passed):
                    return f"{red} failed / {check.counts.passed} passed"
    return ""
