"""Every error that a user can cause or meet: what happened, where, how to mend it, and the exit
code it ends in.

Raise these at the place that knows all three parts. `orchestrator.cli` is the one boundary that
turns them into a short paragraph on standard error and an exit code; nothing else prints them. A
"no" that a run can answer (a red gate, a conflict, a scope breach) is an outcome in the journal and
never one of these.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's exit status says; documented in README.md."""

    OK = 0  # everything landed
    NOT_LANDED = 1  # something did not land; the report says what
    USAGE = 2  # a bad mission or bad usage
    FAULT = 3  # a fault of this program
    ENVIRONMENT = 4  # the environment refuses: no git, no sandbox, disk full
    INTERRUPTED = 130  # stopped by a signal, resumable


class OrchestrateError(Exception):
    """The base of all errors that are shown as a paragraph instead of a traceback.

    `what` is a sentence; `where` a place such as ``missions/x.yaml:41:9`` or a path; `mend` says
    what to do next.
    """

    exit_code: ExitCode = ExitCode.FAULT

    def __init__(self, what: str, *, where: str | None = None, mend: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.mend = mend

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        advice = f"\n  {self.mend}" if self.mend else ""
        return f"{place}{self.what}{advice}"


class UsageError(OrchestrateError):
    """What was asked for cannot be asked: an unknown run, a wrong option, a command at the wrong
    time.
    """

    exit_code = ExitCode.USAGE


class MissionErrors(OrchestrateError):
    """All that is wrong with one mission file, in the order of its lines."""

    exit_code = ExitCode.USAGE

    def __init__(self, problems: Sequence[OrchestrateError]) -> None:
        count = len(problems)
        super().__init__(f"{count} problem{'s' if count != 1 else ''} in the mission")
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class EnvironmentRefused(OrchestrateError):
    """The machine does not allow it: git is missing or too old, the disk is full, a lock is
    held.
    """

    exit_code = ExitCode.ENVIRONMENT


class JournalDamaged(OrchestrateError):
    """The journal's bytes are not what was written; `where` is the file with the offset of the
    first bad byte.
    """

    exit_code = ExitCode.ENVIRONMENT
