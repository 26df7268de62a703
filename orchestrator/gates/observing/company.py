"""Which test runs of ours go on at the same time, and how one of them is had to itself.

Two runs side by side may want one port, one database or one lock, and what fails for that reason
says nothing of the tree. So each run is told whether another one was going on meanwhile, and may be
carried out apart: it then begins when the others have ended, and none begins before it has ended.
What follows from a meeting is the observer's to say. Used from the event loop's thread only.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio

from orchestrator.gates.observing.observation import GREEN, RED, Observation, RecordState


@dataclass(eq=False, slots=True)
class Visit:
    """One test run; `met` once another one went on at the same time."""

    met: bool = False


class Company:
    """The test runs that are going on."""

    def __init__(self) -> None:
        self._present: set[Visit] = set()
        self._door = anyio.Lock()
        self._left = anyio.Event()

    @asynccontextmanager
    async def enter(self, *, apart: bool = False) -> AsyncIterator[Visit]:
        """Be there for as long as the context lasts; `apart` waits for the others to leave, and
        keeps newcomers waiting.
        """
        if apart:
            async with self._door:
                while self._present:
                    self._left = anyio.Event()
                    await self._left.wait()
                yield Visit()
            return
        async with self._door:
            visit = Visit(met=bool(self._present))
            for other in self._present:
                other.met = True
            self._present.add(visit)
        try:
            yield visit
        finally:
            self._present.remove(visit)
            self._left.set()


def is_unclean(seen: Observation) -> bool:
    """Whether anything is red in it that a meeting with another run may have made so."""
    if seen.not_started or seen.is_unable:
        return False
    return bool(
        seen.timed_out
        or seen.record not in (RecordState.NONE, RecordState.COMPLETE)
        or seen.exit_code
        or seen.problem
        or seen.collection_errors
        or any(test.outcome in RED for test in seen.tests.values())
    )


def is_not_all_green(seen: Observation) -> bool:
    """The same for tests that were picked because they were green elsewhere: a port that is taken
    makes some skip themselves.
    """
    return is_unclean(seen) or any(test.outcome not in GREEN for test in seen.tests.values())


def told_apart(beside: Observation, apart: Observation) -> Observation:
    """What was seen apart, with the tests that were red beside another run alone."""
    red = [i for i, test in beside.tests.items() if test.outcome not in GREEN]
    red += beside.collection_errors
    return apart.model_copy(
        update={
            "was_repeated_apart": True,
            "disturbed": tuple(
                name
                for name in red
                if name not in apart.collection_errors and apart.outcome(name) in GREEN
            ),
        }
    )
