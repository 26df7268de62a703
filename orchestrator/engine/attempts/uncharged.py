"""What became of an attempt that is nobody's fault: its provider limits the rate, or nobody has
logged in. It is not charged.

Owns how long is waited, and which backends are stopped. What a wait holds back is `throttling`'s.
"""

from __future__ import annotations

import random

from anyio import to_thread

from orchestrator.agents.backend import Answer, Backend
from orchestrator.engine.attempts.naming import keep
from orchestrator.engine.throttling import note
from orchestrator.engine.tools import Tools
from orchestrator.executors.spec import AttemptResult, AttemptSpec
from orchestrator.isolation.secrets import known
from orchestrator.journal.events import AttemptInterrupted, BackendStopped
from orchestrator.journal.state import AgentState
from orchestrator.mission.model import Mission
from orchestrator.mission.values import PROFILES

FIRST_WAIT_SECONDS = 5.0
MOST_WAIT_SECONDS = 900.0
"""Where nobody says how long; each wait in a row is twice as long as the one before."""
MOST_TOLD_SECONDS = 6 * 3600.0
"""Of what a provider says; whoever says more is asked again then."""
SPREAD = 0.2
"""By which part waits differ, so that all do not come back at once."""

UNCHARGED = (Answer.RATE_LIMITED, Answer.NOT_LOGGED_IN)


async def set_aside(
    tools: Tools, spec: AttemptSpec, result: AttemptResult, agent: AgentState
) -> None:
    """Record it, with its work kept for the next attempt to look at."""
    await to_thread.run_sync(keep, tools, spec, result.capture)
    ended = result.ended
    reason, wait = known().text(ended.failure or ""), 0.0
    if ended.answer is Answer.NOT_LOGGED_IN:
        names = _names_of(tools, spec.backend)
        if not set(names) <= set(tools.recorder.state.stopped):
            # Before the attempt's own end: whoever is free then is not to begin with it again.
            tools.recorder.emit(BackendStopped(backends=names, reason=reason, mend=ended.mend))
    else:
        wait = wait_after(_limits_in_a_row(agent), ended.retry_after)
        reason = f"{reason} (not charged; goes on in {wait:.0f} s)"
        started = agent.attempts[-1].started
        note(tools.recorder, started, *_provider_of(tools, spec.backend), wait)
    capture = result.capture
    tools.recorder.emit(
        AttemptInterrupted(
            batch=spec.batch,
            agent=spec.agent,
            attempt=spec.attempt,
            salvaged=capture.commit if capture.commit != spec.base else None,
            reason=reason,
            answer=ended.answer.value,
            wait=wait,
            usage=ended.usage,
            seconds=ended.exit.seconds if ended.exit else 0.0,
            log=str(result.log.relative_to(tools.folders.report)),
        )
    )


def wait_after(in_a_row: int, told: float | None) -> float:
    """How many seconds to wait after a rate limit that came after so many others."""
    spread = 1 + random.random() * SPREAD  # noqa: S311 - nobody guards anything with it
    if told is not None:
        return min(max(told, 1.0), MOST_TOLD_SECONDS) * spread
    return min(FIRST_WAIT_SECONDS * 2.0 ** min(in_a_row, 30), MOST_WAIT_SECONDS) * spread


def _limits_in_a_row(agent: AgentState) -> int:
    """How many attempts before the newest one were limited, without one that was not."""
    number = 0
    for attempt in reversed(agent.attempts[:-1]):
        is_forgotten = attempt.started.attempt <= agent.forgotten
        told = attempt.interrupted
        if is_forgotten or not told or told.answer != "rate_limited":
            break
        number += 1
    return number


def provider_of(name: str, mission: Mission) -> str:
    """Whose limits hold for a backend: those of a known agent for all entries that are it, else its
    own.
    """
    config = mission.backends.get(name)
    if config and (config.command or config.dir):
        return name
    kind = (config and config.profile) or name
    return kind if kind in PROFILES else name


def _provider_of(tools: Tools, backend: Backend) -> tuple[str, tuple[str, ...]]:
    """What limits the rate of a backend, and the names of all that it limits: entries of a mission
    that are the same agent have one account.
    """
    mission = tools.recorder.state.plan.mission
    found = {name: provider_of(made.name, mission) for name, made in tools.backends.items()}
    provider = provider_of(backend.name, mission)
    return provider, tuple(name for name, theirs in found.items() if theirs == provider)


def _names_of(tools: Tools, backend: Backend) -> tuple[str, ...]:
    """What the plan calls a backend: `auto` may be one of its names."""
    return tuple(name for name, made in tools.backends.items() if made.name == backend.name)
