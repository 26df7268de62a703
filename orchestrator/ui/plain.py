"""`--plain`: one line for each event worth reading, with its time, for logs, pipes and `grep`.

`12.3s core 1.2 delivered 2 files (+20 -4) in 11s`: seconds of work since the run began, batch,
agent, what happened; a dash where there is no batch or agent, so that columns stay columns. No
colour, no cursor movement, nothing rewritten.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from orchestrator.engine.progress import Progress
from orchestrator.journal.events import (
    AgentSaid,
    AgentsReturned,
    ApprovalRecorded,
    AttemptEnded,
    AttemptInterrupted,
    AttemptStarted,
    BackendStopped,
    BatchEnded,
    BatchLanded,
    BatchStarted,
    BudgetExceeded,
    CandidateBuilt,
    ChannelFlooded,
    CheckoutWritten,
    GateFinished,
    GateStarted,
    ProbeFinished,
    RaceClosed,
    RaceDecided,
    RateLimited,
    RateLimitOver,
    Record,
    RedoRequested,
    RolledBack,
    RunEnded,
    RunInterrupted,
    RunResumed,
    RunStarted,
    ScopeAnswered,
    ScopeRequested,
    SearchFinished,
    SearchStarted,
    SetupMade,
    TargetLanded,
)
from orchestrator.journal.facts import Decision
from orchestrator.journal.state import Phase, State
from orchestrator.plan import Plan
from orchestrator.reports.text import checkout_written
from orchestrator.ui.lines import LineWriter
from orchestrator.ui.talk_view import talk_line
from orchestrator.ui.text import count, duration, one_line, short, word

if TYPE_CHECKING:
    from orchestrator.reports.model import Summary


class PlainDisplay:
    """Writes to `out`; `report` is what the last line points to."""

    def __init__(self, out: TextIO, *, report: str = "") -> None:
        self._out = LineWriter(out)
        self._report = report
        self._state: State | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        if self._state is not None:
            # It brings the models of reports, which no agent waits for.
            from orchestrator.reports.summary import summarize

            for line in farewell(summarize(self._state, is_alive=False), self._report):
                self._out.line(f"{self._state.active_seconds:.1f}s - - {line}")

    def on_record(self, record: Record, state: State) -> None:
        """The event's lines, if it has any."""
        self._state = state
        for where, said in lines_of(record, state):
            self._out.line(f"{state.active_seconds:.1f}s {where} {one_line(said, 1_000)}")

    def on_progress(self, progress: Progress) -> None:
        """Output is in the logs; a gate's progress would be a line for each test."""


def lines_of(record: Record, state: State) -> Iterator[tuple[str, str]]:  # noqa: PLR0912, PLR0915 - one arm per kind of event
    """`batch agent` and what happened, for each thing that the event says."""
    match record.event:
        case RunStarted() as event:
            agents, batches = count(len(state.agents), "agent"), count(len(state.batches), "batch")
            at_once = _at_once(event.parallel, state.plan)
            what = f"{event.mission.name}, {agents} in {batches}, {at_once}"
            yield "- -", f"started {state.run}: {what}; isolation {event.isolation}"
            yield "- -", f"base {short(event.base)}"
        case RunResumed() as event:
            left = (
                f", {count(event.leftovers, 'process', 'processes')} left behind ended"
                if event.leftovers
                else ""
            )
            yield "- -", f"resumed {state.run}{left}"
            if event.doubts:
                yield "- -", f"the journal: {event.doubts}"
        case RedoRequested() as event:
            yield (
                "- -",
                f"to be done again: {', '.join(event.agents)} in {', '.join(event.batches)}",
            )
        case RolledBack() as event:
            yield f"{event.batch} -", f"rolled back by {event.command}: {event.reason or 'done'}"
        case SetupMade() as event:
            yield "- -", f"set up in {duration(event.seconds)}"
        case BatchStarted() as event:
            agents, title = (
                count(len(state.agents_of(event.batch)), "agent"),
                state.plan.batch(event.batch).title,
            )
            yield f"{event.batch} -", f"started: {title}, {agents} from {short(event.base)}"
        case AttemptStarted() as event:
            agent = state.agents[event.agent]
            attempt = f"attempt {agent.charged + 1}/{agent.limit}"
            racing = f", racer {event.racer} of {len(agent.racers)}" if event.racer else ""
            yield f"{event.batch} {event.agent}", f"started {attempt} with {event.backend}{racing}"
        case AttemptEnded() as event:
            yield f"{event.batch} {event.agent}", _ended(event, state)
        case AttemptInterrupted() as event:
            kept = f", work kept as {short(event.salvaged)}" if event.salvaged else ""
            yield f"{event.batch} {event.agent}", f"interrupted{_because(event.reason)}{kept}"
        case BackendStopped() as event:
            what = f"{event.reason}; {event.mend}" if event.mend else event.reason
            yield "- -", f"backend {', '.join(event.backends)} is stopped: {what}"
        case RateLimited() as event:
            yield "- -", str(event)
        case RateLimitOver(provider=provider):
            yield "- -", f"{provider}: goes on, {state.throttles[provider].most} at once"
        case RaceClosed() as event:
            number = count(len(state.agents[event.agent].racers), "racer")
            yield f"{event.batch} {event.agent}", f"{number} ended: the gate picks"
        case RaceDecided() as event:
            again = _again(state, event.agent)
            yield f"{event.batch} {event.agent}", f"{event.reason}{again}"
        case CandidateBuilt() as event:
            noted = f", {count(len(event.notes), 'note')} in the report" if event.notes else ""
            yield (
                f"{event.batch} -",
                f"merged {count(len(event.agents), 'agent')} as {short(event.commit)}{noted}",
            )
            for warning in event.warnings:
                yield (
                    f"{event.batch} {warning.agents[1]}",
                    f"merged with a warning: {warning.path}: {warning.text}",
                )
        case GateStarted() as event if state.plan.batch(event.batch).gate:
            yield f"{event.batch} -", f"gate {event.gate} started on {short(event.candidate)}"
        case GateFinished() as event:
            yield f"{event.batch} -", _judged(event, state)
        case SearchStarted() as event:
            symptoms, agents = (
                count(len(event.symptoms), "symptom"),
                count(len(event.agents), "agent"),
            )
            yield (
                f"{event.batch} -",
                f"looks for who made the gate red: {symptoms} in the work of {agents}",
            )
        case ProbeFinished() as event:
            yield f"{event.batch} -", _probed(event)
        case SearchFinished() as event:
            yield f"{event.batch} -", _found(event)
        case AgentsReturned() as event:
            for item in event.returns:
                again = _again(state, item.agent)
                yield (
                    f"{event.batch} {item.agent}",
                    f"{word(item.outcome)}{_because(item.reason)}{again}",
                )
        case BatchLanded() as event:
            for landed, said in ((event.agents, "landed"), (event.unchanged, "no change needed")):
                for agent_id in landed:
                    yield f"{event.batch} {agent_id}", f"{said} in {short(event.commit)}"
        case AgentSaid() | ScopeRequested() | ScopeAnswered() | ChannelFlooded() as event:
            yield f"{event.batch} {event.agent}", talk_line(event, state.run)
        case BatchEnded() as event:
            yield f"{event.batch} -", f"ended: {word(event.outcome)}{_because(event.reason)}"
        case ApprovalRecorded() as event:
            said = "approved" if event.approved else "declined"
            yield f"{event.batch} -", f"{event.check} {said} by {event.by}{_because(event.comment)}"
        case BudgetExceeded() as event:
            then = "no attempt begins any more" if event.stops else "the run goes on all the same"
            yield f"{event.batch or '-'} -", f"{event}; {then}"
        case CheckoutWritten() as event:
            yield "- -", f"warning: {checkout_written(event)}"
        case RunInterrupted() as event:
            yield "- -", f"interrupted{_because(event.reason)}"
        case RunEnded() as event:
            yield "- -", f"ended, exit code {event.exit_code}"
        case TargetLanded() as event:
            yield "- -", f"landed on {event.branch} as {short(event.commit)}"


def farewell(summary: Summary, report: str = "") -> Iterator[str]:
    """What a run says last."""
    advice = summary.recommendation
    if summary.replayed:
        yield f"replayed a recording ({', '.join(summary.replayed)}): no agent was at work in those attempts"
    yield f"{word(advice.decision)}: {advice.text}"
    for item in advice.items:
        if item.keeps_open:
            yield f"open: {item.kind.replace('_', ' ')} {item.subject}: {one_line(item.text, 500)}"
    if summary.status not in ("complete", "failed"):
        yield f"to go on: {summary.commands[0].line}"
    if report:
        yield f"report: {one_line(report)}"


def _ended(event: AttemptEnded, state: State) -> str:
    took = f" in {duration(event.seconds)}"
    if event.outcome is None:
        added = sum(change.added or 0 for change in event.changes)
        removed = sum(change.removed or 0 for change in event.changes)
        return f"delivered {count(len(event.changes) + event.changes_left_out, 'file')} (+{added} -{removed}){took}"
    return f"{word(event.outcome)}{took}{_because(event.reason)}{_again(state, event.agent)}"


def _judged(event: GateFinished, state: State) -> str:
    verdict = event.verdict
    if verdict.said is Decision.NOT_CHECKED:
        return f"{short(verdict.commit)} not checked: the batch has no gate"
    said = f"gate {event.gate} {verdict.decision} on {short(verdict.commit)} in {duration(verdict.seconds)}"
    if verdict.cached:
        said += " (known from before)"
    if verdict.decision is Decision.WAITING:
        look = f"orchestrate diff {state.run} {event.batch}"
        return f"{said}: see {look}, then orchestrate approve {state.run} {event.gate}"
    tests = [check.counts for check in verdict.checks if check.counts]
    if tests:
        said += f", {sum(each.passed for each in tests)} of {sum(each.executed for each in tests)} tests passed"
    return said + _because(verdict.reasons())


def _probed(event: ProbeFinished) -> str:
    agents = event.agents
    some = f"{agents[0]} … {agents[-1]}" if len(agents) > 2 else " and ".join(agents) or "nobody"
    said = (
        f"probed the work of {some} ({count(len(agents), 'agent')})"
        if len(agents) > 2
        else f"probed {some}"
    )
    if event.again:
        said = "probed all of it once more"
    if event.commit is None:
        return f"{said}: it does not merge by itself"
    red = f"{count(len(event.red), 'symptom')}" if event.red else "none of it"
    apart = ", seen again apart from other runs" if event.confirmed else ""
    return f"{said}: {red}{apart}" + ("" if event.ran else " (known from before)")


def _found(event: SearchFinished) -> str:
    runs = count(event.runs, "run")
    if event.confirmed:
        runs += f" and {count(event.confirmed, 'repetition')} apart"
    flaky = (
        f"; flaky: {', '.join(str(symptom) for symptom in event.flaky[:3])}" if event.flaky else ""
    )
    if not event.culprits:
        return f"nobody is to blame for the red gate ({runs}){flaky}"
    names = ", ".join(" with ".join(culprit.agents) for culprit in event.culprits)
    return f"found who made the gate red in {runs}: {names}{flaky}"


def _because(reason: str) -> str:
    reason = one_line(reason, 500)
    return f": {reason}" if reason else ""


def _again(state: State, agent: str) -> str:
    known = state.agents[agent]
    return (
        f"; will be tried again ({known.charged} of {known.limit} used)"
        if known.phase is Phase.PENDING
        else ""
    )


def _at_once(parallel: int, plan: Plan) -> str:
    """How many agents there are at once: of the whole run where somebody said so, else of a batch."""
    if parallel != sum(batch.parallel for batch in plan.batches):
        return f"up to {parallel} at once"
    return f"up to {max(batch.parallel for batch in plan.batches)} at once in a batch"
