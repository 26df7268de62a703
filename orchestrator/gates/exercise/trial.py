"""What is run of a gate on a tree that something was done to, as a value."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.gates.observing.observation import Observation
from orchestrator.mission.model import AnyCheck

TIMES_AS_LONG = 2.0
MORE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing to run on the broken tree, and how it came out on the candidate. `timeout` is in
    seconds.

    Broken programs like to wait for what never comes: a trial gets little more time than it took
    before, and one that takes longer is no green one.
    """

    name: str
    check: AnyCheck
    normal: Observation

    @property
    def timeout(self) -> float:
        return self.normal.seconds * TIMES_AS_LONG + MORE_SECONDS
