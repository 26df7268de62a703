"""What the engine works with: made once for a run by `making`, and handed to every step.

Owns the seams between the engine and what it uses. A step knows these and not what stands behind
them: the judge and the merger are imported when agents are at work already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from orchestrator.agents.backend import Backend
from orchestrator.agents.brief import Briefs
from orchestrator.engine.folders import Folders
from orchestrator.engine.recorder import Recorder
from orchestrator.errors import EnvironmentRefused
from orchestrator.executors.spec import Executor
from orchestrator.gates.observing.observation import Look, Observation
from orchestrator.gates.subject import Approval, OnProgress, Subject
from orchestrator.git.store import Store
from orchestrator.journal.facts import ClaimResult, PlaceFault, Verdict
from orchestrator.merging.contribution import Contribution, Integration
from orchestrator.mission.model import Claim, PytestCheck
from orchestrator.mission.scope import Scope


class Judge(Protocol):
    """Who decides; `gates.judge.Judge` says what is meant by each question."""

    async def judge(
        self,
        subject: Subject,
        *,
        candidate: str,
        base: str,
        approvals: Mapping[str, Approval] | None = None,
        absent: Mapping[str, str] | None = None,
        on_progress: OnProgress | None = None,
    ) -> Verdict:
        """Whether a candidate may land on a base, with the evidence."""
        ...

    async def look(
        self,
        subject: Subject,
        name: str,
        *,
        commit: str,
        base: str,
        part: PytestCheck | None = None,
        is_afresh: bool = False,
        on_progress: OnProgress | None = None,
    ) -> Look:
        """How one check comes out on a commit, without a verdict."""
        ...

    async def prove(
        self, claims: Iterable[Claim], *, commit: str, subject: Subject | None = None
    ) -> tuple[ClaimResult, ...]:
        """Whether claims hold on a commit as it is."""
        ...

    async def baseline(
        self,
        subject: Subject,
        commit: str,
        *,
        among_agents: bool = False,
        is_afresh: bool = False,
    ) -> Mapping[str, Observation]:
        """How the checks come out on a base, by name."""
        ...

    async def known_baseline(self, subject: Subject, commit: str) -> Mapping[str, Observation]:
        """The same as far as it is known without a run."""
        ...

    async def lacks(self, subject: Subject, commit: str) -> tuple[PlaceFault, ...]:
        """Why the checks cannot run on a base, for nobody's fault."""
        ...

    async def prepare(self, subject: Subject) -> None:
        """Do now what the judgement to come can be spared."""
        ...

    async def aclose(self) -> None:
        """End what was prepared in vain."""
        ...


class GateCannotRun(EnvironmentRefused):
    """A gate lacks something here that nobody's work can bring; `faults` say what."""

    def __init__(self, faults: tuple[PlaceFault, ...]) -> None:
        super().__init__(
            "; ".join(map(str, faults)),
            mend="; ".join(dict.fromkeys(fault.mend for fault in faults)),
        )
        self.faults = faults

    @property
    def reason(self) -> str:
        """What the journal says of the stop."""
        gates = dict.fromkeys(fault.gate for fault in self.faults)
        return f"gate {', '.join(gates)} cannot run here, which is nobody's fault"


class Integrate(Protocol):
    """Who puts work together: `merging.integrate.integrate`, for the run's store. Blocking."""

    def __call__(
        self, tip: str, contributions: Sequence[Contribution], *, message: str, when: int
    ) -> Integration: ...


@dataclass(frozen=True)  # without slots: the judge is kept
class Tools:
    """The run's hands."""

    recorder: Recorder
    folders: Folders
    store: Store
    executor: Executor
    call_judge: Callable[[], Judge]
    integrate: Integrate
    checkout: Callable[[str, str], Path]
    """Where a clean work tree of a name is, which holds a commit. Blocking."""
    briefs: Briefs
    backends: Mapping[str, Backend]
    """By the name that the plan uses; `auto` is resolved."""
    mission_dir: Path
    written: Callable[[], Sequence[str]]
    """Which files of the user's checkout were written since these were made. Blocking."""
    scopes: Mapping[str, Scope]
    """By agent; a line of one stands for the symbol that holds it in the run's base, in every
    attempt.
    """

    @cached_property
    def judge(self) -> Judge:
        """Made when it is first asked for: agents need not wait for it."""
        return self.call_judge()

    @property
    def has_judge(self) -> bool:
        """Whether it has been made."""
        return "judge" in vars(self)

    async def aclose(self) -> None:
        """Let go of what was made."""
        if self.has_judge:
            await self.judge.aclose()
