"""What is to be seen: a check of a subject, on a commit, held against another one.

Owns what of a mission decides what a candidate is judged with, gathered from its check and its
gate. The seeing is `observer`'s.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from orchestrator.gates.observing.restore import Asked
from orchestrator.gates.subject import OnProgress, Progress, Subject
from orchestrator.mission.model import AnyCheck, Program, PytestCheck


@dataclass(frozen=True, slots=True)
class Sighting:
    """A check of a subject that is to be seen on a commit whose tree is `tree`."""

    name: str
    check: AnyCheck
    commit: str
    tree: str
    subject: Subject
    on_progress: OnProgress | None = None
    base: str | None = None
    """The commit from which protected files and the runner's configuration come; None for a base
    itself.
    """
    among_agents: bool = False
    """Whether agents are at work meanwhile."""

    @property
    def asked(self) -> Asked:
        """What decides about what it is judged with.

        What one check of a gate lets be changed is changed for all of them. How its tests are run
        is each check's own to say, but for what has no tests, or is no check of the gate's.
        """
        checks = (self.check, *self.subject.checks)
        has_tests = bool(getattr(self.check, "report", isinstance(self.check, PytestCheck)))
        is_own = has_tests and self.name in self.subject.named

        def all_of(key: str, among: tuple[AnyCheck, ...]) -> tuple[str, ...]:
            globs = (glob for check in among for glob in getattr(check, key, ()))
            return tuple(dict.fromkeys(globs))

        selected = [
            entry for check in checks if isinstance(check, PytestCheck) for entry in tests_of(check)
        ]
        return Asked(
            arguments=tests_of(self.check) if isinstance(self.check, PytestCheck) else None,
            selected=tuple(dict.fromkeys(selected)),
            may_configure=all_of("may_configure", checks[:1] if is_own else checks),
            may_change=(*self.subject.may_change, *all_of("may_change", checks)),
            may_remove=all_of("may_remove", checks),
            command=_command(self.check),
            has_tests=has_tests,
        )

    @property
    def variables(self) -> dict[str, str]:
        """What the check's program is given by name, from the mission and the user's
        environment.
        """
        if not isinstance(self.check, Program):
            return {}
        return self.subject.env.with_(self.check.env).of(os.environ)

    @property
    def services(self) -> tuple[str, ...]:
        """What the check has beside it."""
        own = self.check.services if isinstance(self.check, Program) else ()
        return self.subject.services if own is None else own

    def count(self, done: int, total: int | None, red: int) -> None:
        """Pass on how far it is."""
        if self.on_progress:
            self.on_progress(Progress(self.name, done, total, red, on_base=self.base is None))


def tests_of(check: AnyCheck) -> tuple[str, ...]:
    """The paths and ids of tests that a check runs."""
    if not isinstance(check, PytestCheck):
        return ()
    return tuple(dict.fromkeys((*check.pytest, *check.must_turn_green)))


def _command(check: AnyCheck) -> tuple[str, ...]:
    command = getattr(check, "command", None) or getattr(check, "metric", None)
    return command.argv if command else ()
