"""A world without git and without processes: it answers the frontier's decisions with events, at
random.

`World` keeps what the frontier must not be asked to prove about itself: which work stands in which
commit, which attempts ran, and where the run's one ref is. Every rule of scheduling is checked at
the moment it could be broken. What the engine decides purely when it lands (who is sent back, and
why) is the engine's own code.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from hypothesis import strategies as st

from orchestrator.engine import redo
from orchestrator.engine.approvals import awaited
from orchestrator.engine.frontier import (
    EndBatch,
    EndRun,
    Integrate,
    JudgeRace,
    StartAttempt,
    StartBatch,
    Step,
    exit_code_of,
    frontier,
)
from orchestrator.engine.landings.conflicts import conflicted
from orchestrator.engine.landings.landing import _rejected
from orchestrator.engine.landings.moving import landed
from orchestrator.engine.landings.race import compared, pick
from orchestrator.engine.recovery import _in_commit, _landing_stopped_at
from orchestrator.journal.events import (
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
    Event,
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
    RunEnded,
    RunInterrupted,
    RunResumed,
    RunStarted,
    SearchFinished,
    SearchStarted,
)
from orchestrator.journal.facts import (
    CheckResult,
    CulpritSet,
    Decision,
    Outcome,
    RacerResult,
    Symptom,
    SymptomKind,
    Verdict,
)
from orchestrator.journal.state import AgentState, Phase, State, apply, fold
from orchestrator.journal.throttles import fewer
from orchestrator.merging.contribution import Conflict, ConflictKind, Integration
from orchestrator.mission.model import Land, Mission
from tests.reports.builder import agent, batch, mission

LIMIT = 2000
KINDS: tuple[dict[str, Any], ...] = (
    *[{}] * 5,
    {"race": 2},
    {"race": ["claude", "codex", "claude"]},
    {"files": []},  # a reviewer
)
ENDINGS = (
    *[None] * 12,
    Outcome.NO_CHANGE_NEEDED,
    Outcome.FAILED,
    Outcome.FAILED,
    Outcome.TIMED_OUT,
    Outcome.OUT_OF_SCOPE,
    Outcome.OVER_BUDGET,
)


@st.composite
def missions(draw: st.DrawFn, *, batches: int = 4, agents: int = 4) -> Mission:
    """Missions with random graphs, limits and policies; written down in any order."""
    names = [f"b{n}" for n in range(draw(st.integers(1, batches)))]
    made = []
    for n, name in enumerate(names):
        ids = [f"{name}-{m}" for m in range(draw(st.integers(1, agents)))]
        members = [
            agent(
                id,
                needs=draw(st.lists(st.sampled_from(ids[:m]), unique=True, max_size=2))
                if m
                else [],
                attempts=draw(st.integers(1, 3)),
                optional=draw(st.integers(0, 4)) == 0,
                **draw(st.sampled_from(KINDS)),
            )
            for m, id in enumerate(ids)
        ]
        made.append(
            batch(
                name,
                *draw(st.permutations(members)),
                needs=draw(st.lists(st.sampled_from(names[:n]), unique=True, max_size=2))
                if n
                else [],
                parallel=draw(st.integers(1, 3)),
                land=draw(st.sampled_from(["whole", "passing"])),
                on_conflict=draw(st.sampled_from(["retry", "resolve", "fail"])),
                gate=draw(st.sampled_from(["tests", "signed"])),
            )
        )
    checks = [{"pytest": "tests", "name": "unit"}]
    signed = [*checks, {"approval": "looks good", "name": "sign-off"}]
    return mission(
        *draw(st.permutations(made)),
        gates={"tests": {"checks": checks}, "signed": {"checks": signed}},
        on_failure=draw(st.sampled_from(["stop", "continue"])),
        resolver="mediator",
    )


class World:
    """A run whose agents, gates, people and power supply are a random number generator."""

    def __init__(
        self,
        mission: Mission,
        random: Random,
        *,
        parallel: int = 3,
        kills: float = 0.0,
        spends: float = 0.0,
    ) -> None:
        self.random = random
        self.kills = kills
        self.spends = spends
        self.records: list[Record] = []
        self.state: State
        self.commits = 0
        base = self.commit(frozenset())
        self.ref = base
        self.landed_work: set[tuple[str, int]] = set()
        self.emit(
            RunStarted(
                run="20250902-080000-random",
                mission=mission,
                mission_file="m.yaml",
                mission_dir=".",
                repository="r",
                base=base,
                branch="main",
                isolation="worktree",
                parallel=parallel,
                versions={},
            )
        )

    # What commits hold: the attempts whose work is in them.

    def commit(self, work: frozenset[tuple[str, int]]) -> str:
        if not self.commits:
            self.contents: dict[str, frozenset[tuple[str, int]]] = {}
        self.commits += 1
        id = f"{self.commits:040x}"
        self.contents[id] = work
        return id

    @property
    def on_tip(self) -> set[str]:
        """Agents whose work stands in the run's tip."""
        return {agent for agent, _ in self.contents[self.state.tip]}

    def emit(self, event: Event) -> None:
        """Record and fold one event, and hold all rules against it."""
        if isinstance(event, AttemptStarted):
            self.check_start(event)
        if isinstance(event, AttemptEnded | AttemptInterrupted):
            attempt = self.state.agents[event.agent].attempts[event.attempt - 1]
            assert attempt.is_running, "an attempt ends once"
            assert attempt.started.attempt == event.attempt
        if isinstance(event, BatchStarted):
            assert all(
                self.state.is_whole(need) for need in self.state.plan.batch(event.batch).needs
            )
        if isinstance(event, IntegrationStarted):
            assert self.state.integrating is None, "one batch at a time integrates"
        if isinstance(event, BatchEnded):
            assert self.state.batches[event.batch].outcome is None, "a batch ends once"
        record = Record(seq=len(self.records) + 1, at=float(len(self.records)), event=event)
        self.records.append(record)
        self.state = apply(getattr(self, "state", None), record)
        self.check_state()

    def check_start(self, event: AttemptStarted) -> None:
        state, planned = self.state, self.state.plan.agent(event.agent)
        one = state.agents[event.agent]
        assert not one.settled, f"{event.agent} is {one.settled} and starts again"
        assert event.racer in one.to_start, f"{event.agent} starts while {one.phase}"
        assert not event.racer or all(it.started.racer != event.racer for it in one.running)
        assert event.racer or not one.running
        resolves = bool(one.sent_back and one.sent_back.resolver)
        assert resolves is (event.backend == "mediator")
        # A resolver is asked once even if the agent has no attempt left.
        assert one.charged < planned.attempts + resolves, "no more attempts than the mission allows"
        asked = [
            it
            for it in one.attempts[one.forgotten :]
            if it.ended and it.started.backend == "mediator"
        ]
        assert not asked or one.charged < planned.attempts, (
            "a resolver that did not solve it is not asked again"
        )
        assert event.attempt == len(one.attempts) + 1
        for need in state.plan.batch(event.batch).needs:
            assert state.is_whole(need), f"{event.agent} starts before {need} is whole"
        running = [it.started for one in state.agents.values() for it in one.running]
        assert len(running) < state.parallel, "no more at once than the run allows"
        for throttle in state.throttles.values():
            if event.backend in throttle.event.backends:
                assert not throttle.waits, "nobody starts while its provider is waited for"
                at_work = sum(one.backend == event.backend for one in running)
                assert at_work < max(1.0, throttle.at_once), "no more than its provider allows"
        assert not state.over_budget(event.batch), "nobody starts over a budget that stops"
        limit = state.plan.batch(event.batch).parallel
        assert sum(one.batch == event.batch for one in running) < limit, (
            "no more at once than the batch allows"
        )
        for need in planned.needs:
            needed = state.agents[need]
            delivered = needed.phase is Phase.READY or (needed.outcome and needed.outcome.is_good)
            delivered = delivered or (planned.is_reviewer and needed.phase is Phase.ENDED)
            assert delivered, f"{event.agent} starts before {need} has delivered"

    def check_state(self) -> None:
        state = self.state
        assert list(state.agents) == [one.id for one in state.plan.agents], "in plan order"
        assert list(state.batches) == [one.id for one in state.plan.batches]

    # The world's side of the frontier's decisions.

    def begin(self, step: Step) -> None:
        match step:
            case StartBatch(batch=batch):
                self.emit(BatchStarted(batch=batch, base=self.state.tip))
            case StartAttempt(batch=batch, agent=agent, attempt=attempt, racer=racer):
                base = self.state.batches[batch].base
                assert base
                started = AttemptStarted(
                    batch=batch,
                    agent=agent,
                    attempt=attempt,
                    base=base,
                    backend=self.state.backend_for(agent, racer),
                    racer=racer,
                )
                self.emit(started)
            case JudgeRace(batch=batch, agent=agent):
                self.emit(RaceClosed(batch=batch, agent=agent))
            case Integrate(batch=batch):
                self.emit(IntegrationStarted(batch=batch))
            case EndBatch(batch=batch, outcome=outcome, reason=reason):
                self.emit(BatchEnded(batch=batch, outcome=outcome, reason=reason))
            case EndRun(exit_code=exit_code):
                self.emit(RunEnded(exit_code=exit_code))

    def end_attempt(self, id: str, number: int) -> None:
        one = self.state.agents[id]
        if self.random.random() < 0.06:
            self.end_for_nobodys_fault(one, number)
            return
        outcome = self.random.choice(ENDINGS)
        if self.state.plan.agent(id).is_reviewer:
            outcome = outcome or Outcome.NO_CHANGE_NEEDED
        if (
            outcome not in (None, Outcome.NO_CHANGE_NEEDED)
            and one.attempts[number - 1].started.backend == "mediator"
        ):
            outcome = Outcome.CONFLICTED  # as the engine says of a resolver that did not solve it
        # Work that timed out or strayed is captured all the same.
        has_work = outcome is None or (
            outcome is not Outcome.NO_CHANGE_NEEDED and self.random.random() < 0.5
        )
        made = self.commit(frozenset({(id, number)})) if has_work else None
        self.emit(
            AttemptEnded(
                batch=one.batch, agent=id, attempt=number, outcome=outcome, reason="x", commit=made
            )
        )

    def end_for_nobodys_fault(self, one: AgentState, number: int) -> None:
        """Its provider limits the rate, or nobody has logged in."""
        ended = AttemptInterrupted(batch=one.batch, agent=one.id, attempt=number)
        attempt = one.attempts[number - 1]
        name = attempt.started.backend
        if self.random.random() < 0.7:
            known, at_work = self.state.throttles.get(name), self.state.at_work([name])
            at_once, of = fewer(known, at_work, self.state.parallel, attempt.started_at)
            told = {"provider": name, "backends": (name,), "at_once": at_once, "of": of}
            self.emit(RateLimited.model_validate({**told, "wait": 5.0}))
            self.emit(ended.model_copy(update={"answer": "rate_limited", "wait": 5.0}))
            return
        self.emit(BackendStopped(backends=(name,), reason="not logged in", mend="log in"))
        self.emit(ended.model_copy(update={"answer": "not_logged_in"}))

    def judge_race(self, id: str) -> None:
        """What the engine records of a race whose works are red or green at random."""
        one = self.state.agents[id]
        newest = {attempt.started.racer: attempt for attempt in one.race}
        results = []
        for attempt in newest.values():
            outcome = attempt.outcome if attempt.ended else Outcome.CANCELLED
            if outcome in (None, Outcome.NO_CHANGE_NEEDED):
                outcome = Outcome.REJECTED if self.random.random() < 0.3 else None
            lines = self.random.randint(0, 3)
            fact = {"attempt": attempt.started.attempt, "backend": "x", "reason": "so"}
            results.append(
                RacerResult.model_validate(
                    {**fact, "outcome": outcome, "lines": lines, "is_proven": lines > 1}
                )
            )
        stands_on, outcome, reason = pick(results)
        self.emit(
            RaceDecided(
                batch=one.batch,
                agent=id,
                attempts=tuple(attempt.started.attempt for attempt in one.race),
                stands_on=stands_on,
                outcome=outcome,
                reason=reason,
                results=compared(results, stands_on, is_picked=outcome is None),
            )
        )
        picked = self.state.agents[id]
        assert (picked.phase is Phase.READY) is (outcome is None)
        assert picked.last
        assert picked.last.started.attempt == stands_on

    def advance(self, batch: str) -> None:
        """One more event of the batch whose turn it is, as `land_batch` would make them."""
        state, planned = self.state, self.state.plan.batch(batch)
        now = state.batches[batch]
        ready = [one for one in state.hands_of(batch) if one.phase is Phase.READY]
        works = {(one.id, one.work.attempt) for one in ready if one.work}
        if now.intent:
            if self.ref == now.intent.before and self.ref != now.intent.after:
                self.ref = (
                    now.intent.after
                )  # the compare-and-swap; a kill may come before it and after it
            else:
                # A guilty agent may have delivered anew by now: what lands is what the candidate
                # holds.
                holding = [one for one in ready if now.candidate and one.id in now.candidate.agents]
                self.emit(landed(batch, now.intent.before, now.intent.after, holding))
        elif now.verdict:
            if now.verdict.verdict.is_passed:
                assert now.candidate
                self.emit(LandingStarted(batch=batch, before=state.tip, after=now.candidate.commit))
            elif self.random.random() < 0.5:
                self.sort_out(batch, ready)
            else:
                self.emit(
                    AgentsReturned(
                        batch=batch, returns=_rejected(planned, state, ready, self.red(), "red")
                    )
                )
        elif now.gate:
            assert now.candidate
            self.emit(self.judged(batch, now.candidate))
        elif now.candidate:
            self.emit(GateStarted(batch=batch, gate="g", candidate=now.candidate.commit))
        else:
            clash = [one.id for one in ready if one.work and self.random.random() < 0.1]
            if clash:
                conflicts = tuple(
                    Conflict("p", id, ("TIP",), next(iter(ConflictKind)), "x") for id in clash
                )
                merged = Integration(None, "0" * 40, (), conflicts)
                self.emit(AgentsReturned(batch=batch, returns=conflicted(planned, state, merged)))
                return
            new = frozenset(works) | self.contents[state.tip]
            made = self.commit(new) if new != self.contents[state.tip] else state.tip
            agents = tuple(one.id for one in ready)
            self.emit(CandidateBuilt(batch=batch, tip=state.tip, commit=made, agents=agents))

    def sort_out(self, batch: str, ready: list[AgentState]) -> None:
        """Some are found guilty and go back with those who stand on them; the others are judged
        again, and may land.
        """
        state, planned = self.state, self.state.plan.batch(batch)
        symptom = Symptom(check="unit", kind=SymptomKind.BROKEN, test="t")
        agents, now = tuple(one.id for one in ready), state.batches[batch]
        assert now.candidate
        self.emit(
            SearchStarted(
                batch=batch,
                round=1,
                commit=now.candidate.commit,
                agents=agents,
                symptoms=(symptom,),
            )
        )
        self.emit(
            ProbeFinished(
                batch=batch,
                agents=agents[:1],
                commit=now.candidate.commit,
                red=(symptom,),
                ran=True,
            )
        )
        blamed = self.random.sample(agents, self.random.randint(1, len(agents)))
        gone = {one for id in blamed for one in (id, *state.plan.agent_dependents(id))}
        left = tuple(id for id in agents if id not in gone)
        passes = False
        if left:
            works = {(one.id, one.work.attempt) for one in ready if one.work and one.id in left}
            made = self.commit(frozenset(works) | self.contents[state.tip])
            built = CandidateBuilt(batch=batch, tip=state.tip, commit=made, agents=left)
            self.emit(built)
            self.emit(GateStarted(batch=batch, gate="g", candidate=made))
            verdict = self.judged(batch, built)
            if (
                verdict.verdict.decision is not Decision.WAITING
            ):  # it is asked for when all of the batch is there
                self.emit(verdict)
            passes = verdict.verdict.is_passed
        culprit = CulpritSet(agents=agents, guilty=tuple(blamed), symptoms=(symptom,))
        self.emit(SearchFinished(batch=batch, culprits=(culprit,), left=left, runs=2))
        returns = [
            Return(agent=id, outcome=Outcome.REJECTED, reason="red") for id in agents if id in gone
        ]
        lands = passes and planned.land is Land.PASSING
        self.emit(AgentsReturned(batch=batch, returns=tuple(returns), others_land=lands))
        if lands:
            self.emit(LandingStarted(batch=batch, before=state.tip, after=made))

    def judged(self, batch: str, candidate: CandidateBuilt) -> GateFinished:
        tree = f"{hash(self.contents[candidate.commit]) & (2**64 - 1):040x}"
        given = self.state.approvals_for(batch, tree).get("sign-off")
        if self.random.random() < 0.2:
            verdict = self.red()
        elif self.state.plan.batch(batch).gate_name == "tests":
            verdict = self.verdict(Decision.PASSED, tree)
        elif given and given.tree == tree:
            verdict = self.verdict(Decision.PASSED if given.approved else Decision.FAILED, tree)
        else:
            verdict = self.verdict(Decision.WAITING, tree)
        return GateFinished(batch=batch, gate="g", agents=candidate.agents, verdict=verdict)

    def red(self) -> Verdict:
        return self.verdict(Decision.FAILED, "f" * 40)

    @staticmethod
    def verdict(decision: Decision, tree: str) -> Verdict:
        check = CheckResult(name="sign-off", kind="approval", decision=decision)
        return Verdict(decision=decision, commit=tree, tree=tree, base=tree, checks=(check,))

    def sign(self, item: tuple[str, str, str]) -> None:
        batch, check, tree = item
        approved = self.random.random() < 0.7
        self.emit(
            ApprovalRecorded(
                batch=batch, check=check, tree=tree, approved=approved, by="x", at="now"
            )
        )

    # Stops and resumes.

    def interrupt(self) -> None:
        """Ctrl-C: whoever runs is stopped and recorded before the process ends. A landing is
        carried to its end.
        """
        turn = self.state.integrating
        while turn and self.state.batches[turn].intent:
            self.advance(turn)
        self.stop_running()
        self.emit(RunInterrupted(reason="SIGINT"))

    def spend(self) -> None:
        """A budget is spent: whoever is at work under it is ended, unless it only warns."""
        whose = self.random.choice([None, *self.state.batches])
        if any(it.batch == whose for it in self.state.exceeded):
            return
        stops = self.random.random() < 0.8
        self.emit(BudgetExceeded(batch=whose, what="wall", limit=1.0, spent=1.0, stops=stops))
        if stops:
            self.stop_running(whose)

    def stop_running(self, batch: str | None = None) -> None:
        for one in self.state.agents.values():
            for started in [it.started for it in one.running if batch in (None, one.batch)]:
                number = started.attempt
                self.emit(AttemptInterrupted(batch=one.batch, agent=one.id, attempt=number))

    def resume(self, again: Callable[[State], RedoRequested | None] | None = None) -> None:
        """A new process: fold what is on disk, recover, redo what was asked for."""
        state = fold(self.records)
        assert state == self.state, "the fold is what the records say, and nothing else"
        self.emit(RunResumed(parallel=self.random.randint(1, 4), versions={}))
        stopped = _landing_stopped_at(self.state, self.ref)
        if stopped:
            ready = [
                one for one in _in_commit(self.state, stopped, self.ref) if one.phase is Phase.READY
            ]
            self.emit(landed(stopped, self.state.tip, self.ref, ready))
        assert self.ref == self.state.tip, "the ref is where the journal says"
        self.stop_running()
        request = (
            again(self.state)
            if again
            else redo.unfinished(self.state)
            if self.state.ended
            else None
        )
        if request:
            self.emit(request)
            self.ref = request.after
        self.check_landed()

    def check_landed(self) -> None:
        """Who counts as landed stands in the tip, and the other way round."""
        good = {one.id for one in self.state.agents.values() if one.settled is Outcome.LANDED}
        assert good == self.on_tip

    # The loop.

    def possible(self) -> list[Callable[[], None]]:
        """What the world could do now."""
        state = self.state
        agents = state.agents.values()
        running = [(one.id, it.started.attempt) for one in agents for it in one.running]
        moves: list[Callable[[], None]] = [
            lambda id=id, number=number: self.end_attempt(id, number) for id, number in running
        ]
        moves += [lambda id=one.id: self.judge_race(id) for one in agents if one.is_judged]
        over = [name for name, it in state.throttles.items() if it.waits]
        moves += [lambda name=name: self.emit(RateLimitOver(provider=name)) for name in over]
        if state.integrating:
            moves.append(lambda batch=state.integrating: self.advance(batch))
        moves += [lambda item=item: self.sign(item) for item in awaited(state)]
        return moves

    def move(self) -> None:
        """One round of the scheduler: all that may begin begins, else the world makes one thing
        happen.
        """
        steps = frontier(self.state)
        assert steps == frontier(self.state), "asking twice gives the same answer"
        order = [one.id for one in self.state.plan.batches]
        places = [order.index(step.batch) for step in steps if not isinstance(step, EndRun)]
        assert places == sorted(places), "in plan order"
        for step in steps:
            self.begin(step)
        if steps or self.state.ended:
            return
        moves = self.possible()
        assert moves, (
            f"a deadlock: {[(one.id, one.phase, one.outcome) for one in self.state.agents.values()]}"
        )
        self.random.choice(moves)()

    def go_on(self, most: int = LIMIT) -> World:
        """To the end of the run, or for so many rounds; killed and resumed on the way, as often as
        it was told.
        """
        for _ in range(most):
            if self.state.ended:
                break
            if self.random.random() < self.spends:
                self.spend()
            if self.random.random() < self.kills:
                if self.random.random() < 0.5:
                    self.interrupt()
                self.resume()
            self.move()
        else:
            assert most < LIMIT, "the run does not end"
        return self

    def check_end(self) -> None:
        """Every agent has ended, once and in a word of the closed set; the exit code says whether
        all is well.
        """
        state = self.state
        assert state.ended
        for one in state.agents.values():
            assert one.phase is Phase.ENDED
            assert one.outcome in set(Outcome)
            assert not any(attempt.is_running for attempt in one.attempts)
        assert all(found.outcome for found in state.batches.values())
        all_good = all(one.outcome and one.outcome.is_good for one in state.agents.values())
        assert state.ended.exit_code == exit_code_of(state) == (0 if all_good else 1)
        assert state.integrating is None
        assert not frontier(state)
        self.check_landed()
        for found in state.batches.values():
            for landing in found.landings:
                assert isinstance(landing, BatchLanded)
                assert self.contents[landing.commit] <= self.contents[state.tip], (
                    "nothing that landed is lost"
                )
