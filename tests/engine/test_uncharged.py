"""Attempts that are nobody's fault: they cost none, they wait, and a backend without a login is
asked once.
"""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.engine import redo
from orchestrator.engine.attempts import uncharged
from orchestrator.engine.attempts.uncharged import wait_after
from orchestrator.engine.frontier import EndBatch, StartAttempt, StartBatch, frontier
from orchestrator.journal.events import (
    AttemptInterrupted,
    BackendStopped,
    RunInterrupted,
    RunResumed,
)
from orchestrator.journal.facts import Outcome
from orchestrator.journal.state import Phase, State
from tests.reports.builder import Story, agent, batch, mission

STOP = BackendStopped(backends=("claude",), reason="claude: Not logged in", mend="log in")


def begun(*agents: dict[str, Any], **more: Any) -> Story:
    return Story(mission(batch("core", *agents, **more))).begin("core")


def cut_short(story: Story, id: str, answer: str, wait: float = 0.0) -> Story:
    number = len(story.state.agents[id].attempts)
    fact = {"batch": story.state.agents[id].batch, "agent": id, "attempt": number}
    return story.happens(
        AttemptInterrupted.model_validate({**fact, "answer": answer, "wait": wait})
    )


def started(state: State) -> list[str]:
    return [step.agent for step in frontier(state) if isinstance(step, StartAttempt)]


@pytest.mark.parametrize("limits", [1, 2, 7])
def test_a_rate_limit_costs_no_attempt(limits: int) -> None:
    story = begun(agent("one", attempts=1, backend="claude"))
    for _ in range(limits):
        cut_short(story.start("one"), "one", "rate_limited", 5.0)
    one = story.state.agents["one"]
    assert (one.charged, one.phase, started(story.state)) == (0, Phase.PENDING, ["one"])
    assert uncharged._limits_in_a_row(story.start("one").state.agents["one"]) == limits
    story.end("one", Outcome.FAILED)
    assert story.state.agents["one"].outcome is Outcome.FAILED


def test_waits_grow_and_what_is_told_is_kept() -> None:
    waits = [wait_after(n, None) for n in range(12)]
    low = [min(5.0 * 2**n, 900.0) for n in range(12)]
    assert all(least <= wait <= 1.2 * least for wait, least in zip(waits, low, strict=True))
    assert 30 <= wait_after(9, 30.0) <= 36
    assert wait_after(0, 0.0) >= 1
    assert wait_after(0, 1e9) <= 1.2 * uncharged.MOST_TOLD_SECONDS
    assert wait_after(10_000, None) <= 1.2 * uncharged.MOST_WAIT_SECONDS


def test_who_is_not_logged_in_is_asked_once() -> None:
    """Those at work end as they end; nobody else begins; another backend goes on."""
    names = ("first", "busy", "later", "slow")
    story = begun(*(agent(name, backend="claude") for name in names), agent("other", backend="x"))
    story.start("first", "busy", "slow").happens(STOP)
    cut_short(story, "first", "not_logged_in")
    state = story.end("busy").end("slow", Outcome.FAILED).state
    told = {name: (state.agents[name].outcome, state.agents[name].charged) for name in names}
    assert told == {
        "first": (Outcome.FAILED, 0),
        "busy": (None, 1),
        "later": (Outcome.FAILED, 0),
        "slow": (Outcome.FAILED, 1),
    }
    assert state.agents["later"].reason == "claude: Not logged in; log in"
    assert started(state) == ["other"]


def test_batches_to_come_end_with_the_reason() -> None:
    plan = mission(
        batch("core", agent("one", backend="claude")),
        batch("more", agent("two", backend="claude"), needs=["core"]),
    )
    story = Story(plan).begin("core").start("one").happens(STOP)
    state = cut_short(story, "one", "not_logged_in").state
    assert EndBatch("core", Outcome.FAILED, "one failed") in frontier(state)
    assert state.agents["two"].outcome is Outcome.FAILED


def test_a_resume_asks_again() -> None:
    story = begun(agent("one", attempts=1, backend="claude")).start("one").happens(STOP)
    cut_short(story, "one", "not_logged_in")
    story.happens(RunInterrupted(reason="stopped"), RunResumed(parallel=5))
    assert (started(story.state), dict(story.state.stopped)) == (["one"], {})


def test_a_resume_after_the_end_does_it_again() -> None:
    """Also of who was cut short without a fault of its own, and of who never began."""
    story = begun(*(agent(name, backend="claude") for name in ("one", "two"))).start("one")
    cut_short(story.happens(STOP), "one", "not_logged_in")
    story.close("core", Outcome.FAILED, "one failed").finish(1)
    request = redo.unfinished(story.state)
    assert request
    assert request.agents == ("one", "two")
    assert started(story.happens(RunResumed(parallel=5), request).state) == []
    assert [step.batch for step in frontier(story.state) if isinstance(step, StartBatch)] == [
        "core"
    ]
    assert started(story.begin("core").state) == ["one", "two"]


def test_work_that_was_sent_back_to_a_stopped_backend_has_failed() -> None:
    story = begun(agent("one", backend="claude")).start("one").happens(STOP)
    story.end("one", Outcome.OUT_OF_SCOPE, reason="strayed")
    assert story.state.agents["one"].outcome is Outcome.FAILED
    assert "Not logged in" in story.state.agents["one"].reason
