"""What the run advises: resolved, or keep open with the open items.

Resolved means that everything the mission asked for is proven on the run's tip:

* the run ended with exit code 0, and every batch is whole;
* every batch landed on a verdict that passed and that some check stands behind: a batch without a gate proves nothing;
* every criterion is VALIDATED: criteria are the mission's own definition of done;
* every deliverable that names a proof is VALIDATED: somebody asked for that proof.

A deliverable for which the mission names *no* proof is always listed, and never called done. It
keeps the mission open only where its batch has no criteria, for then nothing at all speaks for it;
under validated criteria it is a detail that the author chose not to prove, and holding every
mission open for it would teach people to ignore the advice. The same goes for optional agents, for
tests that were red before and still are, for flaky ones, and for changes that no test calls or that
could not be broken on purpose, and for product code that mentions what only a judge has: shown, but
no reason by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator.journal.facts import ClaimResult, ClaimStatus, Outcome
from orchestrator.journal.state import State
from orchestrator.reports.exercise import exercise_note, suspicious_note
from orchestrator.reports.model import AgentSummary, BatchSummary, OpenItem, Recommendation
from orchestrator.reports.text import checkout_written, count, one_line, short

_UNREACHED = (Outcome.BLOCKED, Outcome.CANCELLED)


def recommend(state: State, status: str, batches: Sequence[BatchSummary]) -> Recommendation:
    """The advice. `status` is the run's, `batches` what the summary says of them."""
    items = [
        *_run_items(state, status, batches),
        *(item for batch in batches for item in _batch_items(batch)),
    ]
    if state.ended and state.ended.exit_code and not any(item.keeps_open for item in items):
        text = f"the run ended with exit code {state.ended.exit_code}"
        items.append(OpenItem(kind="run", subject=state.run, text=text, keeps_open=True))
    items += _known_tests(state, batches)
    blocking = sum(item.keeps_open for item in items)
    if blocking:
        text = f"{count(blocking, 'item')} {'stands' if blocking == 1 else 'stand'} in the way"
        if blocking < len(items):
            text += f"; {len(items) - blocking} more to know of"
        return Recommendation(decision="keep_open", text=text, items=tuple(items))
    return Recommendation(
        decision="resolved", text=_resolved(batches, len(items), state.tip), items=tuple(items)
    )


def _resolved(batches: Sequence[BatchSummary], notes: int, tip: str) -> str:
    criteria = sum(len(batch.criteria) for batch in batches)
    claims = [claim for batch in batches for agent in batch.agents for claim in agent.deliverables]
    validated = sum(claim.status is ClaimStatus.VALIDATED for claim in claims)
    told = [f"{count(len(batches), 'batch')} whole"]
    if criteria:
        told.append(f"{count(criteria, 'criterion', 'criteria')} validated")
    if claims:
        told.append(f"{validated} of {count(len(claims), 'deliverable')} validated")
    text = f"{', '.join(told)}, on commit {short(tip)}"
    return text + (f"; {count(notes, 'item')} to know of" if notes else "")


def _run_items(state: State, status: str, batches: Sequence[BatchSummary]) -> Iterator[OpenItem]:
    reason = one_line(state.interrupted.reason, 200) if state.interrupted else ""
    left = [batch.id for batch in batches if batch.outcome is None]
    remaining = f"; {count(len(left), 'batch')} not ended: {_names(left)}" if left else ""
    said = {
        "running": "the run is still under way",
        "interrupted": f"the run was interrupted{f' ({reason})' if reason else ''}",
        "waiting": "the run waits for a person's approval",
        "stopped": "the run's process is gone",
    }
    if status in said:
        resume = "" if status == "running" else f"; `orchestrate resume {state.run}` goes on"
        yield OpenItem(
            kind="run", subject=state.run, text=said[status] + remaining + resume, keeps_open=True
        )
    for event in state.written:
        yield OpenItem(
            kind="checkout", subject=state.run, text=checkout_written(event), keeps_open=False
        )
    for spent in state.exceeded:
        text = (
            f"{spent}; `orchestrate resume {state.run}` gives it anew"
            if spent.stops
            else str(spent)
        )
        yield OpenItem(kind="budget", subject=spent.batch or state.run, text=text, keeps_open=False)
    for fault in state.interrupted.faults if state.interrupted else ():
        text = f"check {fault.check} cannot run on the base: {fault.line} ({fault.mend})"
        yield OpenItem(kind="place", subject=fault.gate, text=text, keeps_open=True)


def _batch_items(batch: BatchSummary) -> Iterator[OpenItem]:
    if batch.phase == "waiting":
        yield OpenItem(
            kind="approval", subject=batch.id, text="waits for a person's approval", keeps_open=True
        )
    if batch.outcome is None:
        # Nothing can be said of its claims yet, except of what was given up already.
        yield from (
            _agent_item(agent) for agent in batch.agents if agent.outcome and not agent.is_good
        )
        return
    if batch.outcome in _UNREACHED:
        left = [agent.id for agent in batch.agents if not agent.is_good]
        text = f"{_word(batch.status)}: {_why(batch.reason)}; {count(len(left), 'agent')} not landed: {_names(left)}"
        yield OpenItem(kind="batch", subject=batch.id, text=text, keeps_open=True)
        yield from (
            _agent_item(a)
            for a in batch.agents
            if a.outcome and not a.is_good and a.outcome not in _UNREACHED
        )
        return
    if not batch.is_whole:
        yield OpenItem(
            kind="batch",
            subject=batch.id,
            text=f"{_word(batch.status)}: {_why(batch.reason)}",
            keeps_open=True,
        )
    yield from (_agent_item(agent) for agent in batch.agents if not agent.is_good)
    yield from _gate_items(batch)
    for criterion in batch.criteria:
        if criterion.status is not ClaimStatus.VALIDATED:
            yield OpenItem(
                kind="criterion", subject=batch.id, text=_claim(criterion), keeps_open=True
            )
    is_covered = bool(batch.criteria) and all(
        claim.status is ClaimStatus.VALIDATED for claim in batch.criteria
    )
    for agent in batch.agents:
        for claim in agent.deliverables if agent.is_good else ():
            if claim.status is not ClaimStatus.VALIDATED:
                is_excused = (
                    is_covered and claim.status is ClaimStatus.UNVALIDATED and not claim.proofs
                )
                yield OpenItem(
                    kind="deliverable",
                    subject=agent.id,
                    text=_claim(claim),
                    keeps_open=not is_excused,
                )


def _gate_items(batch: BatchSummary) -> Iterator[OpenItem]:
    """What landed without anything that speaks for it."""
    verdict = batch.verdict
    if batch.is_whole and (verdict is None or not verdict.landed or not verdict.checks):
        text = (
            "no passed verdict is on record for it"
            if batch.gate and not (verdict and verdict.landed)
            else "not checked: it landed without a gate, and nothing was proven"
        )
        yield OpenItem(kind="gate", subject=batch.id, text=text, keeps_open=True)
    if (
        batch.is_whole
        and verdict
        and verdict.exercise
        and (note := exercise_note(verdict.exercise))
    ):
        yield OpenItem(kind="exercise", subject=batch.id, text=note, keeps_open=False)
    if batch.is_whole and verdict and (note := suspicious_note(verdict.suspicious)):
        yield OpenItem(kind="suspicious", subject=batch.id, text=note, keeps_open=False)


def _agent_item(agent: AgentSummary) -> OpenItem:
    optional = " (optional)" if agent.optional else ""
    text = f"{_word(agent.status)}{optional}: {_why(agent.reason)}"
    return OpenItem(kind="agent", subject=agent.id, text=text, keeps_open=not agent.optional)


def _known_tests(state: State, batches: Sequence[BatchSummary]) -> Iterator[OpenItem]:
    """Tests that were red before the run and still are, as the newest landed verdict of each check
    saw them; and those that went both ways in any verdict: chance does not go away by being green
    the next time.
    """
    by_id = {batch.id: batch for batch in batches}
    red: dict[str, tuple[str, ...]] = {}
    flaky: dict[str, None] = {}
    for landed in state.history:
        verdict = by_id[landed].verdict
        for check in verdict.checks if verdict and verdict.landed else ():
            red[f"{check.name} {check.command}"] = check.pre_existing
    for batch in batches:
        flaky.update(
            (test, None)
            for verdict in batch.gates
            for check in verdict.checks
            for test in check.flaky
        )
    tests = list(dict.fromkeys(test for found in red.values() for test in found))
    if tests:
        text = f"{count(len(tests), 'test')} red before the run and still red: {_names(tests)}"
        yield OpenItem(kind="pre_existing", subject=state.run, text=text, keeps_open=False)
    if flaky:
        text = (
            f"{count(len(flaky), 'flaky test')}, green and red on one tree: {_names(list(flaky))}"
        )
        yield OpenItem(kind="flaky", subject=state.run, text=text, keeps_open=False)


def _claim(claim: ClaimResult) -> str:
    detail = one_line(claim.detail, 300) or (
        "no evidence was found" if claim.proofs else "no proof is named for it"
    )
    return f"{claim.status.value.upper()}: {one_line(claim.text, 300)} ({detail})"


def _word(status: str) -> str:
    return status.replace("_", " ")


def _why(reason: str) -> str:
    return one_line(reason, 300) or "no reason was recorded"


def _names(ids: Sequence[str]) -> str:
    shown = ", ".join(one_line(name, 120) for name in ids[:5])
    return shown + (f" and {len(ids) - 5} more" if len(ids) > 5 else "")
