"""Runners that say yes to nothing: exit 0 after no test at all.

Owns what the sentences of an output are worth where nobody counts tests. Pure; which sentences
those are is `observing.telling`'s.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.gates.observing.observation import Observation
from orchestrator.gates.rules.finding import Finding
from orchestrator.gates.rules.words import count, named
from orchestrator.journal.facts import Reason


def nothing_ran(seen: Observation, base: Observation | None) -> Iterator[Finding]:
    """Does the output say that no test ran, or not speak of tests any more, as it did on the base?

    A runner that gave way to another one is fine as long as that one ran something.
    """
    if seen.quoted:
        yield Finding(
            Reason.NO_TESTS_EXECUTED, f'no test was executed: its output says "{seen.quoted}"'
        )
        return
    before = {runner: number for runner, number in base.told.items() if number} if base else {}
    stopped = [runner for runner in before if seen.told.get(runner) == 0]
    if not stopped and not any(seen.told.values()):
        stopped = list(before)
    if stopped:
        tests = count(sum(before[runner] for runner in stopped), "test")
        text = (
            f"no test was executed that is told of: on the base its output speaks of {tests} "
            f"({named(stopped)}) and here of none; if it has only become quiet, have it write a "
            "`report`"
        )
        yield Finding(Reason.NO_TESTS_EXECUTED, text)
