"""State: the fold of a run's journal, and the only input of resume and of every view.

Owns what can be said of a run from its events alone; every value here is frozen and every function
pure. What may happen next is `engine.frontier`'s; what people are told is `reports.summary`'s.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property, reduce

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
    IntegrationStarted,
    LandingStarted,
    ProbeFinished,
    RaceClosed,
    RaceDecided,
    RateLimited,
    RateLimitOver,
    Record,
    RedoRequested,
    Return,
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
from orchestrator.journal.facts import Decision, Outcome, PlaceFault, Usage
from orchestrator.journal.talk import Talk
from orchestrator.journal.throttles import Throttle, throttled
from orchestrator.plan import Plan, make_plan


class Phase(StrEnum):
    """Where an agent stands; derived, never stored."""

    PENDING = "pending"  # may be given a slot (again)
    RUNNING = "running"
    READY = "ready"  # has delivered; waits for its batch to be integrated
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One execution of an agent: how it began, how it ended, and whether its work was sent back
    afterwards.
    """

    started: AttemptStarted
    started_at: float
    ended: AttemptEnded | None = None
    interrupted: AttemptInterrupted | None = None
    returned: Return | None = None

    @property
    def is_running(self) -> bool:
        return self.ended is None and self.interrupted is None

    @property
    def usage(self) -> Usage | None:
        """What it has used, as far as it told."""
        told = self.ended or self.interrupted
        return told.usage if told else None

    @property
    def outcome(self) -> Outcome | None:
        """What stands against it; None while nothing does."""
        if self.returned:
            return self.returned.outcome
        return self.ended.outcome if self.ended else None

    @property
    def reason(self) -> str:
        return self.returned.reason if self.returned else self.ended.reason if self.ended else ""

    @property
    def evidence(self) -> str:
        return (
            self.returned.evidence if self.returned else self.ended.evidence if self.ended else ""
        )


@dataclass(frozen=True, slots=True)
class Used:
    """Tokens, and what they cost in US dollars."""

    tokens: int = 0
    cost_usd: float = 0.0

    def __add__(self, other: Used) -> Used:
        return Used(self.tokens + other.tokens, self.cost_usd + other.cost_usd)

    def __sub__(self, other: Used) -> Used:
        return Used(self.tokens - other.tokens, self.cost_usd - other.cost_usd)


@dataclass(frozen=True)  # without slots: what is derived is kept once it was asked for
class AgentState:
    """What is known of one agent. `limit` attempts are charged to it; those before `forgotten`
    belong to the past of a redo, interrupted ones to nobody.
    """

    id: str
    batch: str
    limit: int
    attempts: tuple[Attempt, ...] = ()
    forgotten: int = 0
    racers: tuple[str, ...] = ()
    """The backends that do its work at once; none: one attempt at a time."""
    races: tuple[RaceDecided, ...] = ()
    is_judged: bool = False
    """Whether the works of its race are being held against each other."""
    out: frozenset[int] = frozenset()
    """Racers whose backend is stopped."""
    settled: Outcome | None = None
    """Set when it landed, or when its batch ended without it."""
    settled_reason: str = ""

    @cached_property
    def race(self) -> tuple[Attempt, ...]:
        """The attempts of the race that is under way, oldest first."""
        decided = max(self.forgotten, *(self.races[-1].attempts if self.races else (0,)))
        return tuple(
            it for it in self.attempts if it.started.racer and it.started.attempt > decided
        )

    @cached_property
    def counted(self) -> tuple[Attempt, ...]:
        """The attempts that it is held to: of a race that is decided one, of one under way none."""
        beside = {it.started.attempt for it in self.race}
        for race in self.races:
            beside |= set(race.attempts) - {race.stands_on}
        return tuple(
            it
            for it in self.attempts
            if it.started.attempt > self.forgotten and it.started.attempt not in beside
        )

    @cached_property
    def last(self) -> Attempt | None:
        """The newest attempt, or the one that the newest race came to."""
        attempts = self.race or self.counted
        return attempts[-1] if attempts else None

    @property
    def charged(self) -> int:
        return sum(attempt.ended is not None for attempt in self.counted)

    @cached_property
    def running(self) -> tuple[Attempt, ...]:
        """The attempts at work."""
        return tuple(attempt for attempt in self.attempts if attempt.is_running)

    @cached_property
    def to_start(self) -> tuple[int, ...]:
        """The racers that an attempt is to be made of; 0 stands for the agent itself."""
        if self.settled or self.is_judged or not (self.race or self.phase is Phase.PENDING):
            return ()
        if not self.racers or (self.sent_back and self.sent_back.resolver):
            return (0,)
        newest = {attempt.started.racer: attempt for attempt in self.race}
        return tuple(
            racer
            for racer in range(1, len(self.racers) + 1)
            if racer not in self.out and (racer not in newest or newest[racer].interrupted)
        )

    @cached_property
    def has_raced(self) -> bool:
        """Whether nobody is at work in a race of which there is work, or a failure, to be judged."""
        is_open = bool(self.race) and not self.running and not self.is_judged
        return is_open and not self.settled and any(attempt.ended for attempt in self.race)

    @cached_property
    def phase(self) -> Phase:
        last = self.last
        if self.settled:
            return Phase.ENDED
        if self.race:
            is_done = self.running or self.is_judged or not self.to_start
            return Phase.RUNNING if is_done else Phase.PENDING
        if last is None or last.interrupted:
            return Phase.PENDING
        if last.is_running:
            return Phase.RUNNING
        if last.outcome in (None, Outcome.NO_CHANGE_NEEDED):
            return Phase.READY
        return Phase.PENDING if self._may_retry(last) else Phase.ENDED

    @property
    def has_delivered(self) -> bool:
        """Whether who needs it may start from its work."""
        return self.phase is Phase.READY or (self.outcome is not None and self.outcome.is_good)

    def _may_retry(self, last: Attempt) -> bool:
        if last.returned is None:
            # An attempt that ends as a conflict by itself is a resolver's that did not solve it:
            # the conflict stands.
            return self.charged < self.limit and last.outcome is not Outcome.CONFLICTED
        # Whoever named a resolver wants it asked, however few attempts the agent itself has.
        return last.returned.may_retry and (
            self.charged < self.limit or bool(last.returned.resolver)
        )

    @property
    def sent_back(self) -> Return | None:
        """What its newest attempt that ended was sent back with; those that were interrupted are
        begun again alike.
        """
        ended = [attempt for attempt in self.counted if attempt.ended]
        return ended[-1].returned if ended else None

    def as_seen_by(self, number: int) -> AgentState:
        """The agent as its attempt of that number knows it: as if that were the newest, and without
        what others do, or did, in the same race.
        """
        own = self.attempts[number - 1]
        beside = {it.started.attempt for it in self.race if it.started.racer != own.started.racer}
        known = tuple(it for it in self.attempts[:number] if it.started.attempt not in beside)
        return replace(self, attempts=known)

    @property
    def outcome(self) -> Outcome | None:
        """How it ended; None while it has not."""
        if self.phase is not Phase.ENDED:
            return None
        return self.settled or (self.last.outcome if self.last else None)

    @property
    def reason(self) -> str:
        if self.settled:
            return self.settled_reason
        return self.last.reason if self.last else ""

    @property
    def work(self) -> AttemptEnded | None:
        """The captured work that its batch is integrated from."""
        last = None if self.race else self.last
        return (
            last.ended
            if last and last.ended and last.returned is None and last.ended.commit
            else None
        )


@dataclass(frozen=True, slots=True)
class Search:
    """A search for culprits: what is known of it, so that a resume need not find it out again.

    It begins with a red judgement; each further one that it needed is of what was left after a
    round.
    """

    judged: tuple[GateFinished, ...]
    rounds: tuple[SearchStarted, ...] = ()
    probes: tuple[tuple[int, ProbeFinished], ...] = ()
    """Each with the number of its round, from 1."""
    finished: SearchFinished | None = None

    @property
    def runs(self) -> int:
        """What had to be carried out so far, the red judgement that began it aside."""
        probes = sum(probe.ran for _, probe in self.probes)
        return probes + sum(not judged.verdict.cached for judged in self.judged[1:])

    @property
    def confirmed(self) -> int:
        """How many runs of probes had to be repeated apart from all others; not among `runs`."""
        return sum(probe.confirmed for _, probe in self.probes)


@dataclass(frozen=True, slots=True)
class BatchState:
    """What is known of one batch."""

    id: str
    base: str | None = None
    started_at: float | None = None
    begun: float | None = None
    """The run's `worked_seconds` when it started."""
    ended_at: float | None = None
    candidate: CandidateBuilt | None = None
    candidates: tuple[CandidateBuilt, ...] = ()
    """All that were built, oldest first."""
    gate: GateStarted | None = None
    verdict: GateFinished | None = None
    verdicts: tuple[GateFinished, ...] = ()
    search: Search | None = None
    """The newest search for culprits, while it goes on; a kill leaves it to the next turn."""
    searches: tuple[Search, ...] = ()
    """Those that came to an end, oldest first."""
    intent: LandingStarted | None = None
    landings: tuple[BatchLanded, ...] = ()
    returns: tuple[Return, ...] = ()
    talk: Talk = field(default_factory=Talk)
    """What its agents said and asked while they worked."""
    outcome: Outcome | None = None
    reason: str = ""

    @property
    def awaits_approval(self) -> bool:
        return (
            self.outcome is None
            and self.verdict is not None
            and self.verdict.verdict.decision is Decision.WAITING
        )


@dataclass(frozen=True, slots=True)
class State:
    """A run as its events tell it. Agents and batches are in plan order."""

    started: RunStarted
    started_at: float
    plan: Plan
    tip: str
    parallel: int
    agents: Mapping[str, AgentState]
    batches: Mapping[str, BatchState]
    integrating: str | None = None
    """The batch whose turn to land it is."""
    redo: RedoRequested | None = None
    """The newest redo, while no batch has landed after it."""
    redone_at: float = 0.0
    """When a person last asked for something again; failures before that are what they asked to get
    over.
    """
    rolled_back: tuple[RolledBack, ...] = ()
    approvals: tuple[ApprovalRecorded, ...] = ()
    stopped: Mapping[str, BackendStopped] = field(default_factory=dict)
    """Backends that nobody is given to any more, by the name that the plan uses."""
    throttles: Mapping[str, Throttle] = field(default_factory=dict)
    """By provider that limits the rate, or did a while ago."""
    written: tuple[CheckoutWritten, ...] = ()
    ended: RunEnded | None = None
    interrupted: RunInterrupted | None = None
    lacking: tuple[PlaceFault, ...] = ()
    """What stopped it last that gates lacked, until one has been judged again."""
    target: TargetLanded | None = None
    resumes: int = 0
    setup_seconds: float = 0.0
    is_doubtful: bool = False
    """Records may be gone from the journal's end: it was once without its head."""
    updated_at: float = 0.0
    active_seconds: float = 0.0
    """Wall time in which an orchestrator was at work, so without the pauses between a stop and its
    resume.
    """
    waited_seconds: float = 0.0
    """Of these, in which nothing was done but to wait for a sign-off."""
    exceeded: tuple[BudgetExceeded, ...] = ()
    """Budgets that are spent, since they were given last."""
    budget_from: float = 0.0
    """The `worked_seconds` from which budgets count: a resume gives anew what was spent."""
    used_before: Mapping[str, Used] = field(default_factory=dict)
    """By batch, what was used until then."""
    history: tuple[str, ...] = field(default=())
    """Batches in the order in which they landed."""

    @property
    def run(self) -> str:
        return self.started.run

    def agents_of(self, batch: str) -> tuple[AgentState, ...]:
        """The batch's agents in plan order."""
        return tuple(self.agents[planned.id] for planned in self.plan.batch(batch).agents)

    def hands_of(self, batch: str) -> tuple[AgentState, ...]:
        """Those of its agents whose work lands: no reviewers, unless there is nobody else."""
        agents = self.agents_of(batch)
        return tuple(it for it in agents if not self.plan.agent(it.id).is_reviewer) or agents

    def is_whole(self, batch: str) -> bool:
        """Whether dependents may build on it: it has ended, and all that is not optional landed or
        was not needed.
        """
        ended = self.batches[batch].outcome
        return ended is not None and ended.is_good

    @property
    def worked_seconds(self) -> float:
        """The wall time that a budget counts."""
        return self.active_seconds - self.waited_seconds

    @property
    def only_waits(self) -> bool:
        """Whether there is nothing to do but to wait for a sign-off."""
        return (
            self.integrating is None
            and any(batch.awaits_approval for batch in self.batches.values())
            and not any(agent.phase is Phase.RUNNING for agent in self.agents.values())
        )

    def used(self, batch: str | None = None) -> Used:
        """What the attempts of a batch, or of the run, have used in all, as far as they told."""
        told = (
            attempt.usage
            for agent in self.agents.values()
            if batch in (None, agent.batch)
            for attempt in agent.attempts
        )
        return sum((Used(it.tokens, it.cost_usd or 0.0) for it in told if it), start=Used())

    def used_of_budget(self, batch: str | None = None) -> Used:
        """What of it counts against a budget."""
        before = [it for id, it in self.used_before.items() if batch in (None, id)]
        return self.used(batch) - sum(before, start=Used())

    def over_budget(self, batch: str) -> BudgetExceeded | None:
        """The budget that is spent and keeps attempts of the batch from beginning."""
        return next(
            (it for it in self.exceeded if it.stops and it.batch in (None, batch)),
            None,
        )

    def is_kept_by_budget(self, agent: str) -> bool:
        """Whether the agent could start but for a budget."""
        known = self.agents[agent]
        return (
            known.phase is Phase.PENDING
            and self.over_budget(known.batch) is not None
            and all(
                self.agents[need].has_delivered or self.plan.agent(agent).is_reviewer
                for need in self.plan.agent(agent).needs
            )
        )

    def backend_for(self, agent: str, racer: int = 0) -> str:
        """The name of the backend that makes the agent's next attempt, or the one under way."""
        known = self.agents[agent]
        if known.sent_back and known.sent_back.resolver:
            return known.sent_back.resolver
        return known.racers[racer - 1] if racer else self.plan.agent(agent).backend

    def throttle_of(self, backend: str) -> Throttle | None:
        """What holds a backend's attempts back."""
        return next((it for it in self.throttles.values() if backend in it.event.backends), None)

    def at_work(self, backends: Collection[str]) -> int:
        """How many attempts of these backends there are now."""
        return sum(
            attempt.started.backend in backends
            for agent in self.agents.values()
            for attempt in agent.running
        )

    def approvals_for(self, batch: str, tree: str) -> dict[str, ApprovalRecorded]:
        """The newest sign-off of each check that was for this tree, else the newest at all.

        Nobody is asked the same twice: what was said of a tree holds when another one was built and
        looked at since, and a "yes" also where another batch has the same gate.
        """
        gate = self.plan.batch(batch).gate
        given = {answer.check: answer for answer in self.approvals if answer.batch == batch}
        for answer in self.approvals:
            is_same_gate = gate is not None and self.plan.batch(answer.batch).gate == gate
            if answer.tree == tree and (
                answer.batch == batch or (answer.approved and is_same_gate)
            ):
                given[answer.check] = answer
        return given


def fold(records: Iterable[Record], state: State | None = None) -> State | None:
    """The state after `records`; None when there are none."""
    return reduce(apply, records, state)


def apply(state: State | None, record: Record) -> State:  # noqa: PLR0911, PLR0912, PLR0915 - one arm per kind of event
    """The state after one more record."""
    if state is None:
        if not isinstance(record.event, RunStarted):
            raise TypeError(f"a journal begins with run_started, not {record.event.kind}")
        return _begin(record.event, record.at)
    # A gap before a resume is nobody's work; any other gap is.
    is_idle = (
        state.ended or state.interrupted or isinstance(record.event, RunResumed | TargetLanded)
    )
    worked = 0.0 if is_idle else max(0.0, record.at - state.updated_at)
    state = replace(
        state,
        updated_at=record.at,
        active_seconds=state.active_seconds + worked,
        waited_seconds=state.waited_seconds + (worked if state.only_waits else 0.0),
    )
    match record.event:
        case RunStarted():
            raise TypeError("a journal has one run_started")
        case RunResumed() as event:
            return replace(
                _with_races_again(_with_backends_again(state)),
                integrating=None,
                interrupted=None,
                parallel=event.parallel,
                resumes=state.resumes + 1,
                exceeded=(),
                budget_from=state.worked_seconds if state.exceeded else state.budget_from,
                used_before={batch: state.used(batch) for batch in state.batches}
                if state.exceeded
                else state.used_before,
                is_doubtful=state.is_doubtful or not event.has_head,
            )
        case RedoRequested() as event:
            return _redo(state, event, record.at)
        case RolledBack() as event:
            return replace(state, rolled_back=(*state.rolled_back, event))
        case SetupMade() as event:
            return replace(state, setup_seconds=state.setup_seconds + event.seconds)
        case BatchStarted(batch=batch, base=base):
            started_at = state.batches[batch].started_at or record.at
            return _with_batch(
                state,
                batch,
                base=base,
                started_at=started_at,
                begun=state.worked_seconds,
                outcome=None,
            )
        case AttemptStarted() as event:
            agent = state.agents[event.agent]
            return _with_agent(
                state, event.agent, attempts=(*agent.attempts, Attempt(event, record.at))
            )
        case AttemptEnded() as event:
            state = _with_attempt(state, event.agent, event.attempt, ended=event)
            return _without_backend(_less_throttled(state, event), event.agent)
        case AttemptInterrupted() as event:
            state = _with_attempt(state, event.agent, event.attempt, interrupted=event)
            return _without_backend(state, event.agent)
        case BackendStopped() as event:
            stopped = {**state.stopped, **dict.fromkeys(event.backends, event)}
            return _without_backend(replace(state, stopped=stopped), *state.agents)
        case RateLimited() as event:
            throttle = throttled(state.throttles.get(event.provider), event, record.at)
            return replace(state, throttles={**state.throttles, event.provider: throttle})
        case RateLimitOver(provider=provider):
            throttle = replace(state.throttles[provider], waits=False)
            return replace(state, throttles={**state.throttles, provider: throttle})
        case RaceClosed() as event:
            return _with_agent(state, event.agent, is_judged=True)
        case RaceDecided() as event:
            return _without_backend(_raced(state, event), event.agent)
        case IntegrationStarted(batch=batch):
            state = _with_batch(state, batch, candidate=None, gate=None, verdict=None, intent=None)
            return replace(state, integrating=batch)
        case CandidateBuilt() as event:
            candidates = (*state.batches[event.batch].candidates, event)
            return _with_batch(state, event.batch, candidate=event, candidates=candidates)
        case GateStarted() as event:
            return _with_batch(replace(state, lacking=()), event.batch, gate=event)
        case GateFinished() as event:
            verdicts, search = (
                (*state.batches[event.batch].verdicts, event),
                state.batches[event.batch].search,
            )
            search = replace(search, judged=(*search.judged, event)) if search else None
            state = _with_batch(state, event.batch, verdict=event, verdicts=verdicts, search=search)
            is_waiting = event.verdict.decision is Decision.WAITING
            return replace(state, integrating=None) if is_waiting else state
        case SearchStarted() | ProbeFinished() | SearchFinished() as event:
            return _searched(state, event)
        case AgentsReturned() as event:
            for item in event.returns:
                last = state.agents[item.agent].last
                if last is not None:
                    number = last.started.attempt
                    state = _with_attempt(state, item.agent, number, returned=item)
                state = _without_backend(state, item.agent)
            returns = (*state.batches[event.batch].returns, *event.returns)
            state = _with_batch(state, event.batch, returns=returns)
            return state if event.others_land else replace(state, integrating=None)
        case LandingStarted() as event:
            return _with_batch(state, event.batch, intent=event)
        case BatchLanded() as event:
            return _landed(state, event)
        case BatchEnded(batch=batch, outcome=outcome, reason=reason):
            state = _settled(state, batch, outcome, reason)
            return _with_batch(state, batch, outcome=outcome, reason=reason, ended_at=record.at)
        case ApprovalRecorded() as event:
            return replace(state, approvals=(*state.approvals, event))
        case BudgetExceeded() as event:
            return replace(state, exceeded=(*state.exceeded, event))
        case AgentSaid() | ScopeRequested() | ScopeAnswered() | ChannelFlooded() as event:
            talk = state.batches[event.batch].talk.after(event)
            return _with_batch(state, event.batch, talk=talk)
        case CheckoutWritten() as event:
            return replace(state, written=(*state.written, event))
        case RunInterrupted() as event:
            return replace(state, interrupted=event, lacking=event.faults)
        case RunEnded() as event:
            return replace(state, ended=event, interrupted=None)
        case TargetLanded() as event:
            return replace(state, target=event)


def _without_backend(state: State, *agents: str) -> State:
    """Who would be given to a backend that is stopped has failed."""
    for id in agents if state.stopped else ():
        agent = state.agents[id]
        names = agent.racers or (state.plan.agent(id).backend,)
        if agent.sent_back and agent.sent_back.resolver:
            names = (agent.sent_back.resolver,)
        elif agent.racers:
            out = frozenset(n for n, name in enumerate(names, 1) if name in state.stopped)
            state = _with_agent(state, id, out=out)
            agent = state.agents[id]
        has_raced = any(attempt.ended or attempt.is_running for attempt in agent.race)
        is_next = agent.phase is Phase.PENDING or (bool(agent.race) and not has_raced)
        if is_next and not has_raced and all(name in state.stopped for name in names):
            event = state.stopped[names[0]]
            reason = f"{event.reason}; {event.mend}" if event.mend else event.reason
            state = _with_agent(state, id, settled=Outcome.FAILED, settled_reason=reason)
    return state


def _with_backends_again(state: State) -> State:
    """A resume tries backends that were stopped again, for whoever waits in a batch still."""
    for agent in state.agents.values() if state.stopped else ():
        if agent.settled is Outcome.FAILED and state.batches[agent.batch].outcome is None:
            state = _with_agent(state, agent.id, settled=None, settled_reason="")
        if agent.out:
            state = _with_agent(state, agent.id, out=frozenset())
    return replace(state, stopped={})


def _with_races_again(state: State) -> State:
    """Nobody judges a race any more that was being judged."""
    for agent in state.agents.values():
        if agent.is_judged:
            state = _with_agent(state, agent.id, is_judged=False)
    return state


def _less_throttled(state: State, event: AttemptEnded) -> State:
    """An attempt that was not limited lets its provider have more."""
    backend = state.agents[event.agent].attempts[event.attempt - 1].started.backend
    throttle = state.throttle_of(backend)
    if throttle is None or throttle.waits:
        return state
    grown = throttle.after_one_more()
    others = {id: it for id, it in state.throttles.items() if it is not throttle}
    return replace(
        state,
        throttles=others if grown.is_over else {**others, grown.event.provider: grown},
    )


def _raced(state: State, event: RaceDecided) -> State:
    """What a race came to is held against each of its attempts that was not picked."""
    agent = state.agents[event.agent]
    for result in event.results:
        said = agent.attempts[result.attempt - 1]
        if result.attempt != event.stands_on and said.outcome is None:
            given = result.outcome or Outcome.CANCELLED
            back = Return(agent=event.agent, outcome=given, reason=result.reason)
            state = _with_attempt(state, event.agent, result.attempt, returned=back)
    if event.outcome is not None:
        back = Return(
            agent=event.agent, outcome=event.outcome, reason=event.reason, evidence=event.evidence
        )
        state = _with_attempt(state, event.agent, event.stands_on, returned=back)
    return _with_agent(state, event.agent, races=(*agent.races, event), is_judged=False)


def _begin(event: RunStarted, at: float) -> State:
    plan = make_plan(event.mission)
    return State(
        started=event,
        started_at=at,
        plan=plan,
        tip=event.base,
        parallel=event.parallel,
        agents={
            a.id: AgentState(a.id, batch.id, a.attempts, racers=a.racers)
            for batch in plan.batches
            for a in batch.agents
        },
        batches={batch.id: BatchState(batch.id) for batch in plan.batches},
        updated_at=at,
    )


def _settled(state: State, batch: str, outcome: Outcome, reason: str) -> State:
    """What becomes of a batch's agents that have not ended when it does."""
    given_up = Outcome.CANCELLED if outcome is Outcome.CANCELLED else Outcome.BLOCKED
    left = [agent for agent in state.agents_of(batch) if agent.phase is not Phase.ENDED]
    is_of_needs = outcome in (Outcome.BLOCKED, Outcome.CANCELLED)
    kept = {it.id for it in left if not is_of_needs and state.is_kept_by_budget(it.id)}
    spent = str(state.over_budget(batch))
    for agent in left:
        if agent.phase is Phase.READY and state.plan.agent(agent.id).is_reviewer:
            settled, why = Outcome.NO_CHANGE_NEEDED, agent.reason
        elif agent.id in kept:
            last = agent.last.outcome if agent.last else None
            said = f"{spent} (before: {last.value}: {agent.reason})" if last else spent
            settled, why = Outcome.OVER_BUDGET, said
        else:
            settled, why = given_up, reason
        state = _with_agent(state, agent.id, settled=settled, settled_reason=why)
    return state


def _searched(state: State, event: SearchStarted | ProbeFinished | SearchFinished) -> State:
    batch = state.batches[event.batch]
    match event:
        case SearchStarted():
            search = (
                batch.search if batch.search and event.round > 1 else Search(batch.verdicts[-1:])
            )
            return _with_batch(
                state, event.batch, search=replace(search, rounds=(*search.rounds, event))
            )
        case ProbeFinished():
            search = batch.search or Search(batch.verdicts[-1:])
            probes = (*search.probes, (len(search.rounds), event))
            return _with_batch(state, event.batch, search=replace(search, probes=probes))
    search = replace(batch.search or Search(batch.verdicts[-1:]), finished=event)
    return _with_batch(state, event.batch, search=None, searches=(*batch.searches, search))


def _landed(state: State, event: BatchLanded) -> State:
    for agents, outcome in (
        (event.agents, Outcome.LANDED),
        (event.unchanged, Outcome.NO_CHANGE_NEEDED),
    ):
        for agent in agents:
            state = _with_agent(state, agent, settled=outcome, settled_reason="")
    landings = (*state.batches[event.batch].landings, event)
    state = _with_batch(state, event.batch, landings=landings, intent=None, search=None)
    history = (*state.history, event.batch)
    return replace(state, tip=event.commit, integrating=None, redo=None, history=history)


def _redo(state: State, event: RedoRequested, at: float) -> State:
    is_taken_back = event.before != event.after
    start = _first_taken_back(state, event) if is_taken_back else len(state.history)
    for batch in event.batches:
        # What landed before the point that the tip returns to is on it still.
        count = state.history[:start].count(batch)
        kept, taken = state.batches[batch].landings[:count], state.batches[batch].landings[count:]
        # Who landed before that point and, done again, after it: the newer work is what was taken
        # back.
        on_tip = {agent for landing in kept for agent in (*landing.agents, *landing.unchanged)}
        on_tip -= {agent for landing in taken for agent in (*landing.agents, *landing.unchanged)}
        state = _with_batch(
            state,
            batch,
            base=None,
            started_at=None,
            begun=None,
            ended_at=None,
            candidate=None,
            gate=None,
            verdict=None,
            search=None,
            intent=None,
            landings=kept,
            outcome=None,
            reason="",
        )
        for agent in state.agents_of(batch):
            if agent.id in event.agents:
                fresh = len(agent.attempts)
                found = next((each for each in event.returns if each.agent == agent.id), None)
                attempts = agent.attempts
                if found is not None and attempts:
                    attempts = (*attempts[:-1], replace(attempts[-1], returned=found))
                state = _with_agent(
                    state,
                    agent.id,
                    attempts=attempts,
                    forgotten=fresh,
                    settled=None,
                    settled_reason="",
                    is_judged=False,
                    out=frozenset(),
                )
            elif (is_taken_back and agent.id not in on_tip) or agent.settled in (
                Outcome.BLOCKED,
                Outcome.CANCELLED,
                Outcome.OVER_BUDGET,
            ):
                state = _with_agent(state, agent.id, settled=None, settled_reason="")
    # A "no" was said to work that is done again now; a "yes" is to a tree, and holds where that
    # comes out again.
    approvals = tuple(
        given for given in state.approvals if given.approved or given.batch not in event.batches
    )
    return replace(
        state,
        tip=event.after,
        redo=event,
        redone_at=at,
        ended=None,
        stopped={},
        integrating=None,
        history=state.history[:start],
        approvals=approvals,
    )


def _first_taken_back(state: State, event: RedoRequested) -> int:
    """Where in the history the first landing stands that is not on the tip any more."""
    seen: dict[str, int] = {}
    for index, batch in enumerate(state.history):
        landing = state.batches[batch].landings[seen.get(batch, 0)]
        if (
            landing.before == event.after
            and landing.commit != event.after
            and batch in event.batches
        ):
            return index
        seen[batch] = seen.get(batch, 0) + 1
    return len(state.history)


def _with_batch(state: State, batch: str, **changes: object) -> State:
    changed = replace(state.batches[batch], **changes)  # type: ignore[arg-type]
    return replace(state, batches={**state.batches, batch: changed})


def _with_agent(state: State, agent: str, **changes: object) -> State:
    changed = replace(state.agents[agent], **changes)  # type: ignore[arg-type]
    return replace(state, agents={**state.agents, agent: changed})


def _with_attempt(state: State, agent: str, number: int, **changes: object) -> State:
    """Change the attempt with that number."""
    attempts = tuple(
        replace(attempt, **changes)  # type: ignore[arg-type]
        if attempt.started.attempt == number
        else attempt
        for attempt in state.agents[agent].attempts
    )
    return _with_agent(state, agent, attempts=attempts)
