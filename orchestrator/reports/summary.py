"""The summary: what a run's state says to people.

Pure: state in, document out, no clock and no disk. Owns how claims, attempts and times are derived
from events; what the run recommends is decided in `recommendation`, where the evidence of a claim
is weighed in `claims`.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal

from orchestrator.journal.events import GateFinished
from orchestrator.journal.facts import ClaimResult, ClaimStatus, Outcome, Usage
from orchestrator.journal.state import AgentState, Attempt, BatchState, Phase, Search, State
from orchestrator.reports.claims import criteria_of, deliverables_of, landed_commits
from orchestrator.reports.model import (
    AgentSummary,
    AttemptSummary,
    BatchSummary,
    ClaimCounts,
    Command,
    GateSummary,
    LandingSummary,
    RaceSummary,
    RunCounts,
    SearchSummary,
    Summary,
    Times,
)
from orchestrator.reports.recommendation import recommend
from orchestrator.reports.talk import talk_of

Status = Literal["running", "waiting", "interrupted", "stopped", "complete", "failed"]
BatchPhase = Literal[
    "pending", "running", "integrating", "judging", "searching", "waiting", "ended"
]


def summarize(state: State, *, is_alive: bool = True) -> Summary:
    """The whole report of a run. `is_alive` False says that no process works on it any more, as the
    caller has seen (`journal.log.is_owned`): a run whose journal ends without a word is then called
    stopped instead of running.
    """
    started = state.started
    batches = tuple(_batch(state, batch) for batch in state.batches.values())
    attempts = [
        attempt for batch in batches for agent in batch.agents for attempt in agent.attempts
    ]
    status = run_status(state, is_alive=is_alive)
    return Summary(
        run=state.run,
        mission=started.mission.name,
        objective=started.mission.objective,
        status=status,
        reason=state.interrupted.reason if state.interrupted else "",
        exit_code=state.ended.exit_code if state.ended else None,
        recommendation=recommend(state, status, batches),
        counts=_counts(batches),
        times=_times(state, batches),
        started_at=_moment(state.started_at),
        updated_at=_moment(state.updated_at),
        resumes=state.resumes,
        isolation=started.isolation,
        parallel=state.parallel,
        usage=_usage(attempts),
        limits=() if state.ended else tuple(map(str, state.throttles.values())),
        replayed=tuple(dict.fromkeys(attempt.backend for attempt in attempts if attempt.replayed)),
        mission_file=started.mission_file,
        repository=started.repository,
        base=started.base,
        tip=state.tip,
        ref=f"orchestrate/{state.run}",
        branch=started.branch,
        landed_on=state.target.branch if state.target else None,
        landed_commit=state.target.commit if state.target else None,
        versions=dict(started.versions),
        batches=batches,
        commands=_commands(state, status),
    )


def run_status(state: State, *, is_alive: bool = True) -> Status:
    """Where the run as a whole stands."""
    if state.ended:
        return "complete" if state.ended.exit_code == 0 else "failed"
    if state.interrupted:
        return "interrupted"
    if is_alive:
        return "running"
    return (
        "waiting" if any(batch.awaits_approval for batch in state.batches.values()) else "stopped"
    )


def batch_phase(state: State, batch: BatchState) -> BatchPhase:
    """Where a batch stands."""
    if batch.outcome is not None:
        return "ended"
    if state.integrating == batch.id:
        if batch.search:
            return "searching"
        return (
            "judging" if batch.gate and batch.candidate and batch.verdict is None else "integrating"
        )
    if batch.awaits_approval:
        return "waiting"
    return "pending" if batch.base is None else "running"


def is_recording(state: State, backend: str) -> bool:
    """Whether the backend plays back what earlier agents made."""
    named = state.started.mission.backends.get(backend)
    return backend == "recording" if named is None else named.dir is not None


def _batch(state: State, batch: BatchState) -> BatchSummary:
    planned = state.plan.batch(batch.id)
    landed = landed_commits(batch)
    told = [
        made for made in batch.candidates if made.commit in landed or made is batch.candidates[-1]
    ]
    end = batch.ended_at if batch.outcome else state.updated_at
    return BatchSummary(
        id=batch.id,
        title=planned.title,
        needs=planned.needs,
        wave=state.plan.wave(planned.id),
        phase=batch_phase(state, batch),
        outcome=batch.outcome,
        reason=batch.reason,
        base=batch.base,
        candidate=batch.candidate.commit if batch.candidate else None,
        commit=batch.landings[-1].commit if batch.landings else None,
        started_at=_moment(batch.started_at) if batch.started_at is not None else None,
        ended_at=_moment(batch.ended_at) if batch.ended_at is not None else None,
        seconds=end - batch.started_at
        if end is not None and batch.started_at is not None
        else None,
        gate=planned.gate_name,
        gates=tuple(_gate(judged, landed) for judged in batch.verdicts),
        searches=tuple(
            _search(search)
            for search in (*batch.searches, *([batch.search] if batch.search else []))
        ),
        criteria=criteria_of(batch, planned.batch.criteria),
        landings=tuple(
            LandingSummary(
                before=it.before, commit=it.commit, agents=it.agents, unchanged=it.unchanged
            )
            for it in batch.landings
        ),
        returns=batch.returns,
        merge_notes=tuple(dict.fromkeys(note for made in told for note in made.notes)),
        merge_warnings=tuple(dict.fromkeys(warning for made in told for warning in made.warnings)),
        talk=talk_of(batch.talk),
        agents=tuple(_agent(state, batch, agent) for agent in state.agents_of(batch.id)),
    )


def _agent(state: State, batch: BatchState, agent: AgentState) -> AgentSummary:
    planned = state.plan.agent(agent.id)
    phase: dict[Phase, Literal["pending", "running", "delivered", "ended"]] = {
        Phase.PENDING: "pending",
        Phase.RUNNING: "running",
        Phase.READY: "delivered",
        Phase.ENDED: "ended",
    }
    attempts = tuple(_attempt(state, agent, attempt) for attempt in agent.attempts)
    done = [attempt.ended for attempt in agent.counted if attempt.ended]
    last = done[-1] if done else None
    return AgentSummary(
        id=agent.id,
        batch=agent.batch,
        name=planned.agent.name,
        mission=planned.agent.mission,
        optional=planned.agent.optional,
        backend=planned.backend,
        phase=phase[agent.phase],
        outcome=agent.outcome,
        reason=agent.reason,
        attempts=attempts,
        attempts_allowed=agent.limit,
        seconds=sum(attempt.seconds or 0.0 for attempt in attempts),
        commit=last.commit if last else None,
        files=last.changes if last else (),
        files_left_out=last.changes_left_out if last else 0,
        breaches=last.breaches if last else (),
        breaches_left_out=last.breaches_left_out if last else 0,
        whole=last.whole if last else "",
        notes=last.notes if last else (),
        deliverables=deliverables_of(batch, agent, planned.agent.deliverables),
        reviewer=planned.is_reviewer,
        findings=last.findings if last else (),
        race=planned.racers,
        races=tuple(
            RaceSummary(
                picked=None if it.outcome else it.stands_on, reason=it.reason, results=it.results
            )
            for it in agent.races
        ),
    )


def _attempt(state: State, agent: AgentState, attempt: Attempt) -> AttemptSummary:
    ended = attempt.ended
    # Only the attempt that its agent stands on shares the agent's fate; earlier ones keep their
    # own.
    is_current = attempt is agent.last and agent.settled is not None and agent.settled.is_good
    outcome = agent.settled if is_current else attempt.outcome
    phase: Literal["running", "interrupted", "delivered", "ended"]
    if attempt.interrupted:
        phase = "interrupted"
    elif ended is None:
        phase = "running"
    else:
        phase = "ended" if outcome else "delivered"
    return AttemptSummary(
        number=attempt.started.attempt,
        backend=attempt.started.backend,
        replayed=is_recording(state, attempt.started.backend),
        phase=phase,
        outcome=outcome if phase == "ended" else None,
        reason=attempt.interrupted.reason
        if attempt.interrupted
        else ""
        if is_current
        else attempt.reason,
        evidence=attempt.evidence,
        base=attempt.started.base,
        commit=ended.commit
        if ended
        else attempt.interrupted.salvaged
        if attempt.interrupted
        else None,
        started_at=_moment(attempt.started_at),
        seconds=ended.seconds if ended else None,
        exit_code=ended.exit_code if ended else None,
        log=ended.log if ended else attempt.interrupted.log if attempt.interrupted else "",
        brief=ended.brief if ended else "",
        usage=ended.usage if ended else attempt.interrupted.usage if attempt.interrupted else None,
    )


def _usage(attempts: Iterable[AttemptSummary]) -> Usage | None:
    """All of it together; the cost where any was told."""
    told = [attempt.usage for attempt in attempts if attempt.usage]
    costs = [usage.cost_usd for usage in told if usage.cost_usd is not None]
    if not told:
        return None
    return Usage(
        tokens_in=sum(usage.tokens_in for usage in told),
        tokens_cached=sum(usage.tokens_cached for usage in told),
        tokens_out=sum(usage.tokens_out for usage in told),
        cost_usd=sum(costs) if costs else None,
        means="; ".join(dict.fromkeys(usage.means for usage in told if usage.means)),
    )


def _gate(judged: GateFinished, landed: frozenset[str]) -> GateSummary:
    verdict = judged.verdict
    return GateSummary(
        gate=judged.gate,
        decision=verdict.said,
        landed=verdict.commit in landed and verdict.is_passed,
        agents=judged.agents,
        commit=verdict.commit,
        tree=verdict.tree,
        base=verdict.base,
        environment=verdict.environment,
        interpreter=verdict.interpreter,
        seconds=verdict.seconds,
        cached=verdict.cached,
        reason=verdict.reasons(),
        checks=verdict.checks,
        exercise=verdict.exercise,
        suspicious=verdict.suspicious,
        test_side=verdict.test_side,
    )


def _search(search: Search) -> SearchSummary:
    found = search.finished
    return SearchSummary(
        agents=search.rounds[0].agents if search.rounds else (),
        commit=search.rounds[0].commit if search.rounds else "",
        finished=found is not None,
        culprits=found.culprits if found else (),
        left=found.left if found else (),
        flaky=found.flaky if found else (),
        open=found.open if found else (),
        rounds=len(search.rounds),
        probes=len(search.probes),
        runs=found.runs if found else search.runs,
        confirmed=found.confirmed if found else search.confirmed,
        seconds=found.seconds if found else sum(probe.seconds for _, probe in search.probes),
    )


def _counts(batches: Iterable[BatchSummary]) -> RunCounts:
    batches = tuple(batches)
    agents = [agent for batch in batches for agent in batch.agents]
    attempts = [attempt for agent in agents for attempt in agent.attempts]
    return RunCounts(
        batches=len(batches),
        batches_ended=sum(batch.outcome is not None for batch in batches),
        batches_whole=sum(batch.is_whole for batch in batches),
        agents=len(agents),
        agents_ended=sum(agent.outcome is not None for agent in agents),
        agents_good=sum(agent.is_good for agent in agents),
        agents_running=sum(agent.phase == "running" for agent in agents),
        attempts=len(attempts),
        attempts_replayed=sum(attempt.replayed for attempt in attempts),
        deliverables=_claims(claim for agent in agents for claim in agent.deliverables),
        criteria=_claims(claim for batch in batches for claim in batch.criteria),
    )


def _claims(claims: Iterable[ClaimResult]) -> ClaimCounts:
    found = [claim.status for claim in claims]
    return ClaimCounts(
        total=len(found),
        validated=found.count(ClaimStatus.VALIDATED),
        failed=found.count(ClaimStatus.FAILED),
        unvalidated=found.count(ClaimStatus.UNVALIDATED),
    )


def _times(state: State, batches: tuple[BatchSummary, ...]) -> Times:
    wall = state.active_seconds
    agents = sum(agent.seconds for batch in batches for agent in batch.agents)
    return Times(
        wall=wall,
        agents=agents,
        gates=sum(gate.seconds for batch in batches for gate in batch.gates if not gate.cached),
        setup=state.setup_seconds,
        speed_up=agents / wall if agents and wall else None,
        saved=1 - wall / agents if agents and wall else None,
        critical_path=_critical_path(state),
    )


def _critical_path(state: State) -> tuple[str, ...]:
    """From the batch that ended last back through whichever of its needs ended last: the waits that
    made the wall.
    """
    ended = {
        batch.id: batch.ended_at
        for batch in state.batches.values()
        if batch.ended_at and batch.started_at
    }
    if not ended:
        return state.plan.critical_path
    chain = [max(ended, key=ended.__getitem__)]
    while needs := [need for need in state.plan.batch(chain[-1]).needs if need in ended]:
        chain.append(max(needs, key=ended.__getitem__))
    return tuple(reversed(chain))


def _commands(state: State, status: Status) -> tuple[Command, ...]:
    run, started = state.run, state.started
    store = f"git -C workspaces/{shlex.quote(run)}/store.git"
    commands = [
        command
        for batch in state.batches.values()
        if batch.awaits_approval and batch.verdict
        for command in (
            (f"see what waits in {batch.id}", f"orchestrate diff {run} {batch.id}"),
            (f"approve {batch.id}", f"orchestrate approve {run} {batch.verdict.gate}"),
        )
    ]
    if status in ("waiting", "interrupted", "stopped"):
        commands.append(("go on from where it stopped", f"orchestrate resume {run}"))
    commands += [
        (f"do {batch.id} again", f"orchestrate resume {run} --batch {batch.id}")
        for batch in state.batches.values()
        if status == "failed"
        and batch.outcome
        and not batch.outcome.is_good
        and batch.outcome is not Outcome.BLOCKED
    ]
    commands.append(("see all that it changed", f"orchestrate diff {run}"))
    commands.append(
        ("see its commits", f"{store} log --oneline {started.base[:12]}..orchestrate/{run}")
    )
    if state.history and state.target is None:
        commands.append(
            (f"bring what landed to {started.branch or 'a branch'}", f"orchestrate land {run}")
        )
    commands.append(
        ("do it all again, as a new run", f"orchestrate run {shlex.quote(started.mission_file)}")
    )
    return tuple(Command(purpose=purpose, line=line) for purpose, line in commands)


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
