"""A race: several backends did one agent's work, each for itself; the gate picks whose goes into the
batch.

Owns what a racer's work is judged as, and the order between works that pass. All racers are waited
for, so that whoever is picked is the same after any kill; what the judge has seen of a tree it does
not run again.
"""

from __future__ import annotations

from collections.abc import Sequence

import anyio
from anyio import CancelScope, to_thread

from orchestrator.engine.baselines import see_baseline
from orchestrator.engine.landings.candidate import evidence_of, refuse_without_services
from orchestrator.engine.subjects import baseline_of, of_racer, works_needed
from orchestrator.engine.tools import Tools
from orchestrator.journal.events import AttemptEnded, RaceDecided
from orchestrator.journal.facts import Decision, Outcome, RacerResult
from orchestrator.journal.state import Attempt, Phase
from orchestrator.merging.contribution import Contribution, Integration
from orchestrator.plan import PlannedAgent


async def judge_race(tools: Tools, agent: str) -> None:
    """Have every racer's work judged, and record which one was picked, with why the others were
    not.
    """
    recorder = tools.recorder
    planned, known = recorder.state.plan.agent(agent), recorder.state.agents[agent]
    newest = {attempt.started.racer: attempt for attempt in known.race}
    racers = [newest[racer] for racer in sorted(newest)]
    await see_baseline(tools, planned.batch)
    results: dict[int, tuple[RacerResult, str]] = {}

    async def judged(attempt: Attempt) -> None:
        results[attempt.started.attempt] = await _judge(tools, planned, attempt)

    async with anyio.create_task_group() as tasks:
        for attempt in racers:
            tasks.start_soon(judged, attempt)
    found = [results[attempt.started.attempt][0] for attempt in racers]
    stands_on, outcome, reason = pick(found)
    with CancelScope(shield=True):
        recorder.emit(
            RaceDecided(
                batch=planned.batch,
                agent=agent,
                attempts=tuple(attempt.started.attempt for attempt in known.race),
                stands_on=stands_on,
                outcome=outcome,
                reason=reason,
                evidence=results[stands_on][1] if outcome else "",
                results=compared(found, stands_on, is_picked=outcome is None),
            )
        )
        if recorder.state.agents[agent].phase is Phase.READY:
            await tools.executor.release(f"{agent}-{stands_on}")


def pick(results: Sequence[RacerResult]) -> tuple[int, Outcome | None, str]:
    """The attempt that is picked, None, and why; or, where none may land, the one that came closest
    with what the agent's attempt comes to, and the reasons of all.
    """
    able = [result for result in results if result.outcome is None]
    if able:
        best = min(able, key=_rank)
        others = [result for result in able if result is not best]
        why = f"attempt {best.attempt} ({best.backend}) was picked: {best.reason}"
        if others:
            why += f"; {_advantage(best, others)}"
        return best.attempt, None, why
    ended = [result for result in results if result.outcome is not Outcome.CANCELLED]
    closest = next((it for it in ended if it.outcome is Outcome.REJECTED), None) or ended[0]
    told = "; ".join(f"attempt {it.attempt} ({it.backend}): {it.reason}" for it in results)
    return closest.attempt, closest.outcome, f"no racer's work may land: {told}"


def compared(
    results: Sequence[RacerResult], stands_on: int, *, is_picked: bool
) -> tuple[RacerResult, ...]:
    """The results, those of works that could have landed too with why they were not picked."""
    best = next(result for result in results if result.attempt == stands_on)
    return tuple(
        result.model_copy(
            update={"reason": f"{result.reason}, and not picked: {_less(result, best)}"}
        )
        if is_picked and result is not best and result.outcome is None
        else result
        for result in results
    )


def _rank(result: RacerResult) -> tuple[bool, int, int]:
    return not result.is_proven, result.lines, result.attempt


def _advantage(best: RacerResult, others: Sequence[RacerResult]) -> str:
    if best.is_proven and not any(other.is_proven for other in others):
        return "nothing speaks for the others' work"
    equal = [other for other in others if other.is_proven == best.is_proven]
    if all(best.lines < other.lines for other in equal):
        return f"its change is the smallest, {best.lines} lines"
    return f"no other change is smaller than its {best.lines} lines, and it comes first"


def _less(result: RacerResult, best: RacerResult) -> str:
    named = f"attempt {best.attempt}"
    if best.is_proven and not result.is_proven:
        return f"{named} is proven"
    if result.lines > best.lines:
        return f"its {result.lines} lines are more than the {best.lines} of {named}"
    return f"{named} comes first, with as many lines"


async def _judge(tools: Tools, planned: PlannedAgent, attempt: Attempt) -> tuple[RacerResult, str]:
    """What is found of one racer's work, and what a next attempt is told of it."""
    number, backend = attempt.started.attempt, attempt.started.backend
    ended = attempt.ended
    if ended is None:
        said = attempt.interrupted.reason if attempt.interrupted else ""
        reason = f"it did not come to an end: {said}"
        cut_short = Outcome.CANCELLED
        return RacerResult(attempt=number, backend=backend, outcome=cut_short, reason=reason), ""
    lines = sum((it.added or 0) + (it.removed or 0) for it in ended.changes)
    so_far = RacerResult(attempt=number, backend=backend, lines=lines, reason=ended.reason)
    if ended.outcome not in (None, Outcome.NO_CHANGE_NEEDED):
        return so_far.model_copy(update={"outcome": ended.outcome}), ended.evidence
    merged = await to_thread.run_sync(_candidate, tools, planned, attempt, ended)
    if merged.conflicts:
        reason = f"does not merge with what it is to land on: {merged.conflicts[0].path}"
        return so_far.model_copy(update={"outcome": Outcome.CONFLICTED, "reason": reason}), ""
    state = tools.recorder.state
    batch = state.plan.batch(planned.batch)
    subject, base = of_racer(state, batch, planned.id), baseline_of(state, planned.batch)
    verdict = await tools.judge.judge(subject, candidate=merged.commit or state.tip, base=base)
    await refuse_without_services(tools, subject, base, verdict.checks)
    if verdict.is_passed:
        is_proven = verdict.said is Decision.PASSED
        reason = "it is green by itself" if is_proven else "nothing was asked of it"
        return so_far.model_copy(update={"is_proven": is_proven, "reason": reason}), ""
    reason = f"gate {subject.gate} is red on it: {verdict.reasons()}"
    told = await evidence_of(tools, verdict)
    return so_far.model_copy(update={"outcome": Outcome.REJECTED, "reason": reason}), told


def _candidate(
    tools: Tools, planned: PlannedAgent, attempt: Attempt, ended: AttemptEnded
) -> Integration:
    """One racer's work on the run's tip, with the work that it needs. Blocking. It has a name before
    it is judged, so that nothing can collect it.
    """
    state = tools.recorder.state
    works = works_needed(state, planned)
    if ended.commit is not None:
        works.append(Contribution(planned.id, attempt.started.base, ended.commit))
    merged = tools.integrate(
        state.tip,
        works,
        message=f"{planned.id}: attempt {ended.attempt} of a race, by itself\n",
        when=int(state.started_at),
    )
    part = f"race-{planned.id}-{ended.attempt}"
    name = f"refs/orchestrate/{state.run}/parts/{planned.batch}/{part}"
    tools.store.set_ref(name, merged.commit or state.tip, old=None)
    return merged
