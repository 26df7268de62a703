"""The tests of a mission's checks, as a value: for those who show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.engine.beside.judgement import Side
from orchestrator.errors import ExitCode


@dataclass(frozen=True, slots=True)
class CheckTests:
    """The tests of one check, by id, each with how it ended; where there are none, `text` says
    why.
    """

    gate: str
    check: str
    kind: str
    tests: Mapping[str, str]
    text: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """What was seen on which commit; a signal may have stopped it."""

    base: Side
    checks: tuple[CheckTests, ...]
    stopped_by: str = ""

    @property
    def exit_code(self) -> ExitCode:
        """Whatever the tests came to, they were listed."""
        return ExitCode.INTERRUPTED if self.stopped_by else ExitCode.OK
