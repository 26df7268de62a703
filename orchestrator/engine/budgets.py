"""Budgets of a run and of its batches: what was spent is counted, and a spent one ends what it holds.

Owns the count while a process is at work, by a clock that nobody sets; what earlier processes had
spent is the state's. That no attempt begins any more is the frontier's to decide, from the event
that is recorded here.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from typing import Literal

import anyio
from anyio import CancelScope

from orchestrator.engine.recorder import Recorder
from orchestrator.journal.events import AttemptStarted, BudgetExceeded
from orchestrator.journal.facts import Usage
from orchestrator.journal.state import State, Used
from orchestrator.mission.model import Budget, Ceiling

Whose = str | None
"""A batch, or None for the run."""
What = Literal["wall", "tokens", "cost_usd"]


class Budgets:
    """Used from the event loop's thread only; `clock` gives seconds, of which differences count."""

    def __init__(self, recorder: Recorder, clock: Callable[[], float] = time.monotonic) -> None:
        self._recorder = recorder
        self._clock = clock
        self._budgets = budgets_of(recorder.state)
        self._walls = _spent_before(recorder.state)
        self._seen, self._counts = clock(), not recorder.state.only_waits
        self._at_work: dict[CancelScope, str] = {}
        self._meters: list[AttemptMeter] = []

    async def watch(self) -> None:
        """Record each budget that is spent, for as long as the run goes on."""
        while self._budgets:
            self.look()
            with anyio.move_on_after(self._patience()):
                await self._recorder.change()

    @contextlib.contextmanager
    def holding(self, batch: str) -> Iterator[None]:
        """Cancel what is done inside, and nothing else, when a budget of the batch that stops is
        spent.
        """
        with CancelScope() as scope:
            self._at_work[scope] = batch
            try:
                if self._recorder.state.over_budget(batch):
                    scope.cancel()
                yield
            finally:
                del self._at_work[scope]

    def meter(
        self, started: AttemptStarted, ceiling: Ceiling | None, show: Callable[[str], None]
    ) -> AttemptMeter:
        """What an attempt's agent reports while it works, held against its own ceiling, and counted
        for those of its batch and of the run until it has ended.
        """
        self._meters = [it for it in self._meters if it.is_running]
        self._meters.append(AttemptMeter(self, self._recorder, started, ceiling, show))
        return self._meters[-1]

    def _under_way(self, whose: Whose) -> Used:
        """What attempts at work have used so far, which no event tells yet."""
        used = [it.used for it in self._meters if it.is_running and whose in (None, it.batch)]
        return sum(used, start=Used())

    def look(self) -> None:
        """Count up to now."""
        if not self._budgets:
            return
        self._tick()
        for whose, budget in self._budgets.items():
            if whose not in self._walls:
                continue  # it has not begun, or has ended
            used = self._recorder.state.used_of_budget(whose) + self._under_way(whose)
            self._hold(whose, budget, "wall", budget.wall, self._walls[whose])
            self._hold(whose, budget, "tokens", budget.tokens, used.tokens)
            self._hold(whose, budget, "cost_usd", budget.cost_usd, used.cost_usd)

    def _hold(
        self, whose: Whose, budget: Budget, what: What, limit: float | None, spent: float
    ) -> None:
        exceeded = self._recorder.state.exceeded
        if limit is None or spent < limit:
            return
        if any((it.batch, it.what) == (whose, what) for it in exceeded):
            return
        event = BudgetExceeded(
            batch=whose,
            what=what,
            limit=limit,
            spent=round(spent, 3),
            stops=budget.on_exceed == "stop",
        )
        self._recorder.emit(event)
        if event.stops:
            for scope, batch in self._at_work.items():
                if whose in (None, batch):
                    scope.cancel()

    def _tick(self) -> None:
        state, now = self._recorder.state, self._clock()
        gone = now - self._seen if self._counts else 0.0
        self._seen, self._counts = now, not state.only_waits
        begun = {None, *(it.id for it in state.batches.values() if it.begun is not None)}
        ended = {it.id for it in state.batches.values() if it.outcome is not None}
        self._walls = {
            whose: self._walls[whose] + gone if whose in self._walls else 0.0
            for whose in begun - ended
        }

    def _patience(self) -> float:
        """Seconds until the next wall can be reached."""
        told = {(it.batch, it.what) for it in self._recorder.state.exceeded}
        left = [
            budget.wall - self._walls[whose]
            for whose, budget in self._budgets.items()
            if budget.wall is not None and whose in self._walls and (whose, "wall") not in told
        ]
        return max(0.0, min(left, default=math.inf)) if self._counts else math.inf


class AttemptMeter:
    """Told what one attempt has used so far, as its agent reports it."""

    def __init__(
        self,
        budgets: Budgets,
        recorder: Recorder,
        started: AttemptStarted,
        ceiling: Ceiling | None,
        show: Callable[[str], None],
    ) -> None:
        self._budgets, self._recorder, self._started = budgets, recorder, started
        self._ceiling, self._show = ceiling, show
        self.batch = started.batch
        self.usage: Usage | None = None
        """The newest."""

    @property
    def is_running(self) -> bool:
        """Whether no event tells what it has used."""
        attempts = self._recorder.state.agents[self._started.agent].attempts
        return attempts[self._started.attempt - 1].is_running

    @property
    def used(self) -> Used:
        usage = self.usage
        return Used(usage.tokens, usage.cost_usd or 0.0) if usage else Used()

    def __call__(self, usage: Usage) -> str | None:
        """Why the attempt has to end now; None when it may go on."""
        self.usage = usage
        self._budgets.look()
        passed = self._passed(usage)
        if passed is None or self._ceiling is None:
            return None
        if self._ceiling.on_exceed == "stop":
            return passed
        self._show(passed)
        return None

    def noted(self, usage: Usage | None) -> tuple[str, ...]:
        """What is to be said of an attempt that came to its own end."""
        passed = self._passed(usage) if usage else None
        return (passed,) if passed else ()

    def _passed(self, usage: Usage) -> str | None:
        if self._ceiling is None:
            return None
        tokens, cost = self._ceiling.tokens, self._ceiling.cost_usd
        if tokens is not None and usage.tokens >= tokens:
            return f"it used {usage.tokens:,} tokens; one attempt may use {tokens:,}"
        if cost is not None and (usage.cost_usd or 0.0) >= cost:
            return f"it cost {usage.cost_usd:,.2f} US dollars; one attempt may cost {cost:,.2f}"
        return None


def budgets_of(state: State) -> dict[Whose, Budget]:
    """The mission's budgets, by whose they are."""
    mission = state.plan.mission
    named: list[tuple[Whose, Budget | None]] = [(None, mission.budget)]
    named += [(batch.id, batch.budget) for batch in mission.batches]
    return {whose: budget for whose, budget in named if budget is not None}


def _spent_before(state: State) -> dict[Whose, float]:
    worked, since = state.worked_seconds, state.budget_from
    begun = {it.id: it.begun for it in state.batches.values() if it.begun is not None}
    return {
        None: worked - since,
        **{batch: worked - max(since, at) for batch, at in begun.items()},
    }
