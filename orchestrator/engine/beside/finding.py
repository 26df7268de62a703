"""What was looked at on this machine: how each thing is, what a lack of it means, what mends it.

The values of `doctor`; `machine` and `needs` find them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from orchestrator.errors import ExitCode, OrchestrateError


class Area(StrEnum):
    """What a finding is about, in the order in which people read them."""

    GIT = "git"
    PYTHON = "python"
    DISK = "disk"
    SANDBOX = "sandbox"
    AGENTS = "agents"
    LANGUAGES = "languages"
    MISSION = "mission"


@dataclass(frozen=True, slots=True)
class Finding:
    """`detail` says how it is; `means` and `mend` say something where it is not `ok`."""

    area: Area
    name: str
    ok: bool
    detail: str
    means: str = ""
    mend: str = ""
    is_needed: bool = False
    """Whether nothing can be done, or the mission cannot be carried out, without it."""

    @property
    def is_lack(self) -> bool:
        """Whether it stands in the way."""
        return self.is_needed and not self.ok

    def needed(self, *, when: object = True) -> Finding:
        """The same, needed or not."""
        return replace(self, is_needed=bool(when))


@dataclass(frozen=True, slots=True)
class Examined:
    """All findings, in the order of their areas; `mission` is the file that they are for, if any."""

    findings: tuple[Finding, ...]
    mission: Path | None = None

    @property
    def lacks(self) -> tuple[Finding, ...]:
        """What is needed and is not there."""
        return tuple(finding for finding in self.findings if finding.is_lack)

    @property
    def exit_code(self) -> ExitCode:
        """4 where something is lacking."""
        return ExitCode.ENVIRONMENT if self.lacks else ExitCode.OK


def tried(area: Area, name: str, attempt: Callable[[], str], means: str = "") -> Finding:
    """What comes of `attempt`, which says how it is or raises OrchestrateError: then in the very
    words in which a run would be refused.
    """
    try:
        return Finding(area, name, ok=True, detail=attempt())
    except OrchestrateError as error:
        return refused(area, name, error, means)


def refused(area: Area, name: str, error: OrchestrateError, means: str = "") -> Finding:
    """A finding in the words of an error."""
    where = f" ({error.where})" if error.where else ""
    return Finding(
        area, name, ok=False, detail=f"{error.what}{where}", means=means, mend=error.mend or ""
    )
