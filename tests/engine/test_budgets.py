"""What counts against a budget of time, with a clock that moves when it is told to; and what the
journal says of what was spent before.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from orchestrator.engine.budgets import Budgets
from orchestrator.engine.recorder import Recorder
from orchestrator.journal.events import (
    ApprovalRecorded,
    AttemptInterrupted,
    BudgetExceeded,
    RunResumed,
)
from orchestrator.journal.facts import Usage
from orchestrator.journal.log import Journal
from tests.reports.builder import Story, batch, commit, mission, waiting

HOUR = 3600.0


class Clock:
    """Seconds; they go by when `+=` says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@contextlib.contextmanager
def recording(folder: Path, story: Story) -> Iterator[Recorder]:
    """A recorder to which all of the story has happened."""
    with contextlib.closing(Journal(folder)) as journal:
        recorder = Recorder(journal)
        for record in story.records:
            recorder.emit(record.event)
        yield recorder


def spent(recorder: Recorder) -> list[tuple[str | None, float]]:
    return [(it.batch, it.limit) for it in recorder.state.exceeded]


def two(**budgets: str) -> Story:
    """Two batches, each with its budget of time, and that of the run."""
    first = batch("core", "1.1", **_wall(budgets.get("core")))
    last = batch("docs", "2.1", **_wall(budgets.get("docs")))
    return Story(mission(first, last, **_wall(budgets.get("run"))))


def _wall(text: str | None) -> dict[str, object]:
    return {"budget": {"wall": text}} if text else {}


def test_a_run_is_counted_from_its_start_and_told_once(tmp_path: Path) -> None:
    clock = Clock()
    with recording(tmp_path, two(run="10s").begin("core")) as recorder:
        budgets = Budgets(recorder, clock)
        for seconds, expected in ((9.9, []), (0.2, [(None, 10.0)]), (50.0, [(None, 10.0)])):
            clock.now += seconds
            budgets.look()
            assert spent(recorder) == expected


def test_a_batch_is_counted_from_its_own_start_to_its_end(tmp_path: Path) -> None:
    clock, story = Clock(), two(core="10s", docs="1s")
    with recording(tmp_path, story) as recorder:
        budgets = Budgets(recorder, clock)
        clock.now += 100
        budgets.look()
        for record in story.begin("core").records[-1:]:
            recorder.emit(record.event)
        budgets.look()
        clock.now += 9.9
        budgets.look()
        assert spent(recorder) == []
        count = len(story.records)
        story.work("1.1").land("core", "1.1").close("core")
        for record in story.records[count:]:
            recorder.emit(record.event)
        clock.now += 100
        budgets.look()
        assert spent(recorder) == [], "it has ended, and docs has not begun"


def test_waiting_for_a_sign_off_is_nobodys_time(tmp_path: Path) -> None:
    clock, story = Clock(), waiting(budget={"wall": "1h"})
    with recording(tmp_path, story) as recorder:
        assert recorder.state.only_waits
        budgets = Budgets(recorder, clock)
        clock.now += 100 * HOUR
        budgets.look()
        assert spent(recorder) == []
        awaited = next(it for it in recorder.state.batches.values() if it.awaits_approval)
        assert awaited.verdict
        check = next(it for it in awaited.verdict.verdict.checks if it.decision == "waiting")
        recorder.emit(
            ApprovalRecorded(
                batch=awaited.id,
                check=check.name,
                tree=awaited.verdict.verdict.tree,
                approved=True,
                by="Ada",
                at="now",
            )
        )
        budgets.look()
        assert spent(recorder) == []


def test_who_is_at_work_under_it_is_cancelled_and_nobody_else(tmp_path: Path) -> None:
    clock, ended = Clock(), []

    async def work(budgets: Budgets, batch: str) -> None:
        with budgets.holding(batch):
            try:
                await anyio.sleep(0.5)
                ended.append(f"{batch} came to its end")
            except anyio.get_cancelled_exc_class():
                ended.append(f"{batch} was cancelled")
                raise

    async def both(recorder: Recorder) -> None:
        budgets = Budgets(recorder, clock)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(work, budgets, "core")
            tasks.start_soon(work, budgets, "docs")
            await anyio.sleep(0.05)
            clock.now += 60
            budgets.look()
        # Whoever is a moment late does not begin.
        await work(budgets, "core")

    with recording(tmp_path, two(core="30s").begin("core").begin("docs")) as recorder:
        anyio.run(both, recorder)
    assert ended == ["core was cancelled", "docs came to its end", "core was cancelled"]


def test_a_warning_cancels_nobody(tmp_path: Path) -> None:
    clock = Clock()
    plan = mission(batch("core", "1.1"), budget={"wall": "30s", "on_exceed": "warn"})

    async def work(recorder: Recorder) -> None:
        budgets = Budgets(recorder, clock)
        with budgets.holding("core"):
            clock.now += 60
            budgets.look()
            await anyio.lowlevel.checkpoint()
        assert spent(recorder) == [(None, 30.0)]
        assert recorder.state.over_budget("core") is None

    with recording(tmp_path, Story(plan).begin("core")) as recorder:
        anyio.run(work, recorder)


def test_what_the_journal_counts() -> None:
    story = two(run="1h").begin("core").start("1.1").end("1.1", after=600)
    worked = story.state.worked_seconds
    assert worked == pytest.approx(600.5)
    story.happens(RunResumed(parallel=5), after=8 * HOUR)
    assert story.state.worked_seconds == worked, "a pause is nobody's time"
    assert story.state.budget_from == 0.0, "nothing was spent, so nothing is given anew"
    story.happens(BudgetExceeded(what="wall", limit=HOUR, spent=HOUR, stops=True), after=3000)
    assert str(story.state.over_budget("docs")) == "the budget of the run is spent: 1h"
    story.happens(RunResumed(parallel=5), after=HOUR)
    assert story.state.over_budget("core") is None
    assert story.state.budget_from == pytest.approx(3600.5)


def test_what_was_used_before_counts_no_more() -> None:
    story = Story(mission(batch("core", "1.1", "1.2"), batch("docs", "2.1"), budget={"tokens": 1}))
    story.begin("core").begin("docs").start("1.1", "1.2", "2.1")
    story.end("1.1", usage=Usage(tokens_in=100, tokens_cached=90, tokens_out=5, cost_usd=0.25))
    cut = AttemptInterrupted(
        batch="core", agent="1.2", attempt=1, salvaged=commit("x"), usage=Usage(tokens_out=7)
    )
    story.happens(cut).end("2.1")
    used = story.state.used
    assert (used().tokens, used("core").tokens, used("docs").tokens) == (112, 112, 0)
    assert used().cost_usd == 0.25
    assert story.state.used_of_budget() == used()
    story.happens(BudgetExceeded(what="tokens", limit=1, spent=112, stops=True))
    story.happens(RunResumed(parallel=5), after=60)
    story.start("1.2").end("1.2", usage=Usage(tokens_in=3))
    assert story.state.used_of_budget("core").tokens == 3
    assert story.state.used("core").tokens == 115
