"""The immutable facts that a run's journal is made of, one class per kind.

Owns what is recorded and in which words. Folding them is `state`'s, keeping their bytes `log`'s,
deciding them the engine's. An event is appended *before* it is acted on; where the act can be torn
by a kill there are two, the intent and the fact (`landing_started`, `batch_landed`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from orchestrator.journal.facts import (
    Breach,
    ConflictFact,
    CulpritSet,
    Fact,
    FileChange,
    Finding,
    MergeNote,
    MergeWarning,
    Outcome,
    PlaceFault,
    RacerResult,
    Symptom,
    Usage,
    Verdict,
)
from orchestrator.mission.model import Mission, tell_duration


class RunStarted(Fact):
    """The mission, as it was then, and where it is carried out."""

    kind: Literal["run_started"] = "run_started"
    run: str
    mission: Mission
    mission_file: str
    mission_dir: str
    repository: str
    """The user's repository: its work tree, or its git folder when bare."""
    base: str
    branch: str | None
    """The branch that `land` goes to unless told otherwise; None when the base was not a branch."""
    isolation: str
    """The level that is kept, and why not a stronger one."""
    parallel: int
    versions: dict[str, str]


class RunResumed(Fact):
    """Another process goes on. Whatever was in flight is not any more; what had ended has its own
    events.
    """

    kind: Literal["run_resumed"] = "run_resumed"
    versions: dict[str, str] = Field(default_factory=dict)
    parallel: int
    leftovers: int = 0
    """Processes of the earlier orchestrator that had to be ended."""
    doubts: str = ""
    """What was not as it should be with the journal when it was opened."""
    has_head: bool = True
    """Whether it had its head; without one, records that are gone from its end do not show."""


class Return(Fact):
    """An agent's work that cannot land as it is."""

    agent: str
    outcome: Outcome
    reason: str
    evidence: str = ""
    conflicts: tuple[ConflictFact, ...] = ()
    base: str | None = None
    """Where its next attempt starts; None: from the batch's base, as before."""
    may_retry: bool = True
    resolver: str = ""
    """The backend that makes its next attempt, out of the conflict; empty: its own."""


class RedoRequested(Fact):
    """A person wants chosen work done again: what it and its dependents had landed is taken back
    from the run's tip.
    """

    kind: Literal["redo_requested"] = "redo_requested"
    agents: tuple[str, ...]
    """Agents that run again."""
    batches: tuple[str, ...]
    """Batches that are integrated again."""
    before: str
    after: str
    """The run's tip before and after."""
    returns: tuple[Return, ...] = ()
    """What was found on a pull request of agents' work: their next attempts are told."""
    answers: tuple[str, ...] = ()
    """Which checks, reviews and conflicts that is, so that none is handed over twice."""


class SetupMade(Fact):
    """The mission's set-up was carried out for one base; where its result was kept there is no
    event.
    """

    kind: Literal["setup_made"] = "setup_made"
    seconds: float
    log: str = ""


class BatchStarted(Fact):
    """A batch's needs have landed; its agents start from `base`."""

    kind: Literal["batch_started"] = "batch_started"
    batch: str
    base: str


class AttemptStarted(Fact):
    """An attempt was given a slot; its workspace is made next."""

    kind: Literal["attempt_started"] = "attempt_started"
    batch: str
    agent: str
    attempt: int
    base: str
    backend: str
    racer: int = 0
    """From 1, where several do the agent's work at once; 0: there is no race."""


class AttemptEnded(Fact):
    """What came of an attempt. `outcome` None means work was delivered; it lands with its batch or
    is returned.
    """

    kind: Literal["attempt_ended"] = "attempt_ended"
    batch: str
    agent: str
    attempt: int
    outcome: Outcome | None
    reason: str = ""
    evidence: str = ""
    """What the next attempt's brief is told: breaches, the end of the output, failing tests."""
    commit: str | None = None
    """The captured work; None when there is none."""
    changes: tuple[FileChange, ...] = ()
    changes_left_out: int = 0
    breaches: tuple[Breach, ...] = ()
    breaches_left_out: int = 0
    whole: str = ""
    """Where all changes and breaches stand, if there are too many of them for here."""
    notes: tuple[str, ...] = ()
    """What a reviewer should know though it stops nothing, such as files hidden by an edited
    .gitignore.
    """
    exit_code: int | None = None
    seconds: float = 0.0
    """From the start of the backend's process to the end of its process tree."""
    log: str = ""
    brief: str = ""
    usage: Usage | None = None
    session: str = ""
    """What the agent calls the conversation, if it can go on with it."""
    home: str = ""
    """The attempt in whose home that is kept."""
    findings: tuple[Finding, ...] = ()
    """What a reviewer reports."""


class AttemptInterrupted(Fact):
    """The orchestrator ended first, or the backend could not work, which is nobody's fault. Not
    charged to the agent; what was in the workspace is kept in `salvaged`.
    """

    kind: Literal["attempt_interrupted"] = "attempt_interrupted"
    batch: str
    agent: str
    attempt: int
    salvaged: str | None = None
    reason: str = ""
    answer: Literal["", "rate_limited", "not_logged_in"] = ""
    """The backend's, where it ended before the orchestrator did."""
    wait: float = 0.0
    """Seconds before the next attempt goes to work."""
    usage: Usage | None = None
    seconds: float = 0.0
    log: str = ""


class BackendStopped(Fact):
    """No attempt of a backend can do anything, so none is made any more: nobody has logged in."""

    kind: Literal["backend_stopped"] = "backend_stopped"
    backends: tuple[str, ...]
    """What the plan calls it."""
    reason: str
    mend: str = ""


class RateLimited(Fact):
    """A provider limits the rate: none of its attempts begins for a while, and then fewer at once."""

    kind: Literal["rate_limited"] = "rate_limited"
    provider: str
    backends: tuple[str, ...]
    """What the plan, and attempts, call it."""
    at_once: int
    """How many there may be afterwards."""
    of: int
    """How many there may be while it does not limit the rate."""
    wait: float
    """Seconds from now."""

    def __str__(self) -> str:
        fewer = f"{self.at_once} of {self.of} at once"
        return f"{self.provider}: rate limited, {fewer}, again in {self.wait:.0f} s"


class RateLimitOver(Fact):
    """The wait for a provider is over."""

    kind: Literal["rate_limit_over"] = "rate_limit_over"
    provider: str


class RaceClosed(Fact):
    """All racers of an agent have ended: their works are held against each other next."""

    kind: Literal["race_closed"] = "race_closed"
    batch: str
    agent: str


class RaceDecided(Fact):
    """Which racer's work goes into the batch, and why; or that none is proven."""

    kind: Literal["race_decided"] = "race_decided"
    batch: str
    agent: str
    attempts: tuple[int, ...]
    """All that were made in it, also those that were cut short."""
    stands_on: int
    """The attempt that counts from now on: the one that was picked, or the one that came closest."""
    outcome: Outcome | None = None
    """None: it was picked. Else what the agent's attempt came to."""
    reason: str
    evidence: str = ""
    """What the next attempts' briefs are told."""
    results: tuple[RacerResult, ...]


class IntegrationStarted(Fact):
    """The batch's turn to land has come."""

    kind: Literal["integration_started"] = "integration_started"
    batch: str


class CandidateBuilt(Fact):
    """Tip and work, merged: the commit that would land."""

    kind: Literal["candidate_built"] = "candidate_built"
    batch: str
    tip: str
    commit: str
    agents: tuple[str, ...]
    notes: tuple[MergeNote, ...] = ()
    warnings: tuple[MergeWarning, ...] = ()


class GateStarted(Fact):
    """The candidate is being judged."""

    kind: Literal["gate_started"] = "gate_started"
    batch: str
    gate: str
    candidate: str


class GateFinished(Fact):
    """The verdict. When it waits for a person, the batch's turn ends here and comes again with the
    approval.
    """

    kind: Literal["gate_finished"] = "gate_finished"
    batch: str
    gate: str
    agents: tuple[str, ...] = ()
    verdict: Verdict


class SearchStarted(Fact):
    """A candidate is red, and who made it so is looked for in parts of it."""

    kind: Literal["search_started"] = "search_started"
    batch: str
    round: int
    """From 1; a further one is about those who are left."""
    commit: str
    agents: tuple[str, ...]
    symptoms: tuple[Symptom, ...]


class ProbeFinished(Fact):
    """What of a search's symptoms the work of some of the agents shows."""

    kind: Literal["probe_finished"] = "probe_finished"
    batch: str
    agents: tuple[str, ...]
    again: bool = False
    """All of the candidate once more, to tell what is flaky."""
    commit: str | None = None
    """None: their work cannot be put together without the others'."""
    red: tuple[Symptom, ...] = ()
    ran: bool = False
    """False: all of it was known already."""
    confirmed: int = 0
    """How many runs were repeated apart from all others, for they were red beside another one."""
    seconds: float = 0.0
    log: str = ""


class SearchFinished(Fact):
    """Who is to blame, as far as anybody is, and what of the candidate goes on without them."""

    kind: Literal["search_finished"] = "search_finished"
    batch: str
    culprits: tuple[CulpritSet, ...]
    left: tuple[str, ...]
    """Agents that nothing is held against; their work has passed the gate if nothing is `open`."""
    flaky: tuple[Symptom, ...] = ()
    open: tuple[Symptom, ...] = ()
    """What is wrong with the work of those left still, and is none of their doing."""
    runs: int = 0
    """Probes and judgements that had to be carried out, the red one that began the search aside."""
    confirmed: int = 0
    """Runs of probes that were repeated apart from all others, beside `runs`."""
    seconds: float = 0.0


class AgentsReturned(Fact):
    """Work that cannot land as it is; ends the batch's turn. Those with attempts left run again."""

    kind: Literal["agents_returned"] = "agents_returned"
    batch: str
    returns: tuple[Return, ...]
    others_land: bool = False
    """The rest of the candidate lands now: the batch's turn goes on."""


class LandingStarted(Fact):
    """The intent to move the run's tip."""

    kind: Literal["landing_started"] = "landing_started"
    batch: str
    before: str
    after: str


class BatchLanded(Fact):
    """The run's tip is the tested commit; ends the batch's turn."""

    kind: Literal["batch_landed"] = "batch_landed"
    batch: str
    before: str
    commit: str
    agents: tuple[str, ...]
    """Those whose work is in it."""
    unchanged: tuple[str, ...] = ()
    """Those whose proofs passed without a change."""


class BatchEnded(Fact):
    """Nothing more will be done for this batch."""

    kind: Literal["batch_ended"] = "batch_ended"
    batch: str
    outcome: Outcome
    reason: str = ""


class ApprovalRecorded(Fact):
    """A person said yes or no to one tree; `by` is `(time limit)` when nobody did in time."""

    kind: Literal["approval_recorded"] = "approval_recorded"
    batch: str
    check: str
    tree: str
    approved: bool
    by: str
    at: str
    comment: str = ""


class BudgetExceeded(Fact):
    """A ceiling of the mission has been reached, of one batch or of the run (`batch` None). Where it
    `stops`, no attempt of these begins any more.
    """

    kind: Literal["budget_exceeded"] = "budget_exceeded"
    batch: str | None = None
    what: Literal["wall", "tokens", "cost_usd"]
    limit: float
    """In seconds, tokens or dollars."""
    spent: float
    stops: bool

    def __str__(self) -> str:
        whose = f"of batch {self.batch}" if self.batch else "of the run"
        match self.what:
            case "wall":
                much = tell_duration(self.limit)
            case "tokens":
                much = f"{self.limit:,.0f} tokens"
            case _:
                much = f"{self.limit:,.2f} US dollars"
        return f"the budget {whose} is spent: {much}"


class AgentSaid(Fact):
    """What an agent said through its channel: to the others of its batch, or of how its work stands.
    A claim, and nothing more.
    """

    kind: Literal["agent_said"] = "agent_said"
    batch: str
    agent: str
    attempt: int
    what: Literal["message", "delivered", "no_change", "blocked"]
    text: str


class ScopeRequested(Fact):
    """An agent asks to change a file that lies outside of its scope."""

    kind: Literal["scope_requested"] = "scope_requested"
    batch: str
    agent: str
    attempt: int
    path: str
    why: str
    of_person: bool = False
    """Whether a person is asked; the mission answers all others."""


class ScopeAnswered(Fact):
    """Whether it may; a path that is granted counts as the agent's own from then on."""

    kind: Literal["scope_answered"] = "scope_answered"
    batch: str
    agent: str
    path: str
    granted: bool
    by: str
    """A person, or `(the mission)`."""
    reason: str = ""


class ChannelFlooded(Fact):
    """An attempt said more than is kept, or what is no request. Recorded when it begins to, and
    again at the attempt's end.
    """

    kind: Literal["channel_flooded"] = "channel_flooded"
    batch: str
    agent: str
    attempt: int
    left_out: int
    """How much was not kept, as far as it is known by then."""


class CheckoutWritten(Fact):
    """Files of the user's checkout were written while agents were at work: by one of them, which has
    no business there, or by the user.
    """

    kind: Literal["checkout_written"] = "checkout_written"
    paths: tuple[str, ...]
    """The first of them."""
    number: int


class RunInterrupted(Fact):
    """Stopped from outside, or because a gate cannot run here; resumable."""

    kind: Literal["run_interrupted"] = "run_interrupted"
    reason: str
    faults: tuple[PlaceFault, ...] = ()
    """What its gates lack, which is nobody's fault: to be mended before a resume."""


class RolledBack(Fact):
    """A batch's own command was run, to undo what had been done for it."""

    kind: Literal["rolled_back"] = "rolled_back"
    batch: str
    commit: str
    """Its landing that is undone."""
    command: str
    exit_code: int | None
    """None: it could not be started."""
    reason: str = ""
    """Why it is not undone; empty when it is."""
    log: str = ""
    """Its output, relative to the run's report folder."""

    @property
    def is_done(self) -> bool:
        """Whether it said that it has done so."""
        return not self.reason


class RunEnded(Fact):
    """Every batch has ended."""

    kind: Literal["run_ended"] = "run_ended"
    exit_code: int


class TargetLanded(Fact):
    """A person brought the run's tip to a branch of the user's repository."""

    kind: Literal["target_landed"] = "target_landed"
    branch: str
    before: str
    commit: str
    tip: str = ""
    """The run's tip, which `commit` is or contains; empty in older journals, where it is that."""


Event = Annotated[
    RunStarted
    | RunResumed
    | RedoRequested
    | RolledBack
    | SetupMade
    | BatchStarted
    | AttemptStarted
    | AttemptEnded
    | AttemptInterrupted
    | BackendStopped
    | RateLimited
    | RateLimitOver
    | RaceClosed
    | RaceDecided
    | IntegrationStarted
    | CandidateBuilt
    | GateStarted
    | GateFinished
    | SearchStarted
    | ProbeFinished
    | SearchFinished
    | AgentsReturned
    | LandingStarted
    | BatchLanded
    | BatchEnded
    | ApprovalRecorded
    | BudgetExceeded
    | AgentSaid
    | ScopeRequested
    | ScopeAnswered
    | ChannelFlooded
    | CheckoutWritten
    | RunInterrupted
    | RunEnded
    | TargetLanded,
    Field(discriminator="kind"),
]


class Record(Fact):
    """An event as it stands in the journal: its place in the order, and when (UTC, seconds since
    1970).
    """

    seq: int
    at: float
    event: Event
