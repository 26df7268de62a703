"""What came of an attempt: its work kept under a name, held against its scope, and put into an
outcome.

Owns the order in which things can go wrong. Nothing of this is needed to start an agent, so that
agents start first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator.agents.backend import Answer
from orchestrator.agents.bounded import LINE_CHARACTERS, cut, listed
from orchestrator.engine.attempts.naming import keep
from orchestrator.engine.attempts.resolving import Resolution
from orchestrator.engine.attempts.retelling import keep_whole, last_words
from orchestrator.engine.baselines import see_baseline
from orchestrator.engine.subjects import subject_of
from orchestrator.engine.tools import Tools
from orchestrator.executors.spec import AttemptResult, AttemptSpec
from orchestrator.gates.rules.claims import is_proven
from orchestrator.git.captured import Capture
from orchestrator.isolation.secrets import known
from orchestrator.journal.events import AttemptEnded
from orchestrator.journal.facts import Breach, ClaimStatus, FileChange, Outcome
from orchestrator.merging.breaches import breaches_of
from orchestrator.mission.scope import Scope
from orchestrator.plan import PlannedAgent

MOST_CHANGES, MOST_BREACHES, MOST_NOTES = 1000, 100, 100
"""In the journal; the whole is in a file."""
SEARCHED_BYTES = 8 * 1024 * 1024
"""Of each changed file, for secrets."""
OUTCOMES = {Answer.OVER_BUDGET: Outcome.OVER_BUDGET}
"""Of answers that are charged; any other failure is one."""
WITH_OUTPUT = (Outcome.TIMED_OUT, Outcome.FAILED, Outcome.OVER_BUDGET)
"""Outcomes of which the end of the output says more."""


def conclude(  # noqa: PLR0917  (an attempt, and what is known of it)
    tools: Tools,
    planned: PlannedAgent,
    spec: AttemptSpec,
    result: AttemptResult,
    idle: tuple[Outcome, str] | None,
    resolution: Resolution | None,
) -> AttemptEnded:
    """Keep the work, and say what came of the attempt; `idle` is the verdict on one that changed
    nothing. Blocking.
    """
    keep(tools, spec, result.capture)
    ended = _assess(tools, planned, spec, result, idle)
    return resolution.assess(ended, tools.store) if resolution else ended


async def nothing_changed(tools: Tools, planned: PlannedAgent, base: str) -> tuple[Outcome, str]:
    """An agent that changed nothing is right only if all that it should deliver is proven without
    it.
    """
    await see_baseline(tools, planned.batch)  # what nobody can run, nobody can prove
    batch = tools.recorder.state.plan.batch(planned.batch)
    claims = await tools.judge.prove(
        planned.agent.deliverables, commit=base, subject=subject_of(tools.recorder.state, batch)
    )
    if is_proven(claims):
        return Outcome.NO_CHANGE_NEEDED, "its proofs pass without a change"
    missing = next(
        (claim.text for claim in claims if claim.status is not ClaimStatus.VALIDATED),
        "no deliverable",
    )
    return (
        Outcome.FAILED,
        f"nothing delivered: no file was changed, and not proven without a change: {missing}",
    )


def _assess(
    tools: Tools,
    planned: PlannedAgent,
    spec: AttemptSpec,
    result: AttemptResult,
    idle: tuple[Outcome, str] | None,
) -> AttemptEnded:
    """What came of the attempt, in the order in which things can go wrong; `idle` is the verdict on
    one that changed nothing.
    """
    capture, ended = result.capture, result.ended
    outcome, reason, evidence = None, "", ""
    protect = Scope(tools.recorder.state.plan.mission.workspace.protect)
    talk = tools.recorder.state.batches[planned.batch].talk
    breached = breaches_of(
        tools.store, capture, tools.scopes[planned.id], protect, talk.granted(planned.id)
    )
    changes = _changes(tools, spec.base, capture)
    whole = _keep_flood(tools, spec, changes, breached)
    if ended.timed_out:
        outcome, reason = Outcome.TIMED_OUT, ended.failure or "timed out"
    elif ended.failure:
        outcome = OUTCOMES.get(ended.answer, Outcome.FAILED)
        reason = f"{ended.failure}; {ended.mend}" if ended.mend else ended.failure
    elif breached:
        outcome, reason = Outcome.OUT_OF_SCOPE, _told(breached)
        lines = [f"{b.where}: {b.reason}" for b in breached]
        evidence = "These changes were refused:\n" + listed(lines, whole)
    elif idle:
        outcome, reason = idle
        claim = talk.last_claim(spec.agent, spec.attempt)
        if claim is not None and not outcome.is_good:
            said = cut(claim.text, LINE_CHARACTERS)
            reason = f"{reason}; it says: {claim.what.replace('_', ' ')}: {said}"
    if outcome in WITH_OUTPUT:
        evidence = last_words(ended)
    report = tools.folders.report
    return AttemptEnded(
        batch=spec.batch,
        agent=spec.agent,
        attempt=spec.attempt,
        outcome=outcome,
        reason=reason,
        evidence=evidence,
        commit=capture.commit if capture.commit != spec.base else None,
        changes=changes[:MOST_CHANGES],
        changes_left_out=len(changes[MOST_CHANGES:]),
        breaches=breached[:MOST_BREACHES],
        breaches_left_out=len(breached[MOST_BREACHES:]),
        whole=whole,
        notes=(
            *(problem.text for problem in capture.problems if not problem.blocking),
            *_secrets_in(tools, spec.base, capture),
        )[:MOST_NOTES],
        exit_code=ended.exit.code if ended.exit else None,
        seconds=ended.exit.seconds if ended.exit else 0.0,
        log=str(result.log.relative_to(report)),
        brief=str(result.brief.relative_to(report)),
        usage=ended.usage,
        session=ended.session,
        home=spec.home if ended.session else "",
    )


def _keep_flood(
    tools: Tools, spec: AttemptSpec, changes: Sequence[FileChange], breached: Sequence[Breach]
) -> str:
    """All of what is too much for the journal and for people, in a file; empty if it is not."""
    if len(changes) <= MOST_CHANGES and len(breached) <= MOST_BREACHES:
        return ""
    lines = [f"changed {c.path} +{c.added or 0} -{c.removed or 0}" for c in changes]
    lines += [f"refused {b.where}: {b.reason}" for b in breached]
    text = "\n".join(lines) + "\n"
    return keep_whole(tools.folders.report, f"changes/{spec.name}.txt", text)


def _secrets_in(tools: Tools, base: str, capture: Capture) -> Iterator[str]:
    """Work is not altered; that it holds a secret is said, without saying the secret."""
    redactor = known()
    for path, change in capture.changes.items() if redactor else ():
        if change.new is not None and change.new.is_file:
            held = redactor.named_in(tools.store.blob(change.new.oid)[:SEARCHED_BYTES])
            before = tools.store.read(base, path) if held else None
            names = set(held) - set(redactor.named_in(before or b""))
            if names:
                yield f"{path} holds the value of {', '.join(sorted(names))}, which is a secret"


def _told(breached: Sequence[Breach]) -> str:
    places = [cut(breach.where, LINE_CHARACTERS) for breach in breached]
    more = f" and {len(places) - 3} more" if len(places) > 3 else ""
    return f"changed what it may not change: {', '.join(places[:3])}{more}"


def _changes(tools: Tools, base: str, capture: Capture) -> tuple[FileChange, ...]:
    if capture.commit == base:
        return ()
    return tuple(
        FileChange(path=path, added=added, removed=removed)
        for path, added, removed in tools.store.numstat(base, capture.commit)
    )
