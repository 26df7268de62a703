"""How strongly a run's attempts are fenced in: what the mission asks for, held against what the
machine can keep.

`strict` never becomes less: where it cannot be kept, nothing is begun. Owns that decision and the
words for it.
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.errors import EnvironmentRefused
from orchestrator.isolation.preflight import Probe, failed, told
from orchestrator.mission.model import Isolation


@dataclass(frozen=True, slots=True)
class Level:
    """What a run has: `told` is for people, with the reason where it is not the strongest."""

    is_strict: bool
    told: str


def choose(wanted: Isolation) -> Level:
    """The level of a run. Blocking. Raises EnvironmentRefused, with the probe that failed and its
    mend, where `strict` is asked for and cannot be kept.
    """
    if wanted is Isolation.WORKTREE:
        return Level(is_strict=False, told="worktree")
    probe = failed()
    if probe is None:
        return Level(is_strict=True, told=f"strict ({told()})")
    if wanted is Isolation.STRICT:
        raise refusal(probe)
    return Level(is_strict=False, told=f"worktree (no sandbox here: {_said(probe)})")


def refusal(probe: Probe) -> EnvironmentRefused:
    """The error of a run that wants `strict` where a probe failed."""
    return EnvironmentRefused(
        f"`isolation: strict` cannot be kept here: {_said(probe)}", mend=probe.mend
    )


def is_strict(told_before: str) -> bool:
    """Whether a run is `strict`, by what was told of it when it began."""
    return told_before.split(" ", 1)[0] == Isolation.STRICT


def require(told_before: str) -> None:
    """For a run that is taken up: it goes on as it began. Blocking. Raises EnvironmentRefused where
    it was `strict` and that cannot be kept any more.
    """
    if is_strict(told_before) and (probe := failed()):
        raise refusal(probe)


def _said(probe: Probe) -> str:
    return f"{probe.name}: {probe.detail}"
