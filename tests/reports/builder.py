"""Runs for tests of what people read: events written by hand, folded by the program's own `apply`.

`Story` tells a run in its vocabulary (`begin`, `attempt`, `judge`, `land`, …) with a clock that
only moves when told to; `STORIES` names the runs that every view is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha1
from pathlib import Path
from typing import Any

from orchestrator.journal.events import (
    AgentsReturned,
    AttemptEnded,
    AttemptInterrupted,
    AttemptStarted,
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
    Breach,
    CheckResult,
    ClaimResult,
    ClaimStatus,
    ConflictFact,
    Counts,
    CulpritSet,
    Decision,
    Exercise,
    FileChange,
    MergeNote,
    MergeWarning,
    Outcome,
    Reason,
    Symptom,
    SymptomKind,
    Verdict,
)
from orchestrator.journal.state import State, apply
from orchestrator.mission.model import Mission

START = 1_756_800_000.0  # 2025-09-02 08:00 UTC, the day of the seed plan
HOSTILE = (
    "a|b `c` </details> <b>x</b>\n## not a heading\n| x |\n\x1b[31mred\x1b]0;title\x07 \u202egnp.exe @octocat #12 "
    '%%{init}%% end;"q" $x$ www.example.org https://example.org ![i](x) [l](javascript:x)'
)


def commit(name: str) -> str:
    """A commit id that is the same in every run of the tests."""
    return sha1(name.encode()).hexdigest()


def agent(id: str, **more: Any) -> dict[str, Any]:
    """An agent of a mission, with two deliverables: one with a proof and one without."""
    return {
        "id": id,
        "name": f"Agent {id}",
        "mission": f"Do the work of {id}",
        "files": [f"src/{id}.py"],
        "deliverables": [
            {"text": f"{id} works", "proof": [f"tests/test_{id}.py::test_works"]},
            {"text": f"{id} is integrated"},
        ],
        **more,
    }


def batch(id: str, *agents: str | dict[str, Any], **more: Any) -> dict[str, Any]:
    """A batch with a gate and one criterion."""
    members = [agent(each) if isinstance(each, str) else each for each in agents]
    criteria = [{"text": f"{id} holds together", "proof": [f"tests/{id}"]}]
    return {
        "id": id,
        "title": f"The {id} batch",
        "agents": members,
        "gate": "tests",
        "criteria": criteria,
        **more,
    }


def mission(*batches: dict[str, Any], **more: Any) -> Mission:
    """A mission over a repository that nobody looks at."""
    return Mission.model_validate(
        {
            "version": 1,
            "name": "websocket",
            "objective": "Fix WebSocket event delivery so that beta users receive real-time agent updates.",
            "repository": {"path": "backend"},
            "defaults": {"backend": "claude"},
            "gates": {"tests": {"checks": [{"pytest": "tests", "name": "unit"}]}},
            "batches": list(batches),
            **more,
        }
    )


def two_batches(**more: Any) -> Mission:
    """Core, and integration which needs it."""
    return mission(batch("core", "1.1", "1.2"), batch("integration", "2.1", needs=["core"]), **more)


class Story:
    """A run as it is being told."""

    def __init__(
        self, mission: Mission, run: str = "20250902-080000-websocket", **started: Any
    ) -> None:
        self.mission = mission
        self.now = START
        self.records: list[Record] = []
        self.state: State
        self.tip = commit("base")
        self.running: dict[str, float] = {}
        self.happens(
            RunStarted(
                run=run,
                mission=mission,
                mission_file="missions/websocket.yaml",
                mission_dir="missions",
                repository="backend",
                base=self.tip,
                branch="main",
                isolation="strict",
                parallel=5,
                versions={"orchestrate": "0.1.0", "git": "2.39.5", "python": "3.11.7"},
                **started,
            )
        )

    def happens(self, *events: Event, after: float = 0.0) -> Story:
        """The events, the first of them `after` seconds."""
        self.now += after
        for event in events:
            record = Record(seq=len(self.records) + 1, at=self.now, event=event)
            self.records.append(record)
            self.state = apply(getattr(self, "state", None), record)
        return self

    def begin(self, batch: str, after: float = 0.5) -> Story:
        """Start a batch."""
        return self.happens(BatchStarted(batch=batch, base=self.tip), after=after)

    def start(self, *agents: str, backend: str = "claude") -> Story:
        """Give each agent a slot."""
        for name in agents:
            state = self.state.agents[name]
            number = len(state.attempts) + 1
            base = self.state.batches[state.batch].base or self.tip
            self.running[name] = self.now
            self.happens(
                AttemptStarted(
                    batch=state.batch, agent=name, attempt=number, base=base, backend=backend
                )
            )
        return self

    def end(
        self, agent: str, outcome: Outcome | None = None, after: float = 10.0, **more: Any
    ) -> Story:
        """End the agent's running attempt; without an outcome it has delivered work."""
        state = self.state.agents[agent]
        number = state.attempts[-1].started.attempt
        folder = f"agents/{agent}/{number}"
        self.now += after
        facts: dict[str, Any] = {
            "log": f"{folder}/output.log",
            "brief": f"{folder}/brief.md",
            "exit_code": 0,
        }
        if outcome is None:
            facts |= {
                "commit": commit(f"{agent}#{number}"),
                "changes": (
                    FileChange(path=f"src/{agent}.py", added=20, removed=4),
                    FileChange(path="logo.png"),
                ),
            }
        seconds = self.now - self.running.pop(agent)
        facts |= {"seconds": seconds, "outcome": outcome, **more}
        return self.happens(AttemptEnded(batch=state.batch, agent=agent, attempt=number, **facts))

    def work(self, *agents: str, backend: str = "claude") -> Story:
        """All of them at once: start, and deliver one after the other."""
        self.start(*agents, backend=backend)
        for name in agents:
            self.end(name)
        return self

    def candidate(self, batch: str, *agents: str, **told: Any) -> str:
        """Merge them, with `notes` and `warnings` if told so; returns the candidate's commit."""
        made = commit(f"{batch}:{','.join(agents)}:{len(self.state.batches[batch].verdicts)}")
        self.happens(IntegrationStarted(batch=batch), after=0.1)
        self.happens(
            CandidateBuilt(batch=batch, tip=self.tip, commit=made, agents=agents, **told), after=0.2
        )
        return made

    def judge(
        self, batch: str, made: str, *agents: str, after: float = 5.0, **verdict: Any
    ) -> Story:
        """Start the gate and finish it; without more, it passes."""
        gate = self.state.plan.batch(batch).gate_name or "proofs"
        self.happens(GateStarted(batch=batch, gate=gate, candidate=made))
        finished = verdict_of(self.state, batch, made, agents, seconds=after, **verdict)
        return self.happens(
            GateFinished(batch=batch, gate=gate, agents=agents, verdict=finished), after=after
        )

    def settle(self, batch: str, made: str, *agents: str, unchanged: tuple[str, ...] = ()) -> Story:
        """Land the candidate."""
        before, self.tip = self.tip, made
        self.happens(LandingStarted(batch=batch, before=before, after=made))
        landed = BatchLanded(
            batch=batch, before=before, commit=made, agents=agents, unchanged=unchanged
        )
        return self.happens(landed, after=0.1)

    def land(
        self, batch: str, *agents: str, unchanged: tuple[str, ...] = (), **verdict: Any
    ) -> Story:
        """Candidate, a verdict that passes, landing."""
        made = self.candidate(batch, *agents)
        self.judge(batch, made, *agents, *unchanged, **verdict)
        return self.settle(batch, made, *agents, unchanged=unchanged)

    def close(self, batch: str, outcome: Outcome = Outcome.LANDED, reason: str = "") -> Story:
        """End the batch."""
        return self.happens(BatchEnded(batch=batch, outcome=outcome, reason=reason))

    def whole(self, batch: str, backend: str = "claude") -> Story:
        """All of the batch's agents deliver and land."""
        agents = [planned.id for planned in self.state.plan.batch(batch).agents]
        return self.begin(batch).work(*agents, backend=backend).land(batch, *agents).close(batch)

    def send_back(self, batch: str, *returns: Return) -> Story:
        """Return agents' work."""
        return self.happens(AgentsReturned(batch=batch, returns=returns), after=0.1)

    def finish(self, exit_code: int = 0) -> Story:
        """End the run."""
        return self.happens(RunEnded(exit_code=exit_code), after=0.1)


def verdict_of(
    state: State, batch: str, made: str, agents: tuple[str, ...], seconds: float, **more: Any
) -> Verdict:
    """A verdict in which every claim that names a proof is validated, unless `more` says
    otherwise.
    """
    planned = state.plan.batch(batch)
    evidence = f"gates/{batch}/unit.json"
    check = CheckResult(
        name="unit",
        kind="pytest",
        decision=Decision.PASSED,
        text="24 of 24 tests passed",
        command="pytest tests",
        exit_code=0,
        seconds=seconds,
        counts=Counts(collected=25, executed=24, passed=24, skipped=1),
        base_counts=Counts(collected=24, executed=24, passed=20, failed=4),
        turned_green=tuple(f"tests/test_{name}.py::test_works" for name in agents),
        evidence=evidence,
        log=f"gates/{batch}/unit.log",
    )
    claims = {
        each.id: tuple(
            _claim(claim.text, claim.proof, evidence) for claim in each.agent.deliverables
        )
        for each in planned.agents
        if each.id in agents
    }
    facts: dict[str, Any] = {
        "decision": Decision.PASSED,
        "checks": (check,),
        "criteria": tuple(
            _claim(claim.text, claim.proof, evidence) for claim in planned.batch.criteria
        ),
        "deliverables": claims,
        "environment": "py3.11-linux",
        "interpreter": "clean cpython 3.11.7 with pytest 9.2.0",
    }
    tree = commit(f"tree of {made}")
    return Verdict(
        **{
            **facts,
            "commit": made,
            "tree": tree,
            "base": commit("base"),
            "seconds": seconds,
            **more,
        }
    )


def _claim(text: str, proof: tuple[Any, ...], evidence: str) -> ClaimResult:
    if not proof:
        return ClaimResult(
            text=text, status=ClaimStatus.UNVALIDATED, detail="no proof is named for it"
        )
    proofs = tuple(str(each) for each in proof)
    return ClaimResult(text=text, status=ClaimStatus.VALIDATED, proofs=proofs, evidence=(evidence,))


def red(text: str = "2 tests broke", **more: Any) -> dict[str, Any]:
    """What makes a verdict fail."""
    check = CheckResult(
        name="unit",
        kind="pytest",
        decision=Decision.FAILED,
        reason=Reason.BROKEN,
        text=text,
        command="pytest tests",
        exit_code=1,
        seconds=5.0,
        counts=Counts(collected=24, executed=24, passed=22, failed=2),
        base_counts=Counts(collected=24, executed=24, passed=24),
        broken=("tests/test_pool.py::test_size", "tests/test_pool.py::test_close"),
        failing=(
            "tests/test_pool.py::test_size",
            "tests/test_pool.py::test_close",
            "tests/test_old.py::test_red",
        ),
        pre_existing=("tests/test_old.py::test_red",),
        evidence="gates/red/unit.json",
        log="gates/red/unit.log",
    )
    return {"decision": Decision.FAILED, "checks": (check,), **more}


def exercised() -> Story:
    """Two functions that no test calls and data that cannot be broken land; tests that do not care
    are sent back.
    """
    functions = tuple(f"src/pool.py::Pool.{name}" for name in ("open", "close", "size"))
    noticed = ("tests/test_pool.py::test_size",)
    found = Exercise(
        functions=functions,
        called=functions[2:],
        noticed_by=noticed,
        unbreakable=("a.toml (not Python)",),
        careless=("tests/test_new.py::test_it",),
    )
    odd = ("src/pool.py:12: asks for the loaded modules (pytest)",)
    story = (
        Story(two_batches())
        .begin("core")
        .work("1.1", "1.2")
        .land("core", "1.1", "1.2", exercise=found, suspicious=odd)
        .close("core")
    )
    story.begin("integration").work("2.1")
    text = "the tests do not exercise the change: all 24 tests stay green with src/bus.py::Bus.on broken"
    check = CheckResult(
        name="exercise",
        kind="exercise",
        decision=Decision.FAILED,
        reason=Reason.VACUOUS,
        text=text,
        evidence="gates/red/exercise.json",
        log="gates/red/exercise.log",
    )
    vacuous = Exercise(functions=("src/bus.py::Bus.on",), called=())
    made = story.candidate("integration", "2.1")
    story.judge(
        "integration", made, "2.1", decision=Decision.FAILED, checks=(check,), exercise=vacuous
    )
    reason = f"gate integration is red: exercise: {text}"
    story.send_back(
        "integration", Return(agent="2.1", outcome=Outcome.REJECTED, reason=reason, may_retry=False)
    )
    return story.close("integration", Outcome.REJECTED, reason).finish(1)


def good() -> Story:
    """Everything landed."""
    return Story(two_batches()).whole("core").whole("integration").finish()


def replayed() -> Story:
    """Everything landed, from a recording."""
    backends = {"earlier": {"dir": "websocket/recording"}}
    story = Story(two_batches(backends=backends, defaults={"backend": "earlier"}))
    return story.whole("core", backend="earlier").whole("integration", backend="earlier").finish()


def every_outcome() -> Story:
    """One agent for each way to end, conflicts, breaches, a retry that helped, and a dependent that
    is blocked.
    """
    agents = [
        "good",
        "unneeded",
        "retried",
        "rejected",
        "conflicted",
        "scope",
        "failed",
        "slow",
        "costly",
    ]
    optional = agent("whatever", optional=True)
    plan = mission(
        batch("core", *agents, optional),
        batch("integration", "2.1", needs=["core"]),
        batch("docs", "3.1"),
    )
    story = Story(plan).begin("core").start("good", "unneeded", "retried", "rejected", "conflicted")
    story.end("good").end("unneeded", Outcome.NO_CHANGE_NEEDED).end("conflicted").end("rejected")
    story.end(
        "retried",
        Outcome.FAILED,
        exit_code=1,
        reason="exit code 1",
        evidence="Traceback …\nKeyError: 'pool'",
    )
    for name, outcome, reason in (
        ("failed", Outcome.FAILED, "exit code 2"),
        ("slow", Outcome.TIMED_OUT, "no end after 3600 s"),
        ("costly", Outcome.OVER_BUDGET, "20M tokens were spent"),
        ("whatever", Outcome.FAILED, "nothing delivered"),
    ):
        for _ in range(2):
            story.start(name).end(name, outcome, reason=reason, exit_code=2)
    breaches = (
        Breach(path="src/core.py", reason="not in its scope"),
        Breach(
            path="src/scope.py", reason="changed outside of the scope", symbol="Core.run", line=12
        ),
    )
    breach = {"breaches": breaches, "notes": ("hides build/ from git",)}
    for _ in range(2):
        story.start("scope").end(
            "scope", Outcome.OUT_OF_SCOPE, reason="1 path is not in its scope", **breach
        )
    story.start("retried").end("retried")
    note = MergeNote(
        agent="retried", path="src/good.py", text="both changed entries of one literal; both are in"
    )
    warning = MergeWarning(
        check="removed and used",
        path="src/retried.py",
        symbol="size",
        agents=("good", "retried"),
        text="good removed or renamed size in src/good.py; retried uses it in new lines",
    )
    told = {"notes": (note,), "warnings": (warning,)}
    together = story.candidate("core", "good", "retried", "rejected", **told)
    failing = ClaimResult(
        text="rejected works",
        status=ClaimStatus.FAILED,
        proofs=("tests/test_rejected.py::test_works",),
        detail="tests/test_rejected.py::test_works failed",
        evidence=("gates/red/unit.json",),
    )
    story.judge(
        "core",
        together,
        "good",
        "retried",
        "rejected",
        **red(deliverables={"rejected": (failing,)}),
    )
    conflict = ConflictFact(
        agent="conflicted",
        others=("good",),
        path="src/good.py",
        kind="content",
        text="changed by both good and conflicted",
        symbol="Pool.size",
    )
    rejected = {
        "outcome": Outcome.REJECTED,
        "reason": "2 tests broke",
        "evidence": "E   assert 1 == 2",
    }
    lost = {
        "outcome": Outcome.CONFLICTED,
        "reason": "does not merge with good",
        "conflicts": (conflict,),
    }
    story.send_back(
        "core",
        Return(agent="rejected", may_retry=False, **rejected),
        Return(agent="conflicted", may_retry=False, **lost),
    )
    made = story.candidate("core", "good", "retried", **told)
    story.judge("core", made, "good", "retried", "unneeded")
    story.settle("core", made, "good", "retried", unchanged=("unneeded",))
    story.close(
        "core",
        Outcome.REJECTED,
        "6 agents did not land: rejected, conflicted, scope, failed, slow, costly",
    )
    story.close("integration", Outcome.BLOCKED, "batch core is not whole")
    return story.close("docs", Outcome.CANCELLED, "the run was told to stop").finish(1)


def interrupted() -> Story:
    """Stopped while agents ran."""
    story = Story(two_batches()).begin("core").start("1.1", "1.2").end("1.1")
    return story.happens(RunInterrupted(reason="SIGINT"), after=3)


def resumed() -> Story:
    """Stopped, resumed an hour later, and brought to its end."""
    story = interrupted()
    story.happens(RunResumed(parallel=5, leftovers=1), after=3600)
    story.happens(
        AttemptInterrupted(
            batch="core",
            agent="1.2",
            attempt=1,
            salvaged=commit("saved"),
            reason="the orchestrator ended",
        )
    )
    return story.work("1.2").land("core", "1.1", "1.2").close("core").whole("integration").finish()


def searching() -> Story:
    """A batch's gate is red, and it is being found out who made it so."""
    plan = mission(batch("core", "1.1", "1.2", "1.3", "1.4", "1.5", land="passing"))
    agents = ("1.1", "1.2", "1.3", "1.4", "1.5")
    story = Story(plan).begin("core").work(*agents)
    made = story.candidate("core", *agents)
    story.judge("core", made, *agents, **red())
    size = Symptom(check="unit", kind=SymptomKind.BROKEN, test="tests/test_pool.py::test_size")
    close = Symptom(check="unit", kind=SymptomKind.BROKEN, test="tests/test_pool.py::test_close")
    flaky = Symptom(check="unit", kind=SymptomKind.NEW_FAILURE, test="tests/test_net.py::test_slow")
    symptoms = (size, close, flaky)
    story.happens(
        SearchStarted(batch="core", round=1, commit=made, agents=agents, symptoms=symptoms)
    )
    for parts, found in ((agents, (size, close)), (agents[:2], (size,)), (agents[:1], ())):
        again = parts == agents
        probe = ProbeFinished(
            batch="core",
            agents=parts,
            again=again,
            commit=commit(",".join(parts)),
            red=found,
            ran=True,
            seconds=2.0,
            log="logs/gates/core-unit-probe.log",
        )
        story.happens(probe, after=2.0)
    return story


def blamed() -> Story:
    """One agent broke something, two others do so only together; the innocents land, the guilty
    mend it.
    """
    story = searching()
    size, close, flaky = story.state.batches["core"].search.rounds[0].symptoms  # type: ignore[union-attr]
    apart = ProbeFinished(
        batch="core", agents=("1.3", "1.5"), red=(), seconds=0.1
    )  # does not merge by itself
    known = ProbeFinished(batch="core", agents=("1.3", "1.4"), commit=commit("known"), red=(close,))
    story.happens(apart, known, after=0.1)
    made = commit("those who are left")
    left = ("1.1", "1.3", "1.5")
    story.happens(CandidateBuilt(batch="core", tip=story.tip, commit=made, agents=left), after=0.2)
    story.judge("core", made, *left)
    log = "logs/gates/core-unit-probe.log"

    def diffs(*agents: str) -> dict[str, str]:
        return {each: f"evidence/diffs/{each}-1.diff" for each in agents}

    culprits = (
        CulpritSet(agents=("1.2",), guilty=("1.2",), symptoms=(size,), log=log, diffs=diffs("1.2")),
        CulpritSet(
            agents=("1.3", "1.4"),
            guilty=("1.4",),
            symptoms=(close,),
            log=log,
            diffs=diffs("1.3", "1.4"),
        ),
    )
    found = SearchFinished(
        batch="core", culprits=culprits, left=left, flaky=(flaky,), runs=4, seconds=11.0
    )
    returns = tuple(
        Return(
            agent=guilty,
            outcome=Outcome.REJECTED,
            reason=f"gate tests is red with its work: {symptom}",
            evidence=f"The gate is red with this work alone:\n- `{symptom}`",
            base=made,
        )
        for guilty, symptom in (("1.2", size), ("1.4", close))
    )
    story.happens(found, AgentsReturned(batch="core", returns=returns, others_land=True), after=0.1)
    story.settle("core", made, *left)
    return story.work("1.2", "1.4").land("core", "1.2", "1.4").close("core").finish()


def redone() -> Story:
    """A batch that had landed was taken back, and is being done again."""
    story = good()
    before, story.tip = story.tip, commit("base")
    redo = RedoRequested(
        agents=("1.2",), batches=("core", "integration"), before=before, after=story.tip
    )
    story.happens(RunResumed(parallel=5), redo, after=60)
    return story.begin("core").start("1.2")


def running() -> Story:
    """In the middle: one batch landed, the next at work."""
    plan = mission(
        batch("core", "1.1", "1.2"),
        batch("integration", "2.1", "2.2", "2.3", needs=["core"]),
        batch("last", "3.1", needs=["integration"]),
    )
    story = Story(plan).whole("core").begin("integration").start("2.1", "2.2").end("2.1")
    return story.end("2.2", Outcome.FAILED, reason="exit code 1", exit_code=1).start("2.2", "2.3")


def waiting(**more: Any) -> Story:
    """A gate that waits for a person."""
    story = Story(two_batches(**more)).begin("core").work("1.1", "1.2")
    check = CheckResult(
        name="sign-off", kind="approval", decision=Decision.WAITING, reason=Reason.AWAITING_APPROVAL
    )
    made = story.candidate("core", "1.1", "1.2")
    return story.judge("core", made, "1.1", "1.2", decision=Decision.WAITING, checks=(check,))


def ungated() -> Story:
    """Everything landed, and nothing proves it."""
    story = Story(mission(batch("core", "1.1", gate=None, criteria=[])))
    story.begin("core").work("1.1")
    return story.settle("core", story.candidate("core", "1.1"), "1.1").close("core").finish()


def hostile() -> Story:
    """Every free text is an attack on whoever shows it."""
    # What stands in the mission's ids cannot be hostile: the loader refuses it. All other text can.
    nasty = agent(
        "end",
        name=HOSTILE,
        mission=HOSTILE,
        deliverables=[{"text": HOSTILE, "proof": [HOSTILE]}, HOSTILE],
    )
    bad = batch(
        "section", nasty, "click", title=HOSTILE, criteria=[{"text": HOSTILE, "proof": [HOSTILE]}]
    )
    story = Story(mission(bad, batch("subgraph", "title", needs=["section"]), objective=HOSTILE))
    story.begin("section").start("end", "click")
    story.end(
        "end",
        Outcome.FAILED,
        reason=HOSTILE,
        evidence=HOSTILE + "\n````\n</details>",
        log="agents/a b|c/o(1).log",
    )
    story.start("end", backend="claude").end(
        "end", notes=(HOSTILE,), breaches=(Breach(path=HOSTILE, reason=HOSTILE),)
    )
    story.end("click", changes=(FileChange(path=HOSTILE, added=1, removed=1),))
    note = MergeNote(agent="end", path=HOSTILE, text=HOSTILE)
    warning = MergeWarning(
        check=HOSTILE, path=HOSTILE, symbol=HOSTILE, agents=("end", "click"), text=HOSTILE
    )
    made = story.candidate("section", "end", "click", notes=(note,), warnings=(warning,))
    check = CheckResult(
        name="unit",
        kind="command",
        decision=Decision.FAILED,
        reason=Reason.EXIT_CODE,
        text=HOSTILE,
        command=HOSTILE,
        exit_code=1,
        broken=(HOSTILE,),
        failing=(HOSTILE, "tests/x.py::test[a|b]"),
        evidence="javascript:alert(1)",
        log="../../etc/passwd",
    )
    story.judge(
        "section",
        made,
        "end",
        "click",
        decision=Decision.FAILED,
        checks=(check,),
        environment=HOSTILE,
        interpreter=HOSTILE,
    )
    symptom = Symptom(check=HOSTILE, kind=SymptomKind.BROKEN, test=HOSTILE)
    story.happens(
        SearchStarted(
            batch="section", round=1, commit=made, agents=("end", "click"), symptoms=(symptom,)
        )
    )
    story.happens(
        ProbeFinished(batch="section", agents=("click",), commit=made, red=(symptom,), log=HOSTILE)
    )
    culprit = CulpritSet(
        agents=("end", "click"),
        guilty=("click",),
        symptoms=(symptom,),
        log="../../etc/passwd",
        diffs={HOSTILE: HOSTILE},
    )
    told = {"culprits": (culprit,), "left": ("end",), "flaky": (symptom,), "open": (symptom,)}
    story.happens(SearchFinished(batch="section", **told))
    conflict = ConflictFact(
        agent="end", others=("click",), path=HOSTILE, kind=HOSTILE, text=HOSTILE, symbol=HOSTILE
    )
    back = Return(
        agent="end",
        outcome=Outcome.CONFLICTED,
        reason=HOSTILE,
        conflicts=(conflict,),
        may_retry=False,
    )
    story.send_back("section", back)
    story.close("section", Outcome.CONFLICTED, HOSTILE).close("subgraph", Outcome.BLOCKED, HOSTILE)
    return story.finish(1)


def only_started() -> Story:
    """Nothing has happened yet."""
    return Story(two_batches())


def many(agents: int = 500, per_batch: int = 25) -> Story:
    """A large run: half of it landed, one batch at work, the rest to come."""
    ids = [f"a{n:03}" for n in range(agents)]
    groups = [ids[n : n + per_batch] for n in range(0, agents, per_batch)]
    story = Story(
        mission(
            *(batch(f"b{n:02}", *group) for n, group in enumerate(groups)),
            defaults={"parallel": 25},
        )
    )
    for n in range(len(groups) // 2):
        story.whole(f"b{n:02}")
    half = len(groups) // 2
    story.begin(f"b{half:02}").start(*groups[half][:20])
    return story


def over_budget() -> Story:
    """The run's time is over while one agent of two is at work; what was delivered lands."""
    story = Story(two_batches(budget={"wall": "2h"}))
    story.begin("core").start("1.1", "1.2").end("1.1")
    spent = BudgetExceeded(what="wall", limit=7200.0, spent=7200.2, stops=True)
    ended = AttemptInterrupted(
        batch="core", agent="1.2", attempt=1, salvaged=commit("half"), reason=str(spent)
    )
    story.happens(spent, after=7189.5)
    story.close("integration", Outcome.OVER_BUDGET, str(spent)).happens(ended)
    story.land("core", "1.1").close("core", Outcome.OVER_BUDGET, "1.2 over_budget")
    return story.finish(1)


STORIES: dict[str, Callable[[], Story]] = {
    story.__name__: story
    for story in (
        good,
        replayed,
        every_outcome,
        interrupted,
        resumed,
        searching,
        blamed,
        redone,
        running,
        waiting,
        ungated,
        hostile,
        only_started,
        exercised,
        over_budget,
    )
}


def make_evidence(folder: Path, state: State) -> None:
    """The files that the state's events name, as the engine would have left them."""
    names = [
        name
        for each in state.agents.values()
        for attempt in each.attempts
        if attempt.ended
        for name in (attempt.ended.log, attempt.ended.brief)
    ]
    for each in state.batches.values():
        for judged in each.verdicts:
            verdict = judged.verdict
            names += [name for check in verdict.checks for name in (check.evidence, check.log)]
            claims = [
                *verdict.criteria,
                *(claim for found in verdict.deliverables.values() for claim in found),
            ]
            names += [name for claim in claims for name in claim.evidence]
        culprits = [
            it for search in each.searches if search.finished for it in search.finished.culprits
        ]
        names += [name for it in culprits for name in (it.log, *it.diffs.values())]
    for name in names:
        if name and ".." not in name and ":" not in name:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("evidence\n")
