"""Second looks: what is seen again before it is held against a candidate, or excuses one.

Owns their order. Which test is to be run again, and how, is `reruns`'; what two observations have to
do with each other is `alignment`'s.
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.gates.observing.alignment import IsEdited, aligned, to_be_compared
from orchestrator.gates.observing.observation import Observation
from orchestrator.gates.observing.observer import Observer
from orchestrator.gates.observing.reruns import Rerun, next_rerun, suspects
from orchestrator.gates.observing.sighting import Sighting
from orchestrator.gates.rules.compare import compare
from orchestrator.mission.model import CommandCheck, PytestCheck


@dataclass(frozen=True, slots=True)
class SecondLooks:
    """Those of one judge."""

    observer: Observer

    async def aligned(
        self, there: Sighting, base: Observation, seen: Observation, is_edited: IsEdited
    ) -> tuple[Observation, Observation]:
        """What was seen by the ids of the baseline, and the baseline with which of them change."""
        seen = aligned(seen, base, is_edited)
        if families := to_be_compared(seen, base):
            base = await self.observer.compare_ids(there, base, families)
            seen = aligned(seen, base, is_edited)
        return seen, await self.observer.note_unstable(base, seen.unstable)

    async def confirmed(self, there: Sighting, base: Observation, seen: Observation) -> Observation:
        """The baseline, of which what would excuse the candidate's red has been seen apart from
        agents' work.
        """
        if not base.among_agents or not isinstance(there.check, PytestCheck | CommandCheck):
            return base
        if red := compare(seen, base).pre_existing:
            return await self.observer.confirm(there, base, red)
        return base

    async def run_again(
        self,
        what: Sighting,
        seen: Observation,
        there: Sighting | None = None,
        base: Observation | None = None,
    ) -> tuple[Observation, Observation | None]:
        """Run again what may be red by chance; the observations with what that said."""
        red = suspects(seen, base)
        for test_id in red:
            while rerun := next_rerun(
                test_id, seen, base, can_pick=isinstance(what.check, PytestCheck)
            ):
                if rerun is Rerun.ALONE:
                    seen = await self.observer.see_alone(what, seen, test_id)
                elif rerun is Rerun.AMONG:
                    seen = await self.observer.see_among(what, seen, red)
                elif there is not None and base is not None:
                    if rerun is Rerun.BASE_AMONG:
                        base = await self.observer.see_among(there, base, red)
                    else:
                        base = await self.observer.see_alone(there, base, test_id)
        return seen, base
