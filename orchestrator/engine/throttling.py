"""Providers that limit the rate: how many of their attempts there are at once, and when the wait is
over.

A wait holds no slot: others work meanwhile, and the end of it is an event like any other, so that
the frontier needs no clock. How fewer become more again is `journal.throttles`'.
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection

import anyio

from orchestrator.engine.recorder import Recorder
from orchestrator.journal.events import AttemptStarted, RateLimited, RateLimitOver
from orchestrator.journal.throttles import Throttle, fewer


async def watch(recorder: Recorder) -> None:
    """Record the end of each wait, for as long as the run goes on."""
    while True:
        waiting = [it for it in recorder.state.throttles.values() if it.waits]
        for throttle in waiting:
            if not _left(throttle):
                recorder.emit(RateLimitOver(provider=throttle.event.provider))
        left = min((_left(it) for it in waiting if _left(it)), default=math.inf)
        with anyio.move_on_after(left):
            await recorder.change()


def note(
    recorder: Recorder,
    started: AttemptStarted,
    provider: str,
    backends: Collection[str],
    wait: float,
) -> None:
    """Record that a provider limited the rate of an attempt, before the attempt's own end: whoever is
    free then is not to begin with another one of it.
    """
    state = recorder.state
    attempts = state.agents[started.agent].attempts
    began = next(it.started_at for it in attempts if it.started.attempt == started.attempt)
    at_work = state.at_work({*backends, started.backend})
    at_once, of = fewer(state.throttles.get(provider), at_work, state.parallel, began)
    names = tuple(dict.fromkeys((*backends, started.backend)))
    recorder.emit(
        RateLimited(provider=provider, backends=names, at_once=at_once, of=of, wait=round(wait, 3))
    )


def _left(throttle: Throttle) -> float:
    """Seconds that are still to be waited. The clock of a journal is the wall's, which may be set."""
    return min(max(0.0, throttle.until - time.time()), throttle.event.wait)
