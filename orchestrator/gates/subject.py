"""What a judge is asked, and how it says how far it is.

Owns the questions and nothing of the answers: those are the journal's facts (`Verdict`,
`CheckResult`, `ClaimResult`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

from orchestrator.mission.model import AnyCheck, Claim, CommandCheck, PytestCheck, Variables


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a batch asks of its candidate: the gate's checks, the batch's criteria, its agents'
    deliverables.

    `timeout` in seconds holds for one check that names none of its own, and so do `plugins`.
    """

    gate: str = "gate"
    checks: tuple[AnyCheck, ...] = ()
    criteria: tuple[Claim, ...] = ()
    deliverables: Mapping[str, tuple[Claim, ...]] = field(default_factory=dict)
    timeout: float = 1800.0
    plugins: tuple[str, ...] = ()
    env: Variables = field(default_factory=Variables)
    """Variables that the program of every check is given, also of one that runs proofs alone."""
    services: tuple[str, ...] = ()
    """What every check has beside it that says nothing of it, and what proofs have."""
    may_change: tuple[str, ...] = ()
    """Globs of what every check may find changed of the test side."""
    exercise: bool | None = None
    """Whether the changed functions are broken on purpose; None: where a fix is claimed."""

    @property
    def named(self) -> dict[str, AnyCheck]:
        """The checks by the names that proofs and reports use, each with its plug-ins."""
        return {
            name: self._with_plugins(check) for name, check in named_checks(self.checks).items()
        }

    @property
    def claims(self) -> tuple[Claim, ...]:
        """All that is claimed: the batch's criteria, and every agent's deliverables."""
        own = (claim for claims in self.deliverables.values() for claim in claims)
        return (*self.criteria, *own)

    @property
    def all_plugins(self) -> tuple[str, ...]:
        """The plug-ins of tests that no check runs: those of all checks."""
        own = (
            plugin
            for check in self.checks
            if isinstance(check, PytestCheck)
            for plugin in check.plugins or ()
        )
        return tuple(dict.fromkeys((*self.plugins, *own)))

    @property
    def all_that_may_change(self) -> tuple[str, ...]:
        """Globs of what the gate or one of its checks lets be edited of the test side."""
        own = (glob for check in self.checks for glob in getattr(check, "may_change", ()))
        return (*self.may_change, *own)

    def _with_plugins(self, check: AnyCheck) -> AnyCheck:
        if isinstance(check, PytestCheck) and check.plugins is None and self.plugins:
            return check.model_copy(update={"plugins": self.plugins})
        return check

    @property
    def claims_a_fix(self) -> bool:
        """Whether some check says that tests turn green."""
        return any(
            isinstance(check, PytestCheck | CommandCheck) and check.must_turn_green
            for check in self.checks
        )

    @property
    def is_exercised(self) -> bool:
        """Whether the gate is run again with the changed functions broken."""
        return self.claims_a_fix if self.exercise is None else self.exercise


def named_checks(checks: tuple[AnyCheck, ...]) -> dict[str, AnyCheck]:
    """Checks by name; one without a name is called after its kind and its number among those, from
    1.
    """
    numbers: Counter[str] = Counter()
    names: dict[str, AnyCheck] = {}
    for check in checks:
        numbers[check.kind] += 1
        name = check.name or f"{check.kind}-{numbers[check.kind]}"
        while name in names:  # a check must never hide another
            name += "-again"
        names[name] = check
    return names


class Approval(BaseModel):
    """A person's answer to an approval check: who, when (ISO 8601), and the tree that they saw."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    by: str
    at: str
    tree: str
    is_granted: bool = True


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a check is: `done` of `total` tests (None while they are being collected), `red` of
    them.
    """

    check: str
    done: int
    total: int | None
    red: int
    on_base: bool = False


OnProgress = Callable[[Progress], None]
