"""The report as a document: what `report.json` holds, and what every rendering is made from.

Owns the names and meanings, frozen; `schema` publishes them. It computes nothing but words for what
it holds (`summary` does), and reuses the journal's facts where those already say it. A change that
is not an addition needs a new `version`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from orchestrator.journal.events import Return
from orchestrator.journal.facts import (
    Breach,
    CheckResult,
    ClaimResult,
    ConflictFact,
    CulpritSet,
    Decision,
    Exercise,
    FileChange,
    Finding,
    MergeNote,
    MergeWarning,
    Outcome,
    RacerResult,
    Reason,
    Symptom,
    TestSide,
    Usage,
)

FORMAT = "orchestrate/report"
VERSION = 1


class Part(BaseModel):
    """What all parts of the document have in common."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        json_schema_serialization_defaults_required=True,
        defer_build=True,
    )


class AttemptSummary(Part):
    """One execution of an agent."""

    number: int
    backend: str
    replayed: bool
    """Played back from a recording: no agent was at work."""
    phase: Literal["running", "interrupted", "delivered", "ended"]
    """`delivered`: there is work, and nothing stands against it so far."""
    outcome: Outcome | None
    """How it ended; null unless `phase` is `ended`."""
    reason: str
    evidence: str
    """What the next attempt was told: breaches, failing tests, the end of the output."""
    base: str
    commit: str | None
    started_at: datetime
    seconds: float | None
    """Of the backend's process tree; null while it runs and when it was interrupted."""
    exit_code: int | None
    log: str
    """Relative to the report, as all links are; empty when there is none."""
    brief: str
    usage: Usage | None = None
    """As the agent says; null when it says nothing."""

    @property
    def status(self) -> str:
        """One word for where it stands."""
        return self.outcome.value if self.outcome else self.phase


class RaceSummary(Part):
    """Which racer's work went on, and what was found of each."""

    picked: int | None
    """The attempt; null where none may land."""
    reason: str
    results: tuple[RacerResult, ...]


class AgentSummary(Part):
    """One piece of work and what came of it."""

    id: str
    batch: str
    name: str
    mission: str
    optional: bool
    backend: str
    """As planned; each attempt says what it had."""
    phase: Literal["pending", "running", "delivered", "ended"]
    outcome: Outcome | None
    """null until it has ended."""
    reason: str
    attempts: tuple[AttemptSummary, ...]
    attempts_allowed: int
    seconds: float
    """Of all of its attempts."""
    commit: str | None
    files: tuple[FileChange, ...]
    """What its newest attempt that ended changed; in the tip only if `outcome` is `landed`."""
    files_left_out: int = 0
    breaches: tuple[Breach, ...]
    breaches_left_out: int = 0
    whole: str = ""
    """The file of the report's folder that has all files and breaches, where some are left out."""
    notes: tuple[str, ...]
    deliverables: tuple[ClaimResult, ...]
    reviewer: bool = False
    """Whether it changes nothing and reports findings."""
    findings: tuple[Finding, ...] = ()
    """What it reports, where it is a reviewer: claims, that decide nothing."""
    race: tuple[str, ...] = ()
    """The backends that do its work at once, of which the gate picks; none: there is no race."""
    races: tuple[RaceSummary, ...] = ()
    """What its races came to, oldest first."""

    @property
    def status(self) -> str:
        """One word for where it stands."""
        return self.outcome.value if self.outcome else self.phase

    @property
    def is_good(self) -> bool:
        """Whether its work is in the tip, or was proven not to be needed."""
        return self.outcome is not None and self.outcome.is_good

    @property
    def added(self) -> int:
        """Lines; binary files count none."""
        return sum(change.added or 0 for change in self.files)

    @property
    def removed(self) -> int:
        """Lines; binary files count none."""
        return sum(change.removed or 0 for change in self.files)


class GateSummary(Part):
    """One judgement of one candidate."""

    gate: str
    decision: Decision
    landed: bool
    """Whether the run's tip holds the commit that was judged."""
    agents: tuple[str, ...]
    commit: str
    tree: str
    base: str
    environment: str
    interpreter: str = ""
    seconds: float
    cached: bool
    reason: str
    checks: tuple[CheckResult, ...]
    exercise: Exercise | None
    """Whether the tests care about what was changed; null where that was not asked, or the gate was
    red anyway.
    """
    suspicious: tuple[str, ...]
    """What was added outside of tests and mentions what only a judge has, as ``path:line: what``."""
    test_side: TestSide
    """What was done to the tests and what surrounds them, allowed or not."""

    @property
    def is_vacuous(self) -> bool:
        """Whether the tests stayed green with the change broken on purpose."""
        return any(check.reason is Reason.VACUOUS for check in self.checks)


class SearchSummary(Part):
    """One search for those who made a candidate red."""

    agents: tuple[str, ...]
    """Whose work was in the candidate."""
    commit: str
    finished: bool
    culprits: tuple[CulpritSet, ...]
    """Each the smallest set of agents that shows its symptoms; none: nobody can be blamed."""
    left: tuple[str, ...]
    """Agents that nothing is held against."""
    flaky: tuple[Symptom, ...]
    """Red and green on one tree: held against nobody."""
    open: tuple[Symptom, ...]
    """What is wrong with the work of those left still, and is none of their doing."""
    rounds: int
    probes: int
    """Parts of the candidate that were looked at, those that were known already included."""
    runs: int
    """Probes and judgements that had to be carried out, the red one that began the search aside."""
    confirmed: int = 0
    """Probes that were repeated apart from all others, beside `runs`."""
    seconds: float


class LandingSummary(Part):
    """One move of the run's tip."""

    before: str
    commit: str
    agents: tuple[str, ...]
    unchanged: tuple[str, ...]
    """Agents whose proofs passed without a change."""


class Said(Part):
    """One thing that an agent said while it worked: a claim."""

    agent: str
    attempt: int
    what: Literal["message", "delivered", "no_change", "blocked"]
    """`message`: to the others of its batch; else of how its work stands."""
    text: str


class Asked(Part):
    """A file that an agent asked to change beside its scope."""

    agent: str
    attempt: int
    path: str
    why: str
    granted: bool | None
    """null while nobody has answered."""
    by: str
    """Who answered: a person, or `(the mission)`."""
    reason: str


class TalkSummary(Part):
    """What the agents of a batch said and asked while they worked, oldest first."""

    said: tuple[Said, ...] = ()
    asked: tuple[Asked, ...] = ()
    left_out: int = 0
    """How much of a flood was not kept."""


class BatchSummary(Part):
    """A batch, its agents, and what proves it."""

    id: str
    title: str
    needs: tuple[str, ...]
    wave: int
    phase: Literal["pending", "running", "integrating", "judging", "searching", "waiting", "ended"]
    """`searching`: for those who made its gate red; `waiting`: for a person's approval."""
    outcome: Outcome | None
    """null until it has ended."""
    reason: str
    base: str | None
    candidate: str | None
    commit: str | None
    """The newest commit that it landed."""
    started_at: datetime | None
    ended_at: datetime | None
    seconds: float | None
    """From its start to its end, or to the newest event."""
    gate: str | None
    """The mission's name for its gate; null when it has none."""
    gates: tuple[GateSummary, ...]
    """All judgements, oldest first."""
    searches: tuple[SearchSummary, ...]
    """For those who made a gate red, oldest first."""
    criteria: tuple[ClaimResult, ...]
    landings: tuple[LandingSummary, ...]
    returns: tuple[Return, ...]
    """Work that was sent back, oldest first."""
    merge_notes: tuple[MergeNote, ...]
    """What the merges of its agents' work decided, in what landed and in the newest candidate."""
    merge_warnings: tuple[MergeWarning, ...]
    """What may not work together there although it merged."""
    talk: TalkSummary = TalkSummary.model_construct()
    """What its agents said: claims, and none of them proves anything."""
    agents: tuple[AgentSummary, ...]

    @property
    def status(self) -> str:
        """One word for where it stands."""
        return self.outcome.value if self.outcome else self.phase

    @property
    def verdict(self) -> GateSummary | None:
        """The judgement that counts: of what landed last, else the newest."""
        counting = [gate for gate in self.gates if gate.landed] or self.gates
        return counting[-1] if counting else None

    @property
    def told(self) -> tuple[GateSummary, ...]:
        """What a reader needs of `gates`: the one that counts and, where not all landed, the newest
        red one.
        """
        red = [gate for gate in self.gates if gate.decision is not Decision.PASSED][-1:]
        told = [self.verdict] if self.verdict else []
        return tuple(
            told if self.is_whole else [*told, *(gate for gate in red if gate not in told)]
        )

    @property
    def is_whole(self) -> bool:
        """Whether all of it landed or was not needed, optional agents aside."""
        return self.outcome is not None and self.outcome.is_good

    @property
    def conflicts(self) -> tuple[ConflictFact, ...]:
        """All that did not merge, oldest first."""
        return tuple(conflict for item in self.returns for conflict in item.conflicts)


class OpenItem(Part):
    """Something that a person should know is not proven."""

    kind: Literal[
        "run",
        "batch",
        "agent",
        "gate",
        "place",
        "checkout",
        "budget",
        "approval",
        "criterion",
        "deliverable",
        "exercise",
        "suspicious",
        "pre_existing",
        "flaky",
    ]
    subject: str
    """The id of the batch or agent; the run's for `run`."""
    text: str
    keeps_open: bool
    """Whether it alone is reason not to call the mission resolved."""


class Recommendation(Part):
    """What the run advises, and why."""

    decision: Literal["resolved", "keep_open"]
    text: str
    items: tuple[OpenItem, ...]

    @property
    def is_resolved(self) -> bool:
        """Whether everything that the mission asked for is proven."""
        return self.decision == "resolved"


class ClaimCounts(Part):
    """Deliverables or criteria by what is known of them."""

    total: int
    validated: int
    failed: int
    unvalidated: int


class RunCounts(Part):
    """The run in numbers."""

    batches: int
    batches_ended: int
    batches_whole: int
    agents: int
    agents_ended: int
    agents_good: int
    """Landed or not needed."""
    agents_running: int
    attempts: int
    attempts_replayed: int
    deliverables: ClaimCounts
    criteria: ClaimCounts


class Times(Part):
    """Where the time went, in seconds."""

    wall: float
    """While an orchestrator was at work: pauses between a stop and its resume do not count."""
    agents: float
    """The sum over all attempts that ended: what it would take one after the other, gates aside."""
    gates: float
    """The sum over all judgements."""
    setup: float = 0.0
    """What the mission's set-up took, where it was carried out and not known from before."""
    speed_up: float | None
    """`agents` / `wall`; null while nothing ended."""
    saved: float | None
    """1 - `wall` / `agents`: the part of the agents' time that nobody had to wait for; negative if
    there was none.
    """
    critical_path: tuple[str, ...]
    """The chain of batches that decided when the run ended; as planned while none has ended."""


class Command(Part):
    """Something to type."""

    purpose: str
    line: str

    @property
    def is_step(self) -> bool:
        """Whether it goes on with this run, and neither looks below it nor makes it anew."""
        program, verb, *_ = self.line.split()
        return program == "orchestrate" and verb != "run"


class Summary(Part):
    """A run, as far as its journal tells it: the whole of `report.json`."""

    schema_: Literal["report.schema.json"] = Field(default="report.schema.json", alias="$schema")
    format: Literal["orchestrate/report"] = "orchestrate/report"
    version: Literal[1] = 1
    run: str
    mission: str
    objective: str
    status: Literal["running", "waiting", "interrupted", "stopped", "complete", "failed"]
    """`waiting`: for a person's approval, and to be resumed then; `stopped`: its process is gone
    without a word; `failed`: it ended, and something did not land.
    """
    reason: str
    """Why it was interrupted."""
    exit_code: int | None
    recommendation: Recommendation
    counts: RunCounts
    times: Times
    started_at: datetime
    updated_at: datetime
    """When the newest event happened."""
    resumes: int
    isolation: str
    parallel: int
    usage: Usage | None = None
    """Of all attempts that said anything; the cost of those that told it."""
    limits: tuple[str, ...] = ()
    """What holds for providers that limit the rate now, a sentence each."""
    replayed: tuple[str, ...]
    """Backends of this run that played back a recording; no agent was at work there."""
    mission_file: str
    repository: str
    base: str
    tip: str
    ref: str
    """The run's branch, in its own store."""
    branch: str | None
    """Where `orchestrate land` would bring it."""
    landed_on: str | None
    """The branch that a person brought the run's tip to."""
    landed_commit: str | None
    versions: dict[str, str]
    batches: tuple[BatchSummary, ...]
    commands: tuple[Command, ...]
    """To look at it, to go on, to do it again."""

    @property
    def agents(self) -> tuple[AgentSummary, ...]:
        """All agents in plan order."""
        return tuple(agent for batch in self.batches for agent in batch.agents)
