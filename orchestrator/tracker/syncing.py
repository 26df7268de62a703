"""`issues sync`: what a run found, brought to the issues of its mission.

Owns when an issue is closed: when all that it asks for is proven, and by nothing else. What is
proven is what `assess` calls so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from orchestrator.errors import UsageError
from orchestrator.journal.facts import ClaimResult
from orchestrator.reports import escape
from orchestrator.reports.assessment import Evidence, evidence_of
from orchestrator.reports.model import AgentSummary, BatchSummary, Summary
from orchestrator.reports.text import count
from orchestrator.tracker.gh import Gh, require_repository
from orchestrator.tracker.links import Issue
from orchestrator.tracker.marks import facts_of, marked
from orchestrator.tracker.outline import ROOT
from orchestrator.tracker.publishing import (
    is_other,
    known_issues,
    make_label,
    missing_labels,
    own_comment,
    write_comment,
)

MARKS = {"validated": "✅", "failed": "❌", "unvalidated": "◻️", "no_evidence": "◻️"}
_LONGEST_LABEL = 50


@dataclass(slots=True)
class Synced:
    """What came of it."""

    changed: int = 0
    notes: list[str] = field(default_factory=list)


def run_label(run: str) -> str:
    """The label of all that a run has to do with."""
    return f"run:{run}"[:_LONGEST_LABEL]


def sync(gh: Gh, summary: Summary, *, dry_run: bool, tell: Callable[[str], None]) -> Synced:
    """Bring the issues of the run's mission to what the run found; with `dry_run` nothing is
    written.
    """
    require_repository(gh)
    known = known_issues(gh, summary.mission)
    if not known:
        raise UsageError(
            f"mission {summary.mission} has no issues in {gh.slug}",
            mend=f"make them: orchestrate issues publish {summary.mission_file} --repo {gh.slug}",
        )
    return _Syncing(gh, summary, known, Synced(), dry_run=dry_run, tell=tell).carry_out()


@dataclass(slots=True)
class _Syncing:
    gh: Gh
    summary: Summary
    known: dict[str, Issue]
    done: Synced
    dry_run: bool
    tell: Callable[[str], None]

    def carry_out(self) -> Synced:
        found = {
            (item.kind, item.component): item
            for item in evidence_of(self.summary)
            if item.kind in {"run", "batch", "agent"}
        }
        texts: list[tuple[str, Evidence, Iterator[str]]] = []
        for batch in self.summary.batches:
            for agent in batch.agents:
                evidence = found["agent", agent.id]
                texts.append((f"agent:{agent.id}", evidence, _agent(self.summary, agent, batch)))
            evidence = found["batch", batch.id]
            texts.append((f"batch:{batch.id}", evidence, _batch(batch)))
        whole = found["run", self.summary.run]
        for key, evidence, lines in texts:
            if issue := self.known.get(key):
                self._issue(issue, key, evidence, lines)
            else:
                self.done.notes.append(f"{key} has no issue; `orchestrate issues publish` makes it")
        if issue := self.known.get(ROOT):
            self._issue(issue, ROOT, whole, _run(self.summary))
        self._people_s(whole)
        return self.done

    def _people_s(self, whole: Evidence) -> None:
        """The issue that people had before the mission: it is told, and theirs to close."""
        said = [facts_of(issue["body"]) or {} for issue in self.known.values()]
        for number in sorted(
            {facts["parent"] for facts in said if isinstance(facts.get("parent"), int)}
        ):
            self._comment(number, "parent", whole, _run(self.summary))

    def _issue(self, issue: Issue, key: str, evidence: Evidence, lines: Iterator[str]) -> None:
        number, title = issue["number"], issue["title"]
        facts = {"mission": self.summary.mission, "key": f"outcome:{key}"}
        before = own_comment(self.gh, number, facts)
        told = (facts_of(before["body"]) if before else None) or {}
        is_proven, is_open = evidence.found == "validated", issue["state"] == "open"
        closed_here = told.get("closed") == self.summary.run
        closes = is_proven and is_open and not closed_here
        if is_proven and is_open and closed_here:
            self.done.notes.append(f"#{number} was opened again by somebody; it stays open")
        reopens = not is_proven and not is_open and "closed" in told
        # First the words, then what they say: what is cut off between is done by the next sync.
        closed = self.summary.run if closes or (closed_here and is_proven) else None
        if is_proven and not is_open and "closed" in told:
            closed = told["closed"]
        self._comment(number, f"outcome:{key}", evidence, lines, closed=closed, before=before)
        label = run_label(self.summary.run)
        if missing_labels(issue, [label]):
            self._did(f"label    #{number:<6} {label}")
            if not self.dry_run:
                make_label(self.gh, label)
                self.gh.api("POST", f"issues/{number}/labels", {"labels": [label]})
        if closes:
            self._did(f"close    #{number:<6} {title}")
            if not self.dry_run:
                self._patch(number, {"state": "closed", "state_reason": "completed"})
        elif reopens:
            self._did(f"reopen   #{number:<6} {title}")
            if not self.dry_run:
                self._patch(number, {"state": "open"})
        elif is_open:
            self.tell(f"open     #{number:<6} {title}: {evidence.detail}")

    def _patch(self, number: int, body: dict[str, Any]) -> None:
        self.gh.api("PATCH", f"issues/{number}", body)

    def _comment(
        self,
        number: int,
        key: str,
        evidence: Evidence,
        lines: Iterator[str],
        *,
        closed: str | None = None,
        before: Issue | None = None,
    ) -> None:
        facts: dict[str, Any] = {"mission": self.summary.mission, "key": key}
        comment = before or own_comment(self.gh, number, facts)
        if closed:
            facts["closed"] = closed
        body = marked(facts, _told(self.summary, evidence, lines))
        if is_other(comment, body):
            self._did(
                f"{'renew' if comment else 'comment':<8} #{number:<6} {evidence.found}: {evidence.detail}"
            )
            if not self.dry_run:
                write_comment(self.gh, number, comment, body)

    def _did(self, what: str) -> None:
        self.done.changed += 1
        self.tell(what)


def _told(summary: Summary, evidence: Evidence, lines: Iterator[str]) -> Iterator[str]:
    yield f"{MARKS[evidence.found]} **{evidence.found}** by run `{summary.run}`: {escape.markdown(evidence.detail)}"
    yield ""
    yield from lines


def _run(summary: Summary) -> Iterator[str]:
    word = "resolved" if summary.recommendation.is_resolved else "keep open"
    yield f"Recommendation: **{word}**. {escape.markdown(summary.recommendation.text)}"
    yield ""
    yield "| batch | status | gate |"
    yield "| --- | --- | --- |"
    for batch in summary.batches:
        gate = f"{batch.verdict.gate}: {batch.verdict.decision.value}" if batch.verdict else "–"
        yield f"| {escape.markdown(batch.title or batch.id)} | {batch.status} | {escape.markdown(gate)} |"
    open_ = [item for item in summary.recommendation.items if item.keeps_open]
    if open_:
        yield ""
        yield "What keeps it open:"
        yield ""
        yield from (
            f"- {escape.markdown(item.subject)}: {escape.markdown(item.text)}"
            for item in open_[:50]
        )
    yield ""
    yield f"Base `{summary.base[:12]}`, tip `{summary.tip[:12]}`."


def _batch(batch: BatchSummary) -> Iterator[str]:
    yield from _claims("criterion", batch.criteria)
    for gate in batch.told:
        yield ""
        said = escape.markdown(gate.reason)
        yield f"Gate {escape.code(gate.gate)} on `{gate.commit[:12]}`: **{gate.decision.value}**. {said}"
        yield ""
        for check in gate.checks:
            yield f"- {escape.code(check.name)}: {check.decision.value}. {escape.markdown(check.text)}"
    if batch.reason:
        yield ""
        yield escape.markdown(batch.reason)


def _agent(summary: Summary, agent: AgentSummary, batch: BatchSummary) -> Iterator[str]:
    yield (
        f"{agent.status} after {count(len(agent.attempts), 'attempt')}"
        + (f", commit `{batch.commit[:12]}`" if agent.is_good and batch.commit else "")
        + (
            f", replayed by {escape.code(agent.backend)}"
            if agent.backend in summary.replayed
            else ""
        )
    )
    if agent.reason:
        yield ""
        yield escape.fence(agent.reason, 2_000)
    yield ""
    yield from _claims("deliverable", agent.deliverables)
    if agent.files:
        yield ""
        yield f"Changed (+{agent.added} −{agent.removed}): " + ", ".join(
            escape.code(change.path) for change in agent.files[:20]
        )
    last = agent.attempts[-1] if agent.attempts else None
    if last and last.evidence and not agent.is_good:
        yield ""
        yield escape.fence(last.evidence, 4_000)


def _claims(word: str, claims: tuple[ClaimResult, ...]) -> Iterator[str]:
    if not claims:
        return
    yield f"| {word} | found | evidence |"
    yield "| --- | --- | --- |"
    for claim in claims:
        proof = escape.markdown(claim.detail) or ", ".join(
            escape.code(proof) for proof in claim.proofs
        )
        yield f"| {escape.markdown(claim.text)} | {MARKS[claim.status.value]} {claim.status.value} | {proof} |"
