"""Frames of the live view: what is shown first, what is left out, and that it always fits."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.progress import GateProgress, OutputLine
from orchestrator.journal.events import BudgetExceeded, GateStarted
from orchestrator.journal.facts import Outcome
from orchestrator.ui.frame import Moving, View, frame
from tests.reports.builder import HOSTILE, STORIES, Story, batch, many, mission, searching
from tests.reports.snapshot import assert_matches

SNAPSHOTS = Path(__file__).parent / "snapshots"
STATES = {name: make().state for name, make in STORIES.items()} | {"many": many().state}


def shown(
    story: Story,
    width: int = 80,
    height: int = 24,
    moving: Moving | None = None,
    later: float = 7.0,
) -> str:
    view = View(story.state, moving or Moving(), story.now + later, width)
    return "\n".join(line.plain.rstrip() for line in frame(view, height)) + "\n"


def busy() -> tuple[Story, Moving]:
    """A batch at its gate beside one at work, after one that landed and one that did not, with more
    to come.
    """
    plan = mission(
        batch("core", "1.1", "1.2"),
        batch("docs", "2.1"),
        batch("gate", "3.1", "3.2"),
        batch("work", "4.1", "4.2", "4.3", "4.4"),
        batch("last", "5.1", needs=["gate", "work"]),
    )
    story = (
        Story(plan)
        .whole("core")
        .begin("docs")
        .start("2.1")
        .end("2.1", Outcome.TIMED_OUT, reason="no end after 1 h")
    )
    story.close("docs", Outcome.TIMED_OUT, "1 agent did not land: 2.1").begin("gate").work(
        "3.1", "3.2"
    )
    made = story.candidate("gate", "3.1", "3.2")
    story.happens(GateStarted(batch="gate", gate="tests", candidate=made))
    story.begin("work").start("4.1", "4.2", "4.3").end(
        "4.2", Outcome.FAILED, reason="exit code 1"
    ).end("4.3")
    lines = {"4.1": OutputLine("work", "4.1", 1, f"Editing src/漢字.py 10%\r{HOSTILE}")}
    return story, Moving(lines, {"gate": GateProgress("gate", "unit", 120, 340, 1)})


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 30), (60, 12)])
def test_a_busy_run(width: int, height: int) -> None:
    story, moving = busy()
    assert_matches(shown(story, width, height, moving), SNAPSHOTS / f"busy-{width}x{height}.txt")


def test_a_budget_that_is_spent() -> None:
    story, moving = busy()
    assert "budget" not in shown(story, 80, 24, moving)
    spent = {"what": "wall", "limit": 5400.0, "spent": 5401.0, "stops": True}
    story.happens(BudgetExceeded(batch="work", **spent))
    lines = shown(story, 80, 24, moving).splitlines()
    assert lines[3] == "the budget of batch work is spent: 1h30m"


def test_a_search_for_culprits() -> None:
    moving = Moving(gates={"core": GateProgress("core", "unit", 1, 2, 1)})
    text = shown(searching(), 100, 24, moving)
    assert "searching  core" in text
    assert (
        "looks for who made the gate red: 3 parts judged, unit: [========        ] 1 of 2 tests, 1 red"
        in text
    )


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 30)])
def test_five_hundred_agents(width: int, height: int) -> None:
    text = shown(many(), width, height)
    assert_matches(text, SNAPSHOTS / f"many-{width}x{height}.txt")
    assert text.count("running  ") > height // 3, "running agents are shown before anything else"
    assert "more agents" in text
    assert "more finished" in text
    assert "more to come" in text


@given(
    name=st.sampled_from(sorted(STATES)),
    width=st.integers(min_value=1, max_value=200),
    height=st.integers(min_value=1, max_value=60),
)
def test_a_frame_fits_every_terminal(name: str, width: int, height: int) -> None:
    state = STATES[name]
    lines = frame(View(state, Moving(), state.updated_at + 1, width), height)
    assert 0 < len(lines) <= height
    for line in lines:
        assert line.cell_len <= width
        assert "\n" not in line.plain
        assert "\x1b" not in line.plain


@given(height=st.integers(min_value=8, max_value=60))
def test_every_batch_and_agent_is_shown_or_counted(height: int) -> None:
    import re

    story, moving = busy()
    text = shown(story, 100, height, moving)
    named = sum(
        f" {name} The {name} batch" in text for name in ("core", "docs", "gate", "work", "last")
    )
    hidden = sum(
        int(number) for number in re.findall(r"\+ (\d+) more (?:finished|to come|batch)", text)
    )
    assert named + hidden == 5 or height < 11
    if " work The work batch" in text:
        agents = sum(f" 4.{n} " in text for n in range(1, 5))
        block = text[text.index(" work The work batch") :]
        cut = re.search(r"\+ (\d+) more agents", block)
        assert agents + (int(cut[1]) if cut else 0) in (0, 4)


def test_nothing_is_said_by_colour_alone() -> None:
    story, moving = busy()
    text = shown(story, 100, 40, moving)
    for said in (
        "✔ landed",
        "✘ timed out",
        "◆ judging",
        "▶ running",
        "· pending",
        "1 red",
        "again after failed",
    ):
        assert said in text


def test_the_attempt_is_the_one_that_counts() -> None:
    story = Story(mission(batch("core", "1.1"))).begin("core").start("1.1")
    assert " 1/2 " in shown(story)
    story.end("1.1", Outcome.FAILED, reason="exit code 1")
    assert " 1/2 " in shown(story)
    assert "again after failed: exit code 1" in shown(story)
    story.start("1.1")
    assert " 2/2 " in shown(story)


def test_the_clock_goes_on_while_nothing_happens_and_stops_with_the_run() -> None:
    story = Story(mission(batch("core", "1.1"))).begin("core").start("1.1")
    assert shown(story, later=5).splitlines()[1].startswith("5.5s ")
    assert shown(story, later=65).splitlines()[1].startswith("1m 06s ")
    ended = STORIES["good"]()
    assert shown(ended, later=1) == shown(ended, later=1000)


def test_a_gate_that_waits_says_what_to_type() -> None:
    story = STORIES["waiting"]()
    assert f"orchestrate approve {story.state.run} tests" in shown(story, 120)
