"""What agents used, as they say it: of each attempt, of the run, and told to people."""

from __future__ import annotations

from typing import Any

from orchestrator.journal.events import AttemptInterrupted
from orchestrator.journal.facts import Outcome, Usage
from orchestrator.reports.markdown import render_markdown
from orchestrator.reports.model import Summary
from orchestrator.reports.summary import summarize
from tests.reports.builder import HOSTILE, Story, agent, batch, mission


def usage(tokens: int, cost: float | None = None, **more: Any) -> Usage:
    return Usage(tokens_in=tokens, tokens_out=10, cost_usd=cost, **more)


def told(story: Story) -> Summary:
    return summarize(story.state)


def three() -> Story:
    """Of three agents, one that was limited first and failed then, one without a word."""
    plan = mission(batch("core", *(agent(name) for name in ("one", "two", "three"))))
    story = Story(plan).begin("core").start("one", "two", "three")
    limited = {"batch": "core", "agent": "one", "attempt": 1, "answer": "rate_limited"}
    story.happens(AttemptInterrupted.model_validate({**limited, "usage": usage(1000, 0.5)}))
    story.start("one").end("one", Outcome.FAILED, usage=usage(2000, 0.25, tokens_cached=500))
    return story.end("two", usage=usage(30_000, means="all requests")).end("three")


def test_it_is_summed_over_all_attempts() -> None:
    """Those that were not charged cost as much."""
    summary = told(three())
    assert summary.usage == Usage(
        tokens_in=33_000, tokens_cached=500, tokens_out=30, cost_usd=0.75, means="all requests"
    )
    found = {it.id: [t.usage for t in it.attempts] for it in summary.batches[0].agents}
    assert found["three"] == [None]
    assert [it and it.tokens_in for it in found["one"]] == [1000, 2000]


def test_people_are_told() -> None:
    text = render_markdown(told(three())).replace("\\$", "$")  # a dollar may begin a formula
    assert "33,000 tokens read (500 of them from a cache), 30 written, $0.75" in text
    assert "| `two` | 1 | claude | 30,000 | 0 | 10 | not told |" in text
    assert "| `one` | 2 | claude | 2,000 | 500 | 10 | $0.2500 |" in text


def test_where_nobody_says_anything_there_is_nothing() -> None:
    story = Story(mission(batch("core", agent("one")))).begin("core").start("one").end("one")
    assert told(story).usage is None
    assert "tokens" not in render_markdown(told(story))


def test_cost_is_told_only_where_somebody_told_it() -> None:
    story = Story(mission(batch("core", agent("one")))).begin("core").start("one")
    story.end("one", usage=usage(7))
    summary = told(story)
    assert summary.usage
    assert summary.usage.cost_usd is None
    assert "7 tokens read, 10 written, as agents say" in render_markdown(summary)


def test_what_it_means_adds_nothing_to_the_page() -> None:
    story = Story(mission(batch("core", agent("one")))).begin("core").start("one")
    text = render_markdown(told(story.end("one", usage=usage(7, means=HOSTILE))))
    assert "<b>x</b>" not in text
    assert "\n## not a heading" not in text
