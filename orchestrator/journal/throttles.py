"""How many attempts of a provider there are at once while it limits the rate: the fold of what it
answered.

Additive increase, multiplicative decrease: D.-M. Chiu and R. Jain, "Analysis of the Increase and
Decrease Algorithms for Congestion Avoidance in Computer Networks" (1989), in the form of TCP (RFC
5681): half as many after a limit, once for all that were at work when it came; one more for each
round without one, which is as many attempts as there are at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from orchestrator.journal.events import RateLimited


@dataclass(frozen=True, slots=True)
class Throttle:
    """What holds for one provider since it limited the rate."""

    event: RateLimited
    """The newest time."""
    at_once: float
    since: float
    """When it last became fewer, in seconds since 1970."""
    until: float
    """When the wait is over, likewise."""
    waits: bool = True

    @property
    def most(self) -> int:
        """How many attempts there may be at once now."""
        return 0 if self.waits else int(self.at_once)

    @property
    def is_over(self) -> bool:
        """Whether it holds nobody back any more."""
        return self.at_once >= self.event.of

    def after_one_more(self) -> Throttle:
        """After an attempt that was not limited."""
        return replace(self, at_once=self.at_once + 1 / self.at_once)

    def __str__(self) -> str:
        """As people are told of it while it holds."""
        if self.waits:
            return str(self.event)
        fewer = f"{int(self.at_once)} of {self.event.of} at once"
        return f"{self.event.provider}: was rate limited, {fewer}"


def throttled(before: Throttle | None, event: RateLimited, at: float) -> Throttle:
    """After a limit, at `at`; a further one of the same round only makes the wait longer."""
    until = at + event.wait
    if before is not None and event.at_once >= int(before.at_once):
        return replace(before, event=event, until=max(until, before.until), waits=True)
    return Throttle(event, float(event.at_once), at, until)


def fewer(before: Throttle | None, at_work: int, most: int, started_at: float) -> tuple[int, int]:
    """How many there may be at once after a limit, and of how many: `at_work` were when it came,
    `most` is all that there can be, and the attempt that met it began at `started_at`.
    """
    if before is None:
        return max(1, at_work // 2), max(1, min(at_work, most))
    if started_at < before.since:  # it began before they were made fewer: it tells nothing new
        return int(before.at_once), before.event.of
    return max(1, int(before.at_once) // 2), before.event.of
